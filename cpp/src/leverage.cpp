// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/leverage.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sstpl/blas.hpp"
#include "sstpl/errors.hpp"

namespace sstpl {

namespace {

constexpr Index block_rows = 1024;

// Z := (H - 1 mean') D U^-1, so that Z Z' = (H - 1 mean') (G_c + lambda I)^-1 (H - 1 mean')'.
template <class T>
void whiten(const LeverageFactor<T>& factor, const MatrixView<T>& H, Matrix<T>& Z) {
  Z = H.rowwise() - factor.means.transpose();
  Z.array().rowwise() *= factor.scale.transpose().array();
  solve_triangular_right(view(factor.U), span(Z));
}

}  // namespace

template <class T>
LeverageFactor<T>::LeverageFactor(const RidgeSolution& solution, const MatrixView<double>& factor, double weight,
                                  bool intercept)
    : LeverageFactor(factor.template cast<T>(), solution.scale.template cast<T>(),
                     solution.feature_means.template cast<T>(), intercept ? 1 / weight : 0.0) {}

template <class T>
LeverageFactor<T>::LeverageFactor(Matrix<T> U_, Vector<T> scale_, Vector<T> means_, double share_)
    : U(std::move(U_)), scale(std::move(scale_)), means(std::move(means_)), share(share_) {
  require(U.rows() == U.cols() && U.rows() == scale.size() && scale.size() == means.size(),
          "the factor does not fit the solution");
}

template <class T>
Leverages leverages(const LeverageFactor<T>& factor, const MatrixView<T>& H, const MatrixView<T>& H_then,
                    const VectorView<double>& weights) {
  require(H.cols() == factor.U.cols() && (H_then.rows() == 0 || H_then.cols() == H.cols()),
          "the factor does not fit the features");
  require(H_then.rows() == 0 || H_then.rows() == H.rows(), "every row needs its features at prediction");
  require(weights.size() == 0 || weights.size() == H.rows(), "one weight per row is needed");
  Leverages found{Vector<double>(H.rows()), Vector<double>(H.rows())};
  Matrix<T> Z, Z_then;
  for (Index row = 0; row < H.rows(); row += block_rows) {
    const Index rows = std::min(block_rows, H.rows() - row);
    whiten(factor, block(H, row, 0, rows, H.cols()), Z);
    found.own.segment(row, rows) = Z.rowwise().squaredNorm().template cast<double>().array() + factor.share;
    if (H_then.rows() == 0) continue;
    whiten(factor, block(H_then, row, 0, rows, H.cols()), Z_then);
    found.cross.segment(row, rows) =
        Z.cwiseProduct(Z_then).rowwise().sum().template cast<double>().array() + factor.share;
  }
  if (H_then.rows() == 0) found.cross = found.own;
  if (weights.size() > 0) {
    found.own.array() *= weights.array();
    found.cross.array() *= weights.array();
  }
  return found;
}

template <class T>
Leverages hidden_leverages(const LeverageFactor<T>& factor, const HiddenView<T>& layer, const VectorView<T>& shift,
                           const MatrixView<T>& Z, const MatrixView<T>& Z_then, const VectorView<double>& weights,
                           const Checkpoint& checkpoint) {
  require(Z_then.rows() == 0 || (Z_then.rows() == Z.rows() && Z_then.cols() == Z.cols()),
          "every row needs its inputs at prediction");
  require(weights.size() == 0 || weights.size() == Z.rows(), "one weight per row is needed");
  Leverages found{Vector<double>(Z.rows()), Vector<double>(Z.rows())};
  Matrix<T> H, H_then;
  for (Index row = 0; row < Z.rows(); row += block_rows) {
    checkpoint();
    const Index rows = std::min(block_rows, Z.rows() - row);
    const Index rows_then = Z_then.rows() > 0 ? rows : 0;
    H.resize(rows, layer.n_hidden());
    apply_hidden(layer, block(Z, row, 0, rows, Z.cols()), shift, span(H));
    H_then.resize(rows_then, layer.n_hidden());
    if (rows_then > 0) apply_hidden(layer, block(Z_then, row, 0, rows, Z.cols()), shift, span(H_then));
    const Index weighted = weights.size() > 0 ? rows : 0;
    const VectorView<double> w(weights.data() + (weighted > 0 ? row : 0), weighted);
    const Leverages own = leverages(factor, view(H), view(H_then), w);
    found.own.segment(row, rows) = own.own;
    found.cross.segment(row, rows) = own.cross;
  }
  return found;
}

Leverages dual_leverages(const MatrixView<double>& U, const RidgeSolution& solution, const Matrix<double>& K,
                         const Matrix<double>& K_then, const VectorView<double>& weights, bool intercept) {
  const Index n = solution.scale.size();
  require(U.rows() == n && U.cols() == n && K.rows() == n && K.cols() == n, "the factor does not fit the solution");
  require(K_then.rows() == 0 || (K_then.rows() == n && K_then.cols() == n), "K_then must be (n, n)");
  const double penalty = solution.report.penalty;
  require(weights.size() == 0 || weights.size() == n, "one weight per row is needed");
  const Vector<double> w = weights.size() > 0 ? Vector<double>(weights) : Vector<double>::Ones(n);
  const Vector<double> share = intercept ? Vector<double>(w / w.sum()) : Vector<double>::Zero(n);
  const Vector<double> size = w.cwiseSqrt();
  // Q = C (D K_c D + lambda I)^-1 C maps D times targets to dual coefficients; lambda Q is what their fit leaves of
  // them.
  Matrix<double> root = Matrix<double>::Identity(n, n);
  solve_triangular(U, Transpose::no, span(root));
  root = solution.scale.asDiagonal() * root;
  Leverages found;
  if (K_then.rows() == 0) {
    found.own = 1 + share.array() - penalty * root.rowwise().squaredNorm().array();
    found.cross = found.own;
    return found;
  }
  Matrix<double> Q(n, n);
  gemm(1.0, view(root), Transpose::no, view(root), Transpose::yes, 0.0, span(Q));
  if (intercept && penalty > 0) Q -= share.cwiseSqrt() / penalty * share.cwiseSqrt().transpose();
  found.own = 1 - penalty * Q.diagonal().array();
  const Vector<double> means = K * share;
  Q = size.asDiagonal() * Q * size.asDiagonal();
  found.cross = (K_then.rowwise() - means.transpose()).cwiseProduct(Q).rowwise().sum() + share;
  return found;
}

template <class T>
Index leave_one_out(const Leverages& leverage, const MatrixView<T>& Y, const MatrixView<T>& S, MatrixSpan<T> S_then) {
  require(leverage.own.size() == S.rows() && leverage.cross.size() == S.rows() && Y.rows() == S.rows() &&
              Y.cols() == S.cols() && S_then.rows() == S.rows() && S_then.cols() == S.cols(),
          "leave-one-out scores need leverages, a target and scores for every row");
  // Rounding is magnified by 1 / (1 - h); half the digits must be left.
  const double least = std::sqrt(unit_roundoff<T>());
  Index told = 0;
  for (Index i = 0; i < S.rows(); ++i) {
    const double left = 1 - leverage.own(i);
    if (left <= least) {
      S_then.row(i).setConstant(std::numeric_limits<T>::infinity());
      continue;
    }
    S_then.row(i) -= static_cast<T>(leverage.cross(i) / left) * (Y.row(i) - S.row(i));
    ++told;
  }
  return told;
}

#define SSTPL_INSTANTIATE(T)                                                                                    \
  template struct LeverageFactor<T>;                                                                            \
  template Leverages leverages<T>(const LeverageFactor<T>&, const MatrixView<T>&, const MatrixView<T>&,         \
                                  const VectorView<double>&);                                                   \
  template Leverages hidden_leverages<T>(const LeverageFactor<T>&, const HiddenView<T>&, const VectorView<T>&,  \
                                         const MatrixView<T>&, const MatrixView<T>&, const VectorView<double>&, \
                                         const Checkpoint&);                                                    \
  template Index leave_one_out<T>(const Leverages&, const MatrixView<T>&, const MatrixView<T>&, MatrixSpan<T>);
SSTPL_INSTANTIATE(float)
SSTPL_INSTANTIATE(double)
#undef SSTPL_INSTANTIATE

}  // namespace sstpl
