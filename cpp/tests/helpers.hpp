// SPDX-License-Identifier: BSD-3-Clause
// What the tests share: random matrices that do not come from the library, comparisons, and the one oracle of a
// ridge problem, solved on the rows by QR so that it has no Gram matrix in common with what it judges.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "sstpl/blas.hpp"
#include "sstpl/types.hpp"

namespace sstpl::testing {

template <class T>
constexpr double epsilon() {
  return static_cast<double>(std::numeric_limits<T>::epsilon());
}

/// Standard normals in row-by-row order; float holds the rounded numbers of double.
template <class T = double>
Matrix<T> random_matrix(unsigned seed, Index rows, Index cols);

/// Small whole numbers: their sums are exact in float, so identities may be asked for to the last bit.
template <class T>
Matrix<T> whole_matrix(unsigned seed, Index rows, Index cols);

/// 1 in the column of each row's class.
template <class T>
Matrix<T> indicator(const std::vector<std::int64_t>& labels, Index n_classes) {
  Matrix<T> E = Matrix<T>::Zero(static_cast<Index>(labels.size()), n_classes);
  for (std::size_t i = 0; i < labels.size(); ++i) E(static_cast<Index>(i), labels[i]) = T(1);
  return E;
}

/// ||A - B|| relative to ||B||, in double; NaN anywhere gives NaN, which no CHECK(... < tolerance) accepts.
template <class A, class B>
double difference(const Eigen::DenseBase<A>& a, const Eigen::DenseBase<B>& b) {
  REQUIRE(a.rows() == b.rows());
  REQUIRE(a.cols() == b.cols());
  const Matrix<double> truth = b.derived().template cast<double>();
  const double scale = truth.norm();
  return (a.derived().template cast<double>() - truth).norm() / (scale > 0 ? scale : 1.0);
}

/// Equal to the last bit, in shape and in every entry.
template <class A, class B>
bool identical(const Eigen::DenseBase<A>& a, const Eigen::DenseBase<B>& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() && (a.derived().array() == b.derived().array()).all();
}

/// Every row as often as its count says, one copy after the other.
template <class T>
Matrix<T> repeated(const Matrix<T>& rows, const std::vector<double>& counts) {
  Matrix<T> copies(static_cast<Index>(std::accumulate(counts.begin(), counts.end(), 0.0)), rows.cols());
  Index next = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    for (int k = 0; k < static_cast<int>(counts[i]); ++k) copies.row(next++) = rows.row(static_cast<Index>(i));
  }
  return copies;
}

inline VectorView<double> no_weights() { return VectorView<double>(nullptr, 0); }
inline Checkpoint no_checkpoint() {
  return [] {};
}

/// Puts the number of threads back at the end of a test.
struct KeepThreads {
  int before = num_threads();
  KeepThreads() = default;
  KeepThreads(const KeepThreads&) = delete;
  KeepThreads& operator=(const KeepThreads&) = delete;
  ~KeepThreads() { set_num_threads(before); }
};

/// The truth of a ridge problem: minimum-norm least squares on [sqrt(w) (H - 1 h'); sqrt(lambda) I].
struct TrueRidge {
  TrueRidge(const Matrix<double>& H, const Matrix<double>& Y, double alpha, bool intercept,
            Vector<double> w = Vector<double>());

  Matrix<double> predict(const Matrix<double>& H) const;

  Matrix<double> W;
  Vector<double> b;
  double penalty = 0;
};

/// The rows outside [from, to).
Matrix<double> without_rows(const Matrix<double>& X, Index from, Index to);

}  // namespace sstpl::testing
