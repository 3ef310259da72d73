// SPDX-License-Identifier: BSD-3-Clause
// Ramps of columns, entry by entry.
#include <algorithm>

#include "helpers.hpp"
#include "sstpl/ramps.hpp"

using namespace sstpl;
using namespace sstpl::testing;

namespace {

Ramps some_ramps() {
  Ramps ramps;
  ramps.columns = {2, 0, 2};
  ramps.low = Vector<double>::Constant(3, -0.5);
  ramps.high = Vector<double>::Constant(3, 1.0);
  ramps.high(1) = std::numeric_limits<double>::infinity();
  ramps.center = random_matrix(1, 3, 1);
  ramps.spread = random_matrix(2, 3, 1).cwiseAbs().array() + 0.1;
  return ramps;
}

}  // namespace

TEST_CASE_TEMPLATE("every entry is clipped, centred and scaled in double", T, float, double) {
  const Ramps ramps = some_ramps();
  const Matrix<T> X = random_matrix<T>(3, 40, 4);
  Matrix<float> single(40, 3);
  Matrix<double> wide(40, 3);
  apply_ramps(ramps, view(X), span(single));
  apply_ramps(ramps, view(X), span(wide));
  for (Index i = 0; i < 40; ++i) {
    for (Index j = 0; j < 3; ++j) {
      const auto x = static_cast<double>(X(i, ramps.columns[static_cast<std::size_t>(j)]));
      const double z = (std::clamp(x, ramps.low(j), ramps.high(j)) - ramps.center(j)) / ramps.spread(j);
      CHECK(wide(i, j) == z);
      CHECK(single(i, j) == static_cast<float>(z));
    }
  }
}

TEST_CASE("threads write the same bits, and strided rows are read in place") {
  const KeepThreads keep;
  const Ramps ramps = some_ramps();
  const Matrix<double> X = random_matrix(4, 60000, 5);
  const MatrixView<double> view_of_some = block(view(X), 0, 0, X.rows(), 4);
  Matrix<double> one(X.rows(), 3), two(X.rows(), 3);
  set_num_threads(1);
  apply_ramps(ramps, view_of_some, span(one));
  set_num_threads(2);
  apply_ramps(ramps, view_of_some, span(two));
  CHECK(identical(one, two));
  CHECK(one(7, 2) == (std::clamp(X(7, 2), -0.5, 1.0) - ramps.center(2)) / ramps.spread(2));
}

namespace {

Shares some_shares() {
  Shares shares;
  shares.columns = {2, 0, 2, 1};
  shares.low = random_matrix(21, 4, 1).array() - 1;
  shares.high = shares.low.array() + 1.5;
  return shares;
}

}  // namespace

TEST_CASE_TEMPLATE("shares are added by their definition, without what is missing", T, float, double) {
  const Shares shares = some_shares();
  Matrix<T> X = random_matrix<T>(22, 50, 3);
  X(7, 2) = std::numeric_limits<T>::quiet_NaN();
  const Vector<double> mean = random_matrix(23, 4, 1), w = random_matrix(24, 50, 1).cwiseAbs();
  for (const bool centred : {false, true}) {
    for (const bool weighted : {false, true}) {
      Vector<double> sums = Vector<double>::Constant(4, 0.5), truth = sums;
      add_shares(shares, view(X), centred ? view(mean) : no_weights(), weighted ? view(w) : no_weights(), sums);
      for (Index i = 0; i < 50; ++i) {
        for (Index j = 0; j < 4; ++j) {
          const auto x = static_cast<double>(X(i, shares.columns[static_cast<std::size_t>(j)]));
          if (std::isnan(x)) continue;
          const double t = (std::clamp(x, shares.low(j), shares.high(j)) - shares.low(j)) / 1.5;
          truth(j) += (weighted ? w(i) : 1.0) * (centred ? (t - mean(j)) * (t - mean(j)) : t);
        }
      }
      CHECK(difference(sums, truth) < 1e-14);
    }
  }
}

TEST_CASE("blocks of rows and threads add shares to the same bits") {
  const KeepThreads keep;
  const Matrix<double> X = random_matrix(25, 60000, 4);
  set_num_threads(1);
  Vector<double> all = Vector<double>::Zero(4), blocks = all, threads = all;
  add_shares(some_shares(), view(X), no_weights(), no_weights(), all);
  for (Index row = 0; row < 60000; row += 20000) {
    add_shares(some_shares(), block(view(X), row, 0, 20000, 4), no_weights(), no_weights(), blocks);
  }
  set_num_threads(3);
  add_shares(some_shares(), view(X), no_weights(), no_weights(), threads);
  CHECK(identical(all, blocks));
  CHECK(identical(all, threads));
}

TEST_CASE("shares that do not fit throw") {
  const Matrix<double> X = random_matrix(26, 5, 3), narrow = random_matrix(27, 5, 2);
  const Vector<double> three = Vector<double>::Ones(3);
  Vector<double> sums = Vector<double>::Zero(4), few = Vector<double>::Zero(3);
  Shares shares = some_shares();
  CHECK_THROWS_AS(add_shares(shares, view(narrow), no_weights(), no_weights(), sums), std::invalid_argument);
  CHECK_THROWS_AS(add_shares(shares, view(X), no_weights(), no_weights(), few), std::invalid_argument);
  CHECK_THROWS_AS(add_shares(shares, view(X), view(three), no_weights(), sums), std::invalid_argument);
  CHECK_THROWS_AS(add_shares(shares, view(X), no_weights(), view(three), sums), std::invalid_argument);
  shares.low.conservativeResize(3);
  CHECK_THROWS_AS(add_shares(shares, view(X), no_weights(), no_weights(), sums), std::invalid_argument);
}

TEST_CASE("ramps that do not fit throw") {
  const Matrix<double> X = random_matrix(5, 4, 3), narrow = random_matrix(6, 4, 2);
  Matrix<double> Z(4, 3), wide(4, 4);
  Ramps ramps = some_ramps();
  CHECK_THROWS_AS(apply_ramps(ramps, view(narrow), span(Z)), std::invalid_argument);
  CHECK_THROWS_AS(apply_ramps(ramps, view(X), span(wide)), std::invalid_argument);
  ramps.high(2) = std::nan("");
  CHECK_THROWS_AS(apply_ramps(ramps, view(X), span(Z)), std::invalid_argument);
  ramps.high(2) = 1;
  ramps.low.conservativeResize(2);
  CHECK_THROWS_AS(apply_ramps(ramps, view(X), span(Z)), std::invalid_argument);
}
