// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/backward.hpp"

#include "sstpl/blas.hpp"
#include "sstpl/errors.hpp"

namespace sstpl {

namespace {

// The network's layers must chain, and its top must be as wide as the targets.
template <class T>
void check_chain(const std::vector<MatrixView<T>>& weights, Index n_inputs, Index n_outputs) {
  require(!weights.empty(), "backward learning needs at least one layer");
  for (const MatrixView<T>& A : weights) {
    require(A.cols() == n_inputs, "the layers of the network do not chain: a layer expects another input width");
    n_inputs = A.rows();
  }
  require(n_inputs == n_outputs, "the last layer of the network must be as wide as the targets");
}

template <class T>
CrossfitResult<T> solve_layer(const Inputs<T>& inputs, const MatrixView<T>& targets, const BackwardOptions& options,
                              const Checkpoint& checkpoint) {
  CrossfitResult<T> fit =
      fit_crossfit<T>({inputs, nullptr}, targets, view(options.row_weights), options.crossfit, checkpoint);
  if (fit.oof_scores.size() == 0) {  // no folds were asked for: the scores are those of the one solution
    fit.oof_scores.resize(inputs.n_rows(), targets.cols());
    predict_ridge<T>({inputs, nullptr}, view(fit.W), view(fit.intercept), options.crossfit.block_rows,
                     span(fit.oof_scores));
  }
  return fit;
}

}  // namespace

template <class T>
std::vector<Matrix<T>> propagate_targets(const std::vector<MatrixView<T>>& weights, const MatrixView<T>& targets,
                                         Activation activation, double margin) {
  check_chain(weights, weights.empty() ? 0 : weights.front().cols(), targets.cols());
  std::vector<Matrix<T>> D(weights.size());
  D.back() = targets;
  for (std::size_t l = weights.size() - 1; l > 0; --l) {
    const Matrix<T> inverse = transposed_pseudoinverse<T>(weights[l]);
    D[l - 1].resize(targets.rows(), inverse.cols());
    gemm(T(1), view(D[l]), Transpose::no, view(inverse), Transpose::no, T(0), span(D[l - 1]));
    invert_activation(activation, margin, span(D[l - 1]));
  }
  return D;
}

template <class T>
Backward<T> fit_backward_prototypes(const MatrixView<T>& X, const MatrixView<T>& indicator, const MatrixView<T>& codes,
                                    const std::vector<MatrixView<T>>& weights, const BackwardOptions& options,
                                    const Checkpoint& checkpoint) {
  require(codes.rows() == indicator.cols(), "codes must have one row per class");
  check_chain(weights, X.cols(), codes.cols());
  std::vector<Matrix<T>> prototypes = propagate_targets(weights, codes, options.activation, options.margin);
  Backward<T> net;
  for (std::size_t l = 0; l < weights.size(); ++l) {
    Inputs<T> inputs;
    if (l == 0) {
      inputs.add(InputBlock<T>{X});
    } else {
      inputs.add({view(net.scores.back()), view(net.layers.back().prototypes), options.activation});
    }
    CrossfitResult<T> fit = solve_layer(inputs, indicator, options, checkpoint);
    net.layers.push_back({std::move(fit.W), std::move(fit.intercept), std::move(prototypes[l])});
    net.scores.push_back(std::move(fit.oof_scores));
    net.reports.push_back(std::move(fit.report));
  }
  return net;
}

template <class T>
Backward<T> fit_backward_dense(const MatrixView<T>& X, const MatrixView<T>& Y,
                               const std::vector<MatrixView<T>>& weights, const BackwardOptions& options,
                               const Checkpoint& checkpoint) {
  check_chain(weights, X.cols(), Y.cols());
  const std::vector<Matrix<T>> targets = propagate_targets(weights, Y, options.activation, options.margin);
  Backward<T> net;
  Matrix<T> features;  // B_{l-1}
  for (std::size_t l = 0; l < weights.size(); ++l) {
    const Inputs<T> inputs(l == 0 ? X : view(features));
    CrossfitResult<T> fit = solve_layer(inputs, view(targets[l]), options, checkpoint);
    features = fit.oof_scores;
    const Vector<T> zero = Vector<T>::Zero(features.cols());
    apply_activation(options.activation, view(zero), view(zero), span(features));
    net.layers.push_back({std::move(fit.W), std::move(fit.intercept), Matrix<T>()});
    net.scores.push_back(std::move(fit.oof_scores));
    net.reports.push_back(std::move(fit.report));
  }
  return net;
}

#define SSTPL_INSTANTIATE(T)                                                                                        \
  template std::vector<Matrix<T>> propagate_targets<T>(const std::vector<MatrixView<T>>&, const MatrixView<T>&,     \
                                                       Activation, double);                                         \
  template Backward<T> fit_backward_prototypes<T>(const MatrixView<T>&, const MatrixView<T>&, const MatrixView<T>&, \
                                                  const std::vector<MatrixView<T>>&, const BackwardOptions&,        \
                                                  const Checkpoint&);                                               \
  template Backward<T> fit_backward_dense<T>(const MatrixView<T>&, const MatrixView<T>&,                            \
                                             const std::vector<MatrixView<T>>&, const BackwardOptions&,             \
                                             const Checkpoint&);
SSTPL_INSTANTIATE(float)
SSTPL_INSTANTIATE(double)
#undef SSTPL_INSTANTIATE

}  // namespace sstpl
