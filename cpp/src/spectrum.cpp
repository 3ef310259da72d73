// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/spectrum.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sstpl/blas.hpp"
#include "sstpl/errors.hpp"

namespace sstpl {

namespace {

// Below this share of the rows no degree of freedom is left but rounding.
constexpr double least_freedom = 1e-6;

// 1 / (L + lambda), which is 0 in directions that neither the rows nor the penalty know.
Vector<double> shrinkage(const RidgeSpectrum& spectrum, double alpha) {
  const double lambda = spectrum.penalty(alpha);
  const double floor = static_cast<double>(spectrum.eigenvalues.size()) * unit_roundoff<double>() *
                       (spectrum.eigenvalues.size() > 0 ? spectrum.eigenvalues.maxCoeff() : 0.0);
  return spectrum.eigenvalues.unaryExpr([&](double value) {
    const double total = value + lambda;
    return total > floor ? 1 / total : 0.0;
  });
}

void check_alphas(const std::vector<double>& alphas) {
  for (const double alpha : alphas) {
    require(alpha >= 0 && std::isfinite(alpha), "alpha must be finite and not negative");
  }
}

}  // namespace

double RidgeSpectrum::penalty(double alpha) const {
  return eigenvalues.size() > 0 ? alpha * eigenvalues.sum() / static_cast<double>(eigenvalues.size()) : 0.0;
}

RidgeSpectrum decompose(const std::vector<const Sums*>& parts, bool intercept, Index n_features) {
  require(!parts.empty(), "a spectrum needs sums");
  const Index p = n_features < 0 ? parts.front()->n_features() : n_features;
  const Index c = parts.front()->n_outputs();
  require(p >= 1 && p <= parts.front()->n_features(), "n_features must lie between 1 and the width of the sums");
  RidgeSpectrum spectrum;
  spectrum.intercept = intercept;
  spectrum.feature_means = Vector<double>::Zero(p);
  spectrum.target_means = Vector<double>::Zero(c);
  Matrix<double> G = Matrix<double>::Zero(p, p);
  Matrix<double> B = Matrix<double>::Zero(p, c);
  for (const Sums* part : parts) {
    require(part->n_features() == parts.front()->n_features() && part->n_outputs() == c,
            "the sums are of different shapes");
    part->gram.add_to_upper(span(G));
    B += part->cross.topRows(p);
    spectrum.feature_means += part->feature_sums.head(p);
    spectrum.target_means += part->target_sums;
    spectrum.target_square += part->target_squares.sum();
    spectrum.weight += part->weight;
  }
  require(spectrum.weight > 0, "a spectrum needs rows of positive weight");
  if (intercept) {
    spectrum.feature_means /= spectrum.weight;
    spectrum.target_means /= spectrum.weight;
    B -= spectrum.weight * spectrum.feature_means * spectrum.target_means.transpose();
    for (Index i = 0; i < p; ++i) {
      G.row(i).tail(p - i) -=
          spectrum.weight * spectrum.feature_means(i) * spectrum.feature_means.tail(p - i).transpose();
    }
    spectrum.target_square -= spectrum.weight * spectrum.target_means.squaredNorm();
  } else {
    spectrum.feature_means.setZero();
    spectrum.target_means.setZero();
  }
  if (!G.triangularView<Eigen::Upper>().toDenseMatrix().allFinite() || !B.allFinite()) {
    throw LinAlgError("the sums are not finite; scale the inputs");
  }
  symmetric_eigen(span(G), spectrum.eigenvalues, spectrum.V);
  spectrum.eigenvalues = spectrum.eigenvalues.cwiseMax(0.0);
  spectrum.projections.resize(p, c);
  gemm(1.0, view(spectrum.V), Transpose::no, view(B), Transpose::no, 0.0, span(spectrum.projections));
  return spectrum;
}

std::vector<double> gcv_errors(const RidgeSpectrum& spectrum, const std::vector<double>& alphas) {
  check_alphas(alphas);
  std::vector<double> errors;
  const Vector<double> squares = spectrum.projections.rowwise().squaredNorm();
  for (const double alpha : alphas) {
    const Vector<double> shrunk = shrinkage(spectrum, alpha);
    const double lambda = spectrum.penalty(alpha);
    const double explained =
        (squares.array() * (spectrum.eigenvalues.array() + 2 * lambda) * shrunk.array().square()).sum();
    const double residual = std::max(0.0, spectrum.target_square - explained);
    const double freedom = spectrum.weight - (spectrum.intercept ? 1.0 : 0.0) - spectrum.eigenvalues.dot(shrunk);
    errors.push_back(freedom > least_freedom * spectrum.weight ? spectrum.weight * residual / (freedom * freedom)
                                                               : std::numeric_limits<double>::infinity());
  }
  return errors;
}

template <class T>
void add_loo_errors(const RidgeSpectrum& spectrum, const std::vector<double>& alphas, const MatrixView<T>& H,
                    const MatrixView<T>& Y, const VectorView<double>& weights, std::vector<double>& errors) {
  check_alphas(alphas);
  const Index p = spectrum.eigenvalues.size();
  require(H.cols() >= p && Y.cols() == spectrum.target_means.size() && H.rows() == Y.rows(),
          "the rows do not fit the sums");
  require(weights.size() == 0 || weights.size() == H.rows(), "one weight per row is needed");
  require(errors.size() == alphas.size(), "one error per alpha is needed");
  Matrix<double> centred = H.leftCols(p).template cast<double>();
  centred.rowwise() -= spectrum.feature_means.transpose();
  Matrix<double> Z(H.rows(), p);
  gemm(1.0, view(centred), Transpose::no, view(spectrum.V), Transpose::yes, 0.0, span(Z));
  Matrix<double> targets = Y.template cast<double>();
  targets.rowwise() -= spectrum.target_means.transpose();
  const Matrix<double> squares = Z.cwiseAbs2();
  Matrix<double> residual(H.rows(), Y.cols());
  for (std::size_t a = 0; a < alphas.size(); ++a) {
    const Vector<double> shrunk = shrinkage(spectrum, alphas[a]);
    const Matrix<double> W = shrunk.asDiagonal() * spectrum.projections;
    residual = targets;
    gemm(-1.0, view(Z), Transpose::no, view(W), Transpose::no, 1.0, span(residual));
    const Vector<double> leverage = (squares * shrunk).array() + (spectrum.intercept ? 1 / spectrum.weight : 0.0);
    for (Index i = 0; i < H.rows(); ++i) {
      const double weight = weights.size() > 0 ? weights(i) : 1.0;
      const double left = 1 - leverage(i);
      const bool told = left > least_freedom;
      errors[a] += weight == 0 ? 0.0
                   : told      ? weight * residual.row(i).squaredNorm() / (left * left)
                               : std::numeric_limits<double>::infinity();
    }
  }
}

template void add_loo_errors<float>(const RidgeSpectrum&, const std::vector<double>&, const MatrixView<float>&,
                                    const MatrixView<float>&, const VectorView<double>&, std::vector<double>&);
template void add_loo_errors<double>(const RidgeSpectrum&, const std::vector<double>&, const MatrixView<double>&,
                                     const MatrixView<double>&, const VectorView<double>&, std::vector<double>&);

}  // namespace sstpl
