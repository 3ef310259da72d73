// SPDX-License-Identifier: BSD-3-Clause
// Columns cut into ramps, the input map of tables: piecewise-linear encoding (Gorishniy et al., arXiv:2203.05556,
// equation 1), of which a standardised and clipped column is the case of one ramp.
#pragma once

#include <vector>

#include "sstpl/types.hpp"

namespace sstpl {

/// Output column j is made of input column `columns[j]`; as many entries each, spread not zero.
struct Ramps {
  std::vector<Index> columns;
  Vector<double> low, high, center, spread;

  Index size() const { return static_cast<Index>(columns.size()); }
};

/// Z(i, j) := (clip(X(i, columns[j]), low[j], high[j]) - center[j]) / spread[j], in double. X (n, d), Z (n, m). Throws
/// where a column is not one of X's, and where an end is NaN; a NaN of X stays one.
template <class In, class Out>
void apply_ramps(const Ramps& ramps, const MatrixView<In>& X, MatrixSpan<Out> Z);

/// The share t = clip((x - low) / (high - low), 0, 1) of column columns[j] between the ends low[j] < high[j].
struct Shares {
  std::vector<Index> columns;
  Vector<double> low, high;

  Index size() const { return static_cast<Index>(columns.size()); }
};

/// sums[j] += w_i t over the rows, or w_i (t - mean[j])^2 where there is a mean, for shares t of X (n, d), in double;
/// weights w (n), or none. A NaN adds nothing. Rows are added in their order: blocks of rows, one after another, make
/// the bits that all of them do, whatever the threads.
template <class T>
void add_shares(const Shares& shares, const MatrixView<T>& X, const VectorView<double>& mean,
                const VectorView<double>& weights, Vector<double>& sums);

}  // namespace sstpl
