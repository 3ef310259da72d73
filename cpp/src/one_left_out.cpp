// SPDX-License-Identifier: BSD-3-Clause
#include "one_left_out.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "sstpl/blas.hpp"
#include "sstpl/leverage.hpp"

namespace sstpl {

namespace {

// Whether the solution left a factor; until scores are known they are infinite.
template <class T>
bool begins(const RidgeSolution& solution, MatrixSpan<T>& scores) {
  scores.setConstant(std::numeric_limits<T>::infinity());
  return solution.scale.size() > 0;
}

// Scores of the rows as at prediction, and the inner products of their features with those of the rows.
template <class T>
Matrix<double> kernel_of(FeatureStream<T>& then, const Matrix<T>& W, const Vector<T>& intercept,
                         const Matrix<double>& features, MatrixSpan<T>& scores) {
  const Index n = features.rows();
  Matrix<double> kernel(n, n), wide;
  for (Index row = 0; row < n; row += then.block_rows()) {
    const Index rows = std::min(then.block_rows(), n - row);
    const MatrixSpan<T> H = then.make(row, rows);
    score_block(view(H), view(W), view(intercept), block(scores, row, 0, rows, scores.cols()));
    wide = H.template cast<double>();
    gemm(1.0, view(wide), Transpose::no, view(features), Transpose::yes, 0.0,
         MatrixSpan<double>(kernel.data() + row * n, rows, n, Eigen::OuterStride<>(n)));
  }
  return kernel;
}

}  // namespace

template <class T>
Index OneLeftOut<T>::by_factor(const RidgeSolution& solution, const MatrixView<double>& factor, double weight,
                               MatrixSpan<T>& scores) const {
  if (!begins(solution, scores)) return 0;
  std::optional<FeatureStream<T>> then;
  if (design.at_prediction != nullptr) then.emplace(*design.at_prediction, design.hidden, stream);
  const Matrix<T> W = solution.W.template cast<T>();
  const Vector<T> b = solution.intercept.template cast<T>();
  const LeverageFactor<T> triangle(solution, factor, weight, intercept);
  Matrix<T> fitted;
  Index told = 0;
  for (Index row = 0; row < scores.rows(); row += stream.block_rows()) {
    checkpoint();
    const Index rows = std::min(stream.block_rows(), scores.rows() - row);
    MatrixSpan<T> H = stream.again(row, rows);
    const MatrixSpan<T> H_then = then ? then->make(row, rows) : MatrixSpan<T>(H.data(), 0, H.cols(), H.outerStride());
    MatrixSpan<T> S = block(scores, row, 0, rows, scores.cols());
    fitted.resize(rows, scores.cols());
    score_block(view(H), view(W), view(b), span(fitted));
    if (then) {
      score_block(view(H_then), view(W), view(b), S);
    } else {
      S = fitted;
    }
    const VectorView<double> w(weights.data() + (weights.size() > 0 ? row : 0), weights.size() > 0 ? rows : 0);
    told +=
        leave_one_out(leverages(triangle, view(H), view(H_then), w), block(Y, row, 0, rows, Y.cols()), view(fitted), S);
  }
  return told;
}

template <class T>
Index OneLeftOut<T>::by_kernel(const RidgeSolution& solution, const MatrixView<double>& factor,
                               const Matrix<double>& features, const Matrix<double>& kernel,
                               MatrixSpan<T>& scores) const {
  if (!begins(solution, scores)) return 0;
  const Matrix<T> W = solution.W.template cast<T>();
  const Vector<T> b = solution.intercept.template cast<T>();
  Matrix<T> fitted(scores.rows(), scores.cols());
  MatrixSpan<T> all = span(fitted);
  score_rows(stream, 0, scores.rows(), solution, checkpoint, all);
  scores = fitted;
  Matrix<double> kernel_then;
  if (design.at_prediction != nullptr) {
    FeatureStream<T> then(*design.at_prediction, design.hidden, stream);
    kernel_then = kernel_of(then, W, b, features, scores);
  }
  return leave_one_out(dual_leverages(factor, solution, kernel, kernel_then, weights, intercept), Y, view(fitted),
                       scores);
}

template struct OneLeftOut<float>;
template struct OneLeftOut<double>;

}  // namespace sstpl
