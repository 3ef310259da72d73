// SPDX-License-Identifier: BSD-3-Clause
// Constrained hidden units (Zhu, Miao and Qing 2014), each made of two rows z, z' of the data:
//     a = 2 (z - z') / ||z - z'||^2,   b = -a'(z + z') / 2,
// so that the rows project to +1 and -1. They are of different classes (regression: distinct), in random order, and of
// the SAME fold, so that no unit carries the label of a held-out row to its training rows.
#pragma once

#include <vector>

#include "sstpl/hidden.hpp"
#include "sstpl/types.hpp"

namespace sstpl {

/// The layer of these inputs; a unit takes of its rows what it sees. A row of weight k is drawn as k copies of it would
/// be. With n_landmarks, pairs are made of so many rows, which become the landmarks of the layer. A pair that cannot be
/// found gives a = 0.
template <class T>
HiddenLayer<T> constrained_layer(const HiddenOptions& options, const Inputs<T>& inputs);

/// The two rows that a unit is drawn from, and the number of the attempt that found them; -1 where none did.
struct RowPair {
  Index first = -1, second = -1, attempt = -1;
};

/// For every unit the rows that its first attempt from attempts[unit] on may pair, out of n_rows. Where those do not
/// differ in what the unit sees, constrained_layer goes on with the next attempt.
std::vector<RowPair> draw_pairs(const HiddenOptions& options, Index n_rows, const std::vector<Index>& attempts);

/// The layer of the pairs (first.row(unit), second.row(unit)), (p, d) each: with draw_pairs, a draw from rows that are
/// elsewhere. A pair that does not differ gives a = 0.
template <class T>
HiddenLayer<T> pair_layer(const HiddenOptions& options, const MatrixView<T>& first, const MatrixView<T>& second);

}  // namespace sstpl
