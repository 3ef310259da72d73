// SPDX-License-Identifier: BSD-3-Clause
// The sums of a ridge problem against loops, their algebra (merging, weights as copies), and their allocations.
#include <cstdlib>

#include "helpers.hpp"
#include "sstpl/sums.hpp"

using namespace sstpl;
using namespace sstpl::testing;

// Eigen's own malloc guard does not reach into the compiled library, so with glibc the program's malloc is replaced
// by one that counts the large requests of this thread (a matrix is large, the bookkeeping of a loop is not).
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define SSTPL_COUNT_ALLOCATIONS
namespace {
constexpr std::size_t large = 1024;
thread_local bool counting = false;
thread_local int n_large = 0;
}  // namespace
extern "C" {
void* __libc_malloc(std::size_t size);
__attribute__((visibility("default"))) void* malloc(std::size_t size) noexcept {
  if (counting && size >= large) ++n_large;
  return __libc_malloc(size);
}
}
#endif

namespace {

template <class T>
void add(Sums& sums, Matrix<T> H, const Matrix<T>& Y, const Vector<double>& weights = Vector<double>()) {
  SumsWorkspace<T> workspace;
  add_rows(sums, span(H), view(Y), view(weights), workspace);
}

Matrix<double> upper(const Sums& sums) {
  Matrix<double> G = Matrix<double>::Zero(sums.n_features(), sums.n_features());
  sums.gram.add_to_upper(span(G));
  return G;
}

bool same(const Sums& a, const Sums& b) {
  return a.gram.data() == b.gram.data() && a.cross == b.cross && a.feature_sums == b.feature_sums &&
         a.target_sums == b.target_sums && a.target_squares == b.target_squares && a.weight == b.weight;
}

}  // namespace

TEST_CASE_TEMPLATE("the sums are those of the definition with and without weights", T, float, double) {
  for (const Index p : {1, 5, 1024, 1100}) {
    for (const bool weighted : {false, true}) {
      CAPTURE(p);
      CAPTURE(weighted);
      const Matrix<T> H = random_matrix<T>(1, 7, p);
      const Matrix<T> Y = random_matrix<T>(2, 7, 3);
      const Vector<double> w = weighted ? Vector<double>(random_matrix(3, 7, 1).cwiseAbs()) : Vector<double>::Ones(7);
      Sums sums(p, 3);
      add(sums, H, Y, weighted ? w : Vector<double>());
      const Matrix<double> h = H.template cast<double>();
      const Matrix<double> y = Y.template cast<double>();
      const Matrix<double> full = h.transpose() * w.asDiagonal() * h;
      const double tolerance = 8 * epsilon<T>();
      CHECK(difference(upper(sums), Matrix<double>(full.triangularView<Eigen::Upper>())) < tolerance);
      CHECK(difference(sums.cross, h.transpose() * w.asDiagonal() * y) < tolerance);
      CHECK(difference(sums.feature_sums, h.transpose() * w) < tolerance);
      CHECK(difference(sums.target_sums, y.transpose() * w) < tolerance);
      CHECK(difference(sums.target_squares, y.cwiseAbs2().transpose() * w) < tolerance);
      CHECK(sums.weight == doctest::Approx(w.sum()));
      CHECK(sums.n_samples == 7);
    }
  }
}

TEST_CASE_TEMPLATE("merging is associative and equals adding all rows at once", T, float, double) {
  for (const Index p : {5, 1100}) {
    const Matrix<T> H = whole_matrix<T>(4, 12, p);
    const Matrix<T> Y = whole_matrix<T>(5, 12, 2);
    Sums all(p, 2), a(p, 2), b(p, 2), c(p, 2);
    add(all, H, Y);
    add<T>(a, H.topRows(3), Y.topRows(3));
    add<T>(b, H.middleRows(3, 4), Y.middleRows(3, 4));
    add<T>(c, H.bottomRows(5), Y.bottomRows(5));
    Sums left = a;
    merge(left, b);
    merge(left, c);
    merge(b, c);
    merge(a, b);
    CHECK(same(left, all));
    CHECK(same(a, all));
    CHECK(left.n_samples == 12);
  }
}

TEST_CASE("the rounding of a feature is the coarser one after merging") {
  Sums a(2, 1), b(2, 1);
  CHECK(a.feature_rounding.isZero(0));
  a.feature_rounding << 1e-3, 1e-6;
  b.feature_rounding << 1e-4, 1e-5;
  merge(a, b);
  CHECK(identical(a.feature_rounding, Eigen::Vector2d(1e-3, 1e-5)));
}

TEST_CASE_TEMPLATE("a row of weight k counts as k copies and one of weight zero as none", T, float, double) {
  const Matrix<T> H = random_matrix<T>(6, 3, 5);
  const Matrix<T> Y = random_matrix<T>(7, 3, 2);
  Sums weighted(5, 2), copied(5, 2);
  add<T>(weighted, H, Y, Vector<double>(Eigen::Vector3d(3, 0, 1)));
  for (const Index row : {0, 0, 0, 2}) add<T>(copied, H.row(row), Y.row(row));
  CHECK(difference(upper(weighted), upper(copied)) < 4 * epsilon<T>());
  CHECK(difference(weighted.cross, copied.cross) < 4 * epsilon<T>());
  CHECK(difference(weighted.target_squares, copied.target_squares) < 4 * epsilon<T>());
  CHECK(weighted.weight == copied.weight);
}

TEST_CASE("weights overwrite the rows by sqrt(w) times themselves") {
  Matrix<double> H = random_matrix(8, 2, 4);
  const Matrix<double> before = H;
  const Matrix<double> Y = random_matrix(9, 2, 1);
  const Vector<double> w = Eigen::Vector2d(4, 0.25);
  Sums sums(4, 1);
  SumsWorkspace<double> workspace;
  add_rows(sums, span(H), view(Y), no_weights(), workspace);
  CHECK(identical(H, before));
  add_rows(sums, span(H), view(Y), view(w), workspace);
  CHECK(identical(H, Eigen::Vector2d(2, 0.5).asDiagonal() * before));
}

TEST_CASE("the rounding of sums is that of the coarsest block added") {
  Sums exact(2, 1), coarse(2, 1);
  CHECK(exact.roundoff == 0x1p-53);
  add(exact, random_matrix<double>(10, 3, 2), random_matrix<double>(11, 3, 1));
  CHECK(exact.roundoff == 0x1p-53);
  add(coarse, random_matrix<float>(10, 3, 2), random_matrix<float>(11, 3, 1));
  CHECK(coarse.roundoff == 0x1p-24);
  merge(exact, coarse);
  CHECK(exact.roundoff == 0x1p-24);
}

TEST_CASE("an empty block adds nothing whatever the workspace held") {
  Sums sums(4, 1);
  SumsWorkspace<float> workspace;
  workspace.panel.products = Matrix<float>::Constant(4, 4, std::numeric_limits<float>::quiet_NaN());
  Matrix<float> H(0, 4);
  const Matrix<float> Y(0, 1);
  add_rows(sums, span(H), view(Y), no_weights(), workspace);
  CHECK(same(sums, Sums(4, 1)));
}

TEST_CASE("shapes that differ and weights that are negative or not finite are refused before anything is added") {
  Sums sums(3, 2);
  const Matrix<double> H = random_matrix(12, 2, 3);
  const Matrix<double> Y = random_matrix(13, 2, 2);
  CHECK_THROWS_AS(add(sums, random_matrix(14, 2, 4), Y), std::invalid_argument);
  CHECK_THROWS_AS(add(sums, H, random_matrix(14, 3, 2)), std::invalid_argument);
  CHECK_THROWS_AS(add(sums, H, random_matrix(14, 2, 1)), std::invalid_argument);
  CHECK_THROWS_AS(add(sums, H, Y, Vector<double>(Eigen::Vector3d(1, 1, 1))), std::invalid_argument);
  for (const double bad : {-1.0, std::nan(""), HUGE_VAL}) {
    CHECK_THROWS_AS(add(sums, H, Y, Vector<double>(Eigen::Vector2d(1, bad))), std::invalid_argument);
  }
  CHECK_THROWS_AS(merge(sums, Sums(3, 1)), std::invalid_argument);
  CHECK_THROWS_AS(merge(sums, Sums(4, 2)), std::invalid_argument);
  CHECK(same(sums, Sums(3, 2)));
}

#ifdef SSTPL_COUNT_ALLOCATIONS
namespace {
// Large allocations of the second of two equal calls.
template <class T>
int second_call_allocates(Index p, Index n_weights) {
  const KeepThreads keep;
  set_num_threads(1);
  Matrix<T> H = random_matrix<T>(15, 300, p);
  const Matrix<T> Y = random_matrix<T>(16, 300, 3);
  const Vector<double> w = Vector<double>::Ones(n_weights);
  Sums sums(p, 3);
  SumsWorkspace<T> workspace;
  add_rows(sums, span(H), view(Y), view(w), workspace);
  n_large = 0;
  counting = true;
  add_rows(sums, span(H), view(Y), view(w), workspace);
  counting = false;
  return n_large;
}
}  // namespace

TEST_CASE("the second add_rows of the same shape allocates no matrix") {
  if (blas_backend() == "eigen") return;  // whose products allocate their own buffers
  CHECK(second_call_allocates<float>(200, 0) == 0);
  CHECK(second_call_allocates<double>(200, 0) == 0);
  CHECK(second_call_allocates<double>(1100, 0) == 0);
}

TEST_CASE("the second add_rows allocates nothing across panels of float") {
  if (blas_backend() == "eigen") return;  // whose products allocate their own buffers
  CHECK(second_call_allocates<float>(1100, 0) == 0);
}

TEST_CASE_TEMPLATE("the second add_rows allocates nothing for weights", T, float, double) {
  if (blas_backend() == "eigen") return;  // whose products allocate their own buffers
  CHECK(second_call_allocates<T>(200, 300) == 0);
}

TEST_CASE("the allocation counter sees a matrix") {
  n_large = 0;
  counting = true;
  const Matrix<double> X = Matrix<double>::Zero(40, 40);
  counting = false;
  CHECK(X(39, 39) + n_large == 1);
}
#endif

TEST_CASE_TEMPLATE("rows that are added and subtracted were never there, but for what is kept in mind", T, float,
                   double) {
  const Matrix<T> H = whole_matrix<T>(11, 12, 5);
  const Matrix<T> Y = whole_matrix<T>(12, 12, 2);
  Sums all(5, 2), first(5, 2), rest(5, 2);
  add(all, H, Y);
  add<T>(first, H.topRows(7), Y.topRows(7));
  add<T>(rest, H.bottomRows(5), Y.bottomRows(5));
  Sums left = all;
  subtract(left, rest);
  CHECK(same(left, first));
  CHECK(left.n_samples == 7);
  CHECK(left.removed == Vector<double>(upper(rest).diagonal()));
  merge(left, left);
  CHECK(left.removed == Vector<double>(2 * upper(rest).diagonal()));
  CHECK_THROWS_AS(subtract(first, all), std::invalid_argument);
  CHECK_THROWS_AS(subtract(all, Sums(5, 3)), std::invalid_argument);
}

TEST_CASE("a target that every row has the same value of comes from the other sums") {
  const Matrix<double> H = whole_matrix<double>(13, 9, 4);
  const Matrix<double> Y = whole_matrix<double>(14, 9, 2);
  Matrix<double> wider(9, 4);
  wider << Matrix<double>::Constant(9, 1, -3), Y.col(1), Y.col(0), Matrix<double>::Constant(9, 1, -3);
  Sums narrow(4, 2), wide(4, 4);
  add(narrow, H, Y);
  add(wide, H, wider);
  CHECK(same(with_outputs(narrow, {-1, 1, 0, -1}, -3), wide));
  CHECK_THROWS_AS(with_outputs(narrow, {2}, 0), std::invalid_argument);
}
