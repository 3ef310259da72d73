// SPDX-License-Identifier: BSD-3-Clause
// Leave-one-out scores against refits by QR without each row, at the same lambda.
#include "helpers.hpp"
#include "sstpl/crossfit.hpp"
#include "sstpl/leverage.hpp"

using namespace sstpl;
using namespace sstpl::testing;

namespace {

constexpr Index n_rows = 40;

// The score of every row, as in H_then, by the refit on H without it, with the penalty that all rows have.
Matrix<double> refits(const Matrix<double>& H, const Matrix<double>& H_then, const Matrix<double>& Y, double penalty,
                      bool intercept, const Vector<double>& w = Vector<double>()) {
  Matrix<double> scores(Y.rows(), Y.cols());
  for (Index i = 0; i < Y.rows(); ++i) {
    const Matrix<double> others = without_rows(H, i, i + 1);
    const Vector<double> own = w.size() > 0 ? Vector<double>(without_rows(w, i, i + 1)) : w;
    const double unit = TrueRidge(others, without_rows(Y, i, i + 1), 1.0, intercept, own).penalty;
    const TrueRidge fit(others, without_rows(Y, i, i + 1), penalty / unit, intercept, own);
    scores.row(i) = fit.predict(H_then.row(i));
  }
  return scores;
}

template <class T>
CrossfitResult<T> fit(const Matrix<T>& H, const Matrix<T>& Y, double alpha, bool intercept,
                      const Vector<double>& w = Vector<double>(), const Matrix<T>* H_then = nullptr) {
  CrossfitOptions options;
  options.alphas = {alpha};
  options.fold_starts = {0, 13, n_rows};
  options.intercept = intercept;
  options.leave_one_out = true;
  options.block_rows = 9;
  const Inputs<T> inputs(view(H));
  if (H_then == nullptr) return fit_crossfit<T>({inputs, nullptr}, view(Y), view(w), options, no_checkpoint());
  const Inputs<T> then(view(*H_then));
  return fit_crossfit<T>({inputs, nullptr, &then}, view(Y), view(w), options, no_checkpoint());
}

}  // namespace

TEST_CASE_TEMPLATE("every row is scored by the refit without it, in primal and dual form", T, float, double) {
  for (const Index p : {6, 70}) {
    for (const bool intercept : {true, false}) {
      CAPTURE(p);
      CAPTURE(intercept);
      const Matrix<T> H = random_matrix<T>(1, n_rows, p).array() + T(2);
      const Matrix<T> Y = random_matrix<T>(2, n_rows, 2);
      const CrossfitResult<T> result = fit(H, Y, 0.1, intercept);
      CHECK(result.report.dual == (p == 70));
      CHECK(result.report.rows_left_out_alone == n_rows);
      const Matrix<double> rows = H.template cast<double>();
      const Matrix<double> truth =
          refits(rows, rows, Y.template cast<double>(), result.report.solve.penalty, intercept);
      CHECK(difference(result.loo_scores, truth) < 20000 * epsilon<T>());
      CHECK(difference(result.oof_scores, truth) > 0.01);
    }
  }
}

TEST_CASE_TEMPLATE("weights count as rows do, and a row of weight zero keeps its score", T, float, double) {
  const Matrix<T> H = random_matrix<T>(3, n_rows, 5);
  const Matrix<T> Y = random_matrix<T>(4, n_rows, 2);
  Vector<double> w = random_matrix(5, n_rows, 1).cwiseAbs();
  w(7) = 0;
  const CrossfitResult<T> result = fit(H, Y, 0.1, true, w);
  const Matrix<double> rows = H.template cast<double>();
  const Matrix<double> truth = refits(rows, rows, Y.template cast<double>(), result.report.solve.penalty, true, w);
  CHECK(difference(result.loo_scores, truth) < 20000 * epsilon<T>());
}

TEST_CASE_TEMPLATE("rows that will look different are scored as they will look", T, float, double) {
  const Vector<double> none;
  const Vector<double> w = random_matrix(14, n_rows, 1).cwiseAbs();
  for (const Index p : {6, 70}) {
    for (const bool intercept : {true, false}) {
      for (const Vector<double>* weights : {&none, &w}) {
        CAPTURE(p);
        CAPTURE(intercept);
        CAPTURE(weights->size());
        const Matrix<T> H = random_matrix<T>(15, n_rows, p).array() + T(2);
        const Matrix<T> H_then = H + T(0.3) * random_matrix<T>(16, n_rows, p);
        const Matrix<T> Y = random_matrix<T>(17, n_rows, 2);
        const CrossfitResult<T> result = fit(H, Y, 0.1, intercept, *weights, &H_then);
        const Matrix<double> truth =
            refits(H.template cast<double>(), H_then.template cast<double>(), Y.template cast<double>(),
                   result.report.solve.penalty, intercept, *weights);
        CHECK(difference(result.loo_scores, truth) < 20000 * epsilon<T>());
        CHECK(difference(fit(H, Y, 0.1, intercept, *weights, &H).loo_scores,
                         fit(H, Y, 0.1, intercept, *weights).loo_scores) < 2000 * epsilon<T>());
      }
    }
  }
}

TEST_CASE_TEMPLATE("a row that alone varies a column, without penalty, has the score of its fold", T, float, double) {
  Matrix<T> H = random_matrix<T>(6, n_rows, 3);
  H.col(1).setZero();
  H(30, 1) = T(1);
  const Matrix<T> Y = random_matrix<T>(7, n_rows, 1);
  const CrossfitResult<T> result = fit(H, Y, 0.0, true);
  CHECK(result.report.rows_left_out_alone == n_rows - 1);
  CHECK(result.loo_scores(30, 0) == result.oof_scores(30, 0));
  CHECK(result.loo_scores.allFinite());
}

TEST_CASE_TEMPLATE("constant columns have no leverage", T, float, double) {
  const Matrix<T> H = random_matrix<T>(8, n_rows, 4);
  Matrix<T> wider(n_rows, 6);
  wider << H.leftCols(2), Matrix<T>::Constant(n_rows, 2, T(1e3)), H.rightCols(2);
  const Matrix<T> Y = random_matrix<T>(9, n_rows, 2);
  CHECK(difference(fit(wider, Y, 0.0, true).loo_scores, fit(H, Y, 0.0, true).loo_scores) < 2000 * epsilon<T>());
}

TEST_CASE("where the eigenvalue fallback was taken every row has the score of its fold") {
  Matrix<double> H = random_matrix(10, n_rows, 4);
  H.col(3) = H.col(0);
  const Matrix<double> Y = random_matrix(11, n_rows, 2);
  const CrossfitResult<double> result = fit(H, Y, 0.0, true);
  CHECK(result.report.solve.solver == Solver::eigen);
  CHECK(result.report.rows_left_out_alone == 0);
  CHECK(identical(result.loo_scores, result.oof_scores));
}

TEST_CASE("shapes that do not fit throw, and so do leave-one-out scores without folds") {
  RidgeSolution solution;
  solution.scale = solution.feature_means = Vector<double>::Ones(3);
  const Matrix<double> U = Matrix<double>::Identity(3, 3), H = random_matrix(12, 5, 4), Y = random_matrix(13, 5, 1);
  CHECK_THROWS_AS(LeverageFactor<double>(solution, view(H), 5, true), std::invalid_argument);
  const LeverageFactor<double> factor(solution, view(U), 5, true);
  const Matrix<double> three = random_matrix(14, 5, 3), none;
  CHECK_THROWS_AS(leverages(factor, view(H), view(none), no_weights()), std::invalid_argument);
  CHECK_THROWS_AS(leverages(factor, view(three), view(U), no_weights()), std::invalid_argument);
  CHECK_THROWS_AS(dual_leverages(view(H), solution, U, none, no_weights(), true), std::invalid_argument);
  CHECK_THROWS_AS(dual_leverages(view(U), solution, U, H, no_weights(), true), std::invalid_argument);
  Matrix<double> S(4, 1);
  const Leverages five{Vector<double>::Zero(5), Vector<double>::Zero(5)};
  CHECK_THROWS_AS(leave_one_out(five, view(Y), view(Y), span(S)), std::invalid_argument);
  CrossfitOptions options;
  options.leave_one_out = true;
  const Inputs<double> inputs(view(H));
  CHECK_THROWS_AS(fit_crossfit<double>({inputs, nullptr}, view(Y), no_weights(), options, no_checkpoint()),
                  std::invalid_argument);
  options.fold_starts = {0, 2, 5};
  const Inputs<double> narrow(view(three));
  CHECK_THROWS_AS(fit_crossfit<double>({inputs, nullptr, &narrow}, view(Y), no_weights(), options, no_checkpoint()),
                  std::invalid_argument);
}

TEST_CASE_TEMPLATE("leverages of a hidden layer are those of its features less the shift, block by block", T, float,
                   double) {
  const Index n = 1100;
  const Matrix<T> Z = random_matrix<T>(1, n, 4), Z_then = random_matrix<T>(2, n, 4);
  const HiddenLayer<T> layer{random_matrix<T>(3, 6, 4), Vector<T>(random_matrix<T>(4, 6, 1)), Activation::tanh};
  const Vector<T> shift = random_matrix<T>(5, 6, 1);
  Matrix<T> U = random_matrix<T>(6, 6, 6);
  U.diagonal().array() += T(4);
  const LeverageFactor<T> factor(U, Vector<T>(random_matrix<T>(7, 6, 1)), Vector<T>(random_matrix<T>(8, 6, 1)), 0.25);
  const Vector<double> w = Vector<double>(random_matrix(9, n, 1)).cwiseAbs();
  Matrix<T> H(n, 6), H_then(n, 6);
  apply_hidden(view(layer), view(Z), view(shift), span(H));
  apply_hidden(view(layer), view(Z_then), view(shift), span(H_then));
  const Leverages expected = leverages(factor, view(H), view(H_then), view(w));
  const Leverages found = hidden_leverages(factor, view(layer), view(shift), view(Z), view(Z_then), view(w), [] {});
  const double tolerance = 1000 * epsilon<T>() * expected.own.maxCoeff();
  CHECK((found.own - expected.own).cwiseAbs().maxCoeff() <= tolerance);
  CHECK((found.cross - expected.cross).cwiseAbs().maxCoeff() <= tolerance);
  const Matrix<T> none(0, 4);
  const Vector<double> unweighted;
  const Leverages alone =
      hidden_leverages(factor, view(layer), view(shift), view(Z), view(none), view(unweighted), [] {});
  CHECK(alone.cross == alone.own);
  CHECK((alone.own.cwiseProduct(w) - found.own).cwiseAbs().maxCoeff() <= tolerance * (1 + w.maxCoeff()));
}
