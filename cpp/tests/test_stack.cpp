// SPDX-License-Identifier: BSD-3-Clause
// A level as its two steps written out, and a stack of levels as the loop over [X, g S].
#include "helpers.hpp"
#include "sstpl/stack.hpp"

using namespace sstpl;
using namespace sstpl::testing;

namespace {

template <class T>
Matrix<double> tanh_layer(const HiddenLayer<T>& layer, const Matrix<double>& Z) {
  return ((Z * layer.weights.template cast<double>().transpose()).rowwise() +
          layer.bias.template cast<double>().transpose())
      .array()
      .tanh();
}

template <class T>
Matrix<double> scores_of(const Level<T>& level, const Matrix<double>& Z) {
  return (tanh_layer(level.hidden, Z) * level.readout.W.template cast<double>()).rowwise() +
         level.readout.intercept.template cast<double>().transpose();
}

template <class T>
LevelView<T> view_of(const Level<T>& level) {
  return {view(level.hidden), view(level.readout.W), view(level.readout.intercept)};
}

template <class T>
struct Problem {
  Problem() {
    hidden.weights = HiddenWeights::constrained;
    hidden.n_hidden = 12;
    hidden.stream = {3, 1};
    hidden.fields = {2, 2, 1, 1};
    options.alphas = {1e-2};
    options.fold_starts = {0, 22, 50};
    hidden.fold_starts = options.fold_starts;
    for (Index i = 0; i < 50; ++i) hidden.labels.push_back(i % 3);
  }
  Level<T> fit(const Inputs<T>& inputs) const {
    return fit_level<T>(inputs, nullptr, hidden, view(Y), no_weights(), options, no_checkpoint());
  }
  // X beside the gain times scores.
  static Matrix<double> beside(const Matrix<double>& X, double gain, const Matrix<double>& S) {
    Matrix<double> Z(X.rows(), X.cols() + S.cols());
    Z << X, gain * S;
    return Z;
  }
  Matrix<T> X = random_matrix<T>(1, 50, 5), Y = random_matrix<T>(2, 50, 2);
  HiddenOptions hidden;
  CrossfitOptions options;
};

constexpr double gain = 0.75;

// Two levels fitted on each other.
template <class T>
std::vector<Level<T>> two_levels(const Problem<T>& problem) {
  std::vector<Level<T>> levels = {problem.fit(Inputs<T>(view(problem.X)))};
  const Matrix<T> fed = static_cast<T>(gain) * levels[0].readout.oof_scores;
  Inputs<T> inputs(view(problem.X));
  inputs.add({view(fed)});
  levels.push_back(problem.fit(inputs));
  return levels;
}

}  // namespace

TEST_CASE_TEMPLATE("a level is the cross-fitted ridge of the layer that its inputs draw", T, float, double) {
  const Problem<T> problem;
  const std::vector<Level<T>> levels = two_levels(problem);
  const Matrix<double> X = problem.X.template cast<double>(), y = problem.Y.template cast<double>();
  const Matrix<double> S = levels[0].readout.oof_scores.template cast<double>();
  const std::vector<Matrix<double>> inputs = {X, Problem<T>::beside(X, gain, S)};
  for (std::size_t t = 0; t < 2; ++t) {
    const Matrix<T> Z = inputs[t].template cast<T>();
    const HiddenLayer<T> drawn = draw_hidden(problem.hidden, Inputs<T>(view(Z)));
    CHECK(identical(levels[t].hidden.weights, drawn.weights));
    CHECK(identical(levels[t].hidden.bias, drawn.bias));
    const Matrix<double> H = tanh_layer(drawn, inputs[t]);
    const TrueRidge truth(H, y, 1e-2, true);
    CHECK(difference(levels[t].readout.W, truth.W) < 1e4 * epsilon<T>());
    CHECK(difference(levels[t].readout.intercept, truth.b) < 1e4 * epsilon<T>());
    const TrueRidge first(H.topRows(22), y.topRows(22), 1e-2, true);
    const TrueRidge second(H.bottomRows(28), y.bottomRows(28), 1e-2, true);
    const Matrix<T>& scores = levels[t].readout.oof_scores;
    CHECK(difference(scores.topRows(22), second.predict(H).topRows(22)) < 1e4 * epsilon<T>());
    CHECK(difference(scores.bottomRows(28), first.predict(H).bottomRows(28)) < 1e4 * epsilon<T>());
  }
}

TEST_CASE_TEMPLATE("a level of weighted rows is that of rows repeated as often", T, float, double) {
  Problem<T> problem;
  problem.hidden.weights = HiddenWeights::normal;
  std::vector<double> counts;
  for (Index i = 0; i < 50; ++i) counts.push_back(static_cast<double>(i % 4));
  const Level<T> weighted = fit_level<T>(Inputs<T>(view(problem.X)), nullptr, problem.hidden, view(problem.Y),
                                         view(counts), problem.options, no_checkpoint());
  const Matrix<T> X = repeated(problem.X, counts), Y = repeated(problem.Y, counts);
  problem.options.fold_starts = {0, 31, X.rows()};  // the first 22 counts add up to 31
  problem.hidden.fold_starts = problem.options.fold_starts;
  const Level<T> copies = fit_level<T>(Inputs<T>(view(X)), nullptr, problem.hidden, view(Y), no_weights(),
                                       problem.options, no_checkpoint());
  CHECK(identical(weighted.hidden.weights, copies.hidden.weights));
  CHECK(difference(weighted.readout.W, copies.readout.W) < 1e4 * epsilon<T>());
  CHECK(difference(weighted.readout.intercept, copies.readout.intercept) < 1e4 * epsilon<T>());
  const Matrix<T> scores = repeated(weighted.readout.oof_scores, counts);
  CHECK(difference(scores, copies.readout.oof_scores) < 1e4 * epsilon<T>());
}

TEST_CASE_TEMPLATE("at prediction every level sees the scores that the weights of all rows give", T, float, double) {
  const Problem<T> problem;
  const std::vector<Level<T>> levels = two_levels(problem);
  const Matrix<T> wide = random_matrix<T>(3, 30, 9);
  const Matrix<double> X = wide.leftCols(5).template cast<double>();
  const Matrix<double> first = scores_of(levels[0], X);
  const Matrix<double> second = scores_of(levels[1], Problem<T>::beside(X, gain, first));
  for (const Index block_rows : {1, 7, 30, 4096}) {
    Matrix<T> S = Matrix<T>::Constant(30, 3, T(7));
    MatrixSpan<T> room = span(S);
    const MatrixView<T> rows = block(view(wide), 0, 0, 30, 5);
    predict_stack({view_of(levels[0])}, rows, gain, block_rows, block(room, 0, 0, 30, 2), no_checkpoint());
    CHECK(difference(S.leftCols(2), first) < 1e3 * epsilon<T>());
    predict_stack({view_of(levels[0]), view_of(levels[1])}, rows, gain, block_rows, block(room, 0, 0, 30, 2),
                  no_checkpoint());
    CHECK(difference(S.leftCols(2), second) < 1e3 * epsilon<T>());
    CHECK(S.col(2).isConstant(T(7), T(0)));
  }
}

TEST_CASE("a stack of no rows has no scores") {
  const std::vector<Level<double>> levels = two_levels(Problem<double>());
  const Matrix<double> X(0, 5);
  Matrix<double> S(0, 2);
  predict_stack({view_of(levels[0]), view_of(levels[1])}, view(X), gain, 10, span(S), no_checkpoint());
}

TEST_CASE("stacks refuse no levels and shapes that do not fit, and an interrupt passes through") {
  const Problem<double> problem;
  const std::vector<Level<double>> levels = two_levels(problem);
  Matrix<double> S(50, 2), tall(51, 2), broad(50, 3);
  const auto predict = [&](const std::vector<LevelView<double>>& stack, Matrix<double>& scores, Index block_rows) {
    predict_stack(stack, view(problem.X), gain, block_rows, span(scores), no_checkpoint());
  };
  const LevelView<double> first = view_of(levels[0]), second = view_of(levels[1]);
  CHECK_THROWS_AS(predict({}, S, 10), std::invalid_argument);
  CHECK_THROWS_AS(predict({first}, tall, 10), std::invalid_argument);
  CHECK_THROWS_AS(predict({first}, broad, 10), std::invalid_argument);
  CHECK_THROWS_AS(predict({first}, S, 0), std::invalid_argument);
  CHECK_THROWS_AS(predict({second, first}, S, 10), std::invalid_argument);  // in the wrong order
  CHECK_THROWS_AS(predict({first, first}, S, 10), std::invalid_argument);
  Level<double> long_intercept = levels[0], short_bias = levels[0];
  long_intercept.readout.intercept = Vector<double>::Zero(3);
  short_bias.hidden.bias = Vector<double>::Zero(11);
  CHECK_THROWS_AS(predict({view_of(long_intercept)}, S, 10), std::invalid_argument);
  CHECK_THROWS_AS(predict({view_of(short_bias), second}, S, 10), std::invalid_argument);
  const Checkpoint stop = [] { throw std::runtime_error("interrupted"); };
  CHECK_THROWS_WITH(predict_stack({first}, view(problem.X), gain, 10, span(S), stop), "interrupted");
  CHECK_THROWS_WITH(fit_level<double>(Inputs<double>(view(problem.X)), nullptr, problem.hidden, view(problem.Y),
                                      no_weights(), problem.options, stop),
                    "interrupted");
}
