// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/subsystem.hpp"

#include <algorithm>
#include <cmath>

#include "sstpl/blas.hpp"
#include "sstpl/errors.hpp"

namespace sstpl {

namespace {

// Rows of every class, each class in its random order, classes ascending.
std::vector<std::vector<Index>> shuffled_classes(const RandomStream& stream, const std::vector<std::int64_t>& labels,
                                                 Index n_rows) {
  require(labels.empty() || static_cast<Index>(labels.size()) == n_rows, "one label per row is needed");
  const std::vector<Index> order = random_permutation(stream, n_rows);
  std::vector<std::int64_t> names(labels);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::vector<std::vector<Index>> classes(std::max<std::size_t>(1, names.size()));
  for (const Index row : order) {
    std::size_t which = 0;
    if (!labels.empty()) {
      const auto found = std::lower_bound(names.begin(), names.end(), labels[static_cast<std::size_t>(row)]);
      which = static_cast<std::size_t>(found - names.begin());
    }
    classes[which].push_back(row);
  }
  return classes;
}

// The blocks of one row range, and the buffers they live in.
template <class T>
class Pass {
 public:
  Pass(const SubsystemView<T>& subsystem, const MatrixView<T>& X) {
    const Index n = X.rows();
    forward_.reserve(subsystem.encoders.size());
    for (const EncoderView<T>& encoder : subsystem.encoders) {
      const MatrixView<T> below = forward_.empty() ? X : view(forward_.back());
      forward_.emplace_back(n, encoder.weights.rows());
      encode(encoder, below, span(forward_.back()));
    }
    scores_.reserve(subsystem.backward.size());
    backward_.reserve(subsystem.backward.size());
    for (const BackwardView<T>& layer : subsystem.backward) {
      Inputs<T> inputs;
      inputs.add(backward_.empty() ? InputBlock<T>{X} : backward_.back());
      scores_.emplace_back(n, layer.W.cols());
      predict_ridge<T>({inputs, nullptr}, layer.W, layer.intercept, n, span(scores_.back()));
      backward_.push_back(backward_block(layer, subsystem.backward_activation, scores_.back()));
    }
    for (const Index level : subsystem.forward_blocks) {
      require(level >= 0 && level <= static_cast<Index>(forward_.size()), "a forward block has no encoder");
      inputs_.add(InputBlock<T>{level == 0 ? X : view(forward_[static_cast<std::size_t>(level - 1)])});
    }
    for (const Index level : subsystem.backward_blocks) {
      require(level >= 1 && level <= static_cast<Index>(backward_.size()), "a backward block has no layer");
      inputs_.add(backward_[static_cast<std::size_t>(level - 1)]);
    }
  }

  Inputs<T>& inputs() { return inputs_; }

 private:
  // In the dense form the activation is applied to the scores in place.
  static InputBlock<T> backward_block(const BackwardView<T>& layer, Activation activation, Matrix<T>& scores) {
    if (layer.prototypes.cols() > 0) return {view(scores), layer.prototypes, activation};
    const Vector<T> zero = Vector<T>::Zero(scores.cols());
    apply_activation(activation, view(zero), view(zero), span(scores));
    return InputBlock<T>{view(scores)};
  }

  std::vector<Matrix<T>> forward_, scores_;
  std::vector<InputBlock<T>> backward_;
  Inputs<T> inputs_;
};

}  // namespace

template <class T>
void predict_subsystem(const SubsystemView<T>& subsystem, const MatrixView<T>& X, Index block_rows, MatrixSpan<T> S,
                       const Checkpoint& checkpoint) {
  require(S.rows() == X.rows() && S.cols() == subsystem.fusion.W.cols(), "the scores must be (n, c)");
  require(block_rows >= 1, "block_rows must be at least 1");
  for (Index row = 0; row < X.rows(); row += block_rows) {
    checkpoint();
    const Index rows = std::min(block_rows, X.rows() - row);
    Pass<T> pass(subsystem, block(X, row, 0, rows, X.cols()));
    predict_fusion(subsystem.fusion, pass.inputs(), rows, block(S, row, 0, rows, S.cols()));
  }
}

std::vector<Index> sample_rows(const RandomStream& stream, const std::vector<std::int64_t>& labels, Index n_rows,
                               double fraction) {
  require(fraction > 0 && fraction <= 1, "the fraction of rows must lie in (0, 1]");
  std::vector<Index> sample;
  for (const std::vector<Index>& rows : shuffled_classes(stream, labels, n_rows)) {
    const auto count = static_cast<Index>(std::lround(fraction * static_cast<double>(rows.size())));
    const Index kept = std::min(std::max<Index>(1, count), static_cast<Index>(rows.size()));
    sample.insert(sample.end(), rows.begin(), rows.begin() + kept);
  }
  std::sort(sample.begin(), sample.end());
  return sample;
}

std::vector<Index> deal_folds(const RandomStream& stream, const std::vector<std::int64_t>& labels, Index n_rows,
                              Index n_folds) {
  require(n_folds >= 2 && n_folds <= n_rows, "the number of folds must lie between 2 and the number of rows");
  std::vector<Index> folds(static_cast<std::size_t>(n_rows));
  Index next = 0;  // dealing goes on from class to class, which keeps the folds even in all
  for (const std::vector<Index>& rows : shuffled_classes(stream, labels, n_rows)) {
    for (const Index row : rows) folds[static_cast<std::size_t>(row)] = next++ % n_folds;
  }
  return folds;
}

template void predict_subsystem<float>(const SubsystemView<float>&, const MatrixView<float>&, Index, MatrixSpan<float>,
                                       const Checkpoint&);
template void predict_subsystem<double>(const SubsystemView<double>&, const MatrixView<double>&, Index,
                                        MatrixSpan<double>, const Checkpoint&);

}  // namespace sstpl
