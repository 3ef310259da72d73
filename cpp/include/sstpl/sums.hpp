// SPDX-License-Identifier: BSD-3-Clause
// The accumulated sums of a ridge problem (algorithm: one solver, fed by sums): for rows h, y of weight w,
//     G = sum w h h',  B = sum w h y',  sum w h,  sum w y,  sum w y^2,  sum w.
// H is never held; sums of other blocks, folds, files or machines add up. Always float64.
#pragma once

#include <vector>

#include "sstpl/symmetric.hpp"
#include "sstpl/types.hpp"

namespace sstpl {

struct Sums {
  Sums() = default;
  Sums(Index n_features, Index n_outputs);

  PackedSymmetric gram;             // (p, p)
  Matrix<double> cross;             // (p, c)
  Vector<double> feature_sums;      // (p)
  Vector<double> target_sums;       // (c)
  Vector<double> target_squares;    // (c)
  Vector<double> feature_rounding;  // (p) absolute rounding error of a feature's values, where the maker knows it
  Vector<double> removed;           // (p) of a column's sum of squares, what was subtracted again: its rounding stays
  double weight = 0;                // sum of w
  Index n_samples = 0;
  double roundoff = unit_roundoff<double>();  // of the coarsest block added

  Index n_features() const { return cross.rows(); }
  Index n_outputs() const { return cross.cols(); }
};

/// Buffers of add_rows; the second call of the same shape allocates nothing of ours.
template <class T>
struct SumsWorkspace {
  PanelWorkspace panel;
  Vector<double> roots;  // of the weights
  Matrix<T> targets;     // weighted copy of Y
  Matrix<T> cross;
};

/// Adds the rows of H (n, p) and Y (n, c). Weights (n entries, >= 0, or none for all 1) enter as sqrt(w) on the
/// rows, so H IS OVERWRITTEN by sqrt(w) H where weights are given. n p^2 + 2 n p c flops.
template <class T>
void add_rows(Sums& sums, MatrixSpan<T> H, const MatrixView<T>& Y, const VectorView<double>& weights,
              SumsWorkspace<T>& workspace);

/// into += from: the sums of both sets of rows. Throws where the shapes differ.
void merge(Sums& into, const Sums& from);

/// from -= less: the sums without those rows, which must be among them; to the rounding of all that was ever summed,
/// which `removed` keeps in mind. Throws where the shapes differ, or where `less` has more rows.
void subtract(Sums& from, const Sums& less);

/// The sums of the same rows with other targets: column k is the column sources[k], or `value` in every row where that
/// is negative.
Sums with_outputs(const Sums& sums, const std::vector<Index>& sources, double value);

}  // namespace sstpl
