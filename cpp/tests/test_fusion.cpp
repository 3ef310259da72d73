// SPDX-License-Identifier: BSD-3-Clause
// The fusion as its three steps written out: range, drawn hidden layer, cross-fitted readout.
#include "helpers.hpp"
#include "sstpl/fusion.hpp"

using namespace sstpl;
using namespace sstpl::testing;

namespace {

template <class T>
struct Problem {
  Problem() {
    hidden.weights = HiddenWeights::constrained;
    hidden.activation = Activation::tanh;
    hidden.n_hidden = 12;
    hidden.stream = {3, 1};
    options.alphas = {1e-2};
    options.fold_starts = {0, 22, 50};
    hidden.fold_starts = options.fold_starts;
    for (Index i = 0; i < 50; ++i) hidden.labels.push_back(i % 3);
  }
  Inputs<T> inputs() const {
    Inputs<T> all(view(F));
    all.add({view(S), view(P), Activation::tanh});
    return all;
  }
  // Z in 0 to 1 by the definition.
  Matrix<double> Z() const {
    Matrix<double> z(50, 8);
    const Matrix<double> made = (S.template cast<double>() * P.template cast<double>()).array().tanh();
    z << F.template cast<double>(), made;
    for (Index j = 0; j < 8; ++j) {
      const double low = z.col(j).minCoeff(), high = z.col(j).maxCoeff();
      z.col(j) = ((z.col(j).array() - low) / (high > low ? high - low : 1)).matrix().eval();
    }
    return z;
  }
  Matrix<T> F = random_matrix<T>(1, 50, 5), S = random_matrix<T>(2, 50, 2), P = random_matrix<T>(3, 2, 3);
  Matrix<T> Y = random_matrix<T>(4, 50, 2);
  HiddenOptions hidden;
  CrossfitOptions options;
};

template <class T>
FusionView<T> view_of(const Fusion<T>& fusion) {
  return {view(fusion.range.low), view(fusion.range.scale), view(fusion.hidden), view(fusion.readout.W),
          view(fusion.readout.intercept)};
}

template <class T>
Matrix<double> tanh_layer(const HiddenLayer<T>& layer, const Matrix<double>& Z) {
  return ((Z * layer.weights.template cast<double>().transpose()).rowwise() +
          layer.bias.template cast<double>().transpose())
      .array()
      .tanh();
}

}  // namespace

TEST_CASE_TEMPLATE("a fusion is the cross-fitted ridge of a hidden layer on the scaled blocks", T, float, double) {
  const Problem<T> problem;
  Inputs<T> inputs = problem.inputs();
  const Fusion<T> fusion =
      fit_fusion(inputs, problem.hidden, view(problem.Y), no_weights(), problem.options, no_checkpoint());
  const Matrix<double> Z = problem.Z(), y = problem.Y.template cast<double>();
  const Matrix<double> H = tanh_layer(fusion.hidden, Z);
  const TrueRidge truth(H, y, 1e-2, true);
  CHECK(difference(fusion.readout.W, truth.W) < 1e4 * epsilon<T>());
  CHECK(difference(fusion.readout.intercept, truth.b) < 1e4 * epsilon<T>());
  const TrueRidge first(H.topRows(22), y.topRows(22), 1e-2, true),
      second(H.bottomRows(28), y.bottomRows(28), 1e-2, true);
  CHECK(difference(fusion.readout.oof_scores.topRows(22), second.predict(H).topRows(22)) < 1e4 * epsilon<T>());
  CHECK(difference(fusion.readout.oof_scores.bottomRows(28), first.predict(H).bottomRows(28)) < 1e4 * epsilon<T>());
  // The draw saw the scaled rows: each unit takes two of them to +1 and -1.
  const Matrix<double> A = fusion.hidden.weights.template cast<double>();
  const Matrix<double> projections =
      (Z * A.transpose()).rowwise() + fusion.hidden.bias.template cast<double>().transpose();
  for (Index unit = 0; unit < 12; ++unit) {
    CHECK((projections.col(unit).array() - 1).abs().minCoeff() < 1e-4);
    CHECK((projections.col(unit).array() + 1).abs().minCoeff() < 1e-4);
  }
}

TEST_CASE_TEMPLATE("predictions of new rows use the range of the training rows", T, float, double) {
  const Problem<T> problem;
  Inputs<T> training = problem.inputs();
  const Fusion<T> fusion =
      fit_fusion(training, problem.hidden, view(problem.Y), no_weights(), problem.options, no_checkpoint());
  const Matrix<double> H = tanh_layer(fusion.hidden, problem.Z());
  const Matrix<double> expected = (H * fusion.readout.W.template cast<double>()).rowwise() +
                                  fusion.readout.intercept.template cast<double>().transpose();
  const Matrix<T> some = problem.F.middleRows(10, 9), scores = problem.S.middleRows(10, 9);
  for (const Index block_rows : {1, 4, 100}) {
    Inputs<T> rows(view(some));
    rows.add({view(scores), view(problem.P), Activation::tanh});
    Matrix<T> predicted(9, 2);
    predict_fusion(view_of(fusion), rows, block_rows, span(predicted));
    CHECK(difference(predicted, expected.middleRows(10, 9)) < 1e3 * epsilon<T>());
  }
}

TEST_CASE("weights reach the readout and leave the draw alone") {
  const Problem<double> problem;
  const Vector<double> w = random_matrix(5, 50, 1).cwiseAbs();
  Inputs<double> plain = problem.inputs(), weighted = problem.inputs();
  const Fusion<double> without =
      fit_fusion(plain, problem.hidden, view(problem.Y), no_weights(), problem.options, no_checkpoint());
  const Fusion<double> with =
      fit_fusion(weighted, problem.hidden, view(problem.Y), view(w), problem.options, no_checkpoint());
  CHECK(identical(with.hidden.weights, without.hidden.weights));
  const Matrix<double> H = tanh_layer(with.hidden, problem.Z());
  CHECK(difference(with.readout.W, TrueRidge(H, problem.Y, 1e-2, true, w).W) < 1e-9);
}

TEST_CASE("fitting twice on the same inputs gives the same fusion") {
  const Problem<double> problem;
  Inputs<double> inputs = problem.inputs();
  const Fusion<double> once =
      fit_fusion(inputs, problem.hidden, view(problem.Y), no_weights(), problem.options, no_checkpoint());
  const Fusion<double> twice =
      fit_fusion(inputs, problem.hidden, view(problem.Y), no_weights(), problem.options, no_checkpoint());
  CHECK(identical(once.range.low, twice.range.low));
  CHECK(identical(once.readout.W, twice.readout.W));
}

TEST_CASE("inputs of another width are refused") {
  const Problem<double> problem;
  Inputs<double> inputs = problem.inputs();
  const Fusion<double> fusion =
      fit_fusion(inputs, problem.hidden, view(problem.Y), no_weights(), problem.options, no_checkpoint());
  Inputs<double> narrow(view(problem.F));
  Matrix<double> S(50, 2);
  CHECK_THROWS_AS(predict_fusion(view_of(fusion), narrow, 10, span(S)), std::invalid_argument);
}
