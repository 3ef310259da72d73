// SPDX-License-Identifier: BSD-3-Clause
// Products on matrix tiles against products in double, on machines that have tiles.
#include "helpers.hpp"
#include "sstpl/simd.hpp"
#include "sstpl/tiles.hpp"

using namespace sstpl;
using namespace sstpl::testing;

namespace {

// The largest error of C in units of u |A| |B|', which is what rounding of products and sums is measured in.
double error_in_roundings(const Matrix<float>& C, const Matrix<float>& A, const Matrix<float>& B) {
  const Matrix<double> a = A.cast<double>(), b = B.cast<double>();
  const Matrix<double> size = a.cwiseAbs() * b.cwiseAbs().transpose();
  const Matrix<double> error = (C.cast<double>() - a * b.transpose()).cwiseAbs();
  return error.size() == 0 ? 0 : (error.array() / (unit_roundoff<float>() * size.array() + 1e-300)).maxCoeff();
}

Matrix<float> gram(const Matrix<float>& H) {
  Matrix<float> G = Matrix<float>::Zero(H.cols(), H.cols());
  tile_gram(view(H), [&](Index row, Index column, const MatrixView<float>& C) {
    MatrixSpan<float> all = span(G);
    block(all, row, column, C.rows(), C.cols()) = C;
  });
  return G;
}

struct Threads {
  explicit Threads(int n) : before(num_threads()) { set_num_threads(n); }
  ~Threads() { set_num_threads(before); }
  int before;
};

}  // namespace

TEST_CASE("without tiles a product on tiles is refused") {
  if (has_tiles()) return;
  Matrix<float> A(2, 2), C(2, 2);
  CHECK_THROWS_AS(tile_product(view(A), view(A), span(C)), std::invalid_argument);
  CHECK_FALSE(tile_gram_pays(4096, 4096));
}

TEST_CASE("products on tiles are as exact as sums of k float products, at every edge of tiles, chunks and blocks") {
  if (!has_tiles()) return;
  for (const Index k : {1, 2, 31, 32, 33, 127, 129, 300}) {
    for (const Index n : {1, 15, 17, 33, 130}) {
      for (const Index m : {1, 16, 31, 130, 700}) {
        CAPTURE(k);
        CAPTURE(n);
        CAPTURE(m);
        const Matrix<float> A = random_matrix<float>(1, n, k), B = random_matrix<float>(2, m, k);
        Matrix<float> C = Matrix<float>::Constant(n, m, 7);
        tile_product(view(A), view(B), span(C));
        CHECK(error_in_roundings(C, A, B) < 4 + std::sqrt(static_cast<double>(k)));
      }
    }
  }
}

TEST_CASE("the Gram matrix on tiles is the one in double on and above the diagonal") {
  if (!has_tiles()) return;
  for (const Index n : {1, 40, 257}) {
    for (const Index p : {1, 16, 33, 129, 512, 1100}) {
      CAPTURE(n);
      CAPTURE(p);
      const Matrix<float> H = random_matrix<float>(3, n, p), G = gram(H), Ht = H.transpose();
      const Matrix<double> truth = Ht.cast<double>() * H.cast<double>();
      const Matrix<double> size = Ht.cast<double>().cwiseAbs() * H.cast<double>().cwiseAbs();
      const double bound = unit_roundoff<float>() * (4 + std::sqrt(static_cast<double>(n)));
      const Matrix<double> excess = (G.cast<double>() - truth).cwiseAbs() - bound * size;
      CHECK(Matrix<double>(excess.triangularView<Eigen::Upper>()).maxCoeff() <= 0);
    }
  }
}

TEST_CASE("whole numbers are multiplied exactly on tiles, whatever part of the three they need") {
  if (!has_tiles()) return;
  Matrix<float> A = whole_matrix<float>(4, 40, 50), B = whole_matrix<float>(5, 30, 50);
  for (const float scale : {1.0F, 4097.0F, 0x1p60F, 0x1p-60F}) {
    const Matrix<float> large = scale * A;  // 4097 times them has 15 bits and more: high and middle parts
    Matrix<float> C(40, 30);
    tile_product(view(large), view(B), span(C));
    CHECK(identical(C, Matrix<float>((large.cast<double>() * B.cast<double>().transpose()).cast<float>())));
  }
  const Matrix<float> one = Matrix<float>::Identity(30, 50);
  const Matrix<float> full = random_matrix<float>(6, 40, 50);  // 24 bits: all parts
  Matrix<float> C(40, 30);
  tile_product(view(full), view(one), span(C));
  CHECK(identical(C, Matrix<float>(full.leftCols(30))));
}

TEST_CASE("products on tiles read and write views with strides") {
  if (!has_tiles()) return;
  const Matrix<float> A = random_matrix<float>(7, 50, 90), B = random_matrix<float>(8, 60, 100);
  const auto a = block(view(A), 3, 5, 40, 70), b = block(view(B), 2, 1, 33, 70);
  Matrix<float> whole = Matrix<float>::Constant(60, 80, 5);
  MatrixSpan<float> all = span(whole);
  tile_product(a, b, block(all, 4, 6, 40, 33));
  CHECK(error_in_roundings(whole.block(4, 6, 40, 33), a, b) < 13);
  whole.block(4, 6, 40, 33).setConstant(5);
  CHECK((whole.array() == 5).all());
}

TEST_CASE("products on tiles have the same bits on one thread and on two") {
  if (!has_tiles()) return;
  const Matrix<float> H = random_matrix<float>(9, 300, 1300);
  Matrix<float> one, two;
  {
    const Threads threads(1);
    one = gram(H);
  }
  {
    const Threads threads(2);
    two = gram(H);
  }
  CHECK(
      identical(Matrix<float>(one.triangularView<Eigen::Upper>()), Matrix<float>(two.triangularView<Eigen::Upper>())));
}

TEST_CASE("an infinite or missing entry does not vanish on tiles") {
  if (!has_tiles()) return;
  for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    Matrix<float> A = random_matrix<float>(10, 20, 40);
    A(7, 11) = bad;
    Matrix<float> C(20, 20);
    tile_product(view(A), view(A), span(C));
    CHECK_FALSE(C.row(7).array().isFinite().any());
    CHECK(C.topRows(7).leftCols(7).allFinite());
  }
}

TEST_CASE("factors of different lengths are refused") {
  const Matrix<float> A(2, 3), B(2, 4);
  Matrix<float> C(2, 2);
  CHECK_THROWS_AS(tile_product(view(A), view(B), span(C)), std::invalid_argument);
}
