// SPDX-License-Identifier: BSD-3-Clause
// What each way of drawing a hidden layer promises, and the layer itself against the loop.
#include <algorithm>

#include "helpers.hpp"
#include "sstpl/hidden.hpp"

using namespace sstpl;
using namespace sstpl::testing;

namespace {

constexpr HiddenWeights all[] = {HiddenWeights::orthogonal, HiddenWeights::uniform, HiddenWeights::normal,
                                 HiddenWeights::constrained};

template <class T>
HiddenLayer<T> draw(HiddenWeights weights, const Matrix<T>& X, Index n_hidden, std::uint64_t seed = 1) {
  HiddenOptions options;
  options.weights = weights;
  options.n_hidden = n_hidden;
  options.stream = {seed, 0};
  return draw_hidden(options, Inputs<T>(view(X)));
}

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

TEST_CASE_TEMPLATE("orthogonal draws have orthonormal rows, or columns times sqrt(p / d), and no bias", T, float,
                   double) {
  for (const auto& [p, d] :
       std::vector<std::pair<Index, Index>>{{1, 1}, {1, 9}, {9, 1}, {20, 60}, {40, 40}, {90, 20}}) {
    CAPTURE(p);
    CAPTURE(d);
    const HiddenLayer<T> layer = draw(HiddenWeights::orthogonal, random_matrix<T>(1, 2, d), p);
    const Matrix<double> A = layer.weights.template cast<double>();
    CHECK(layer.bias.isZero(0));
    if (p <= d) CHECK(difference(A * A.transpose(), Matrix<double>::Identity(p, p)) < 4 * epsilon<T>() + 1e-12);
    const Matrix<double> columns = Matrix<double>::Identity(d, d) * (static_cast<double>(p) / static_cast<double>(d));
    if (p >= d) CHECK(difference(A.transpose() * A, columns) < 4 * epsilon<T>() + 1e-12);
  }
}

TEST_CASE_TEMPLATE("uniform and normal draws have variance 1 / d and a bias within [-1, 1]", T, float, double) {
  for (const HiddenWeights weights : {HiddenWeights::uniform, HiddenWeights::normal}) {
    const HiddenLayer<T> layer = draw(weights, random_matrix<T>(2, 2, 50), 2000);
    const Matrix<double> A = layer.weights.template cast<double>();
    CHECK(A.squaredNorm() / static_cast<double>(A.size()) == doctest::Approx(1.0 / 50).epsilon(0.03));
    CHECK(std::abs(A.mean()) < 0.002);
    CHECK(layer.bias.cwiseAbs().maxCoeff() <= T(1));
    CHECK(layer.bias.squaredNorm() / T(2000) == doctest::Approx(1.0 / 3).epsilon(0.1));
    if (weights == HiddenWeights::uniform) CHECK(A.cwiseAbs().maxCoeff() < std::sqrt(3.0 / 50) * (1 + 1e-6));
  }
}

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

TEST_CASE_TEMPLATE("draws are the same whatever the threads and differ between streams", T, float, double) {
  const KeepThreads keep;
  const Matrix<T> X = random_matrix<T>(7, 40, 150);
  for (const HiddenWeights weights : all) {
    CAPTURE(static_cast<int>(weights));
    for (const Index p : {100, 250}) {
      set_num_threads(1);
      const HiddenLayer<T> one = draw(weights, X, p);
      set_num_threads(2);
      const HiddenLayer<T> two = draw(weights, X, p);
      CHECK(identical(one.bias, two.bias));
      // The BLAS orthogonalises, and its threads may change the last bits of double.
      if (weights == HiddenWeights::orthogonal) {
        CHECK(difference(two.weights, one.weights) < epsilon<T>() + 1e-13);
      } else {
        CHECK(identical(one.weights, two.weights));
      }
      CHECK_FALSE(identical(one.weights, draw(weights, X, p, 2).weights));
    }
  }
}

TEST_CASE_TEMPLATE("a hidden layer is s(Z A' + b) - shift", T, float, double) {
  const Matrix<T> X = random_matrix<T>(8, 30, 9);
  HiddenLayer<T> layer = draw(HiddenWeights::normal, X, 14);
  layer.activation = Activation::sigmoid;
  const Vector<T> shift = random_matrix<T>(9, 14, 1);
  Matrix<T> H(20, 14);
  apply_hidden(view(layer), block(view(X), 5, 0, 20, 9), view(shift), span(H));
  for (Index i = 0; i < 20; ++i) {
    for (Index j = 0; j < 14; ++j) {
      double z = static_cast<double>(layer.bias(j));
      for (Index k = 0; k < 9; ++k) z += static_cast<double>(X(i + 5, k)) * static_cast<double>(layer.weights(j, k));
      const double expected = 1 / (1 + std::exp(-z)) - static_cast<double>(shift(j));
      CHECK(static_cast<double>(H(i, j)) == doctest::Approx(expected).epsilon(20 * epsilon<T>()));
    }
  }
}

TEST_CASE("hidden layers refuse no units, no columns, labels that do not fit, and inputs of another width") {
  const Matrix<double> X = random_matrix(10, 6, 3);
  CHECK_THROWS_AS(draw(HiddenWeights::normal, X, 0), std::invalid_argument);
  CHECK_THROWS_AS(draw(HiddenWeights::normal, Matrix<double>(6, 0), 2), std::invalid_argument);
  CHECK_THROWS_AS(draw(HiddenWeights::constrained, Matrix<double>(0, 3), 2), std::invalid_argument);
  HiddenOptions options;
  options.weights = HiddenWeights::constrained;
  options.n_hidden = 2;
  options.labels = {0, 1};
  CHECK_THROWS_AS(draw_hidden(options, Inputs<double>(view(X))), std::invalid_argument);
  options.labels.clear();
  for (const std::vector<double>& weights : std::vector<std::vector<double>>{
           {1, 2}, {1, 1, 1, 1, 1, -1}, {1, 1, 1, 1, 1, std::nan("")}, {0, 0, 0, 0, 0, 0}}) {
    options.row_weights = weights;
    CHECK_THROWS_AS(draw_hidden(options, Inputs<double>(view(X))), std::invalid_argument);
  }
  const HiddenLayer<double> layer = draw(HiddenWeights::normal, X, 4);
  const Vector<double> shift = Vector<double>::Zero(4);
  Matrix<double> H(6, 4);
  CHECK_THROWS_AS(apply_hidden(view(layer), block(view(X), 0, 0, 6, 2), view(shift), span(H)), std::invalid_argument);
}
