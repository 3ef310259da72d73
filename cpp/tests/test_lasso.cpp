// SPDX-License-Identifier: BSD-3-Clause
// FISTA against the optimality conditions of the lasso, which need no second solver.
#include <Eigen/Eigenvalues>
#include <algorithm>

#include "helpers.hpp"
#include "sstpl/lasso.hpp"

using namespace sstpl;
using namespace sstpl::testing;

namespace {

struct Problem {
  explicit Problem(double correlation) : R(random_matrix(1, 80, 15)), F(random_matrix(2, 80, 4)) {
    R.rightCols(14) += correlation * R.leftCols(14).eval();
    G = R.transpose() * R;
    B = R.transpose() * F;
  }
  Matrix<double> solve(const LassoOptions& options) { return solve_lasso(G, B, options, report, no_checkpoint()); }
  // 1/2 ||R D - F||^2 + mu ||D||_1 - 1/2 ||F||^2, by the definition.
  double objective(const Matrix<double>& D) const {
    return 0.5 * (R * D - F).squaredNorm() + report.penalty * D.cwiseAbs().sum() - 0.5 * F.squaredNorm();
  }
  Matrix<double> R, F, G, B;
  LassoReport report;
};

constexpr LassoOptions to_convergence(double alpha) { return {alpha, 20000, 1e-13}; }

}  // namespace

TEST_CASE("at convergence the optimality conditions hold") {
  for (const double correlation : {0.0, 5.0}) {
    for (const double alpha : {1e-3, 0.1, 0.7}) {
      CAPTURE(correlation);
      CAPTURE(alpha);
      Problem problem(correlation);
      const Matrix<double> D = problem.solve(to_convergence(alpha));
      const double mu = problem.report.penalty;
      CHECK(problem.report.converged);
      CHECK(mu == doctest::Approx(alpha * problem.B.cwiseAbs().maxCoeff()));
      const Matrix<double> gradient = problem.G * D - problem.B;
      double worst = 0;
      Index n_zero = 0;
      for (Index i = 0; i < D.size(); ++i) {
        const double d = D.data()[i];
        const double g = gradient.data()[i];
        worst = std::max(worst, d == 0 ? std::abs(g) - mu : std::abs(g + std::copysign(mu, d)));
        n_zero += d == 0 ? 1 : 0;
      }
      CHECK(worst < 1e-5 * mu);
      if (alpha > 0.05) CHECK(n_zero > 0);
    }
  }
}

TEST_CASE("the objective is that of the definition and never increases") {
  for (const double correlation : {0.0, 5.0}) {
    for (const double alpha : {0.0, 1e-3, 0.3}) {
      Problem problem(correlation);
      const Matrix<double> D = problem.solve({alpha, 300, 0.0});
      const std::vector<double>& values = problem.report.objective;
      REQUIRE(!values.empty());
      CHECK(std::is_sorted(values.rbegin(), values.rend()));
      CHECK(values.front() <= 0);  // no worse than D = 0, where it starts
      CHECK(values.back() == doctest::Approx(problem.objective(D)));
      CHECK(problem.report.n_iter <= 300);
      CHECK(static_cast<Index>(values.size()) == problem.report.n_iter);
    }
  }
}

TEST_CASE("alpha = 1 is the least penalty with D = 0") {
  Problem problem(1);
  CHECK(problem.solve(to_convergence(1)).isZero(0));
  CHECK(problem.report.converged);
  CHECK_FALSE(problem.solve(to_convergence(0.99)).isZero(0));
  CHECK(problem.solve(to_convergence(2)).isZero(0));
}

TEST_CASE("alpha = 0 is least squares") {
  Problem problem(0.5);
  const Matrix<double> D = problem.solve(to_convergence(0));
  CHECK(difference(D, problem.R.colPivHouseholderQr().solve(problem.F)) < 1e-7);
}

TEST_CASE("orthonormal columns are solved by one soft threshold") {
  Problem problem(0);
  problem.G.setIdentity();
  const Matrix<double> D = problem.solve(to_convergence(0.2));
  const double mu = problem.report.penalty;
  const Matrix<double> expected =
      problem.B.unaryExpr([&](double b) { return std::copysign(std::max(std::abs(b) - mu, 0.0), b); });
  CHECK(difference(D, expected) < 1e-7);
}

TEST_CASE("L is the largest eigenvalue from above by a few percent") {
  for (const double correlation : {0.0, 5.0}) {
    Problem problem(correlation);
    problem.solve(to_convergence(0.1));
    const double largest = Eigen::SelfAdjointEigenSolver<Matrix<double>>(problem.G).eigenvalues().maxCoeff();
    CHECK(problem.report.lipschitz >= largest);
    CHECK(problem.report.lipschitz < 1.1 * largest);
  }
}

TEST_CASE("a loose tolerance stops early and a cap on iterations is no convergence") {
  Problem problem(5);
  problem.solve({1e-3, 20000, 1e-2});
  CHECK(problem.report.converged);
  const Index loose = problem.report.n_iter;
  problem.solve({1e-3, 20000, 1e-6});
  CHECK(problem.report.n_iter > loose);
  problem.solve({1e-3, 2, 1e-12});
  CHECK(problem.report.n_iter == 2);
  CHECK_FALSE(problem.report.converged);
}

TEST_CASE("a code of zeros has D = 0, and mistakes are refused") {
  Problem problem(0);
  problem.G.setZero();
  problem.B.setZero();
  CHECK(problem.solve({}).isZero(0));
  CHECK(problem.report.converged);
  for (const double bad : {-0.1, std::nan(""), HUGE_VAL}) {
    CHECK_THROWS_AS(problem.solve({bad, 10, 1e-4}), std::invalid_argument);
  }
  CHECK_THROWS_AS(problem.solve({0.1, 0, 1e-4}), std::invalid_argument);
  CHECK_THROWS_AS(problem.solve({0.1, 10, -1.0}), std::invalid_argument);
  problem.B(0, 0) = std::nan("");
  CHECK_THROWS_AS(problem.solve({}), std::invalid_argument);
  problem.G.resize(14, 14);
  CHECK_THROWS_AS(problem.solve({}), std::invalid_argument);
  Problem stopped(0);
  const Checkpoint stop = [] { throw std::runtime_error("interrupted"); };
  CHECK_THROWS_WITH(solve_lasso(stopped.G, stopped.B, {}, stopped.report, stop), "interrupted");
}
