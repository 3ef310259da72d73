// SPDX-License-Identifier: BSD-3-Clause
// Gradients against differences of the log-likelihood, and steps against its maximum.
#include <cmath>

#include "helpers.hpp"
#include "sstpl/logistic.hpp"
#include "sstpl/ridge.hpp"

using namespace sstpl;
using namespace sstpl::testing;

namespace {

constexpr Index n_rows = 30, n_classes = 3, n_folds = 2, p = 4;

struct Problem {
  Matrix<double> H = random_matrix(1, n_rows, p);
  std::vector<Index> labels, folds;
  Vector<double> weights = random_matrix(2, n_rows, 1).cwiseAbs();

  Problem() {
    for (Index i = 0; i < n_rows; ++i) {
      labels.push_back((i * i + i / 7) % n_classes);
      folds.push_back(i < 12 ? 0 : 1);
    }
  }

  double row_loss(Index i, const Matrix<double>& W, const Vector<double>& b) const {
    const Vector<double> s = (H.row(i) * W).transpose() + b;
    return weights(i) * (std::log(s.array().exp().sum()) - s(labels[static_cast<std::size_t>(i)]));
  }

  // Of the rows that are in the fold, or are not.
  double loss(const Matrix<double>& W, const Vector<double>& b, Index fold, bool inside) const {
    double total = 0;
    for (Index i = 0; i < n_rows; ++i) {
      if ((folds[static_cast<std::size_t>(i)] == fold) == inside) total += row_loss(i, W, b);
    }
    return total;
  }

  template <class T>
  LogisticSums sums(const Matrix<double>& W, const Vector<double>& b) const {
    LogisticSums found(p, n_classes, n_folds + 1);
    const Matrix<T> rows = H.cast<T>(), own = W.cast<T>();
    const Vector<T> intercept = b.cast<T>();
    add_logistic<T>(found, view(rows), view(labels), view(folds), view(weights), view(own), view(intercept),
                    no_checkpoint());
    return found;
  }
};

}  // namespace

TEST_CASE_TEMPLATE("sums are the gradients of the log-likelihood without each fold", T, float, double) {
  const Problem problem;
  const Matrix<double> W = random_matrix(3, p, n_classes * (n_folds + 1));
  const Vector<double> b = random_matrix(4, n_classes * (n_folds + 1), 1);
  const LogisticSums found = problem.sums<T>(W, b);
  const double step = 1e-6;
  for (Index k = 0; k <= n_folds; ++k) {
    const Matrix<double> own = W.middleCols(k * n_classes, n_classes);
    const Vector<double> intercept = b.segment(k * n_classes, n_classes);
    for (Index c = 0; c < n_classes; ++c) {
      for (Index j = 0; j <= p; ++j) {  // the last one is the intercept
        Matrix<double> more = own, less = own;
        Vector<double> more_b = intercept, less_b = intercept;
        (j < p ? more(j, c) : more_b(c)) += step;
        (j < p ? less(j, c) : less_b(c)) -= step;
        const double slope =
            (problem.loss(less, less_b, k - 1, false) - problem.loss(more, more_b, k - 1, false)) / (2 * step);
        const double sum = j < p ? found.features(j, k * n_classes + c) : found.intercept(k * n_classes + c);
        CHECK(sum == doctest::Approx(slope).epsilon(sizeof(T) == 4 ? 1e-3 : 1e-6));
      }
    }
    const double left_out = k == 0 ? 0.0 : problem.loss(own, intercept, k - 1, true);
    CHECK(found.left_out(k) == doctest::Approx(left_out).epsilon(1e-4));
  }
}

TEST_CASE("scores of any size have a gradient and a loss") {
  const Problem problem;
  const Matrix<double> W = 1e5 * random_matrix(3, p, n_classes * (n_folds + 1));
  const LogisticSums found = problem.sums<float>(W, Vector<double>::Zero(W.cols()));
  CHECK(found.features.allFinite());
  CHECK(found.left_out.allFinite());
  CHECK(found.left_out.minCoeff() >= 0);
}

TEST_CASE("steps by the factor of the ridge never lower the penalised likelihood, and end at its maximum") {
  const Problem problem;
  const Vector<double> mean = problem.H.transpose() * problem.weights / problem.weights.sum();
  Matrix<double> G = Matrix<double>::Zero(p, p);
  for (Index i = 0; i < n_rows; ++i) {
    const Vector<double> h = problem.H.row(i).transpose() - mean;
    G += problem.weights(i) * h * h.transpose();
  }
  const double penalty = 0.1;
  G.diagonal().array() += penalty;
  CHECK(cholesky(span(G)).failed_at == 0);
  const Matrix<double> U = G.triangularView<Eigen::Upper>();
  const Vector<double> scale = Vector<double>::Ones(p);
  const Index all = n_classes * (n_folds + 1);
  Matrix<double> W = Matrix<double>::Zero(p, all);
  Vector<double> a = Vector<double>::Zero(all);  // intercept of centred features
  const auto objective = [&](Index k) {
    const Matrix<double> own = W.middleCols(k * n_classes, n_classes);
    const Vector<double> b = a.segment(k * n_classes, n_classes) - own.transpose() * mean;
    return problem.loss(own, b, k - 1, false) + penalty / 4 * own.squaredNorm();
  };
  double steepest = 0;
  for (int step = 0; step < 3000; ++step) {
    const Vector<double> before{{objective(0), objective(1), objective(2)}};
    const LogisticSums sums = problem.sums<double>(W, a - W.transpose() * mean);
    Matrix<double> D = sums.features - mean * sums.intercept.transpose() - penalty / 2 * W;
    steepest = D.cwiseAbs().maxCoeff();
    solve_by_factor(view(U), view(scale), span(D));
    W += 2 * D;
    a += 2 / problem.weights.sum() * sums.intercept;
    for (Index k = 0; k <= n_folds; ++k) CHECK(objective(k) <= before(k) + 1e-9);
  }
  CHECK(steepest < 1e-6);
}

TEST_CASE("what does not fit is refused") {
  const Problem problem;
  LogisticSums sums(p, n_classes, n_folds + 1);
  const Matrix<double> W = Matrix<double>::Zero(p, n_classes * (n_folds + 1));
  const Vector<double> b = Vector<double>::Zero(W.cols()), none;
  const auto add = [&](const std::vector<Index>& labels, const std::vector<Index>& folds,
                       const Matrix<double>& readouts) {
    add_logistic<double>(sums, view(problem.H), view(labels), view(folds), view(none), view(readouts), view(b),
                         no_checkpoint());
  };
  std::vector<Index> other = problem.labels;
  other.back() = n_classes;
  CHECK_THROWS_AS(add(other, problem.folds, W), std::invalid_argument);
  other = problem.folds;
  other.front() = n_folds;
  CHECK_THROWS_AS(add(problem.labels, other, W), std::invalid_argument);
  CHECK_THROWS_AS(add(problem.labels, problem.folds, Matrix<double>::Zero(p + 1, W.cols())), std::invalid_argument);
  CHECK_THROWS_AS(add({0}, problem.folds, W), std::invalid_argument);
  Matrix<double> B = Matrix<double>::Zero(p, 1);
  const Vector<double> scale = Vector<double>::Ones(p);
  CHECK_THROWS_AS(solve_by_factor(view(W), view(scale), span(B)), std::invalid_argument);
}
