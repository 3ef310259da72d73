// SPDX-License-Identifier: BSD-3-Clause
// The input rows of a hidden layer or a ridge solve: blocks of columns side by side, Z = [Z_1, Z_2, ...], never
// copied together as a whole. A block is an array, or the backward features s(S P) of a few scores S, which
// are cheaper to make again than to keep.
#pragma once

#include <vector>

#include "sstpl/activation.hpp"
#include "sstpl/types.hpp"

namespace sstpl {

/// One block of columns; it borrows everything it shows.
template <class T>
struct InputBlock {
  MatrixView<T> values;  // (n, d), or scores (n, c) where there are prototypes
  MatrixView<T> prototypes{nullptr, 0, 0, Eigen::OuterStride<>(0)};  // (c, d), or none
  Activation activation = Activation::identity;                      // the block is activation(values * prototypes)

  bool has_prototypes() const { return prototypes.cols() > 0; }
  Index n_columns() const { return has_prototypes() ? prototypes.cols() : values.cols(); }
};

template <class T>
class Inputs {
 public:
  Inputs() = default;
  explicit Inputs(const MatrixView<T>& X) { add(InputBlock<T>{X}); }

  /// Throws where the number of rows differs from the blocks before, or prototypes do not fit their scores.
  void add(const InputBlock<T>& input);

  /// Every column c is shown as (z - low[c]) scale[c] from now on; both have n_columns entries.
  void set_range(const VectorView<T>& low, const VectorView<T>& scale);

  void clear_range();

  Index n_rows() const { return n_rows_; }
  Index n_columns() const { return n_columns_; }

  /// The single array this is, if it is no more than that; hidden layers then read it in place.
  const MatrixView<T>* as_array() const;

  /// Z := rows [row, row + Z.rows()) of all blocks side by side.
  void fill(Index row, MatrixSpan<T> Z) const;

 private:
  std::vector<InputBlock<T>> blocks_;
  Vector<T> low_, scale_;
  Index n_rows_ = 0;
  Index n_columns_ = 0;
};

/// The range of every column over all rows: low, and scale = 1 / (high - low), which is 0 for a constant column.
/// (z - low) scale then lies in [0, 1] on these rows. One pass; columns must be finite.
template <class T>
struct ColumnRange {
  Vector<T> low, scale;
};
template <class T>
ColumnRange<T> column_range(const Inputs<T>& inputs, const Checkpoint& checkpoint);

}  // namespace sstpl
