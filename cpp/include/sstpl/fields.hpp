// SPDX-License-Identifier: BSD-3-Clause
// Receptive fields: what each hidden unit sees of the leading columns of its inputs. Columns behind them (scores of
// the level below) are always seen. On images a rectangle (McDonnell et al., PLoS ONE 2015), on tables some columns.
#pragma once

#include <vector>

#include "sstpl/random.hpp"
#include "sstpl/types.hpp"

namespace sstpl {

/// An image of rows * cols places, channels last, of which every unit sees one rectangle of at least `least` places
/// per side; or groups of columns, groups[j] in [0, F) that of column j, of which every unit sees ceil(F^u), u uniform.
struct ReceptiveFields {
  Index rows = 0, cols = 0, channels = 1;  // 0 rows: no image
  Index least = 1;
  std::vector<Index> groups = {};  // empty: no groups; NOLINT(readability-redundant-member-init): lets lists omit it
};

/// Draws the fields of a layer's units on n_columns inputs; throws where there is no such image, or both kinds.
class FieldDraw {
 public:
  FieldDraw(const ReceptiveFields& fields, const RandomStream& stream, Index n_columns);

  /// Whether units differ in what they see; if not, every unit sees everything.
  bool drawn() const { return fields_.rows != 0 || n_groups_ > 0; }

  /// Sets seen(j), one per input column, to whether the unit sees column j. Rectangles are uniform in size and place.
  void draw(Index unit, Vector<bool>& seen) const;

 private:
  void draw_rectangle(Index unit, Vector<bool>& seen) const;
  void draw_groups(Index unit, Vector<bool>& seen) const;

  const ReceptiveFields& fields_;
  RandomStream stream_;
  Index n_columns_;
  Index n_groups_ = 0;
};

}  // namespace sstpl
