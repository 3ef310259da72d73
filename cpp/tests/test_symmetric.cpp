// SPDX-License-Identifier: BSD-3-Clause
// The packed symmetric matrix, at orders inside one panel (up to 1024), across several (1025, 1100), and across
// several products of panels (1600).
#include "helpers.hpp"
#include "sstpl/symmetric.hpp"

using namespace sstpl;
using namespace sstpl::testing;

namespace {

void add(PackedSymmetric& G, const Matrix<float>& H) {
  PanelWorkspace workspace;
  G.add_gram(view(H), workspace);
}
void add(PackedSymmetric& G, const Matrix<double>& H) { G.add_gram(view(H)); }

Matrix<double> upper(const PackedSymmetric& packed, Index order) {
  Matrix<double> G = Matrix<double>::Zero(order, order);
  packed.add_to_upper(span(G));
  return G;
}

// The upper triangle of H'H by the definition, in double.
template <class T>
Matrix<double> true_upper(const Matrix<T>& H) {
  Matrix<double> G = Matrix<double>::Zero(H.cols(), H.cols());
  for (Index k = 0; k < H.rows(); ++k) {
    for (Index i = 0; i < H.cols(); ++i) {
      for (Index j = i; j < H.cols(); ++j) G(i, j) += static_cast<double>(H(k, i)) * static_cast<double>(H(k, j));
    }
  }
  return G;
}

}  // namespace

TEST_CASE_TEMPLATE("the packed Gram matrix is the naive one at orders within and across panels", T, float, double) {
  for (const Index p : {1, 5, 1024, 1025, 1100, 1600}) {
    CAPTURE(p);
    const Matrix<T> H = random_matrix<T>(1, 9, p);
    PackedSymmetric packed(p);
    add(packed, H);
    CHECK(difference(upper(packed, p), true_upper(H)) < 4 * epsilon<T>());
    Vector<double> diagonal = Vector<double>::Ones(p);
    packed.add_diagonal_to(diagonal);
    const Vector<double> squares = H.template cast<double>().colwise().squaredNorm().transpose();
    CHECK(difference(diagonal, squares + Vector<double>::Ones(p)) < 4 * epsilon<T>());
  }
}

TEST_CASE_TEMPLATE("blocks of rows add up to the Gram matrix of all rows", T, float, double) {
  for (const Index p : {5, 1100}) {
    const Matrix<T> H = whole_matrix<T>(2, 12, p);
    PackedSymmetric packed(p), other(p);
    add(packed, Matrix<T>(H.topRows(5)));
    add(packed, Matrix<T>(0, p));
    add(other, Matrix<T>(H.bottomRows(7)));
    packed.add(other);
    CHECK(identical(upper(packed, p), true_upper(H)));
  }
}

TEST_CASE("a strided view gives the Gram matrix of the columns it shows") {
  const Matrix<double> H = whole_matrix<double>(3, 6, 30);
  PackedSymmetric packed(7);
  packed.add_gram(block(view(H), 1, 4, 5, 7));
  CHECK(identical(upper(packed, 7), true_upper(Matrix<double>(H.block(1, 4, 5, 7)))));
}

TEST_CASE("the leading block is added to the upper triangle and the lower triangle is left alone") {
  const Matrix<double> H = whole_matrix<double>(4, 3, 1100);
  PackedSymmetric packed(1100);
  add(packed, H);
  for (const Index q : {1, 511, 512, 513, 1030}) {
    CAPTURE(q);
    Matrix<double> G = Matrix<double>::Constant(q, q, 7.0);
    packed.add_to_upper(span(G));
    Matrix<double> expected = Matrix<double>::Constant(q, q, 7.0);
    expected += true_upper(Matrix<double>(H.leftCols(q)));
    CHECK(identical(G, expected));
    Vector<double> diagonal = Vector<double>::Zero(q);
    packed.add_diagonal_to(diagonal);
    CHECK(identical(diagonal, H.leftCols(q).colwise().squaredNorm().transpose()));
  }
}

TEST_CASE("the difference less an outer product is written to the upper triangle of any leading block") {
  for (const Index p : {3, 1100}) {
    for (const Index q : {Index{2}, p}) {
      PackedSymmetric all(p), part(p);
      add(all, random_matrix(31, 9, p));
      add(part, random_matrix(32, 4, p));
      const Vector<double> x = random_matrix(33, q, 1), y = random_matrix(34, q, 1);
      const Matrix<double> outer = (x * y.transpose()).triangularView<Eigen::Upper>();
      for (const PackedSymmetric* less : {&part, static_cast<PackedSymmetric*>(nullptr)}) {
        Matrix<double> G = Matrix<double>::Constant(q, q, std::nan(""));
        all.write_upper(span(G), less, x, y);
        CHECK((q < 2 || std::isnan(G(1, 0))));
        const Matrix<double> written = G.triangularView<Eigen::Upper>();
        Matrix<double> truth = upper(all, q) - outer;
        if (less != nullptr) truth -= upper(part, q);
        CHECK(difference(written, truth) < 1e-14);
      }
    }
  }
}

TEST_CASE("float blocks are added in double so that small terms survive beside large ones") {
  PackedSymmetric packed(1);
  PanelWorkspace workspace;
  const Matrix<float> large = Matrix<float>::Constant(1, 1, 8192.0F);
  const Matrix<float> small = Matrix<float>::Ones(1, 1);
  packed.add_gram(view(large), workspace);
  for (int i = 0; i < 1000; ++i) packed.add_gram(view(small), workspace);
  CHECK(upper(packed, 1)(0, 0) == 0x1p26 + 1000);
}

TEST_CASE("a large packed matrix takes little more than half a square") {
  CHECK(PackedSymmetric(4096).data().size() < 0.6 * 4096 * 4096);
  CHECK(PackedSymmetric(0).data().empty());
}

TEST_CASE("packed matrices refuse orders and shapes that do not fit") {
  CHECK_THROWS_AS(PackedSymmetric(-1), std::invalid_argument);
  PackedSymmetric packed(3);
  CHECK_THROWS_AS(add(packed, random_matrix<float>(5, 2, 4)), std::invalid_argument);
  CHECK_THROWS_AS(add(packed, random_matrix<double>(5, 2, 4)), std::invalid_argument);
  CHECK_THROWS_AS(packed.add(PackedSymmetric(4)), std::invalid_argument);
  CHECK_THROWS_AS(upper(packed, 4), std::invalid_argument);
  Matrix<double> wide = Matrix<double>::Zero(2, 3);
  CHECK_THROWS_AS(packed.add_to_upper(span(wide)), std::invalid_argument);
  Matrix<double> square = Matrix<double>::Zero(3, 3);
  const Vector<double> x = Vector<double>::Zero(3), y = Vector<double>::Zero(2);
  const PackedSymmetric other(4);
  CHECK_THROWS_AS(packed.write_upper(span(square), nullptr, x, y), std::invalid_argument);
  CHECK_THROWS_AS(packed.write_upper(span(square), &other, x, x), std::invalid_argument);
  Vector<double> diagonal = Vector<double>::Zero(4);
  CHECK_THROWS_AS(packed.add_diagonal_to(diagonal), std::invalid_argument);
}
