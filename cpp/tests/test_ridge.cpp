// SPDX-License-Identifier: BSD-3-Clause
// The one solver against least squares by QR on the rows, and the identities that need no oracle at all.
#include <algorithm>

#include "helpers.hpp"
#include "sstpl/errors.hpp"
#include "sstpl/ridge.hpp"

using namespace sstpl;
using namespace sstpl::testing;

namespace {

template <class T>
Sums sums_of(Matrix<T> H, const Matrix<T>& Y, const Vector<double>& weights = Vector<double>()) {
  Sums sums(H.cols(), Y.cols());
  SumsWorkspace<T> workspace;
  add_rows(sums, span(H), view(Y), view(weights), workspace);
  return sums;
}

RidgeSolution solve(const Sums& sums, double alpha, bool intercept = true, Index n_features = -1) {
  Matrix<double> work;
  return solve_ridge({{&sums}}, alpha, intercept, work, n_features);
}

std::vector<double> errors_of(const std::vector<Sums>& folds, const std::vector<double>& alphas, bool intercept = true,
                              Index n_features = -1) {
  std::vector<const Sums*> parts;
  for (const Sums& fold : folds) parts.push_back(&fold);
  return heldout_errors(parts, nullptr, alphas, intercept, n_features, no_checkpoint());
}

RidgeSolution solve_dual(const Matrix<double>& H, const Matrix<double>& Y, double alpha, bool intercept,
                         Index skip_from = 0, Index skip_to = 0, const Vector<double>& weights = {}) {
  Matrix<double> work;
  const Matrix<double> K = H * H.transpose();
  const VectorView<double> w(weights.data(), weights.size());
  return solve_ridge_dual(view(H), K, view(Y), w, skip_from, skip_to, alpha, intercept, 0.0, work);
}

// Four columns of which the third is constant, and targets with a mean.
template <class T>
struct ConstantColumn {
  ConstantColumn(Index n, double value) : H(random_matrix<T>(24, n, 4)), Y(random_matrix<T>(25, n, 1).array() + T(2)) {
    H.col(2).setConstant(static_cast<T>(value));
  }
  Matrix<T> H, Y;
};

}  // namespace

TEST_CASE_TEMPLATE("a solution zeroes the gradient: H'(Y - HW - b) = lambda W", T, float, double) {
  for (const bool intercept : {false, true}) {
    const Matrix<T> H = random_matrix<T>(1, 60, 12).array() + T(0.5);
    const Matrix<T> Y = random_matrix<T>(2, 60, 3);
    const RidgeSolution found = solve(sums_of(H, Y), 0.1, intercept);
    const Matrix<double> h = H.template cast<double>();
    const Matrix<double> residual = Y.template cast<double>() - ((h * found.W).rowwise() + found.intercept.transpose());
    CHECK(difference(h.transpose() * residual, found.report.penalty * found.W) < 200 * epsilon<T>());
    if (intercept) CHECK(residual.colwise().sum().norm() < 200 * epsilon<T>());
    const TrueRidge truth(h, Y.template cast<double>(), 0.1, intercept);
    CHECK(difference(found.W, truth.W) < 50 * epsilon<T>());
    CHECK(difference(found.intercept, truth.b) < 50 * epsilon<T>());
    CHECK(found.report.penalty == doctest::Approx(truth.penalty));
    CHECK(found.report.solver == Solver::cholesky);
    CHECK(found.report.rank == 12);
  }
}

TEST_CASE("rows stacked twice double the penalty and columns stacked twice halve the weights") {
  const Matrix<double> H = random_matrix(3, 30, 6);
  const Matrix<double> Y = random_matrix(4, 30, 2);
  const RidgeSolution once = solve(sums_of(H, Y), 0.2);
  Matrix<double> HH(60, 6), YY(60, 2), wide(30, 12);
  HH << H, H;
  YY << Y, Y;
  wide << H, H;
  const RidgeSolution twice = solve(sums_of(HH, YY), 0.2);
  CHECK(twice.report.penalty == doctest::Approx(2 * once.report.penalty));
  CHECK(difference(twice.W, once.W) < 1e-12);
  const RidgeSolution beside = solve(sums_of(wide, Y), 0.4);  // tr(G) and p both double, so alpha must
  CHECK(difference(beside.W.topRows(6), once.W / 2) < 1e-12);
  CHECK(difference(beside.W.bottomRows(6), once.W / 2) < 1e-12);
  const Sums sums = sums_of(H, Y);
  Matrix<double> work;
  CHECK(difference(solve_ridge({{&sums, &sums}}, 0.2, true, work).W, once.W) < 1e-12);
  CHECK(difference(solve(sums_of<double>(H, 5 * Y), 0.2).W, 5 * once.W) < 1e-12);
}

TEST_CASE_TEMPLATE("a fold is subtracted from the whole as if the others were added up", T, float, double) {
  const Sums one = sums_of(random_matrix<T>(41, 40, 6), random_matrix<T>(42, 40, 2));
  const Sums two = sums_of(random_matrix<T>(43, 50, 6), random_matrix<T>(44, 50, 2));
  Sums whole = one;
  merge(whole, two);
  Matrix<double> work;
  for (const bool intercept : {true, false}) {
    const RidgeSolution alone = solve_ridge({{&two}}, 0.1, intercept, work);
    const RidgeSolution less = solve_ridge({{&two}, &whole, &one}, 0.1, intercept, work);
    CHECK(difference(less.W, alone.W) < 1e-12);
    CHECK(difference(less.intercept, alone.intercept) < 1e-12);
    const RidgeSolution both = solve_ridge({{&one, &two}, &whole}, 0.1, intercept, work);
    CHECK(difference(both.W, solve_ridge({{&one, &two}}, 0.1, intercept, work).W) < 1e-12);
  }
}

TEST_CASE("a fold that holds nearly all of a column is not subtracted, which would leave rounding") {
  Matrix<double> H = random_matrix(45, 40, 3);
  const Sums two = sums_of(H, random_matrix(46, 40, 1));
  H.col(1) *= 1e9;
  const Sums one = sums_of(H, random_matrix(47, 40, 1));
  Sums whole = one;
  merge(whole, two);
  Matrix<double> work;
  const RidgeSolution alone = solve_ridge({{&two}}, 0.1, true, work);
  CHECK(identical(solve_ridge({{&two}, &whole, &one}, 0.1, true, work).W, alone.W));
}

TEST_CASE("weighted rows give weighted least squares") {
  const Matrix<double> H = random_matrix(5, 40, 5);
  const Matrix<double> Y = random_matrix(6, 40, 2);
  const Vector<double> w = random_matrix(7, 40, 1).cwiseAbs();
  const RidgeSolution found = solve(sums_of(H, Y, w), 1e-3);
  const TrueRidge truth(H, Y, 1e-3, true, w);
  CHECK(difference(found.W, truth.W) < 1e-12);
  CHECK(difference(found.intercept, truth.b) < 1e-12);
}

TEST_CASE("primal and dual agree with least squares for n = p - 1, p and p + 1") {
  for (const Index n : {9, 10, 11}) {
    for (const bool intercept : {false, true}) {
      CAPTURE(n);
      CAPTURE(intercept);
      const Matrix<double> H = random_matrix(8, n, 10);
      const Matrix<double> Y = random_matrix(9, n, 2);
      const TrueRidge truth(H, Y, 1e-3, intercept);
      const RidgeSolution primal = solve(sums_of(H, Y), 1e-3, intercept);
      const RidgeSolution dual = solve_dual(H, Y, 1e-3, intercept);
      CHECK(difference(primal.W, truth.W) < 1e-9);
      CHECK(difference(dual.W, truth.W) < 1e-9);
      CHECK(difference(primal.intercept, truth.b) < 1e-9);
      CHECK(difference(dual.intercept, truth.b) < 1e-9);
      CHECK(dual.report.penalty == doctest::Approx(truth.penalty));
      const RidgeSolution skipping = solve_dual(H, Y, 1e-3, intercept, 2, 5);
      const TrueRidge rest(without_rows(H, 2, 5), without_rows(Y, 2, 5), 1e-3, intercept);
      CHECK(difference(skipping.W, rest.W) < 1e-9);
      CHECK(difference(skipping.intercept, rest.b) < 1e-9);
    }
  }
}

TEST_CASE("without a penalty a rank-deficient problem has the minimum-norm solution, its rank and solver eigen") {
  const Matrix<double> H = random_matrix(10, 40, 4) * random_matrix(11, 4, 9);
  const Matrix<double> Y = random_matrix(12, 40, 2);
  for (const bool intercept : {false, true}) {
    const TrueRidge truth(H, Y, 0, intercept);
    for (const RidgeSolution& found : {solve(sums_of(H, Y), 0, intercept), solve_dual(H, Y, 0, intercept)}) {
      CHECK(found.report.solver == Solver::eigen);
      CHECK(found.report.rank == 4);
      CHECK(found.report.rcond < 1e-12);
      CHECK(difference(found.W, truth.W) < 1e-9);
    }
  }
}

TEST_CASE("float sums of 300 features of rank 20 have rank 20") {
  const Matrix<float> H = (random_matrix(13, 1000, 20) * random_matrix(14, 20, 300)).cast<float>();
  const Matrix<float> Y = random_matrix<float>(15, 1000, 1);
  const RidgeSolution found = solve(sums_of(H, Y), 0);
  CHECK(found.report.solver == Solver::eigen);
  CHECK(found.report.rank == 20);
  const TrueRidge truth(H.cast<double>().leftCols(20), Y.cast<double>(), 0, true);  // the same column space
  const Matrix<double> scores = (H.cast<double>() * found.W).rowwise() + found.intercept.transpose();
  CHECK(difference(scores, truth.predict(H.cast<double>().leftCols(20))) < 1e-3);
}

TEST_CASE("held-out errors from sums are those of explicit folds, for every alpha and leading width") {
  const Matrix<double> H = random_matrix(16, 50, 8).array() + 1;
  const Matrix<double> Y = random_matrix(17, 50, 2);
  const Vector<double> w = random_matrix(18, 50, 1).cwiseAbs();
  const std::vector<Index> starts = {0, 14, 30, 50};
  const std::vector<double> alphas = {1e-6, 1e-2, 1};
  for (const bool intercept : {false, true}) {
    for (const Index width : {3, 8}) {
      std::vector<Sums> folds;
      std::vector<double> expected(alphas.size(), 0.0);
      for (std::size_t k = 0; k < 3; ++k) {
        const Index from = starts[k], to = starts[k + 1];
        folds.push_back(
            sums_of<double>(H.middleRows(from, to - from), Y.middleRows(from, to - from), w.segment(from, to - from)));
        const Vector<double> rest = without_rows(w, from, to);
        for (std::size_t a = 0; a < alphas.size(); ++a) {
          const TrueRidge fit(without_rows(H.leftCols(width), from, to), without_rows(Y, from, to), alphas[a],
                              intercept, rest);
          const Matrix<double> residual = Y - fit.predict(H.leftCols(width));
          for (Index i = from; i < to; ++i) expected[a] += w(i) * residual.row(i).squaredNorm() / w.sum();
        }
      }
      for (std::size_t a = 0; a < alphas.size(); ++a) {  // one alone is always looked at
        CHECK(errors_of(folds, {alphas[a]}, intercept, width)[0] == doctest::Approx(expected[a]).epsilon(1e-10));
      }
    }
  }
}

TEST_CASE("held-out errors are infinite where Cholesky is refused") {
  const Matrix<double> H = random_matrix(19, 20, 2) * random_matrix(20, 2, 5);
  const Sums sums = sums_of(H, random_matrix(21, 20, 1));
  const std::vector<double> errors = errors_of({sums, sums}, {0.0, 1e-3});
  CHECK(std::isinf(errors[0]));
  CHECK(std::isfinite(errors[1]));
}

TEST_CASE("leading columns of the sums give the ridge of those columns") {
  const Matrix<double> H = random_matrix(22, 30, 1100);
  const Matrix<double> Y = random_matrix(23, 30, 1);
  const RidgeSolution found = solve(sums_of(H, Y), 1e-2, true, 600);
  CHECK(difference(found.W, TrueRidge(H.leftCols(600), Y, 1e-2, true).W) < 1e-10);
}

TEST_CASE("features left out have weight zero, and the others the ridge of their own") {
  const Matrix<double> X = random_matrix(1, 50, 8), Y = random_matrix(2, 50, 2);
  const Sums sums = sums_of(X, Y);
  const std::vector<Index> left_out = {1, 6, 7}, others = {0, 2, 3, 4, 5};
  SumsOf some{{&sums}};
  some.left_out = &left_out;
  Matrix<double> work;
  for (const bool intercept : {true, false}) {
    const RidgeSolution solution = solve_ridge(some, 1e-2, intercept, work);
    const TrueRidge own(X(Eigen::all, others), Y, 1e-2, intercept);
    CHECK(difference(solution.W(others, Eigen::all), own.W) < 1e-12);
    CHECK((solution.W(left_out, Eigen::all).array() == 0).all());
    CHECK(solution.scale.size() == 0);
    const RidgeSolution leading = solve_ridge(some, 1e-2, intercept, work, 3);
    const TrueRidge of_leading(X(Eigen::all, std::vector<Index>{0, 2}), Y, 1e-2, intercept);
    CHECK(difference(leading.W(std::vector<Index>{0, 2}, Eigen::all), of_leading.W) < 1e-12);
  }
  const Sums fold = sums_of(random_matrix(3, 20, 8), random_matrix(4, 20, 2));
  const std::vector<double> errors =
      heldout_errors({&sums, &fold}, nullptr, {1e-2}, true, -1, no_checkpoint(), {left_out, {}});
  CHECK(errors[0] > 0);
  CHECK_THROWS_AS(heldout_errors({&sums, &fold}, nullptr, {1e-2}, true, -1, no_checkpoint(), {left_out}),
                  std::invalid_argument);
  const std::vector<Index> negative = {-1};
  some.left_out = &negative;
  CHECK_THROWS_AS(solve_ridge(some, 1e-2, true, work), std::invalid_argument);
}

TEST_CASE_TEMPLATE("a constant column gets no weight beside an intercept and a penalty", T, float, double) {
  for (const double value : {0.0, 0.1, 3.7}) {
    CAPTURE(value);
    const ConstantColumn<T> problem(50, value);
    const RidgeSolution found = solve(sums_of(problem.H, problem.Y), 1e-2);
    CHECK(std::abs(found.W(2, 0)) < 1e5 * epsilon<T>());
    const TrueRidge truth(problem.H.template cast<double>(), problem.Y.template cast<double>(), 1e-2, true);
    CHECK(difference(found.W, truth.W) < 1e6 * epsilon<T>());
  }
}

// What centring leaves of a constant column grows with the rows: about n / 3 roundings in double.
TEST_CASE_TEMPLATE("a constant column gets no weight without a penalty", T, float, double) {
  // Eigen's float products keep one running total per entry, whose rounding exceeds the bound of the blocked kernels.
  if (blas_backend() == "eigen" && sizeof(T) == 4) return;
  const ConstantColumn<T> problem(1000, 0.1);
  CHECK(std::abs(solve(sums_of(problem.H, problem.Y), 0).W(2, 0)) < 1e-3);
}

TEST_CASE("where every feature is constant the solution is the mean of the targets") {
  const Matrix<double> H = Matrix<double>::Constant(9, 12, 0.1), Y = random_matrix(41, 9, 2);
  for (const RidgeSolution& found : {solve(sums_of(H, Y), 1e-3), solve_dual(H, Y, 1e-3, true)}) {
    CHECK(found.W.isZero(0));
    CHECK(difference(found.intercept, Y.colwise().mean().transpose()) < 1e-14);
  }
}

TEST_CASE("the dual keeps as many digits as the primal where the features have a mean") {
  const Matrix<double> H = random_matrix(39, 30, 50).array() + 100;
  const Matrix<double> Y = random_matrix(40, 30, 1);
  const TrueRidge truth(H, Y, 1e-4, true);
  CHECK(difference(solve(sums_of(H, Y), 1e-4).intercept, truth.b) < 1e-4);
  CHECK(difference(solve_dual(H, Y, 1e-4, true).intercept, truth.b) < 1e-4);
}

TEST_CASE("the weights shrink as alpha grows, and vanish") {
  const Sums sums = sums_of(random_matrix(26, 30, 6), random_matrix(27, 30, 2));
  double before = HUGE_VAL;
  for (const double alpha : {0.0, 1e-3, 1e-1, 10.0, 1e6, 1e12}) {
    const double norm = solve(sums, alpha).W.norm();
    CHECK(norm <= before);
    before = norm;
  }
  CHECK(before < 1e-10);
}

TEST_CASE("the smallest problems are solved") {
  const Matrix<double> one = Matrix<double>::Constant(1, 1, 2.0);
  CHECK(solve(sums_of(one, one), 1.0, false).W(0, 0) == doctest::Approx(0.5));  // 4 / (4 + 4)
  CHECK(solve(sums_of(one, one), 0.0, true).intercept(0) == doctest::Approx(2));
  const Sums zeros = sums_of<double>(random_matrix(28, 9, 3), Matrix<double>::Zero(9, 2));
  CHECK(solve(zeros, 1e-3).W.isZero(0));
  CHECK(solve(Sums(3, 2), 1e-3).W.isZero(0));  // no rows at all
  CHECK(solve(Sums(0, 2), 1e-3).W.size() == 0);
}

TEST_CASE("features and targets that are not finite raise LinAlgError") {
  const Matrix<double> fine = random_matrix(29, 12, 3), Y = random_matrix(30, 12, 1);
  for (const double bad : {std::nan(""), HUGE_VAL, 1e200}) {
    Matrix<double> H = fine;
    H(4, 1) = bad;
    CHECK_THROWS_WITH_AS(solve(sums_of(H, Y), 1e-3), doctest::Contains("not finite"), LinAlgError);
    CHECK_THROWS_WITH_AS(solve_dual(H, Y, 1e-3, true), doctest::Contains("not finite"), LinAlgError);
    CHECK_THROWS_AS(errors_of({sums_of(H, Y), sums_of(H, Y)}, {1e-3}), LinAlgError);
  }
  for (const double bad : {std::nan(""), HUGE_VAL}) {
    Matrix<double> y = Y;
    y(2, 0) = bad;
    CHECK_THROWS_AS(solve(sums_of(fine, y), 1e-3), LinAlgError);
    CHECK_THROWS_AS(solve_dual(fine, y, 1e-3, true), LinAlgError);
  }
}

TEST_CASE("a checkpoint that throws ends held-out errors") {
  const Sums sums = sums_of(random_matrix(34, 12, 3), random_matrix(35, 12, 1));
  const Checkpoint stop = [] { throw LinAlgError("stop"); };
  CHECK_THROWS_AS(heldout_errors({&sums, &sums}, nullptr, {1.0}, true, -1, stop), LinAlgError);
}

TEST_CASE("alphas that are negative or not finite and shapes that differ throw invalid_argument") {
  const Matrix<double> H = random_matrix(31, 12, 3);
  const Matrix<double> Y = random_matrix(32, 12, 1);
  const Sums sums = sums_of(H, Y), other(4, 1);
  Matrix<double> work;
  for (const double bad : {-1e-9, std::nan(""), HUGE_VAL}) {
    CHECK_THROWS_AS(solve(sums, bad), std::invalid_argument);
    CHECK_THROWS_AS(errors_of({sums, sums}, {bad}), std::invalid_argument);
    CHECK_THROWS_AS(solve_dual(H, Y, bad, true), std::invalid_argument);
  }
  CHECK_THROWS_AS(solve_ridge({}, 1.0, true, work), std::invalid_argument);
  CHECK_THROWS_AS(solve_ridge({{&sums, &other}}, 1.0, true, work), std::invalid_argument);
  CHECK_THROWS_AS(solve(sums, 1.0, true, 4), std::invalid_argument);
  CHECK_THROWS_AS(errors_of({sums}, {1.0}), std::invalid_argument);
  CHECK_THROWS_AS(errors_of({sums, other}, {1.0}), std::invalid_argument);
  CHECK_THROWS_AS(solve_dual(H, random_matrix(33, 11, 1), 1.0, true), std::invalid_argument);
  CHECK_THROWS_AS(solve_dual(H, Y, 1.0, true, 0, 12), std::invalid_argument);
  CHECK_THROWS_AS(solve_dual(H, Y, 1.0, true, 5, 4), std::invalid_argument);
}

TEST_CASE_TEMPLATE("a transposed pseudoinverse meets the Moore-Penrose conditions", T, float, double) {
  const Matrix<double> wide = random_matrix(34, 5, 12);
  const Matrix<double> deficient = random_matrix(35, 9, 3) * random_matrix(36, 3, 7);
  Matrix<double> dead = wide;
  dead.row(2).setZero();
  for (const Matrix<double>& shape : {wide, Matrix<double>(wide.transpose()), random_matrix(37, 6, 6), deficient,
                                      Matrix<double>(deficient.transpose()), dead, Matrix<double>(dead.transpose()),
                                      random_matrix(38, 1, 1), Matrix<double>(Matrix<double>::Zero(3, 2))}) {
    CAPTURE(shape.rows());
    CAPTURE(shape.cols());
    const Matrix<T> A = shape.template cast<T>();
    const Matrix<double> M = A.template cast<double>().transpose();
    const Matrix<double> P = transposed_pseudoinverse(view(A)).template cast<double>();
    const double tolerance = 2000 * epsilon<T>();
    CHECK(difference(M * P * M, M) < tolerance);
    CHECK(difference(P * M * P, P) < tolerance);
    CHECK(difference((M * P).transpose(), M * P) < tolerance);
    CHECK(difference((P * M).transpose(), P * M) < tolerance);
  }
}

TEST_CASE("a column of which nothing but rounding is left after rows were taken away has weight zero") {
  Matrix<double> H = random_matrix(41, 40, 3);
  H.col(1).tail(20).setConstant(0.1);
  H.col(1).head(20) *= 1e3;
  const Matrix<double> Y = random_matrix(42, 40, 1);
  Sums sums = sums_of<double>(H, Y);
  subtract(sums, sums_of<double>(H.topRows(20), Y.topRows(20)));
  const RidgeSolution found = solve(sums, 1e-6);
  CHECK(found.W(1, 0) == 0.0);
  const RidgeSolution fresh = solve(sums_of<double>(H.bottomRows(20), Y.bottomRows(20)), 1e-6);
  CHECK(difference(found.W, fresh.W) < 1e-9);
}

TEST_CASE("a row of weight two in the dual form is two rows, whichever are left out") {
  const Matrix<double> H = random_matrix(5, 6, 9);
  const Matrix<double> Y = random_matrix(6, 6, 2);
  Vector<double> weights(6);
  weights << 1, 2, 1, 1, 2, 1;
  Matrix<double> copies(8, 9), targets(8, 2);
  copies << H.topRows(2), H.middleRows(1, 4), H.bottomRows(2);
  targets << Y.topRows(2), Y.middleRows(1, 4), Y.bottomRows(2);
  for (const bool intercept : {true, false}) {
    const RidgeSolution all = solve_dual(copies, targets, 0.1, intercept);
    const RidgeSolution weighted = solve_dual(H, Y, 0.1, intercept, 0, 0, weights);
    CHECK((weighted.W - all.W).norm() < 1e-12);
    CHECK((weighted.intercept - all.intercept).norm() < 1e-12);
    const RidgeSolution part = solve_dual(copies, targets, 0.1, intercept, 1, 4);  // without rows 1 and 2 of H
    const RidgeSolution part_weighted = solve_dual(H, Y, 0.1, intercept, 1, 3, weights);
    CHECK((part_weighted.W - part.W).norm() < 1e-12);
    CHECK((part_weighted.intercept - part.intercept).norm() < 1e-12);
  }
  CHECK_THROWS_AS(solve_dual(H, Y, 0.1, true, 0, 0, Vector<double>::Ones(5)), std::invalid_argument);
}
