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

}  // namespace sstpl
