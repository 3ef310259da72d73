// SPDX-License-Identifier: BSD-3-Clause
// Products and factorisations against loops and identities, on views that skip columns, whoever serves the calls.
#include <Eigen/LU>
#include <array>

#include "helpers.hpp"
#include "sstpl/blas.hpp"
#include "sstpl/errors.hpp"

using namespace sstpl;
using namespace sstpl::testing;

namespace {

// A view of the given size inside a larger matrix, away from its edges.
template <class T>
struct Strided {
  Strided(unsigned seed, Index rows, Index cols) : whole(random_matrix<T>(seed, rows + 2, cols + 5)) {}
  MatrixView<T> show() const { return block(view(whole), 1, 2, whole.rows() - 2, whole.cols() - 5); }
  MatrixSpan<T> show() {
    MatrixSpan<T> all = span(whole);
    return block(all, 1, 2, whole.rows() - 2, whole.cols() - 5);
  }
  Matrix<T> whole;
};

template <class T>
Matrix<double> op(const MatrixView<T>& A, Transpose transpose) {
  if (transpose == Transpose::no) return A.template cast<double>();
  return A.transpose().template cast<double>();
}

Matrix<double> positive_definite(unsigned seed, Index order) {
  const Matrix<double> X = random_matrix(seed, order + 5, order);
  return X.transpose() * X;
}

}  // namespace

TEST_CASE_TEMPLATE("gemm is the triple loop for all transposes of strided views", T, float, double) {
  for (const Transpose op_a : {Transpose::no, Transpose::yes}) {
    for (const Transpose op_b : {Transpose::no, Transpose::yes}) {
      // A product with one row or column is a matrix times a vector.
      for (const auto& [m, inner, c] :
           std::vector<std::array<Index, 3>>{{7, 13, 4}, {7, 1, 4}, {1, 13, 4}, {7, 13, 1}, {1, 1, 4}, {1, 13, 1}}) {
        const Strided<T> A(1, op_a == Transpose::no ? m : inner, op_a == Transpose::no ? inner : m);
        const Strided<T> B(2, op_b == Transpose::no ? inner : c, op_b == Transpose::no ? c : inner);
        Strided<T> C(3, m, c);
        Matrix<double> expected = C.whole.template cast<double>();
        const Matrix<double> a = op(A.show(), op_a);
        const Matrix<double> b = op(B.show(), op_b);
        for (Index i = 0; i < m; ++i) {
          for (Index j = 0; j < c; ++j) {
            double sum = 0;
            for (Index k = 0; k < inner; ++k) sum += a(i, k) * b(k, j);
            expected(i + 1, j + 2) = 2 * sum - 0.5 * expected(i + 1, j + 2);
          }
        }
        gemm(T(2), A.show(), op_a, B.show(), op_b, T(-0.5), C.show());
        CHECK(difference(C.whole, expected) < 8 * epsilon<T>());  // and nothing beside the view was touched
      }
    }
  }
}

TEST_CASE_TEMPLATE("syrk fills the upper triangle alone", T, float, double) {
  const Strided<T> H(4, 9, 6);
  Strided<T> G(5, 6, 6);
  Matrix<double> expected = G.whole.template cast<double>();
  const Matrix<double> h = H.show().template cast<double>();
  for (Index i = 0; i < 6; ++i) {
    for (Index j = i; j < 6; ++j) expected(i + 1, j + 2) = 3 * h.col(i).dot(h.col(j)) + 2 * expected(i + 1, j + 2);
  }
  syrk(T(3), H.show(), T(2), G.show());
  CHECK(difference(G.whole, expected) < 8 * epsilon<T>());
}

TEST_CASE_TEMPLATE("beta = 0 overwrites NaN", T, float, double) {
  const T nan = std::numeric_limits<T>::quiet_NaN();
  const Matrix<T> H = random_matrix<T>(7, 3, 4);
  Matrix<T> C = Matrix<T>::Constant(4, 4, nan);
  syrk(T(1), view(H), T(0), span(C));
  for (Index i = 0; i < 4; ++i) CHECK(C.row(i).tail(4 - i).allFinite());
  Matrix<T> one = Matrix<T>::Constant(1, 4, nan);
  gemm(T(1), block(view(H), 0, 0, 1, 3), Transpose::no, block(view(H), 0, 0, 3, 4), Transpose::no, T(0), span(one));
  CHECK(one.allFinite());
  for (const Index inner : {0, 3}) {
    CAPTURE(inner);
    const Matrix<T> A = random_matrix<T>(6, 4, inner);
    C.setConstant(nan);
    gemm(T(1), view(A), Transpose::no, block(view(H), 0, 0, inner, 4), Transpose::no, T(0), span(C));
    CHECK(difference(C, A.template cast<double>() * H.topRows(inner).template cast<double>()) < 8 * epsilon<T>());
  }
}

TEST_CASE_TEMPLATE("beta = 0 overwrites NaN where syrk has no rows", T, float, double) {
  const Matrix<T> none(0, 4);
  Matrix<T> G = Matrix<T>::Constant(4, 4, std::numeric_limits<T>::quiet_NaN());
  syrk(T(1), view(none), T(0), span(G));
  CHECK(G.row(0).isZero(0));
}

TEST_CASE("products of empty matrices leave nothing to do") {
  const Matrix<double> empty(0, 3), narrow(3, 0);
  Matrix<double> none(0, 0), C = Matrix<double>::Ones(3, 3);
  gemm(1.0, view(empty), Transpose::no, view(narrow), Transpose::no, 0.0, span(none));
  gemm(1.0, view(narrow), Transpose::no, view(narrow), Transpose::yes, 2.0, span(C));
  CHECK(identical(C, Matrix<double>::Constant(3, 3, 2.0)));
  syrk(1.0, view(narrow), 0.0, span(none));
  CHECK(cholesky(span(none)).failed_at == 0);
  solve_triangular(view(none), Transpose::no, span(none));
  Vector<double> eigenvalues;
  Matrix<double> V;
  symmetric_eigen(span(none), eigenvalues, V);
  CHECK(eigenvalues.size() == 0);
}

TEST_CASE("cholesky overwrites the upper triangle by U with U'U = G and leaves the lower triangle") {
  for (const Index p : {1, 2, 17, 150}) {
    CAPTURE(p);
    const Matrix<double> G = positive_definite(8, p);
    Matrix<double> U = G;
    U.triangularView<Eigen::StrictlyLower>().setConstant(std::nan(""));
    const CholeskyResult result = cholesky(span(U));
    CHECK(result.failed_at == 0);
    const Matrix<double> factor = U.triangularView<Eigen::Upper>();
    CHECK(difference(factor.transpose() * factor, G) < 1e-13);
    CHECK(result.min_pivot == doctest::Approx(factor.diagonal().cwiseAbs2().minCoeff()));
    for (Index i = 0; i < p; ++i) CHECK(U.row(i).head(i).array().isNaN().all());
    const double norm = G.cwiseAbs().colwise().sum().maxCoeff();
    const double condition = norm * G.inverse().cwiseAbs().colwise().sum().maxCoeff();
    CHECK(result.rcond > 0.9 / condition);  // the estimate never misses the norm by much, and only from above
    CHECK(result.rcond < 10 / condition);
  }
}

TEST_CASE("cholesky names the leading block that is not positive definite") {
  for (const Index bad : {1, 3, 6}) {
    Matrix<double> G = Matrix<double>::Identity(6, 6);
    G(bad - 1, bad - 1) = -1;
    const CholeskyResult result = cholesky(span(G));
    // Eigen does not tell which block it was.
    CHECK(result.failed_at == (blas_backend() == "eigen" ? 1 : bad));
    CHECK(result.rcond == 0);
    CHECK(result.min_pivot == 0);
  }
}

TEST_CASE("triangular solves undo the products with U, its transpose, and U from the right") {
  Strided<double> square(9, 8, 8);
  square.show().diagonal().array() += 5;
  const MatrixView<double> stored = view(square.show());  // its lower triangle must not be read
  const Matrix<double> U = stored.triangularView<Eigen::Upper>();
  const Matrix<double> X = random_matrix(10, 8, 3);
  Matrix<double> B = U * X;
  solve_triangular(stored, Transpose::no, span(B));
  CHECK(difference(B, X) < 1e-13);
  B = U.transpose() * X;
  solve_triangular(stored, Transpose::yes, span(B));
  CHECK(difference(B, X) < 1e-13);
  Matrix<double> R = X.transpose() * U;
  solve_triangular_right(stored, span(R));
  CHECK(difference(R, X.transpose()) < 1e-13);
}

TEST_CASE("eigenvalues ascend and the rows of V are the orthonormal eigenvectors of the upper triangle") {
  for (const Index p : {1, 2, 40}) {
    const Matrix<double> G = positive_definite(11, p) - 3 * Matrix<double>::Identity(p, p);
    Matrix<double> work = G;
    work.triangularView<Eigen::StrictlyLower>().setZero();
    Vector<double> eigenvalues;
    Matrix<double> V;
    symmetric_eigen(span(work), eigenvalues, V);
    CHECK(difference(V * V.transpose(), Matrix<double>::Identity(p, p)) < 1e-13);
    CHECK(difference(V.transpose() * eigenvalues.asDiagonal() * V, G) < 1e-13);
    for (Index i = 1; i < p; ++i) CHECK(eigenvalues(i - 1) <= eigenvalues(i));
  }
}

TEST_CASE("shapes that do not fit and thread counts below one throw") {
  const Matrix<double> A = random_matrix(12, 3, 4);
  Matrix<double> C(3, 3), B(2, 3);
  CHECK_THROWS_AS(gemm(1.0, view(A), Transpose::no, view(A), Transpose::no, 0.0, span(C)), std::invalid_argument);
  CHECK_THROWS_AS(gemm(1.0, view(A), Transpose::yes, view(A), Transpose::no, 0.0, span(C)), std::invalid_argument);
  CHECK_THROWS_AS(syrk(1.0, view(A), 0.0, span(C)), std::invalid_argument);
  CHECK_THROWS_AS(cholesky(span(B)), std::invalid_argument);
  CHECK_THROWS_AS(solve_triangular(view(A), Transpose::no, span(C)), std::invalid_argument);
  CHECK_THROWS_AS(solve_triangular(view(C), Transpose::no, span(B)), std::invalid_argument);
  CHECK_THROWS_AS(solve_triangular_right(view(B), span(C)), std::invalid_argument);
  Vector<double> eigenvalues;
  Matrix<double> V;
  CHECK_THROWS_AS(symmetric_eigen(span(B), eigenvalues, V), std::invalid_argument);
  CHECK_THROWS_AS(set_num_threads(0), std::invalid_argument);
  CHECK(num_threads() >= 1);
  CHECK(blas_is_expected());
}
