// SPDX-License-Identifier: BSD-3-Clause
// What a step of logistic readouts needs of the rows: for scores S = H W + 1 b' and softmax probabilities P(S), the
// gradient H'(E - P) of the log-likelihood of labels E, one-hot. Its curvature is at most (G_c + lambda I) / 2, whose
// factor the ridge has (Boehning, "Multinomial logistic regression algorithm", 1992), so that a step is a solve.
// Several readouts share a pass over the rows: one of all rows, and one without the rows of each fold.
#pragma once

#include "sstpl/types.hpp"

namespace sstpl {

/// Sums over rows of w (e - p)(h, 1)' of every readout, and of w times the log-loss of the rows that each leaves out.
struct LogisticSums {
  LogisticSums(Index n_features, Index n_classes, Index n_readouts)
      : features(Matrix<double>::Zero(n_features, n_readouts * n_classes)),
        intercept(Vector<double>::Zero(n_readouts * n_classes)),
        left_out(Vector<double>::Zero(n_readouts)) {}

  Matrix<double> features;   // (p, m c), the classes of a readout side by side
  Vector<double> intercept;  // (m c)
  Vector<double> left_out;   // (m); of the first readout, of all rows, 0
};

/// Adds the rows of H (n, p) with classes `labels` (n), folds (n) and weights (n, or none). Readout 0 is of all rows,
/// readout k + 1 of those that are not in fold k; W (p, m c) and b (m c). 4 n p m c flops; memory for a block of rows.
template <class T>
void add_logistic(LogisticSums& sums, const MatrixView<T>& H, const VectorView<Index>& labels,
                  const VectorView<Index>& folds, const VectorView<double>& weights, const MatrixView<T>& W,
                  const VectorView<T>& b, const Checkpoint& checkpoint);

/// B := D U^-1 U'^-1 D B: what is solved with the factor U (p, p) and the scale D (p) that a ridge solution left.
void solve_by_factor(const MatrixView<double>& U, const VectorView<double>& scale, MatrixSpan<double> B);

}  // namespace sstpl
