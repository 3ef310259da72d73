// SPDX-License-Identifier: BSD-3-Clause
// Leave-one-out scores of a ridge solution without a refit (PRESS). Leaving out a row with features x, target y and
// fitted score s moves the score of any features x' by -c (y - s) / (1 - h), at the same lambda; h = c(x, x) and
//   c(x, x') = w ((x - mean)' (G_c + lambda I)^-1 (x' - mean) + 1 / sum w).
// Where x' = x that is the score of the row itself; it may also be what the row will look like at prediction.
#pragma once

#include "sstpl/hidden.hpp"
#include "sstpl/ridge.hpp"
#include "sstpl/types.hpp"

namespace sstpl {

/// The factor of a primal solution, in the precision of the rows.
template <class T>
struct LeverageFactor {
  LeverageFactor(Matrix<T> U, Vector<T> scale, Vector<T> means, double share);
  /// `factor` is the `work` that solve_ridge left, if its solution has a scale; weight: the sum of the rows' weights.
  LeverageFactor(const RidgeSolution& solution, const MatrixView<double>& factor, double weight, bool intercept);

  Matrix<T> U;             // upper triangle
  Vector<T> scale, means;  // (p)
  double share;            // of the intercept: 1 / weight, or 0 without one
};

/// h and c of rows and what they look like at prediction; (n) each.
struct Leverages {
  Vector<double> own, cross;
};

/// Leverages of the rows of H (n, p) with those of H_then (n, p), or with themselves where that has no rows; weights: n
/// entries or none. n p^2 flops for each of the two, and a block of 1024 rows of memory.
template <class T>
Leverages leverages(const LeverageFactor<T>& factor, const MatrixView<T>& H, const MatrixView<T>& H_then,
                    const VectorView<double>& weights);

/// The same of the features less a shift (p) of rows Z (n, d), and of Z_then; 2 n d p flops more, and two blocks.
template <class T>
Leverages hidden_leverages(const LeverageFactor<T>& factor, const HiddenView<T>& layer, const VectorView<T>& shift,
                           const MatrixView<T>& Z, const MatrixView<T>& Z_then, const VectorView<double>& weights,
                           const Checkpoint& checkpoint);

/// Leverages of the n rows of a dual solution, of which U (n, n) and scale are as in RidgeSolution, from K = H H' and
/// K_then = H_then H' (n, n), or with themselves where that has no rows; weights: n entries or none. n^3 flops.
Leverages dual_leverages(const MatrixView<double>& U, const RidgeSolution& solution, const Matrix<double>& K,
                         const Matrix<double>& K_then, const VectorView<double>& weights, bool intercept);

/// S_then (n, c): scores of the rows as at prediction become leave-one-out scores, given fitted scores S and targets
/// Y (n, c). Infinite, and not counted in the result, where the leverage cannot be told from one.
template <class T>
Index leave_one_out(const Leverages& leverage, const MatrixView<T>& Y, const MatrixView<T>& S, MatrixSpan<T> S_then);

}  // namespace sstpl
