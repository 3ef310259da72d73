// SPDX-License-Identifier: BSD-3-Clause
// Gram matrices of rounded features, against products in double of the features and of what they are rounded to.
#include <limits>

#include "helpers.hpp"
#include "sstpl/fixed.hpp"

using namespace sstpl;
using namespace sstpl::testing;

namespace {

constexpr Index rows_of_scale = 128;

Matrix<float> gram(const MatrixView<float>& H) {
  Scratch rounded;
  Matrix<float> G = Matrix<float>::Zero(H.cols(), H.cols());
  MatrixSpan<float> all = span(G);
  fixed_gram(H, rounded, [&](Index row, Index column, const MatrixView<float>& C) {
    block(all, row, column, C.rows(), C.cols()) = C;
  });
  return G;
}
Matrix<float> gram(const Matrix<float>& H) { return gram(view(H)); }

Matrix<double> rounded(const Matrix<float>& H) {
  Matrix<double> R(H.rows(), H.cols());
  for (Index row = 0; row < H.rows(); row += rows_of_scale) {
    const Index rows = std::min(rows_of_scale, H.rows() - row);
    for (Index j = 0; j < H.cols(); ++j) {
      const float largest = H.col(j).segment(row, rows).cwiseAbs().maxCoeff();
      const float factor = largest > 0 ? 4095.0F / largest : 0.0F;
      for (Index i = row; i < row + rows; ++i) {
        R(i, j) = std::nearbyint(static_cast<double>(H(i, j) * factor)) * static_cast<double>(largest) / 4095;
      }
    }
  }
  return R;
}

double upper_difference(const Matrix<float>& G, const Matrix<double>& truth) {
  const Matrix<double> error = (G.cast<double>() - truth).cwiseAbs();
  return Matrix<double>(error.triangularView<Eigen::Upper>()).maxCoeff() / truth.cwiseAbs().maxCoeff();
}

struct Threads {
  explicit Threads(int n) : before(num_threads()) { set_num_threads(n); }
  ~Threads() { set_num_threads(before); }
  int before;
};

}  // namespace

TEST_CASE("without the instructions a Gram matrix in whole numbers is refused") {
  if (has_fixed_products()) return;
  CHECK_THROWS_AS(gram(Matrix<float>::Ones(2, 2)), std::invalid_argument);
  CHECK_FALSE(fixed_gram_pays(4096, 4096));
}

TEST_CASE("the Gram matrix in whole numbers is that of rounded features, at every edge of strips, chunks and blocks") {
  if (!has_fixed_products()) return;
  for (const Index n : {0, 1, 2, 127, 128, 129, 300}) {
    for (const Index p : {1, 8, 31, 33, 128, 513, 1100}) {
      CAPTURE(n);
      CAPTURE(p);
      const Matrix<float> H = random_matrix<float>(1, n, p), G = gram(H);
      if (n == 0) {
        CHECK(G.isZero(0));
        continue;
      }
      const Matrix<double> R = rounded(H), h = H.cast<double>();
      CHECK(upper_difference(G, R.transpose() * R) < 4 * epsilon<float>());
      CHECK((R - h).colwise().norm().cwiseQuotient(h.colwise().norm().cwiseMax(1e-300)).maxCoeff() < 1.4e-3);
      CHECK(upper_difference(G, h.transpose() * h) < 1e-3);
    }
  }
}

TEST_CASE("the largest products of whole numbers do not overflow") {
  if (!has_fixed_products()) return;
  const Matrix<float> H = Matrix<float>::Constant(256, 40, -3.0F);
  CHECK(upper_difference(gram(H), Matrix<double>::Constant(40, 40, 256 * 9.0)) < 4 * epsilon<float>());
}

TEST_CASE("copies of a column have equal entries, so that no sum of them is negative") {
  if (!has_fixed_products()) return;
  Matrix<float> H(500, 3);
  H << random_matrix<float>(2, 500, 1).replicate(1, 2), random_matrix<float>(3, 500, 1);
  const Matrix<float> G = gram(H);
  CHECK(G(0, 0) == G(0, 1));
  CHECK(G(0, 0) == G(1, 1));
  CHECK(G(0, 2) == G(1, 2));
}

TEST_CASE("columns of any size keep their digits, and what is not finite is seen") {
  if (!has_fixed_products()) return;
  const Matrix<float> plain = random_matrix<float>(4, 200, 5);
  Matrix<float> H = plain;
  H.col(1) *= 0x1p40F;
  H.col(2) *= 0x1p-40F;
  H.col(3).setZero();
  const Matrix<float> G = gram(H), expected = gram(plain);
  CHECK(G(0, 1) == expected(0, 1) * 0x1p40F);
  CHECK(G(1, 2) == expected(1, 2));
  CHECK(G(2, 2) == expected(2, 2) * 0x1p-80F);
  CHECK(G.col(3).isZero(0));
  for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    H(150, 1) = bad;
    const Matrix<float> spoiled = gram(H);
    CHECK(std::isnan(spoiled(0, 1)));
    CHECK(std::isnan(spoiled(1, 4)));
    CHECK(spoiled(0, 4) == G(0, 4));
  }
}

TEST_CASE("views with strides are read, and one thread makes the same bits as two") {
  if (!has_fixed_products()) return;
  const Matrix<float> whole = random_matrix<float>(5, 310, 1310);
  const MatrixView<float> part = block(view(whole), 3, 5, 300, 1300);
  Matrix<float> one, two;
  {
    const Threads threads(1);
    one = gram(part);
  }
  {
    const Threads threads(2);
    two = gram(Matrix<float>(part));
  }
  CHECK(
      identical(Matrix<float>(one.triangularView<Eigen::Upper>()), Matrix<float>(two.triangularView<Eigen::Upper>())));
}
