// SPDX-License-Identifier: BSD-3-Clause
// A whole path of penalties from one eigendecomposition of the centred Gram matrix G = V'LV, with z = V B:
//     W = V'(L + lambda)^-1 z,  dof = 1 + sum L / (L + lambda),  RSS = ||Y||^2 - sum z^2 (L + 2 lambda) / (L +
//     lambda)^2.
// GCV n RSS / (n - dof)^2 needs sums alone (Golub, Heath, Wahba 1979). Leave-one-out errors (y - yhat) / (1 - h), with
// leverages h = 1/n + sum (V h_i)^2 / (L + lambda), need the rows once more (PRESS, Allen 1974). Both are exact.
#pragma once

#include <vector>

#include "sstpl/sums.hpp"
#include "sstpl/types.hpp"

namespace sstpl {

struct RidgeSpectrum {
  Vector<double> eigenvalues;    // L (p), of the centred Gram matrix; rounding below zero is zero
  Matrix<double> V;              // (p, p), eigenvectors as rows
  Matrix<double> projections;    // z (p, c)
  Vector<double> feature_means;  // (p), zero without an intercept
  Vector<double> target_means;   // (c), zero without an intercept
  double target_square = 0;      // ||Y||^2, centred
  double weight = 0;             // n, or the sum of the weights
  bool intercept = true;

  /// lambda = alpha tr(G) / p.
  double penalty(double alpha) const;
};

/// Of the rows of several sums taken together, on their leading n_features columns. 9 p^3 flops. Throws LinAlgError.
RidgeSpectrum decompose(const std::vector<const Sums*>& parts, bool intercept, Index n_features);

/// Generalised cross-validation of every alpha: an estimate of the squared error per row, summed over outputs; infinite
/// where the fit leaves no degree of freedom.
std::vector<double> gcv_errors(const RidgeSpectrum& spectrum, const std::vector<double>& alphas);

/// errors[a] += the squared leave-one-out errors of the rows H (n, at least p columns), Y (n, c), of which the sums
/// were made, times their weights (n entries, or none); a row of weight k stands for k copies, one of which is left
/// out. 2 n p^2 + 2 n p c flops per alpha and call.
template <class T>
void add_loo_errors(const RidgeSpectrum& spectrum, const std::vector<double>& alphas, const MatrixView<T>& H,
                    const MatrixView<T>& Y, const VectorView<double>& weights, std::vector<double>& errors);

}  // namespace sstpl
