// SPDX-License-Identifier: BSD-3-Clause
// Units that are centers: which rows they are, what they compute, and that no row is scored by a unit of its fold.
#include <algorithm>
#include <numeric>

#include "helpers.hpp"
#include "sstpl/centers.hpp"
#include "sstpl/stack.hpp"

using namespace sstpl;
using namespace sstpl::testing;

namespace {

HiddenOptions centers(Index p) {
  HiddenOptions options;
  options.weights = HiddenWeights::centers;
  options.n_hidden = p;
  options.stream = {7, 1};
  return options;
}

template <class T>
HiddenLayer<T> draw(const Matrix<T>& X, Index p) {
  return draw_hidden(centers(p), Inputs<T>(view(X)));
}

}  // namespace

TEST_CASE_TEMPLATE("centers are rows, each once before any comes again, and units fall with the distance", T, float,
                   double) {
  const Matrix<T> X = random_matrix<T>(3, 40, 6);
  const HiddenLayer<T> layer = draw<T>(X, 100);
  CHECK(layer.activation == Activation::distance);
  std::vector<int> drawn(40, 0);
  for (Index unit = 0; unit < 100; ++unit) {
    for (Index row = 0; row < 40; ++row) {
      if (layer.weights.row(unit) == X.row(row)) ++drawn[static_cast<std::size_t>(row)];
    }
  }
  CHECK(*std::min_element(drawn.begin(), drawn.end()) == 2);
  CHECK(*std::max_element(drawn.begin(), drawn.end()) == 3);
  CHECK(identical(draw<T>(X, 25).weights, Matrix<T>(layer.weights.topRows(25))));

  const Matrix<double> exact = X.template cast<double>();
  const double variance = (exact.rowwise() - exact.colwise().mean()).rowwise().squaredNorm().mean();
  CHECK(layer.bias(0) == doctest::Approx(1 / (2 * std::sqrt(variance))).epsilon(1e-6));
  const Matrix<T> Z = random_matrix<T>(4, 33, 6);
  const Vector<T> shift = random_matrix<T>(5, 100, 1);
  Matrix<T> H(33, 100);
  apply_hidden(view(layer), view(Z), view(shift), span(H));
  double most = 0;
  for (Index i = 0; i < 33; ++i) {
    for (Index unit = 0; unit < 100; ++unit) {
      const double distance = (Z.row(i) - layer.weights.row(unit)).template cast<double>().norm();
      const double scaled = std::pow(static_cast<double>(layer.bias(unit)) * distance, 2) + 1.0 / 4096;
      const double want = std::exp(-std::sqrt(scaled)) - static_cast<double>(shift(unit));
      most = std::max(most, std::abs(static_cast<double>(H(i, unit)) - want));
    }
  }
  CHECK(most < 50 * epsilon<T>());
}

TEST_CASE("rows of larger weight are centers earlier, and rows of no weight last") {
  const Matrix<double> X = Vector<double>::LinSpaced(50, 0, 49);
  HiddenOptions options;
  options.weights = HiddenWeights::centers;
  options.n_hidden = 25;
  Vector<double> heavy = Vector<double>::Zero(2);
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    options.stream = {seed, 0};
    options.row_weights.assign(50, 1.0);
    for (std::size_t i = 0; i < 10; ++i) options.row_weights[i] = 0.0;
    for (std::size_t i = 40; i < 50; ++i) options.row_weights[i] = 5.0;
    const HiddenLayer<double> layer = draw_hidden(options, Inputs<double>(view(X)));
    CHECK(layer.weights.minCoeff() >= 10);
    heavy(0) += static_cast<double>((layer.weights.array() >= 40).count()) / (200 * 10);
    heavy(1) += static_cast<double>((layer.weights.array() < 40).count()) / (200 * 30);
  }
  CHECK(heavy(0) > 0.9);
  CHECK(heavy(1) < 0.55);
}

TEST_CASE("centers of rows elsewhere are those of a draw") {
  const Matrix<double> X = random_matrix(3, 40, 6);
  for (const Index p : {1, 25, 40, 90}) {
    const HiddenLayer<double> layer = draw(X, p);
    const std::vector<Index> rows = draw_centers(centers(p), 40);
    CHECK(rows == layer.center_rows);
    Matrix<double> fetched(p, 6);
    for (Index unit = 0; unit < p; ++unit) fetched.row(unit) = X.row(rows[static_cast<std::size_t>(unit)]);
    const HiddenLayer<double> made = center_layer(view(fetched), std::min<Index>(p, 40));
    CHECK(identical(made.weights, layer.weights));
    CHECK(identical(made.bias, layer.bias));
    CHECK(made.activation == layer.activation);
  }
}

TEST_CASE("rows that are all alike make finite units") {
  const Matrix<double> X = Matrix<double>::Constant(5, 2, 3.0);
  CHECK(identical(draw(X, 7).bias, Vector<double>::Ones(7)));
}

TEST_CASE("every unit is of the fold of its row") {
  const std::vector<std::vector<Index>> units = units_of_folds({4, 0, 9, 3, 4}, {0, 3, 5, 10});
  REQUIRE(units.size() == 3);
  CHECK(units[0] == std::vector<Index>{1});
  CHECK(units[1] == std::vector<Index>{0, 3, 4});
  CHECK(units[2] == std::vector<Index>{2});
  CHECK(units_of_folds({}, {0, 3, 5}).empty());
  CHECK(units_of_folds({1}, {}).empty());
  CHECK_THROWS_AS(units_of_folds({10}, {0, 3, 10}), std::invalid_argument);
}

TEST_CASE_TEMPLATE("a fold is scored by the ridge of the other rows on the units of the other rows", T, float, double) {
  const Matrix<T> X = random_matrix<T>(1, 60, 3), Y = random_matrix<T>(2, 60, 2);
  for (const Index p : {40, 60, 100}) {  // fewer centers than rows, all rows, some rows twice
    CAPTURE(p);
    CrossfitOptions options;
    options.alphas = {1e-2};
    options.fold_starts = {0, 17, 40, 60};
    const Level<T> level =
        fit_level<T>(Inputs<T>(view(X)), nullptr, centers(p), view(Y), no_weights(), options, no_checkpoint());
    CHECK_FALSE(level.readout.report.dual);
    Matrix<T> features(60, p);
    apply_hidden(view(level.hidden), view(X), view(Vector<T>::Zero(p).eval()), span(features));
    const Matrix<double> H = features.template cast<double>(), y = Y.template cast<double>();
    for (std::size_t k = 0; k < 3; ++k) {
      const Index from = options.fold_starts[k], to = options.fold_starts[k + 1];
      std::vector<Index> others;
      for (Index unit = 0; unit < p; ++unit) {
        const Index row = level.hidden.center_rows[static_cast<std::size_t>(unit)];
        if (row < from || row >= to) others.push_back(unit);
      }
      const Matrix<double> seen = H(Eigen::all, others);
      const TrueRidge fit(without_rows(seen, from, to), without_rows(y, from, to), 1e-2, true);
      const Matrix<double> wanted = fit.predict(seen).middleRows(from, to - from);
      CHECK(difference(level.readout.oof_scores.middleRows(from, to - from), wanted) < 2e4 * epsilon<T>());
    }
    const TrueRidge whole(H, y, 1e-2, true);
    const Matrix<double> scores = (H * level.readout.W.template cast<double>()).rowwise() +
                                  level.readout.intercept.template cast<double>().transpose();
    CHECK(difference(scores, whole.predict(H)) < 2e4 * epsilon<T>());
  }
}

TEST_CASE("centers refuse fields, no rows, weights that do not fit, and leave-one-out scores beside folds") {
  const Matrix<double> X = random_matrix(1, 10, 4), Y = random_matrix(2, 10, 1);
  HiddenOptions options = centers(3);
  options.fields.groups = {0, 0, 1, 1};
  CHECK_THROWS_AS(draw_hidden(options, Inputs<double>(view(X))), std::invalid_argument);
  CHECK_THROWS_AS(draw_centers(centers(3), 0), std::invalid_argument);
  for (const std::vector<double>& weights :
       {std::vector<double>(9, 1.0), std::vector<double>(10, -1.0), std::vector<double>(10, std::nan(""))}) {
    options = centers(3);
    options.row_weights = weights;
    CHECK_THROWS_AS(draw_centers(options, 10), std::invalid_argument);
  }
  CHECK_THROWS_AS(center_layer(view(X), 0), std::invalid_argument);
  CHECK_THROWS_AS(center_layer(view(X), 11), std::invalid_argument);
  CrossfitOptions crossfit;
  crossfit.fold_starts = {0, 5, 10};
  crossfit.leave_one_out = true;
  CHECK_THROWS_AS(
      fit_level<double>(Inputs<double>(view(X)), nullptr, centers(3), view(Y), no_weights(), crossfit, no_checkpoint()),
      std::invalid_argument);
}
