// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <limits>

#include "centred_system.hpp"
#include "sstpl/blas.hpp"
#include "sstpl/errors.hpp"
#include "sstpl/path.hpp"

namespace sstpl {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::vector<const Sums*> all_but(std::vector<const Sums*> folds, std::size_t left_out) {
  folds.erase(folds.begin() + static_cast<std::ptrdiff_t>(left_out));
  return folds;
}

// sum ||W'h + b - y||^2 over the rows of a fold, from its sums; G is its full symmetric Gram matrix.
double squared_error(const Sums& fold, const Matrix<double>& G, const RidgeSolution& solution) {
  const Matrix<double>& W = solution.W;
  const Vector<double>& b = solution.intercept;
  Matrix<double> GW(W.rows(), W.cols());
  gemm(1.0, view(G), Transpose::no, view(W), Transpose::no, 0.0, span(GW));
  const Vector<double> linear = W.transpose() * fold.feature_sums.head(W.rows());
  return fold.target_squares.sum() - 2 * W.cwiseProduct(fold.cross.topRows(W.rows())).sum() -
         2 * b.dot(fold.target_sums) + W.cwiseProduct(GW).sum() + 2 * b.dot(linear) + fold.weight * b.squaredNorm();
}

}  // namespace

std::vector<double> heldout_errors(const std::vector<const Sums*>& folds, const Sums* whole,
                                   const std::vector<double>& alphas, bool intercept, Index n_features,
                                   const Checkpoint& checkpoint, const std::vector<std::vector<Index>>& left_out) {
  require(left_out.empty() || left_out.size() == folds.size(), "features left out are needed for every fold, or none");
  require(folds.size() >= 2, "held-out errors need at least two folds");
  const Index p = n_features < 0 ? folds.front()->n_features() : n_features;
  double weight = 0;
  std::vector<SumsOf> others;
  for (std::size_t k = 0; k < folds.size(); ++k) {
    require(folds[k]->n_features() == folds.front()->n_features() && folds[k]->n_outputs() == folds[0]->n_outputs(),
            "the sums of the folds are of different shapes");
    others.push_back({all_but(folds, k), whole, folds[k], left_out.empty() ? nullptr : &left_out[k]});
    weight += folds[k]->weight;
  }
  std::vector<CentredSystem> systems;
  systems.reserve(folds.size());
  for (const SumsOf& rest : others) systems.emplace_back(rest, intercept, p);
  for (const double alpha : alphas) require_alpha(alpha);
  Matrix<double> heldout, work;
  RidgeSolution solution;
  return search_path(alphas, [&](double alpha) {
    double error = 0;
    for (std::size_t k = 0; k < folds.size(); ++k) {
      checkpoint();
      if (!systems[k].solve(alpha, {false, false}, heldout, work, solution)) return infinity;
      heldout.setZero(p, p);
      folds[k]->gram.add_to_upper(span(heldout));
      heldout.triangularView<Eigen::StrictlyLower>() = heldout.transpose();
      error += std::max(0.0, squared_error(*folds[k], heldout, solution));
    }
    return error / (weight > 0 ? weight : 1.0);
  });
}

}  // namespace sstpl
