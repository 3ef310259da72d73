// SPDX-License-Identifier: BSD-3-Clause
#include "centred_system.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sstpl/errors.hpp"
#include "sstpl/parallel.hpp"

namespace sstpl {

namespace {

constexpr Index row_grain = 64;  // rows of a square matrix per thread

// Of a whole column's sum of squares, what must be outside a fold for the fold to be subtracted.
constexpr double least_share = 1.0 / 16;

}  // namespace

void require_alpha(double alpha) {
  require(alpha >= 0 && std::isfinite(alpha), "alpha must be finite and not negative");
}

double centring_noise(double roundoff, double n_rows) { return 64 * roundoff + n_rows * unit_roundoff<double>(); }

Totals::Totals(const std::vector<const Sums*>& parts, Index n_features) : p(n_features) {
  require(!parts.empty(), "a ridge solve needs at least one set of sums");
  const Sums& first = *parts.front();
  require(p <= first.n_features(), "more leading columns asked for than the sums have");
  diagonal = Vector<double>::Zero(p);
  features = Vector<double>::Zero(p);
  rounding = Vector<double>::Zero(p);
  handled = Vector<double>::Zero(p);
  targets = Vector<double>::Zero(first.n_outputs());
  cross = Matrix<double>::Zero(p, first.n_outputs());
  for (const Sums* part : parts) {
    require(part->n_features() == first.n_features() && part->n_outputs() == first.n_outputs(),
            "the sums taken together are of different shapes");
    part->gram.add_diagonal_to(diagonal);
    features += part->feature_sums.head(p);
    rounding = rounding.cwiseMax(part->feature_rounding.head(p));
    handled += 2 * part->removed.head(p);
    targets += part->target_sums;
    cross += part->cross.topRows(p);
    weight += part->weight;
    n_samples += static_cast<double>(part->n_samples);
    roundoff = std::max(roundoff, part->roundoff);
  }
  handled += diagonal;
  if (!diagonal.allFinite() || !cross.allFinite()) {
    throw LinAlgError("the sums of a ridge problem are not finite: a feature overflowed; scale the inputs down");
  }
}

CentredSystem::CentredSystem(const SumsOf& sums, bool intercept, Index n_features)
    : sums_(sums),
      totals_(sums.parts, n_features),
      intercept_(intercept && totals_.weight > 0),
      subtracts_(sums.whole != nullptr && keeps_digits()),
      kept_(static_cast<std::size_t>(n_features)) {
  const Vector<double> uncentred = totals_.diagonal;
  if (intercept_) centre();
  std::iota(kept_.begin(), kept_.end(), Index{0});
  if (sums.left_out != nullptr) leave_out(*sums.left_out);
  // Rows that were taken away again leave their rounding behind.
  double left_behind = 1;
  for (Index j = 0; j < totals_.p; ++j) {
    if (totals_.diagonal(j) > 0) left_behind = std::max(left_behind, totals_.handled(j) / uncentred(j));
  }
  totals_.roundoff *= left_behind;
}

bool CentredSystem::solve(double alpha, const SolveOptions& options, Matrix<double>& scratch, Matrix<double>& work,
                          RidgeSolution& solution) const {
  require_alpha(alpha);
  const bool has_all = static_cast<Index>(kept_.size()) == totals_.p;
  const double trace = totals_.diagonal(kept_).sum();
  const double penalty = kept_.empty() ? 0.0 : alpha * trace / static_cast<double>(kept_.size());
  Matrix<double> W = totals_.cross(kept_, Eigen::all);
  const auto fill_any = [&](MatrixSpan<double> G) { has_all ? fill(G) : fill_kept(scratch, G); };
  const bool solved =
      solve_symmetric(fill_any, penalty, totals_.roundoff, options, work, span(W), solution.report, &solution.scale);
  solution.W = Matrix<double>::Zero(totals_.p, W.cols());
  solution.W(kept_, Eigen::all) = W;
  if (!has_all) solution.scale.resize(0);
  for (const Index j : constant_) {
    if (solution.scale.size() > 0) solution.scale(j) = 0;
  }
  solution.feature_means = Vector<double>::Zero(totals_.p);
  if (intercept_) solution.feature_means = totals_.features / totals_.weight;
  solution.intercept = Vector<double>::Zero(totals_.targets.size());
  if (solved && intercept_) {
    solution.intercept = (totals_.targets - solution.W.transpose() * totals_.features) / totals_.weight;
  }
  return solved;
}

void CentredSystem::centre() {
  totals_.cross.noalias() -= totals_.features * totals_.targets.transpose() / totals_.weight;
  totals_.diagonal -= totals_.features.cwiseAbs2() / totals_.weight;
  // A constant column is zero after centring; what is left of it is rounding, and must not become a feature.
  for (Index j = 0; j < totals_.p; ++j) {
    const double noise = std::max(centring_noise(totals_.roundoff, totals_.n_samples) * totals_.handled(j),
                                  totals_.weight * totals_.rounding(j) * totals_.rounding(j));
    if (totals_.diagonal(j) > noise) continue;
    constant_.push_back(j);
    totals_.diagonal(j) = 0;
    totals_.cross.row(j).setZero();
  }
}

void CentredSystem::leave_out(const std::vector<Index>& features) {
  std::vector<bool> is_out(kept_.size(), false);
  for (const Index j : features) {
    require(j >= 0, "features left out must be numbers of features");
    if (j < totals_.p) is_out[static_cast<std::size_t>(j)] = true;  // others are not among the leading ones
  }
  kept_.erase(std::remove_if(kept_.begin(), kept_.end(), [&](Index j) { return is_out[static_cast<std::size_t>(j)]; }),
              kept_.end());
}

bool CentredSystem::keeps_digits() const {
  Vector<double> whole = Vector<double>::Zero(totals_.p);
  sums_.whole->gram.add_diagonal_to(whole);
  return (totals_.diagonal.array() >= least_share * whole.array()).all();
}

void CentredSystem::fill(MatrixSpan<double> G) const {
  if (subtracts_) {
    const Vector<double> means = intercept_ ? Vector<double>(totals_.features / totals_.weight)
                                            : Vector<double>(Vector<double>::Zero(totals_.p));
    sums_.whole->gram.write_upper(G, sums_.without != nullptr ? &sums_.without->gram : nullptr, means,
                                  totals_.features);
  } else {
    add_parts(G);
  }
  for (const Index j : constant_) {
    G.row(j).tail(G.cols() - j).setZero();
    G.col(j).head(j).setZero();
  }
}

void CentredSystem::fill_kept(Matrix<double>& scratch, MatrixSpan<double> G) const {
  scratch.resize(totals_.p, totals_.p);
  fill(span(scratch));
  parallel_for(0, G.rows(), row_grain, [&](Index from, Index to) {
    for (Index i = from; i < to; ++i) {
      const double* row = scratch.data() + kept_[static_cast<std::size_t>(i)] * totals_.p;
      for (Index j = i; j < G.cols(); ++j) G(i, j) = row[kept_[static_cast<std::size_t>(j)]];
    }
  });
}

void CentredSystem::add_parts(MatrixSpan<double>& G) const {
  parallel_for(0, G.rows(), row_grain, [&](Index from, Index to) {
    for (Index i = from; i < to; ++i) {
      if (intercept_) {
        G.row(i).tail(G.cols() - i) =
            (-totals_.features(i) / totals_.weight) * totals_.features.tail(G.cols() - i).transpose();
      } else {
        G.row(i).tail(G.cols() - i).setZero();
      }
    }
  });
  for (const Sums* part : sums_.parts) part->gram.add_to_upper(G);
}

}  // namespace sstpl
