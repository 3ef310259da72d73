// SPDX-License-Identifier: BSD-3-Clause
#include "helpers.hpp"
#include "sstpl/spectrum.hpp"

using namespace sstpl;
using namespace sstpl::testing;

namespace {

Sums sums_of(const Matrix<double>& H, const Matrix<double>& Y) {
  Sums sums(H.cols(), Y.cols());
  SumsWorkspace<double> workspace;
  Matrix<double> rows = H;
  add_rows(sums, span(rows), view(Y), no_weights(), workspace);
  return sums;
}

}  // namespace

TEST_CASE("leave-one-out errors are those of solves without each row") {
  const Matrix<double> H = random_matrix(1, 24, 5);
  const Matrix<double> Y = random_matrix(2, 24, 2);
  for (const bool intercept : {true, false}) {
    const Sums sums = sums_of(H, Y);
    const RidgeSpectrum spectrum = decompose({&sums}, intercept, -1);
    const double alpha = 0.1;
    std::vector<double> errors(1, 0.0);
    add_loo_errors(spectrum, {alpha}, view(H), view(Y), no_weights(), errors);
    double expected = 0;
    for (Index i = 0; i < H.rows(); ++i) {
      const Matrix<double> others = without_rows(H, i, i + 1);
      Matrix<double> centred = others;
      if (intercept) centred.rowwise() -= others.colwise().mean();
      // The penalty is that of all rows.
      const double same = spectrum.penalty(alpha) * static_cast<double>(H.cols()) / centred.squaredNorm();
      const TrueRidge ridge(others, without_rows(Y, i, i + 1), same, intercept);
      expected += (Y.row(i) - ridge.predict(H.row(i))).squaredNorm();
    }
    CHECK(errors[0] == doctest::Approx(expected).epsilon(1e-9));
  }
}

TEST_CASE("sums in parts have the spectrum of the whole") {
  const Matrix<double> H = random_matrix(3, 30, 6);
  const Matrix<double> Y = random_matrix(4, 30, 1);
  const Sums whole = sums_of(H, Y);
  const Sums first = sums_of(H.topRows(11), Y.topRows(11));
  const Sums second = sums_of(H.bottomRows(19), Y.bottomRows(19));
  const std::vector<double> alphas = {1e-3, 1.0};
  const std::vector<double> expected = gcv_errors(decompose({&whole}, true, -1), alphas);
  const std::vector<double> found = gcv_errors(decompose({&first, &second}, true, -1), alphas);
  for (std::size_t a = 0; a < alphas.size(); ++a) CHECK(found[a] == doctest::Approx(expected[a]).epsilon(1e-10));
}

TEST_CASE("a fit without a degree of freedom left has no finite error") {
  const Matrix<double> H = random_matrix(5, 6, 6);
  const Matrix<double> Y = random_matrix(6, 6, 1);
  const Sums sums = sums_of(H, Y);
  CHECK(std::isinf(gcv_errors(decompose({&sums}, false, -1), {0.0})[0]));
}

TEST_CASE("a spectrum refuses what it cannot use") {
  const Sums sums = sums_of(random_matrix(7, 5, 3), random_matrix(8, 5, 1));
  CHECK_THROWS_AS(decompose({}, true, -1), std::invalid_argument);
  CHECK_THROWS_AS(decompose({&sums}, true, 4), std::invalid_argument);
  const RidgeSpectrum spectrum = decompose({&sums}, true, -1);
  CHECK_THROWS_AS(gcv_errors(spectrum, {-1.0}), std::invalid_argument);
  std::vector<double> errors;
  const Matrix<double> H = random_matrix(7, 5, 3);
  const Matrix<double> Y = random_matrix(8, 5, 1);
  CHECK_THROWS_AS(add_loo_errors(spectrum, {1.0}, view(H), view(Y), no_weights(), errors), std::invalid_argument);
}
