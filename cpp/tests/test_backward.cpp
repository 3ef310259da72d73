// SPDX-License-Identifier: BSD-3-Clause
// Backward learning: targets on their way down, weights on their way up, and the prototype form as the dense form.
#include <Eigen/LU>
#include <Eigen/QR>

#include "helpers.hpp"
#include "sstpl/backward.hpp"

using namespace sstpl;
using namespace sstpl::testing;

namespace {

// A network 5 -> 6 -> 4 -> 3 and 45 rows of three classes.
template <class T>
struct Network {
  Network() {
    for (Index i = 0; i < 45; ++i) labels.push_back((i * 7 + i / 5) % 3);
    A = {random_matrix<T>(1, 6, 5), random_matrix<T>(2, 4, 6), random_matrix<T>(3, 3, 4)};
    X = random_matrix<T>(4, 45, 5);
    E = indicator<T>(labels, 3);
    codes = Matrix<T>::Constant(3, 3, T(-1)) + 2 * Matrix<T>::Identity(3, 3);
    options.crossfit.alphas = {1e-2};
    for (const Matrix<T>& layer : A) weights.push_back(view(layer));
  }
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  Backward<T> by_prototypes() const {
    return fit_backward_prototypes(view(X), view(E), view(codes), weights, options, no_checkpoint());
  }
  Backward<T> dense() const {
    const Matrix<T> Y = E * codes;
    return fit_backward_dense(view(X), view(Y), weights, options, no_checkpoint());
  }

  std::vector<std::int64_t> labels;
  std::vector<Matrix<T>> A;
  std::vector<MatrixView<T>> weights;
  Matrix<T> X, E, codes;
  BackwardOptions options;
};

Matrix<double> tanh_of(const Matrix<double>& Z) { return Z.array().tanh(); }

}  // namespace

TEST_CASE_TEMPLATE("targets go down by pseudoinverses and clamped inverse activations", T, float, double) {
  const Network<T> net;
  const Matrix<T> Y = random_matrix<T>(5, 7, 3);
  const std::vector<Matrix<T>> D = propagate_targets(net.weights, view(Y), Activation::tanh, 1e-2);
  REQUIRE(D.size() == 3);
  CHECK(identical(D[2], Y));
  Matrix<double> expected = Y.template cast<double>();
  for (std::size_t l = 2; l > 0; --l) {
    const Matrix<double> At = net.A[l].template cast<double>().transpose();
    const Matrix<double> inverse = At.completeOrthogonalDecomposition().pseudoInverse();
    expected = (expected * inverse).cwiseMin(0.99).cwiseMax(-0.99).array().atanh().matrix().eval();
    CHECK(difference(D[l - 1], expected) < 5000 * epsilon<T>());
  }
}

TEST_CASE_TEMPLATE("the prototype form equals the dense form with and without folds", T, float, double) {
  for (const bool folds : {false, true}) {
    CAPTURE(folds);
    Network<T> net;
    if (folds) net.options.crossfit.fold_starts = {0, 15, 31, 45};
    const Backward<T> dense = net.dense();
    const Backward<T> made = net.by_prototypes();
    REQUIRE(made.layers.size() == 3);
    for (std::size_t l = 0; l < 3; ++l) {
      CAPTURE(l);
      const Matrix<double> P = made.layers[l].prototypes.template cast<double>();
      const double tolerance = 5000 * epsilon<T>();
      CHECK(difference(made.layers[l].W.template cast<double>() * P, dense.layers[l].W) < tolerance);
      CHECK(difference(P.transpose() * made.layers[l].intercept.template cast<double>(), dense.layers[l].intercept) <
            tolerance);
      CHECK(difference(made.scores[l].template cast<double>() * P, dense.scores[l]) < tolerance);
      CHECK(dense.layers[l].prototypes.size() == 0);
      CHECK(made.layers[l].W.cols() == 3);
    }
  }
}

TEST_CASE_TEMPLATE("every layer is the ridge of its targets on the features below, out of fold", T, float, double) {
  Network<T> net;
  net.options.crossfit.fold_starts = {0, 20, 45};
  const Backward<T> fit = net.dense();
  const Matrix<T> Y = net.E * net.codes;
  const std::vector<Matrix<T>> D = propagate_targets(net.weights, view(Y), Activation::tanh, 1e-2);
  Matrix<double> B = net.X.template cast<double>();
  for (std::size_t l = 0; l < 3; ++l) {
    CAPTURE(l);
    const Matrix<double> target = D[l].template cast<double>();
    CHECK(difference(fit.layers[l].W, TrueRidge(B, target, 1e-2, true).W) < 5000 * epsilon<T>());
    const TrueRidge second(B.topRows(20), target.topRows(20), 1e-2, true);  // scores the rows of the second fold
    CHECK(difference(fit.scores[l].bottomRows(25), second.predict(B).bottomRows(25)) < 5000 * epsilon<T>());
    B = tanh_of(fit.scores[l].template cast<double>());
  }
  CHECK(fit.reports.size() == 3);
  CHECK(fit.reports[0].fold_solves.size() == 2);
}

TEST_CASE_TEMPLATE("layers of weighted rows are those of rows repeated as often", T, float, double) {
  Network<T> net;
  std::vector<double> counts;
  for (Index i = 0; i < 45; ++i) counts.push_back(static_cast<double>(1 + i % 3));
  net.options.crossfit.fold_starts = {0, 15, 45};
  net.options.row_weights = counts;
  const Backward<T> weighted = net.by_prototypes();
  net.X = repeated(net.X, counts);
  net.E = repeated(net.E, counts);
  net.options.crossfit.fold_starts = {0, 30, 90};
  net.options.row_weights.clear();
  const Backward<T> copies = net.by_prototypes();
  for (std::size_t l = 0; l < 3; ++l) {
    CAPTURE(l);
    CHECK(difference(weighted.layers[l].W, copies.layers[l].W) < 5000 * epsilon<T>());
    CHECK(difference(repeated(weighted.scores[l], counts), copies.scores[l]) < 5000 * epsilon<T>());
  }
}

TEST_CASE_TEMPLATE("identity activations and square invertible weights give the least-squares predictions", T, float,
                   double) {
  const Matrix<T> X = random_matrix<T>(6, 50, 4), Y = random_matrix<T>(7, 50, 4);
  const Matrix<T> A1 = random_matrix<T>(8, 4, 4), A2 = random_matrix<T>(9, 4, 4), A3 = random_matrix<T>(10, 4, 4);
  BackwardOptions options;
  options.activation = Activation::identity;
  options.crossfit.alphas = {1e-13};
  const Backward<T> fit =
      fit_backward_dense<T>(view(X), view(Y), {view(A1), view(A2), view(A3)}, options, no_checkpoint());
  const TrueRidge truth(X.template cast<double>(), Y.template cast<double>(), 0, true);
  CHECK(difference(fit.scores.back(), truth.predict(X.template cast<double>())) < 1e4 * epsilon<T>());
}

TEST_CASE("the prototypes themselves travel as targets do") {
  const Network<double> net;
  const Backward<double> fit = net.by_prototypes();
  const std::vector<Matrix<double>> P = propagate_targets(net.weights, view(net.codes), Activation::tanh, 1e-2);
  for (std::size_t l = 0; l < 3; ++l) CHECK(identical(fit.layers[l].prototypes, P[l]));
}

TEST_CASE("a single layer is a plain ridge") {
  const Network<double> net;
  const Matrix<double> A = random_matrix(11, 3, 5);
  const Backward<double> fit = fit_backward_prototypes<double>(view(net.X), view(net.E), view(net.codes), {view(A)},
                                                               net.options, no_checkpoint());
  const TrueRidge truth(net.X, net.E, 1e-2, true);
  CHECK(difference(fit.layers[0].W, truth.W) < 1e-11);
  CHECK(difference(fit.scores[0], truth.predict(net.X)) < 1e-11);
  CHECK(identical(fit.layers[0].prototypes, net.codes));
}

TEST_CASE("networks that do not chain, no layers and activations without an inverse are refused") {
  Network<double> net;
  const Matrix<double> Y = net.E * net.codes;
  const auto fit = [&](const std::vector<MatrixView<double>>& weights) {
    fit_backward_dense(view(net.X), view(Y), weights, net.options, no_checkpoint());
  };
  CHECK_THROWS_AS(fit({}), std::invalid_argument);
  CHECK_THROWS_AS(propagate_targets<double>({}, view(Y), Activation::tanh, 0.1), std::invalid_argument);
  CHECK_THROWS_AS(fit({net.weights[0], net.weights[2]}), std::invalid_argument);
  CHECK_THROWS_AS(fit({net.weights[1], net.weights[2]}), std::invalid_argument);
  CHECK_THROWS_AS(fit({net.weights[0], net.weights[1]}), std::invalid_argument);
  net.options.activation = Activation::relu;
  CHECK_THROWS_AS(net.dense(), std::invalid_argument);
  CHECK_THROWS_AS(net.by_prototypes(), std::invalid_argument);
  net.options.activation = Activation::tanh;
  net.codes.conservativeResize(2, 3);
  CHECK_THROWS_AS(net.by_prototypes(), std::invalid_argument);
}
