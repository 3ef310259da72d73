// SPDX-License-Identifier: BSD-3-Clause
// The one solver:  W, b = argmin sum_i w_i ||W'h_i + b - y_i||^2 + lambda ||W||^2,  lambda = alpha tr(G) / p,
// with G the (centred) Gram matrix, so that alpha means the same for any n, scale and width. From sums
// (primal, p x p) or from the rows themselves (dual, n x n) where those are fewer.
#pragma once

#include <functional>
#include <vector>

#include "sstpl/sums.hpp"
#include "sstpl/types.hpp"

namespace sstpl {

/// Cholesky of the matrix scaled to unit diagonal; or, where its pivots or its condition are lost in the rounding
/// of the sums, the minimum-norm solution on the eigenvalues that stand above that rounding.
enum class Solver { cholesky, eigen };

/// What a solve did: the solver that gave the result, the rank it used, the reciprocal condition number (1-norm
/// estimate of the scaled matrix, or ratio of extreme eigenvalues), and the absolute penalty lambda.
struct SolveReport {
  Solver solver = Solver::cholesky;
  Index rank = 0;
  double rcond = 0;  // NaN where it was not estimated
  double penalty = 0;
};

/// Whether the eigenvalue fallback may be taken, and whether Cholesky's condition is estimated: about five passes over
/// the factor, which the solves without each fold save, because the solve on all rows tells as much.
struct SolveOptions {
  bool allow_fallback = true;
  bool estimate_condition = true;
};

struct RidgeSolution {
  Matrix<double> W;          // (p, c)
  Vector<double> intercept;  // (c), zero without an intercept
  bool solved = true;        // false only where the fallback was needed and not allowed
  // `work` holds U with U'U = D (A + lambda I) D, D = diag(scale): A is the centred Gram matrix, or the kernel. Columns
  // without variance have scale 0; the eigenvalue fallback leaves none.
  Vector<double> scale, feature_means;  // (p), or (n) in the dual form, which has no means
  SolveReport report;
};

/// Writes the upper triangle of a symmetric matrix; may be called twice.
using FillSymmetric = std::function<void(MatrixSpan<double>)>;

/// B := (A + penalty I)^-1 B for the symmetric A (p, p) that `fill` writes into `work`; `roundoff` is the relative
/// error of A's entries. p^3 / 3 + 2 p^2 c flops; the eigenvalue fallback takes about 20 times as many and 16 p^2
/// bytes more. Where the fallback is not allowed and would be needed, returns false and leaves B destroyed.
/// `scale`, if given, becomes the diagonal D of RidgeSolution.
bool solve_symmetric(const FillSymmetric& fill, double penalty, double roundoff, const SolveOptions& options,
                     Matrix<double>& work, MatrixSpan<double> B, SolveReport& report, Vector<double>* scale = nullptr);

/// Sums taken together; where `whole` is given, they are also whole less `without` (if any), which is one pass instead
/// of one per part, and is used unless it could cost more than four bits of some column. Features `left_out`, if given,
/// have weight zero, and the others the solution that they have by themselves, which comes without `scale`.
struct SumsOf {
  std::vector<const Sums*> parts;
  const Sums* whole = nullptr;
  const Sums* without = nullptr;
  const std::vector<Index>* left_out = nullptr;
};

/// Ridge on the rows of several sums taken together, on their leading n_features columns (all if negative).
/// `work` is resized to (p, p). Columns that centring leaves nothing of but rounding have weight zero. Throws
/// LinAlgError when the sums are not finite.
RidgeSolution solve_ridge(const SumsOf& sums, double alpha, bool intercept, Matrix<double>& work, Index n_features = -1,
                          const SolveOptions& options = {});

/// Mean squared error per row, summed over outputs, of ridge with the alphas that search_path looks at, NaN for others:
/// each fold is predicted by the solution of the others, on the leading n_features columns. From sums alone; `whole`
/// is the folds' sum, if at hand; `left_out` has for every fold the features that its prediction does without, or is
/// empty. Infinite where Cholesky is refused.
std::vector<double> heldout_errors(const std::vector<const Sums*>& folds, const Sums* whole,
                                   const std::vector<double>& alphas, bool intercept, Index n_features,
                                   const Checkpoint& checkpoint, const std::vector<std::vector<Index>>& left_out = {});

/// Ridge in dual form on the rows of H (n, p), Y (n, c) outside [skip_from, skip_to), given K = H H' (n, n) and their
/// weights w (n), or none: (D K_c D + lambda I) A = D Y_c, W = H'D A, D = diag(sqrt(w)). n^3 / 3 flops. Equals
/// solve_ridge to rounding. `noise` is the squared rounding of a row: where none varies by more, W is zero. Throws as
/// solve_ridge.
RidgeSolution solve_ridge_dual(const MatrixView<double>& H, const Matrix<double>& K, const MatrixView<double>& Y,
                               const VectorView<double>& weights, Index skip_from, Index skip_to, double alpha,
                               bool intercept, double noise, Matrix<double>& work, const SolveOptions& options = {});

/// (A')^+ (m, k) of A (m, k), by the same solver without a penalty on the smaller side; singular directions below the
/// rounding of T are left out. The row form D (A')^+ of a target D (n, m) is the least-norm Z with Z A' = D.
template <class T>
Matrix<T> transposed_pseudoinverse(const MatrixView<T>& A);

}  // namespace sstpl
