// SPDX-License-Identifier: BSD-3-Clause
// A fitted layer that grows: its sums G = H'H, B = H'Y (sums.hpp) take in more rows, block by block, and more units,
//     G = [G11 H1'H2; . H2'H2],  B = [B1; H2'Y],
// at one pass over the rows for the new blocks; G11, which costs most, is kept. Features are less a fixed shift.
#pragma once

#include "sstpl/hidden.hpp"
#include "sstpl/sums.hpp"
#include "sstpl/types.hpp"

namespace sstpl {

inline constexpr Index growing_block_rows = 4096;  // whose features are held at a time

/// Adds the features of rows Z (n, d) with targets Y (n, c) and weights (n entries, or none), and notes in
/// feature_rounding what the shift (p) costs. 2 n d p + n p^2 + 2 n p c flops; memory: one block of features.
template <class T>
void add_hidden_rows(Sums& sums, const HiddenView<T>& layer, const VectorView<T>& shift, const MatrixView<T>& Z,
                     const MatrixView<T>& Y, const VectorView<double>& weights, const Checkpoint& checkpoint);

/// The sums of all p + q units of a layer (shift: p + q) from those of its leading p, of the same rows Z (n, d),
/// Y (n, c) in any order. 2 n d (p + q) + n (2 p q + q^2) + 2 n (p + q) c flops. Throws std::invalid_argument where
/// the number of rows, or what the leading units see of them (H1'Y, and the sums of H1), is not that of the sums.
template <class T>
Sums widened(const Sums& sums, const HiddenView<T>& layer, const VectorView<T>& shift, const MatrixView<T>& Z,
             const MatrixView<T>& Y, const Checkpoint& checkpoint);

}  // namespace sstpl
