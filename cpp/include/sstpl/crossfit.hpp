// SPDX-License-Identifier: BSD-3-Clause
// Cross-fitted ridge on a streamed design: one pass keeps the sums of every fold, each fold is then scored by the
// solution of the others, so every training row has an honest score and no validation set is needed.
// Primal from sums, or dual where the rows are fewer than the features.
#pragma once

#include <optional>
#include <vector>

#include "sstpl/hidden.hpp"
#include "sstpl/inputs.hpp"
#include "sstpl/ridge.hpp"
#include "sstpl/types.hpp"

namespace sstpl {

/// The rows a ridge is solved on: hidden features of inputs, or the inputs themselves where there is no layer.
template <class T>
struct Design {
  const Inputs<T>& inputs;
  const HiddenView<T>* hidden = nullptr;
  const Inputs<T>* at_prediction = nullptr;  // what leave-one-out scores are of, where the rows will look different

  Index n_features() const { return hidden != nullptr ? hidden->n_hidden() : inputs.n_columns(); }
};

/// What scores a path of alphas: held-out folds; every row left out in turn, at one more pass over the rows; or
/// generalised cross-validation, from the sums alone. Fold scores of the rows are made in any case.
enum class Selection { kfold, loo, gcv };

struct CrossfitOptions {
  // The path. The alpha with the least error is used; or, where Cholesky refuses one of the solves with it, the next
  // larger one. A single alpha, and the largest, may take the eigenvalue fallback.
  std::vector<double> alphas = {1e-4};
  bool search = true;  // without it the first alpha is taken, and larger ones only where Cholesky refuses
  Selection selection = Selection::kfold;
  std::vector<Index> fold_starts;  // ascending, first 0, last n: the rows come sorted by fold; none: no folds
  bool intercept = true;
  Index path_width = 1024;  // the path is scored on this many leading features at most
  Index block_rows = 4096;
  bool leave_one_out = false;         // scores of every row by the solution without it, beside those without its fold
  Index hold_bytes = Index{1} << 30;  // at most, of features kept for the second pass; see kept_rows
  // For every fold the features that its solution does without (units_of_folds), or none: then the form is primal
  // whatever n is, and there are neither leave-one-out scores nor spectral errors, which know of no such features.
  std::vector<std::vector<Index>> left_out;

  bool searches() const { return search && alphas.size() > 1; }

  /// Whether there is a second pass: over rows that are scored.
  bool has_second_pass() const {
    return fold_starts.size() > 1 || leave_one_out || (searches() && selection == Selection::loo);
  }
};

/// Of n rows with p features of `feature_bytes`, how many leading ones are kept for the second pass, where there is
/// one: all where they take 256 MiB, else 2 p^2 (K + 2) bytes for K folds, less than half as much as the sums.
Index kept_rows(const CrossfitOptions& options, Index n_rows, Index n_features, Index feature_bytes);

struct CrossfitReport {
  double alpha = 0;
  std::vector<double> path_errors;  // squared error per row of every alpha; infinite if unsolvable, NaN if not tried
  bool dual = false;
  Index rows_left_out_alone = 0;         // of leave_one_out; the others have the scores of their fold
  SolveReport solve;                     // of the solution on all rows
  std::vector<SolveReport> fold_solves;  // of the solutions without each fold
  double seconds_sums = 0, seconds_path = 0, seconds_solve = 0, seconds_scores = 0;
};

template <class T>
struct CrossfitResult {
  Matrix<T> W;           // (p, c): scores are H W + 1 intercept'
  Vector<T> intercept;   // (c)
  Matrix<T> oof_scores;  // (n, c): every row scored by the solution without its fold; empty without folds
  Matrix<T> loo_scores;  // (n, c): every row scored by the solution without it, if asked for; where its leverage
                         // cannot be told from one, or the solution took the eigenvalue fallback, as in oof_scores
  CrossfitReport report;
};

/// Where scores (n, c) go that are too many for the memory: to spans of the caller's. Those not given are in the
/// result.
template <class T>
struct ScoreSpans {
  std::optional<MatrixSpan<T>> oof, loo;
};

/// Targets Y (n, c); weights: n entries or none. n p^2 + (K + 1) p^3 / 3 flops and the projections; memory
/// at most 8 (K + 3) p^2 bytes or 256 MiB beyond 4 (K + 3) p^2, and two blocks; leave-one-out takes n p^2 flops and 4
/// p^2 bytes more. With weights the primal form is used whatever n is.
template <class T>
CrossfitResult<T> fit_crossfit(const Design<T>& design, const MatrixView<T>& Y, const VectorView<double>& weights,
                               const CrossfitOptions& options, const Checkpoint& checkpoint,
                               const ScoreSpans<T>& into = {});

/// S := H W + 1 intercept' for all rows of the design, in row blocks; S is (n, c).
template <class T>
void predict_ridge(const Design<T>& design, const MatrixView<T>& W, const VectorView<T>& intercept, Index block_rows,
                   MatrixSpan<T> S);

}  // namespace sstpl
