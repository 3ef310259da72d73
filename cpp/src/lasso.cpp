// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/lasso.hpp"

#include <algorithm>
#include <cmath>

#include "sstpl/blas.hpp"
#include "sstpl/errors.hpp"
#include "sstpl/parallel.hpp"
#include "sstpl/random.hpp"

namespace sstpl {

namespace {

// An upper estimate of the largest eigenvalue: power iteration comes from below, so it gets a margin; the
// objective check in the main loop raises L further in the rare case that the margin is too small.
double largest_eigenvalue(const Matrix<double>& G) {
  Matrix<double> v(G.rows(), 1);
  Matrix<double> next(G.rows(), 1);
  fill_normal(RandomStream{0, 0}, 1.0, span(v));
  double value = 0;
  for (int i = 0; i < 100; ++i) {
    v /= std::max(v.norm(), 1e-300);
    gemm(1.0, view(G), Transpose::no, view(v), Transpose::no, 0.0, span(next));
    const double before = value;
    value = next.norm();
    v.swap(next);
    if (std::abs(value - before) <= 1e-4 * value) break;
  }
  return 1.02 * value;
}

// f(i) for every row of a matrix, on the project's threads.
template <class Function>
void for_rows(const Matrix<double>& D, const Function& f) {
  parallel_for(0, D.rows(), 64, [&](Index from, Index to) {
    for (Index i = from; i < to; ++i) f(i);
  });
}

// The sum over rows of f(i), in the order of the rows whatever the threads.
template <class Function>
double sum_rows(const Matrix<double>& D, Vector<double>& parts, const Function& f) {
  parts.resize(D.rows());
  for_rows(D, [&](Index i) { parts(i) = f(i); });
  return parts.sum();
}

// 1/2 tr(D'GD) - tr(D'B) + mu ||D||_1, given GD.
double objective(const Matrix<double>& D, const Matrix<double>& GD, const Matrix<double>& B, double mu,
                 Vector<double>& parts) {
  return sum_rows(D, parts,
                  [&](Index i) { return D.row(i).dot(0.5 * GD.row(i) - B.row(i)) + mu * D.row(i).cwiseAbs().sum(); });
}

}  // namespace

Matrix<double> solve_lasso(const Matrix<double>& G, const Matrix<double>& B, const LassoOptions& options,
                           LassoReport& report, const Checkpoint& checkpoint) {
  require(G.rows() == G.cols() && G.rows() == B.rows(), "solve_lasso: G must be (p, p) and B (p, d)");
  require(options.alpha >= 0 && std::isfinite(options.alpha), "alpha must be finite and not negative");
  require(options.max_iter >= 1, "max_iter must be at least 1");
  require(options.tolerance >= 0 && std::isfinite(options.tolerance), "tolerance must be finite and not negative");
  require(G.allFinite() && B.allFinite(), "G and B must be finite");
  report = LassoReport();
  report.penalty = B.size() > 0 ? options.alpha * B.cwiseAbs().maxCoeff() : 0.0;
  report.lipschitz = largest_eigenvalue(G);
  Matrix<double> D = Matrix<double>::Zero(B.rows(), B.cols());
  if (!(report.lipschitz > 0)) {  // R is zero: so is the best D
    report.converged = true;
    return D;
  }
  Matrix<double> GD = D;  // G D, kept so that G Y needs no product of its own
  Matrix<double> D_next, GD_next(D.rows(), D.cols());
  Matrix<double> Y = D, GY = D;
  Vector<double> parts;
  double t = 1;
  double value = 0;
  bool restarted = false;
  while (report.n_iter < options.max_iter) {
    checkpoint();
    ++report.n_iter;
    const double threshold = report.penalty / report.lipschitz;
    D_next.resize(D.rows(), D.cols());
    for_rows(D, [&](Index i) {
      const auto x = Y.row(i).array() - (GY.row(i) - B.row(i)).array() / report.lipschitz;
      D_next.row(i) = ((x - threshold).max(0.0) - (-x - threshold).max(0.0)).matrix();  // soft threshold
    });
    gemm(1.0, view(G), Transpose::no, view(D_next), Transpose::no, 0.0, span(GD_next));
    const double next_value = objective(D_next, GD_next, B, report.penalty, parts);
    if (next_value > value) {
      // From a fresh start the step must descend unless L is too small or the objective has met its rounding.
      report.objective.push_back(value);
      if (restarted && next_value - value <= 1e-12 * std::abs(value)) {
        report.converged = true;
        break;
      }
      if (restarted) report.lipschitz *= 2;
      restarted = true;
      t = 1;
      Y = D;
      GY = GD;
      continue;
    }
    restarted = false;
    const double change =
        std::sqrt(sum_rows(D, parts, [&](Index i) { return (D_next.row(i) - D.row(i)).squaredNorm(); }));
    const double size = std::sqrt(sum_rows(D, parts, [&](Index i) { return D_next.row(i).squaredNorm(); }));
    const double t_next = (1 + std::sqrt(1 + 4 * t * t)) / 2;
    const double momentum = (t - 1) / t_next;
    for_rows(D, [&](Index i) {
      Y.row(i) = D_next.row(i) + momentum * (D_next.row(i) - D.row(i));
      GY.row(i) = GD_next.row(i) + momentum * (GD_next.row(i) - GD.row(i));
    });
    D.swap(D_next);
    GD.swap(GD_next);
    t = t_next;
    value = next_value;
    report.objective.push_back(value);
    if (change <= options.tolerance * size) {
      report.converged = true;
      break;
    }
  }
  return D;
}

}  // namespace sstpl
