// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/inputs.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sstpl/blas.hpp"
#include "sstpl/errors.hpp"
#include "sstpl/parallel.hpp"

namespace sstpl {

namespace {

constexpr Index range_block_rows = 2048;
constexpr Index scale_grain = 64;  // rows per thread

}  // namespace

template <class T>
void Inputs<T>::add(const InputBlock<T>& input) {
  require(blocks_.empty() || input.values.rows() == n_rows_, "input blocks must have the same number of rows");
  require(!input.has_prototypes() || input.prototypes.rows() == input.values.cols(),
          "prototypes must have one row per column of their scores");
  require(low_.size() == 0, "blocks cannot be added after the range is set");
  n_rows_ = input.values.rows();
  n_columns_ += input.n_columns();
  blocks_.push_back(input);
}

template <class T>
void Inputs<T>::set_range(const VectorView<T>& low, const VectorView<T>& scale) {
  require(low.size() == n_columns_ && scale.size() == n_columns_, "a range needs one entry per input column");
  low_ = low;
  scale_ = scale;
}

template <class T>
void Inputs<T>::clear_range() {
  low_.resize(0);
  scale_.resize(0);
}

template <class T>
const MatrixView<T>* Inputs<T>::as_array() const {
  const bool plain = blocks_.size() == 1 && !blocks_.front().has_prototypes() && low_.size() == 0;
  return plain ? &blocks_.front().values : nullptr;
}

template <class T>
void Inputs<T>::fill(Index row, MatrixSpan<T> Z) const {
  require(row >= 0 && row + Z.rows() <= n_rows_ && Z.cols() == n_columns_, "fill: Z does not fit the inputs");
  Index column = 0;
  for (const InputBlock<T>& input : blocks_) {
    const Index width = input.n_columns();
    MatrixSpan<T> target = block(Z, 0, column, Z.rows(), width);
    const MatrixView<T> rows = block(input.values, row, 0, Z.rows(), input.values.cols());
    if (input.has_prototypes()) {
      const Vector<T> zero = Vector<T>::Zero(width);
      gemm(T(1), rows, Transpose::no, input.prototypes, Transpose::no, T(0), target);
      apply_activation(input.activation, view(zero), view(zero), target);
    } else {
      target = rows;
    }
    column += width;
  }
  if (low_.size() > 0) {
    parallel_for(0, Z.rows(), scale_grain, [&](Index from, Index to) {
      for (Index i = from; i < to; ++i) {
        Z.row(i) = (Z.row(i) - low_.transpose()).cwiseProduct(scale_.transpose());
      }
    });
  }
}

template <class T>
ColumnRange<T> column_range(const Inputs<T>& inputs, const Checkpoint& checkpoint) {
  const Index d = inputs.n_columns();
  Vector<T> low = Vector<T>::Constant(d, std::numeric_limits<T>::infinity());
  Vector<T> high = -low;
  Matrix<T> Z(std::min(range_block_rows, inputs.n_rows()), d);
  for (Index row = 0; row < inputs.n_rows(); row += range_block_rows) {
    checkpoint();
    MatrixSpan<T> rows = top_rows(Z, std::min(range_block_rows, inputs.n_rows() - row));
    inputs.fill(row, rows);
    low = low.cwiseMin(rows.colwise().minCoeff().transpose());
    high = high.cwiseMax(rows.colwise().maxCoeff().transpose());
  }
  ColumnRange<T> range{low, Vector<T>::Zero(d)};
  for (Index j = 0; j < d; ++j) {
    const T scale = T(1) / (high(j) - low(j));
    if (high(j) > low(j) && std::isfinite(scale)) range.scale(j) = scale;  // a denormal span is none
    if (!(high(j) >= low(j))) range.low(j) = T(0);                         // no rows
  }
  return range;
}

template class Inputs<float>;
template class Inputs<double>;
template ColumnRange<float> column_range<float>(const Inputs<float>&, const Checkpoint&);
template ColumnRange<double> column_range<double>(const Inputs<double>&, const Checkpoint&);

}  // namespace sstpl
