// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/logistic.hpp"

#include <algorithm>
#include <cmath>

#include "sstpl/blas.hpp"
#include "sstpl/errors.hpp"
#include "sstpl/parallel.hpp"

namespace sstpl {

namespace {

constexpr Index block_rows = 1024;
constexpr Index grain = 64;  // rows of a thread, at least

// Scores s of a row become w (e - p); returns w times its log-loss. Scores may be of any size.
template <class T>
double to_residual(T* s, Index n_classes, Index label, double weight) {
  const T largest = *std::max_element(s, s + n_classes);
  const double own = static_cast<double>(s[label] - largest);
  double total = 0;
  for (Index c = 0; c < n_classes; ++c) total += static_cast<double>(s[c] = std::exp(s[c] - largest));
  const T factor = static_cast<T>(-weight / total);
  for (Index c = 0; c < n_classes; ++c) s[c] *= factor;
  s[label] += static_cast<T>(weight);
  return weight * (std::log(total) - own);
}

}  // namespace

template <class T>
void add_logistic(LogisticSums& sums, const MatrixView<T>& H, const VectorView<Index>& labels,
                  const VectorView<Index>& folds, const VectorView<double>& weights, const MatrixView<T>& W,
                  const VectorView<T>& b, const Checkpoint& checkpoint) {
  const Index n = H.rows(), m = sums.left_out.size(), all = sums.intercept.size(), c = all / m;
  require(W.rows() == H.cols() && W.cols() == all && b.size() == all && sums.features.rows() == H.cols(),
          "the readouts do not fit the features");
  require(labels.size() == n && folds.size() == n, "every row needs a label and a fold");
  require(weights.size() == 0 || weights.size() == n, "one weight per row is needed");
  require(n == 0 || (labels.minCoeff() >= 0 && labels.maxCoeff() < c), "labels must be columns of a readout");
  require(n == 0 || (folds.minCoeff() >= 0 && folds.maxCoeff() < m - 1), "there must be a readout for every fold");
  Matrix<T> scores(std::min(block_rows, n), all), product(H.cols(), all);
  Vector<double> losses(std::min(block_rows, n));
  for (Index row = 0; row < n; row += block_rows) {
    checkpoint();
    const Index rows = std::min(block_rows, n - row);
    const MatrixView<T> own = block(H, row, 0, rows, H.cols());
    MatrixSpan<T> S = top_rows(scores, rows);
    gemm(T(1), own, Transpose::no, W, Transpose::no, T(0), S);
    parallel_for(0, rows, grain, [&](Index from, Index to) {
      for (Index i = from; i < to; ++i) {
        const double w = weights.size() > 0 ? weights(row + i) : 1.0;
        S.row(i) += b.transpose();
        for (Index k = 0; k < m; ++k) {
          T* const s = S.data() + i * all + k * c;
          const double loss = to_residual(s, c, labels(row + i), w);
          if (k != folds(row + i) + 1) continue;
          losses(i) = loss;
          std::fill(s, s + c, T(0));
        }
      }
    });
    gemm(T(1), own, Transpose::yes, view(S), Transpose::no, T(0), span(product));
    sums.features += product.template cast<double>();
    for (Index i = 0; i < rows; ++i) {
      sums.intercept += S.row(i).transpose().template cast<double>();
      sums.left_out(folds(row + i) + 1) += losses(i);
    }
  }
}

void solve_by_factor(const MatrixView<double>& U, const VectorView<double>& scale, MatrixSpan<double> B) {
  require(U.rows() == U.cols() && U.rows() == scale.size() && B.rows() == scale.size(),
          "the factor does not fit what is solved");
  B.array().colwise() *= scale.array();
  solve_triangular(U, Transpose::yes, B);
  solve_triangular(U, Transpose::no, B);
  B.array().colwise() *= scale.array();
}

#define SSTPL_INSTANTIATE(T)                                                                               \
  template void add_logistic<T>(LogisticSums&, const MatrixView<T>&, const VectorView<Index>&,             \
                                const VectorView<Index>&, const VectorView<double>&, const MatrixView<T>&, \
                                const VectorView<T>&, const Checkpoint&);
SSTPL_INSTANTIATE(float)
SSTPL_INSTANTIATE(double)
#undef SSTPL_INSTANTIATE

}  // namespace sstpl
