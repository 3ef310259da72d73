// SPDX-License-Identifier: BSD-3-Clause
#include "helpers.hpp"

#include <Eigen/QR>
#include <random>

namespace sstpl::testing {

template <class T>
Matrix<T> random_matrix(unsigned seed, Index rows, Index cols) {
  std::mt19937_64 generator(seed);
  std::normal_distribution<double> normal;
  Matrix<T> X(rows, cols);
  for (Index i = 0; i < X.size(); ++i) X.data()[i] = static_cast<T>(normal(generator));
  return X;
}

template <class T>
Matrix<T> whole_matrix(unsigned seed, Index rows, Index cols) {
  return (2 * random_matrix<double>(seed, rows, cols)).array().round().matrix().template cast<T>();
}

TrueRidge::TrueRidge(const Matrix<double>& H, const Matrix<double>& Y, double alpha, bool intercept, Vector<double> w) {
  const Index n = H.rows();
  const Index p = H.cols();
  if (w.size() == 0) w = Vector<double>::Ones(n);
  const Vector<double> h = intercept ? Vector<double>(H.transpose() * w / w.sum()) : Vector<double>::Zero(p);
  const Vector<double> y = intercept ? Vector<double>(Y.transpose() * w / w.sum()) : Vector<double>::Zero(Y.cols());
  Matrix<double> A = Matrix<double>::Zero(n + p, p);
  Matrix<double> B = Matrix<double>::Zero(n + p, Y.cols());
  A.topRows(n) = w.cwiseSqrt().asDiagonal() * (H.rowwise() - h.transpose());
  B.topRows(n) = w.cwiseSqrt().asDiagonal() * (Y.rowwise() - y.transpose());
  penalty = alpha * A.squaredNorm() / static_cast<double>(p);
  A.bottomRows(p).diagonal().setConstant(std::sqrt(penalty));
  Eigen::CompleteOrthogonalDecomposition<Matrix<double>> factor(n + p, p);
  factor.setThreshold(1e-10);
  factor.compute(A);
  W = factor.solve(B);
  b = y - W.transpose() * h;
}

Matrix<double> TrueRidge::predict(const Matrix<double>& H) const { return (H * W).rowwise() + b.transpose(); }

Matrix<double> without_rows(const Matrix<double>& X, Index from, Index to) {
  Matrix<double> kept(X.rows() - (to - from), X.cols());
  kept << X.topRows(from), X.bottomRows(X.rows() - to);
  return kept;
}

template Matrix<float> random_matrix<float>(unsigned, Index, Index);
template Matrix<double> random_matrix<double>(unsigned, Index, Index);
template Matrix<float> whole_matrix<float>(unsigned, Index, Index);
template Matrix<double> whole_matrix<double>(unsigned, Index, Index);

}  // namespace sstpl::testing
