// SPDX-License-Identifier: BSD-3-Clause
// Hidden units that are centers, rows of the data (Broomhead and Lowe 1988): their features fall with the distance,
//     h_i(z) = exp(-sqrt(b^2 ||z - a_i||^2 + c)),   b = 1 / (2 sqrt(total variance of the centers)),
// c as in activation.hpp. With all rows for centers they span the solutions of kernel ridge with exp(-b r); with fewer,
// those of its Nystroem approximation.
#pragma once

#include <vector>

#include "sstpl/hidden.hpp"
#include "sstpl/types.hpp"

namespace sstpl {

/// The rows of centers 0, 1, ... n_hidden - 1, out of n_rows: in random order, each once before any comes again. A row
/// of weight k comes as early as the first of k copies of it would, and a row of weight 0 last.
std::vector<Index> draw_centers(const HiddenOptions& options, Index n_rows);

/// The layer of these centers (p, d), of which the first n_different are different rows: b is of their variance, or 1
/// where they have none. With draw_centers, a draw from rows that are elsewhere.
template <class T>
HiddenLayer<T> center_layer(const MatrixView<T>& centers, Index n_different);

/// For every fold the units whose centers are rows of it, ascending; none without centers or folds. A solution without
/// a fold must do without them: such a row was itself the center, and the error of new rows is that of rows that are
/// none.
std::vector<std::vector<Index>> units_of_folds(const std::vector<Index>& center_rows,
                                               const std::vector<Index>& fold_starts);

}  // namespace sstpl
