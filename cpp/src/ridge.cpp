// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/ridge.hpp"

#include <algorithm>
#include <cmath>

#include "centred_system.hpp"
#include "sstpl/blas.hpp"
#include "sstpl/errors.hpp"
#include "sstpl/parallel.hpp"
#include "sstpl/scratch.hpp"

namespace sstpl {

namespace {

constexpr Index row_grain = 64;  // rows of a square matrix per thread

// A squared pivot of the unit-diagonal matrix is the share of a feature that the features before it leave
// unexplained. Below a few roundings of the sums that share is noise.
constexpr double pivot_safety = 4.0;

double smallest_pivot(double roundoff, Index order) {
  return pivot_safety * std::max(roundoff, static_cast<double>(order) * unit_roundoff<double>());
}

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
  Matrix<double> scratch;
  solution.solved = system.solve(alpha, options, scratch, work, solution);
  return solution;
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
