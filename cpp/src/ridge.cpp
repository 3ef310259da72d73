// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/ridge.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sstpl/blas.hpp"
#include "sstpl/errors.hpp"
#include "sstpl/parallel.hpp"
#include "sstpl/path.hpp"
#include "sstpl/scratch.hpp"

namespace sstpl {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

constexpr Index row_grain = 64;  // rows of a square matrix per thread

// A squared pivot of the unit-diagonal matrix is the share of a feature that the features before it leave
// unexplained. Below a few roundings of the sums that share is noise.
constexpr double pivot_safety = 4.0;

void require_alpha(double alpha) {
  require(alpha >= 0 && std::isfinite(alpha), "alpha must be finite and not negative");
}

double smallest_pivot(double roundoff, Index order) {
  return pivot_safety * std::max(roundoff, static_cast<double>(order) * unit_roundoff<double>());
}

// Of a whole column's sum of squares, what must be outside a fold for the fold to be subtracted.
constexpr double least_share = 1.0 / 16;

// Centring takes n mean^2 from a sum of squares; what is left of a constant column is the rounding of both sums:
// some tens of roundings of a block, and at worst one rounding of a double per row.
double centring_noise(double roundoff, double n_rows) { return 64 * roundoff + n_rows * unit_roundoff<double>(); }

// The random errors of p x p sums add up to about sqrt(p) roundoff in norm.
double eigenvalue_cutoff(double roundoff, Index order) {
  const auto p = static_cast<double>(order);
  return std::max(p * unit_roundoff<double>(), std::sqrt(p) * roundoff);
}

// G := D^-1 G D^-1 with D = sqrt(diag G); a zero diagonal entry (a column of zeros) becomes 1.
Vector<double> equilibrate(MatrixSpan<double>& G) {
  Vector<double> scale = G.diagonal();
  for (Index i = 0; i < scale.size(); ++i) {
    if (scale(i) <= 0) {
      G.row(i).tail(G.cols() - i).setZero();
      G.col(i).head(i).setZero();
      G(i, i) = 1;
    }
    scale(i) = scale(i) > 0 ? 1.0 / std::sqrt(scale(i)) : 1.0;
  }
  parallel_for(0, G.rows(), row_grain, [&](Index from, Index to) {
    for (Index i = from; i < to; ++i) {
      for (Index j = i; j < G.cols(); ++j) G(i, j) *= scale(i) * scale(j);
    }
  });
  return scale;
}

bool solve_by_cholesky(MatrixSpan<double> G, double roundoff, bool estimate_condition, MatrixSpan<double>& B,
                       Vector<double>& scale, SolveReport& report) {
  scale = equilibrate(G);
  const CholeskyResult factor = cholesky(G, estimate_condition);
  const bool sound = factor.failed_at == 0 && factor.min_pivot > smallest_pivot(roundoff, G.rows()) &&
                     !(factor.rcond <= unit_roundoff<double>());  // NaN where it was not asked for
  if (!sound) return false;
  B = scale.asDiagonal() * B;
  solve_triangular(view(G), Transpose::yes, B);
  solve_triangular(view(G), Transpose::no, B);
  B = scale.asDiagonal() * B;
  report.solver = Solver::cholesky;
  report.rank = G.rows();
  report.rcond = factor.rcond;
  return true;
}

void solve_by_eigenvalues(MatrixSpan<double> G, double roundoff, MatrixSpan<double>& B, SolveReport& report) {
  Vector<double> eigenvalues;
  Matrix<double> V;  // eigenvectors in rows
  symmetric_eigen(G, eigenvalues, V);
  const double largest = eigenvalues.size() > 0 ? eigenvalues(eigenvalues.size() - 1) : 0.0;
  const double cutoff = std::max(0.0, largest) * eigenvalue_cutoff(roundoff, G.rows());
  report.solver = Solver::eigen;
  report.rank = (eigenvalues.array() > cutoff).count();
  const Index dropped = G.rows() - report.rank;
  report.rcond = largest > 0 ? std::max(0.0, eigenvalues(0)) / largest : 0.0;
  Matrix<double> Z(report.rank, B.cols());
  const MatrixView<double> kept = block(view(V), dropped, 0, report.rank, G.cols());
  gemm(1.0, kept, Transpose::no, view(B), Transpose::no, 0.0, span(Z));
  Z = eigenvalues.tail(report.rank).cwiseInverse().asDiagonal() * Z;
  gemm(1.0, kept, Transpose::yes, view(Z), Transpose::no, 0.0, B);
}

// The totals over several sums that every centred quantity needs.
struct Totals {
  Totals(const std::vector<const Sums*>& parts, Index n_features) : p(n_features) {
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

  Index p;
  Vector<double> diagonal, features, rounding, targets;
  Vector<double> handled;  // what was ever added to the diagonal or taken from it: its rounding is in there
  Matrix<double> cross;
  double weight = 0;
  double n_samples = 0;
  double roundoff = 0;
};

// The centred system G_c = G - s s'/n of several sums, ready for any alpha.
class CentredSystem {
 public:
  CentredSystem(const SumsOf& sums, bool intercept, Index n_features)
      : sums_(sums),
        totals_(sums.parts, n_features),
        intercept_(intercept && totals_.weight > 0),
        subtracts_(sums.whole != nullptr && keeps_digits()) {
    const Vector<double> uncentred = totals_.diagonal;
    if (intercept_) centre();
    // Rows that were taken away again leave their rounding behind.
    double left_behind = 1;
    for (Index j = 0; j < totals_.p; ++j) {
      if (totals_.diagonal(j) > 0) left_behind = std::max(left_behind, totals_.handled(j) / uncentred(j));
    }
    totals_.roundoff *= left_behind;
  }

  const Totals& totals() const { return totals_; }

  void fill(MatrixSpan<double> G) const {
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

  bool solve(double alpha, const SolveOptions& options, const FillSymmetric& fill_from, Matrix<double>& work,
             RidgeSolution& solution) const {
    require_alpha(alpha);
    const auto p = static_cast<double>(totals_.p);
    const double penalty = totals_.p > 0 ? alpha * totals_.diagonal.sum() / p : 0.0;
    solution.W = totals_.cross;
    const bool solved = solve_symmetric(fill_from, penalty, totals_.roundoff, options, work, span(solution.W),
                                        solution.report, &solution.scale);
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

 private:
  void centre() {
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

  bool keeps_digits() const {
    Vector<double> whole = Vector<double>::Zero(totals_.p);
    sums_.whole->gram.add_diagonal_to(whole);
    return (totals_.diagonal.array() >= least_share * whole.array()).all();
  }

  void add_parts(MatrixSpan<double>& G) const {
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

  const SumsOf& sums_;
  Totals totals_;
  bool intercept_;
  bool subtracts_;
  std::vector<Index> constant_;  // columns without variance
};

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

bool solve_symmetric(const FillSymmetric& fill, double penalty, double roundoff, const SolveOptions& options,
                     Matrix<double>& work, MatrixSpan<double> B, SolveReport& report, Vector<double>* scale) {
  const Index order = B.rows();
  if (work.rows() != order || work.cols() != order) {
    work.resize(order, order);
    prefer_large_pages(work.data(), static_cast<std::size_t>(work.size()) * sizeof(double));
  }
  report.penalty = penalty;
  report.rank = order;
  report.rcond = 1;
  if (order == 0) return true;
  const auto fill_penalised = [&] {
    fill(span(work));
    work.diagonal().array() += penalty;
  };
  fill_penalised();
  const Matrix<double> right_side = B;
  Vector<double> own;
  if (scale == nullptr) scale = &own;
  if (solve_by_cholesky(span(work), roundoff, options.estimate_condition, B, *scale, report)) return true;
  scale->resize(0);
  if (!options.allow_fallback) return false;
  fill_penalised();
  B = right_side;
  solve_by_eigenvalues(span(work), roundoff, B, report);
  return true;
}

RidgeSolution solve_ridge(const SumsOf& sums, double alpha, bool intercept, Matrix<double>& work, Index n_features,
                          const SolveOptions& options) {
  require(!sums.parts.empty(), "a ridge solve needs at least one set of sums");
  const Index p = n_features < 0 ? sums.parts.front()->n_features() : n_features;
  require(sums.whole == nullptr || sums.whole->n_features() == sums.parts.front()->n_features(),
          "the sums taken together are of different shapes");
  const CentredSystem system(sums, intercept, p);
  RidgeSolution solution;
  solution.solved = system.solve(alpha, options, [&](MatrixSpan<double> G) { system.fill(G); }, work, solution);
  return solution;
}

std::vector<double> heldout_errors(const std::vector<const Sums*>& folds, const Sums* whole,
                                   const std::vector<double>& alphas, bool intercept, Index n_features,
                                   const Checkpoint& checkpoint) {
  require(folds.size() >= 2, "held-out errors need at least two folds");
  const Index p = n_features < 0 ? folds.front()->n_features() : n_features;
  double weight = 0;
  std::vector<SumsOf> others;
  for (std::size_t k = 0; k < folds.size(); ++k) {
    require(folds[k]->n_features() == folds.front()->n_features() && folds[k]->n_outputs() == folds[0]->n_outputs(),
            "the sums of the folds are of different shapes");
    others.push_back({all_but(folds, k), whole, folds[k]});
    weight += folds[k]->weight;
  }
  std::vector<CentredSystem> systems;
  systems.reserve(folds.size());
  for (const SumsOf& rest : others) systems.emplace_back(rest, intercept, p);
  for (const double alpha : alphas) require_alpha(alpha);
  Matrix<double> heldout(p, p), work;
  RidgeSolution solution;
  return search_path(alphas, [&](double alpha) {
    double error = 0;
    for (std::size_t k = 0; k < folds.size(); ++k) {
      checkpoint();
      const auto fill = [&](MatrixSpan<double> G) { systems[k].fill(G); };
      if (!systems[k].solve(alpha, {false, false}, fill, work, solution)) return infinity;
      heldout.setZero();
      folds[k]->gram.add_to_upper(span(heldout));
      heldout.triangularView<Eigen::StrictlyLower>() = heldout.transpose();
      error += std::max(0.0, squared_error(*folds[k], heldout, solution));
    }
    return error / (weight > 0 ? weight : 1.0);
  });
}

RidgeSolution solve_ridge_dual(const MatrixView<double>& H, const Matrix<double>& K, const MatrixView<double>& Y,
                               const VectorView<double>& weights, Index skip_from, Index skip_to, double alpha,
                               bool intercept, double noise, Matrix<double>& work, const SolveOptions& options) {
  require(K.rows() == H.rows() && K.cols() == H.rows() && Y.rows() == H.rows(), "solve_ridge_dual: shapes differ");
  require(0 <= skip_from && skip_from <= skip_to && skip_to <= H.rows(), "solve_ridge_dual: bad range of rows");
  require_alpha(alpha);
  const Index skipped = skip_to - skip_from;
  const Index n = H.rows() - skipped;
  require(n > 0, "solve_ridge_dual: no rows are left");
  require(weights.size() == 0 || weights.size() == H.rows(), "solve_ridge_dual: one weight per row is needed");
  const auto source = [&](Index i) { return i < skip_from ? i : i + skipped; };
  Vector<double> w = Vector<double>::Ones(n);
  for (Index i = 0; i < n && weights.size() > 0; ++i) w(i) = weights(source(i));
  const double weight = w.sum();
  const Vector<double> root = w.cwiseSqrt();

  // Centring the features is centring the kernel on both sides.
  Vector<double> row_means = Vector<double>::Zero(n);
  Vector<double> target_means = Vector<double>::Zero(Y.cols());
  RidgeSolution solution;
  Matrix<double> A(n, Y.cols());
  for (Index i = 0; i < n; ++i) {
    A.row(i) = Y.row(source(i));
    if (!intercept) continue;
    const auto row = K.row(source(i));
    row_means(i) =
        (row.head(skip_from).dot(w.head(skip_from)) + row.tail(n - skip_from).dot(w.tail(n - skip_from))) / weight;
  }
  if (intercept) {
    target_means = A.transpose() * w / weight;
    A.rowwise() -= target_means.transpose();
  }
  A = root.asDiagonal() * A;
  const double mean = row_means.dot(w) / weight;
  const auto entry = [&](Index i, Index j) {
    return root(i) * root(j) * (K(source(i), source(j)) - row_means(i) - row_means(j) + mean);
  };
  if (!K.allFinite() || !A.allFinite()) {
    throw LinAlgError("the sums of a ridge problem are not finite: a feature overflowed; scale the inputs down");
  }
  double trace = 0;
  for (Index i = 0; i < n; ++i) trace += std::max(0.0, entry(i, i));
  solution.W = Matrix<double>::Zero(H.cols(), Y.cols());
  solution.intercept = target_means;
  const double squares = weights.size() > 0 ? K.diagonal().dot(weights) : K.diagonal().sum();
  const double floor = centring_noise(unit_roundoff<double>(), static_cast<double>(n)) * squares + weight * noise;
  if (intercept && trace <= floor) return solution;  // every feature is constant: the mean is the solution
  const double penalty = H.cols() > 0 ? alpha * trace / static_cast<double>(H.cols()) : 0.0;
  const auto fill = [&](MatrixSpan<double> G) {
    for (Index i = 0; i < n; ++i) {
      for (Index j = i; j < n; ++j) G(i, j) = entry(i, j);
    }
  };
  solution.solved =
      solve_symmetric(fill, penalty, unit_roundoff<double>(), options, work, span(A), solution.report, &solution.scale);
  if (!solution.solved) return solution;
  A = root.asDiagonal() * A;
  // After centring the columns of A sum to zero; what rounding adds would be multiplied by the feature means.
  if (intercept) A -= w * (A.colwise().sum() / weight).eval();

  const MatrixView<double> head = block(view(A), 0, 0, skip_from, A.cols());
  const MatrixView<double> tail = block(view(A), skip_from, 0, n - skip_from, A.cols());
  gemm(1.0, block(H, 0, 0, skip_from, H.cols()), Transpose::yes, head, Transpose::no, 1.0, span(solution.W));
  gemm(1.0, block(H, skip_to, 0, H.rows() - skip_to, H.cols()), Transpose::yes, tail, Transpose::no, 1.0,
       span(solution.W));
  // The columns of A sum to zero, so the feature means enter through K's row means alone.
  solution.intercept = target_means - A.transpose() * row_means;
  return solution;
}

template <class T>
Matrix<T> transposed_pseudoinverse(const MatrixView<T>& A) {
  const Matrix<double> M = A.rows() <= A.cols() ? Matrix<double>(A.template cast<double>())
                                                : Matrix<double>(A.template cast<double>().transpose());
  // M is wide: (M M')^-1 M is the transpose of its pseudoinverse.
  Matrix<double> solution = M;
  Matrix<double> work;
  SolveReport report;
  const auto fill = [&](MatrixSpan<double> G) {
    G.setZero();
    gemm(1.0, view(M), Transpose::no, view(M), Transpose::yes, 0.0, G);
  };
  // Singular values below sqrt(roundoff) of the largest are lost in the Gram matrix of rounded weights.
  solve_symmetric(fill, 0.0, unit_roundoff<T>(), {}, work, span(solution), report);
  if (A.rows() <= A.cols()) return solution.template cast<T>();
  return solution.transpose().template cast<T>();
}

template Matrix<float> transposed_pseudoinverse<float>(const MatrixView<float>&);
template Matrix<double> transposed_pseudoinverse<double>(const MatrixView<double>&);

}  // namespace sstpl
