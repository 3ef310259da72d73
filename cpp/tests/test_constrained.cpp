// SPDX-License-Identifier: BSD-3-Clause
// What constrained units promise of the pairs of rows that they are made of, from all rows or from few.
#include "helpers.hpp"
#include "sstpl/constrained.hpp"

using namespace sstpl;
using namespace sstpl::testing;

namespace {

// The rows (z, z') with a = 2 (z - z') / ||z - z'||^2; false if there are none.
bool find_pair(const Matrix<double>& X, const Matrix<double>& a, Index& plus, Index& minus) {
  for (plus = 0; plus < X.rows(); ++plus) {
    for (minus = 0; minus < X.rows(); ++minus) {
      const Matrix<double> step = X.row(plus) - X.row(minus);
      if (plus != minus && (a - 2 * step / step.squaredNorm()).norm() < 1e-5 * a.norm()) return true;
    }
  }
  return false;
}

}  // namespace

TEST_CASE_TEMPLATE("constrained pairs project to +1 and -1 and are of one fold and of two classes", T, float, double) {
  const Matrix<T> X = random_matrix<T>(3, 24, 5);
  HiddenOptions options;
  options.weights = HiddenWeights::constrained;
  options.n_hidden = 200;
  options.stream = {2, 5};
  for (const bool classes : {true, false}) {
    options.labels.clear();
    if (classes) options.labels = {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 0, 0, 0, 0, 1, 2, 0, 1, 2, 1, 2};
    options.fold_starts = {0, 7, 15, 24};
    const HiddenLayer<T> layer = draw_hidden(options, Inputs<T>(view(X)));
    std::vector<int> in_fold(3, 0);
    for (Index unit = 0; unit < options.n_hidden; ++unit) {
      const Matrix<double> z = X.template cast<double>();
      const Matrix<double> a = layer.weights.row(unit).template cast<double>();
      Index plus = 0, minus = 0;
      REQUIRE(find_pair(z, a, plus, minus));
      const double b = static_cast<double>(layer.bias(unit));
      CHECK(a.row(0).dot(z.row(plus)) + b == doctest::Approx(1).epsilon(50 * epsilon<T>()));
      CHECK(a.row(0).dot(z.row(minus)) + b == doctest::Approx(-1).epsilon(50 * epsilon<T>()));
      const auto fold = [](Index row) { return row < 7 ? 0U : row < 15 ? 1U : 2U; };
      CHECK(fold(plus) == fold(minus));
      ++in_fold[fold(plus)];
      if (classes) {
        CHECK(options.labels[static_cast<std::size_t>(plus)] != options.labels[static_cast<std::size_t>(minus)]);
      }
    }
    for (const int n : in_fold) CHECK(n > 20);
  }
}

TEST_CASE("constrained draws see the inputs as they are shown, blocks and range included") {
  const Matrix<double> X = random_matrix(4, 12, 3), Y = random_matrix(5, 12, 2);
  Inputs<double> inputs(view(X));
  inputs.add(InputBlock<double>{view(Y)});
  const ColumnRange<double> range = column_range(inputs, no_checkpoint());
  inputs.set_range(view(range.low), view(range.scale));
  Matrix<double> Z(12, 5);
  inputs.fill(0, span(Z));
  HiddenOptions options;
  options.weights = HiddenWeights::constrained;
  options.n_hidden = 10;
  const HiddenLayer<double> layer = draw_hidden(options, inputs);
  for (Index unit = 0; unit < 10; ++unit) {
    Index plus = 0, minus = 0;
    CHECK(find_pair(Z, layer.weights.row(unit), plus, minus));
  }
}

TEST_CASE("rows are drawn in proportion to their weights, and equal weights draw what none do") {
  const Matrix<double> X = random_matrix(7, 20, 6);
  HiddenOptions options;
  options.weights = HiddenWeights::constrained;
  options.n_hidden = 4000;
  options.stream = {5, 1};
  for (Index i = 0; i < 20; ++i) options.labels.push_back(i % 2);
  options.fold_starts = {0, 10, 20};
  const HiddenLayer<double> plain = draw_hidden(options, Inputs<double>(view(X)));
  options.row_weights.assign(20, 0.25);
  CHECK(identical(draw_hidden(options, Inputs<double>(view(X))).weights, plain.weights));
  // The first fold has three quarters of the weight, row 4 half of that of the even rows, which meet the odd ones.
  options.row_weights = {1, 1, 1, 2, 4, 0, 1, 1, 1, 6, 0, 0, 1, 1, 1, 2, 0, 0, 1, 0};
  const HiddenLayer<double> layer = draw_hidden(options, Inputs<double>(view(X)));
  std::vector<Index> drawn(20, 0);
  for (Index unit = 0; unit < 4000; ++unit) {
    Index plus = 0, minus = 0;
    REQUIRE(find_pair(X, layer.weights.row(unit), plus, minus));
    REQUIRE(plus / 10 == minus / 10);
    ++drawn[static_cast<std::size_t>(plus)];
    ++drawn[static_cast<std::size_t>(minus)];
  }
  for (const std::size_t row : {5, 10, 11, 16, 17, 19}) CHECK(drawn[row] == 0);
  const auto even = static_cast<double>(drawn[0] + drawn[2] + drawn[4] + drawn[6] + drawn[8]);
  CHECK(static_cast<double>(drawn[4]) / even == doctest::Approx(0.5).epsilon(0.05));
  CHECK(static_cast<double>(drawn[9]) / even == doctest::Approx(0.6).epsilon(0.05));
}

TEST_CASE_TEMPLATE("a layer of few rows projects as its weights do, and is drawn from no more of them", T, float,
                   double) {
  const Matrix<T> X = random_matrix<T>(11, 1200, 9);
  HiddenOptions options;
  options.weights = HiddenWeights::constrained;
  options.n_hidden = 300;
  options.n_landmarks = 40;
  options.stream = {5, 6};
  options.fold_starts = {0, 500, 1200};
  for (Index i = 0; i < 1200; ++i) options.labels.push_back(i % 3);
  const HiddenLayer<T> layer = draw_hidden(options, Inputs<T>(view(X)));
  const Landmarks<T>& landmarks = layer.landmarks;
  CHECK(landmarks.rows.rows() <= 40);
  CHECK(landmarks.rows.rows() > 30);
  for (const RowPair& pair : draw_pairs(options, 1200, std::vector<Index>(300, 0))) {
    CHECK(options.labels[static_cast<std::size_t>(pair.first)] !=
          options.labels[static_cast<std::size_t>(pair.second)]);
    CHECK((pair.first < 500) == (pair.second < 500));
  }
  HiddenLayer<T> dense = layer;
  dense.landmarks = {};
  const Vector<T> shift = Vector<T>::Constant(300, T(0.25));
  Matrix<T> found(1200, 300), expected(1200, 300);
  apply_hidden(view(layer), view(X), view(shift), span(found));
  apply_hidden(view(dense), view(X), view(shift), span(expected));
  CHECK(difference(found.template cast<double>(), expected.template cast<double>()) < 50 * epsilon<T>());
}

TEST_CASE("rows that are too near each other are not multiplied apart") {
  Matrix<float> X = random_matrix<float>(12, 60, 5).replicate(2, 1);
  X.bottomRows(60) += 1e-3F * random_matrix<float>(13, 60, 5);
  HiddenOptions options;
  options.weights = HiddenWeights::constrained;
  options.n_hidden = 2000;
  options.n_landmarks = 120;
  const HiddenLayer<float> layer = draw_hidden(options, Inputs<float>(view(X)));
  CHECK(layer.landmarks.rows.size() == 0);
  CHECK(layer.weights.rowwise().squaredNorm().minCoeff() > 0);
}

TEST_CASE("landmarks are for units that see all columns, and not fewer than none") {
  const Matrix<double> X = random_matrix<double>(14, 30, 4);
  HiddenOptions options;
  options.weights = HiddenWeights::constrained;
  options.n_hidden = 5;
  options.n_landmarks = -1;
  CHECK_THROWS_AS(draw_hidden(options, Inputs<double>(view(X))), std::invalid_argument);
  options.n_landmarks = 10;
  options.fields.groups = {0, 1, 2, 3};
  CHECK_THROWS_AS(draw_hidden(options, Inputs<double>(view(X))), std::invalid_argument);
}

TEST_CASE_TEMPLATE("a layer of drawn pairs is the layer drawn from the rows", T, float, double) {
  // Columns of few values, of which every unit sees some: many pairs do not differ, and the draw goes on.
  Matrix<T> X = random_matrix<T>(8, 30, 6);
  X = (X.array() > T(0)).select(Matrix<T>::Ones(30, 6), Matrix<T>::Zero(30, 6));
  HiddenOptions options;
  options.weights = HiddenWeights::constrained;
  options.n_hidden = 100;
  options.stream = {3, 4};
  options.fold_starts = {0, 11, 30};
  options.fields.groups = {0, 1, 2, 3, 4, 5};
  for (Index i = 0; i < 30; ++i) {
    options.labels.push_back(i % 3);
    options.row_weights.push_back(static_cast<double>(i % 4));
  }
  const HiddenLayer<T> expected = draw_hidden(options, Inputs<T>(view(X)));
  HiddenLayer<T> found{Matrix<T>(100, 6), Vector<T>(100), options.activation};
  std::vector<Index> attempts(100, 0);
  int rounds = 0;
  for (bool again = true; again; ++rounds) {
    again = false;
    const std::vector<RowPair> pairs = draw_pairs(options, 30, attempts);
    Matrix<T> first(100, 6), second(100, 6);
    for (std::size_t unit = 0; unit < 100; ++unit) {
      REQUIRE(pairs[unit].first >= 0);
      first.row(static_cast<Index>(unit)) = X.row(pairs[unit].first);
      second.row(static_cast<Index>(unit)) = X.row(pairs[unit].second);
    }
    found = pair_layer(options, view(first), view(second));
    for (std::size_t unit = 0; unit < 100; ++unit) {
      const bool differs = !found.weights.row(static_cast<Index>(unit)).isZero(0);
      attempts[unit] = pairs[unit].attempt + (differs ? 0 : 1);
      again = again || !differs;
    }
  }
  CHECK(rounds > 2);
  CHECK(identical(found.weights, expected.weights));
  CHECK(identical(Matrix<T>(found.bias), Matrix<T>(expected.bias)));
  CHECK_THROWS_AS(draw_pairs(options, 29, attempts), std::invalid_argument);
  attempts.front() = 256;
  CHECK(draw_pairs(options, 30, attempts).front().first == -1);
}

TEST_CASE("a pair that cannot be found gives a unit of zeros") {
  HiddenOptions options;
  options.weights = HiddenWeights::constrained;
  options.n_hidden = 3;
  const Matrix<double> X = random_matrix(6, 8, 2);
  options.labels.assign(8, 1);  // one class
  CHECK(draw_hidden(options, Inputs<double>(view(X))).weights.isZero(0));
  options.labels.clear();
  const Matrix<double> equal = Matrix<double>::Ones(8, 2);  // no two distinct rows
  CHECK(draw_hidden(options, Inputs<double>(view(equal))).weights.isZero(0));
  CHECK(draw_hidden(options, Inputs<double>(view(equal))).bias.isZero(0));
}

TEST_CASE("constrained draws refuse no rows, and labels and weights that do not fit") {
  const Matrix<double> X = random_matrix(10, 6, 3);
  HiddenOptions options;
  options.weights = HiddenWeights::constrained;
  options.n_hidden = 2;
  const Matrix<double> none(0, 3);
  CHECK_THROWS_AS(draw_hidden(options, Inputs<double>(view(none))), std::invalid_argument);
  options.labels = {0, 1};
  CHECK_THROWS_AS(draw_hidden(options, Inputs<double>(view(X))), std::invalid_argument);
  options.labels.clear();
  for (const std::vector<double>& weights : std::vector<std::vector<double>>{
           {1, 2}, {1, 1, 1, 1, 1, -1}, {1, 1, 1, 1, 1, std::nan("")}, {0, 0, 0, 0, 0, 0}}) {
    options.row_weights = weights;
    CHECK_THROWS_AS(draw_hidden(options, Inputs<double>(view(X))), std::invalid_argument);
  }
}
