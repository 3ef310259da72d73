// SPDX-License-Identifier: BSD-3-Clause
// Cross-fitting against explicit refits by QR on the rows, and what must not matter: blocks, memory, primal or dual.
#include <algorithm>
#include <memory>

#include "helpers.hpp"
#include "sstpl/crossfit.hpp"

using namespace sstpl;
using namespace sstpl::testing;

namespace {

// A problem of 60 rows in three folds with a hidden layer whose features are far from centred.
template <class T>
struct Problem {
  explicit Problem(Index p = 10) : X(random_matrix<T>(1, 60, 4)), Y(random_matrix<T>(2, 60, 2)), inputs(view(X)) {
    layer = {random_matrix<T>(3, p, 4), Vector<T>(random_matrix<T>(4, p, 1).array() + T(1)), Activation::tanh};
    hidden = std::make_unique<HiddenView<T>>(view(layer));
    const Matrix<double> A = layer.weights.template cast<double>();
    const Vector<double> b = layer.bias.template cast<double>();
    H = ((X.template cast<double>() * A.transpose()).rowwise() + b.transpose()).array().tanh();
    y = Y.template cast<double>();
    options.alphas = {1e-2};
    options.fold_starts = {0, 17, 40, 60};
  }

  CrossfitResult<T> fit(const Vector<double>& weights = Vector<double>()) const {
    return fit_crossfit<T>({inputs, hidden.get()}, view(Y), view(weights), options, no_checkpoint());
  }

  // Every row scored by the truth without its fold.
  Matrix<double> true_scores(double alpha, const Vector<double>& weights = Vector<double>()) const {
    Matrix<double> scores(60, 2);
    for (std::size_t k = 0; k + 1 < options.fold_starts.size(); ++k) {
      const Index from = options.fold_starts[k], to = options.fold_starts[k + 1];
      Vector<double> w;
      if (weights.size() > 0) w = without_rows(weights, from, to);
      const TrueRidge fit(without_rows(H, from, to), without_rows(y, from, to), alpha, options.intercept, w);
      scores.middleRows(from, to - from) = fit.predict(H).middleRows(from, to - from);
    }
    return scores;
  }

  Matrix<T> X, Y;
  Inputs<T> inputs;
  HiddenLayer<T> layer;
  std::unique_ptr<HiddenView<T>> hidden;
  Matrix<double> H, y;
  CrossfitOptions options;
};

}  // namespace

TEST_CASE_TEMPLATE("every row is scored by the refit without its fold, and W is that of all rows", T, float, double) {
  for (const Index p : {10, 80}) {  // primal, and dual where the features outnumber the rows
    for (const bool intercept : {true, false}) {
      CAPTURE(p);
      CAPTURE(intercept);
      Problem<T> problem(p);
      problem.options.intercept = intercept;
      const CrossfitResult<T> result = problem.fit();
      const double tolerance = 20000 * epsilon<T>();
      CHECK(result.report.dual == (p == 80));
      CHECK(difference(result.oof_scores, problem.true_scores(1e-2)) < tolerance);
      const TrueRidge truth(problem.H, problem.y, 1e-2, intercept);
      CHECK(difference(result.W, truth.W) < tolerance);
      CHECK(difference(result.intercept, truth.b) < tolerance);  // so the shift has been undone
      CHECK(result.report.alpha == 1e-2);
      CHECK(result.report.solve.penalty == doctest::Approx(truth.penalty).epsilon(tolerance));
      CHECK(result.report.fold_solves.size() == 3);
    }
  }
}

TEST_CASE_TEMPLATE("held features and features made again give the same bits", T, float, double) {
  for (const bool weighted : {false, true}) {
    Problem<T> problem;
    problem.options.block_rows = 8;
    const Vector<double> w = weighted ? Vector<double>(random_matrix(5, 60, 1).cwiseAbs()) : Vector<double>();
    const CrossfitResult<T> held = problem.fit(w);
    for (const Index rows : {0, 13, 40}) {  // none, some that end within a block, and some that end with a fold
      problem.options.hold_bytes = rows * 10 * static_cast<Index>(sizeof(T));
      const CrossfitResult<T> remade = problem.fit(w);
      CHECK(identical(held.oof_scores, remade.oof_scores));
      CHECK(identical(held.W, remade.W));
      CHECK(identical(held.intercept, remade.intercept));
    }
  }
}

TEST_CASE("features are kept only for rows that are scored") {
  CrossfitOptions options;
  CHECK(kept_rows(options, 1000, 10, 4) == 0);
  options.alphas = {1e-3, 1e-2};
  options.selection = Selection::gcv;
  CHECK(kept_rows(options, 1000, 10, 4) == 0);
  options.selection = Selection::loo;
  CHECK(kept_rows(options, 1000, 10, 4) == 1000);
  options.selection = Selection::kfold;
  options.fold_starts = {0, 500, 1000};
  CHECK(kept_rows(options, 1000, 10, 4) == 1000);
}

TEST_CASE_TEMPLATE("held products with landmarks give the same bits, and the solution of the weights", T, float,
                   double) {
  const Index n = 2 * rows_of_products + 500;  // more than are scored at a time
  const Matrix<T> X = random_matrix<T>(1, n, 4), Y = random_matrix<T>(2, n, 2);
  const Inputs<T> inputs(view(X));
  HiddenOptions hidden;
  hidden.weights = HiddenWeights::constrained;
  hidden.n_hidden = 30;
  hidden.n_landmarks = 9;
  const HiddenLayer<T> layer = draw_hidden(hidden, inputs);
  REQUIRE(layer.landmarks.rows.rows() > 0);
  const HiddenView<T> shared = view(layer);
  HiddenView<T> dense{view(layer.weights), view(layer.bias), layer.activation};
  CrossfitOptions options;
  options.alphas = {1e-2};
  options.fold_starts = {0, n - 200, n};
  options.leave_one_out = true;
  for (const bool weighted : {false, true}) {
    const Vector<double> w = weighted ? Vector<double>(random_matrix(5, n, 1).cwiseAbs()) : Vector<double>();
    const auto fit = [&](const HiddenView<T>& own) {
      return fit_crossfit<T>({inputs, &own}, view(Y), view(w), options, no_checkpoint());
    };
    options.hold_bytes = Index{1} << 30;
    const CrossfitResult<T> held = fit(shared), expected = fit(dense);
    CHECK(difference(held.oof_scores, expected.oof_scores) < 2000 * epsilon<T>());
    CHECK(difference(held.loo_scores, expected.loo_scores) < 2000 * epsilon<T>());
    for (const Index rows : {0, 40, 190, 400}) {  // none, and some that end within a block
      options.hold_bytes = rows * 30 * static_cast<Index>(sizeof(T));
      const CrossfitResult<T> remade = fit(shared);
      CHECK(identical(held.oof_scores, remade.oof_scores));
      CHECK(identical(held.loo_scores, remade.loo_scores));
      CHECK(identical(held.W, remade.W));
    }
  }
}

TEST_CASE_TEMPLATE("the size of the row blocks does not matter", T, float, double) {
  for (const Index p : {10, 80}) {
    Problem<T> problem(p);
    const CrossfitResult<T> whole = problem.fit();
    for (const Index block_rows : {1, 7, 20}) {
      problem.options.block_rows = block_rows;
      const CrossfitResult<T> blocks = problem.fit();
      const double tolerance = 1e-10 + 2000 * epsilon<T>();  // the shift is of fewer rows
      CHECK(difference(blocks.oof_scores, whole.oof_scores) < tolerance);
      CHECK(difference(blocks.W, whole.W) < tolerance);
      CHECK(difference(blocks.intercept, whole.intercept) < tolerance);
    }
  }
}

TEST_CASE("the dual form takes weights: ones change nothing, others are those of weighted refits") {
  Problem<double> problem(80);
  const CrossfitResult<double> plain = problem.fit();
  const CrossfitResult<double> ones = problem.fit(Vector<double>::Ones(60));
  CHECK(plain.report.dual);
  CHECK(ones.report.dual);
  CHECK(difference(ones.W, plain.W) < 1e-12);
  CHECK(difference(ones.oof_scores, plain.oof_scores) < 1e-12);
  const Vector<double> w = random_matrix(6, 60, 1).cwiseAbs();
  const CrossfitResult<double> weighted = problem.fit(w);
  CHECK(weighted.report.dual);
  CHECK(difference(weighted.oof_scores, problem.true_scores(1e-2, w)) < 1e-8);
  CHECK(difference(weighted.W, TrueRidge(problem.H, problem.y, 1e-2, true, w).W) < 1e-8);
}

TEST_CASE_TEMPLATE("weighted rows are fitted and scored by weighted refits", T, float, double) {
  const Problem<T> problem;
  Vector<double> w = random_matrix(6, 60, 1).cwiseAbs();
  w(3) = 0;
  const CrossfitResult<T> result = problem.fit(w);
  CHECK(difference(result.oof_scores, problem.true_scores(1e-2, w)) < 2000 * epsilon<T>());
  const TrueRidge truth(problem.H, problem.y, 1e-2, true, w);
  CHECK(difference(result.W, truth.W) < 2000 * epsilon<T>());
  CHECK(difference(result.intercept, truth.b) < 2000 * epsilon<T>());
}

TEST_CASE_TEMPLATE("the alpha of the path with the least held-out error is used", T, float, double) {
  for (const Index p : {10, 80}) {
    CAPTURE(p);
    Problem<T> problem(p);
    problem.options.alphas = {1e-3, 1e-1, 1e1, 1e3};
    const CrossfitResult<T> result = problem.fit();
    REQUIRE(result.report.path_errors.size() == 4);
    std::vector<double> expected;
    for (const double alpha : problem.options.alphas) {
      expected.push_back((problem.true_scores(alpha) - problem.y).squaredNorm() / 60);
      CHECK(result.report.path_errors[expected.size() - 1] == doctest::Approx(expected.back()).epsilon(1e-3));
    }
    const auto best = std::min_element(expected.begin(), expected.end()) - expected.begin();
    CHECK(result.report.alpha == problem.options.alphas[static_cast<std::size_t>(best)]);
    CHECK(difference(result.oof_scores, problem.true_scores(result.report.alpha)) < 2000 * epsilon<T>());
  }
}

TEST_CASE("a path is scored on its leading features, and an unsolvable one falls back to the largest alpha") {
  Problem<double> problem;
  problem.options.alphas = {1e-3, 1e-1};
  problem.options.path_width = 4;
  const std::vector<double> narrow = problem.fit().report.path_errors;
  problem.H = problem.H.leftCols(4).eval();
  for (std::size_t a = 0; a < 2; ++a) {
    const double expected = (problem.true_scores(problem.options.alphas[a]) - problem.y).squaredNorm() / 60;
    CHECK(narrow[a] == doctest::Approx(expected).epsilon(1e-8));
  }
  problem.layer.weights.setZero();  // constant features: no alpha makes them solvable
  problem.options.alphas = {0, 1e-300};
  const CrossfitResult<double> constant = problem.fit();
  CHECK(constant.W.allFinite());
  CHECK((std::isfinite(constant.report.path_errors[0]) || constant.report.alpha == 1e-300));
}

TEST_CASE_TEMPLATE("without a layer the inputs themselves are the features, and without folds nothing is scored", T,
                   float, double) {
  Problem<T> problem;
  problem.options.fold_starts.clear();
  const CrossfitResult<T> result =
      fit_crossfit<T>({problem.inputs, nullptr}, view(problem.Y), no_weights(), problem.options, no_checkpoint());
  const TrueRidge truth(problem.X.template cast<double>(), problem.y, 1e-2, true);
  CHECK(difference(result.W, truth.W) < 500 * epsilon<T>());
  CHECK(result.oof_scores.size() == 0);
  CHECK(result.report.fold_solves.empty());
}

TEST_CASE_TEMPLATE("predictions are H W + intercept in blocks of any size", T, float, double) {
  const Problem<T> problem;
  const Matrix<T> W = random_matrix<T>(7, 10, 3);
  const Vector<T> b = random_matrix<T>(8, 3, 1);
  const Matrix<double> expected =
      (problem.H * W.template cast<double>()).rowwise() + b.template cast<double>().transpose();
  for (const Index block_rows : {1, 7, 60, 4096}) {
    Matrix<T> S(60, 3);
    predict_ridge<T>({problem.inputs, problem.hidden.get()}, view(W), view(b), block_rows, span(S));
    CHECK(difference(S, expected) < 20 * epsilon<T>());
  }
  Matrix<T> S(60, 3);
  const Matrix<T> V = random_matrix<T>(9, 4, 3);
  predict_ridge<T>({problem.inputs, nullptr}, view(V), view(b), 9, span(S));
  const Matrix<double> linear = problem.X.template cast<double>() * V.template cast<double>();
  CHECK(difference(S, linear.rowwise() + b.template cast<double>().transpose()) < 20 * epsilon<T>());
  CHECK_THROWS_AS(predict_ridge<T>({problem.inputs, nullptr}, view(W), view(b), 9, span(S)), std::invalid_argument);
}

TEST_CASE_TEMPLATE("without a search the first alpha is taken, and the next larger one where Cholesky refuses", T,
                   float, double) {
  for (const Index p : {10, 80}) {
    CAPTURE(p);
    Problem<T> problem(p);
    const CrossfitResult<T> expected = problem.fit();
    problem.options.search = false;
    problem.options.alphas = {1e-2, 1e2, 1e-4};
    const CrossfitResult<T> first = problem.fit();
    CHECK(first.report.alpha == 1e-2);
    CHECK(first.report.path_errors.empty());
    CHECK(identical(first.W, expected.W));
    CHECK(identical(first.oof_scores, expected.oof_scores));
    problem.layer.weights.bottomRows(p / 2) = problem.layer.weights.topRows(p / 2);  // every feature twice
    problem.layer.bias.tail(p / 2) = problem.layer.bias.head(p / 2);
    problem.options.alphas = {1e-2};
    const CrossfitResult<T> larger = problem.fit();
    problem.options.alphas = {0, 1e-2, 1};
    const CrossfitResult<T> raised = problem.fit();
    CHECK(raised.report.alpha == 1e-2);
    CHECK(raised.report.solve.solver == Solver::cholesky);
    CHECK(identical(raised.W, larger.W));
  }
}

TEST_CASE("an interrupt passes through and mistakes in the options are refused") {
  Problem<double> problem;
  const Checkpoint stop = [] { throw std::runtime_error("interrupted"); };
  CHECK_THROWS_WITH(
      fit_crossfit<double>({problem.inputs, nullptr}, view(problem.Y), no_weights(), problem.options, stop),
      "interrupted");
  for (const std::vector<Index>& starts :
       std::vector<std::vector<Index>>{{0, 60}, {1, 30, 60}, {0, 30, 59}, {0, 30, 30, 60}, {0, 40, 30, 60}, {0}}) {
    CHECK_THROWS_AS(check_folds(starts, 60), std::invalid_argument);
    problem.options.fold_starts = starts;
    CHECK_THROWS_AS(problem.fit(), std::invalid_argument);
  }
  check_folds({}, 60);
  problem.options.fold_starts = {0, 30, 60};
  problem.options.block_rows = 0;
  CHECK_THROWS_AS(problem.fit(), std::invalid_argument);
  problem.options.block_rows = 10;
  problem.options.path_width = 0;
  CHECK_THROWS_AS(problem.fit(), std::invalid_argument);
  problem.options.path_width = 10;
  problem.options.fold_starts.clear();
  CHECK_THROWS_AS(problem.fit(Vector<double>::Ones(59)), std::invalid_argument);
  for (const std::vector<double>& alphas :
       std::vector<std::vector<double>>{{}, {-1}, {std::nan("")}, {HUGE_VAL}, {1e-3, 1e-2}}) {
    problem.options.alphas = alphas;
    CHECK_THROWS_AS(problem.fit(), std::invalid_argument);
  }
}
