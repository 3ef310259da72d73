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

TEST_CASE("hidden layers refuse no units, no columns, and inputs of another width") {
  const Matrix<double> X = random_matrix(10, 6, 3);
  CHECK_THROWS_AS(draw(HiddenWeights::normal, X, 0), std::invalid_argument);
  CHECK_THROWS_AS(draw(HiddenWeights::normal, Matrix<double>(6, 0), 2), std::invalid_argument);
  const HiddenLayer<double> layer = draw(HiddenWeights::normal, X, 4);
  const Vector<double> shift = Vector<double>::Zero(4);
  Matrix<double> H(6, 4);
  CHECK_THROWS_AS(apply_hidden(view(layer), block(view(X), 0, 0, 6, 2), view(shift), span(H)), std::invalid_argument);
}
