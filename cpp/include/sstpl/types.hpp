// SPDX-License-Identifier: BSD-3-Clause
// The names of matrices and sizes, once for the whole library. Rows are samples, storage is row-major,
// and a view may skip from row to row (outer stride) so that row ranges and column ranges cost nothing.
#pragma once

#include <Eigen/Core>
#include <functional>
#include <vector>

namespace sstpl {

using Index = Eigen::Index;

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using Vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;

/// Read-only and mutable views of row-major matrices; neither owns what it shows.
template <class T>
using MatrixView = Eigen::Map<const Matrix<T>, Eigen::Unaligned, Eigen::OuterStride<>>;
template <class T>
using MatrixSpan = Eigen::Map<Matrix<T>, Eigen::Unaligned, Eigen::OuterStride<>>;
template <class T>
using VectorView = Eigen::Map<const Vector<T>>;

/// Called between blocks of work; it may throw to stop the work (the caller's interrupt).
using Checkpoint = std::function<void()>;

template <class T>
MatrixView<T> view(const Matrix<T>& X) {
  return MatrixView<T>(X.data(), X.rows(), X.cols(), Eigen::OuterStride<>(X.cols()));
}
template <class T>
MatrixSpan<T> span(Matrix<T>& X) {
  return MatrixSpan<T>(X.data(), X.rows(), X.cols(), Eigen::OuterStride<>(X.cols()));
}
/// The first rows of a matrix that is used as a buffer.
template <class T>
MatrixSpan<T> top_rows(Matrix<T>& X, Index rows) {
  return MatrixSpan<T>(X.data(), rows, X.cols(), Eigen::OuterStride<>(X.cols()));
}
template <class T>
VectorView<T> view(const Vector<T>& x) {
  return VectorView<T>(x.data(), x.size());
}
template <class T>
VectorView<T> view(const std::vector<T>& x) {
  return VectorView<T>(x.data(), static_cast<Index>(x.size()));
}

/// The block of a view that starts at (row, col) and has the given size.
template <class T>
MatrixView<T> block(const MatrixView<T>& X, Index row, Index col, Index rows, Index cols) {
  return MatrixView<T>(X.data() + row * X.outerStride() + col, rows, cols, Eigen::OuterStride<>(X.outerStride()));
}
template <class T>
MatrixSpan<T> block(MatrixSpan<T>& X, Index row, Index col, Index rows, Index cols) {
  return MatrixSpan<T>(X.data() + row * X.outerStride() + col, rows, cols, Eigen::OuterStride<>(X.outerStride()));
}
template <class T>
MatrixView<T> view(const MatrixSpan<T>& X) {
  return MatrixView<T>(X.data(), X.rows(), X.cols(), Eigen::OuterStride<>(X.outerStride()));
}

/// Half the spacing of T at 1: the u of rounding-error bounds.
template <class T>
constexpr double unit_roundoff() {
  return sizeof(T) == 4 ? 0x1p-24 : 0x1p-53;
}

}  // namespace sstpl
