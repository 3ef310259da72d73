// SPDX-License-Identifier: BSD-3-Clause
// D = argmin 1/2 ||R D - F||^2 + mu ||D||_1 by FISTA (Beck and Teboulle 2009) on the Gram matrices R'R and R'F:
//     D_{k+1} = soft(Y_k - (R'R Y_k - R'F) / L, mu / L),   Y_k = D_k + (t_{k-1} - 1) / t_k (D_k - D_{k-1}),
// with L the largest eigenvalue of R'R. mu = alpha max|R'F|, so alpha = 1 is the least penalty with D = 0.
#pragma once

#include <vector>

#include "sstpl/types.hpp"

namespace sstpl {

struct LassoOptions {
  double alpha = 1e-3;
  Index max_iter = 50;
  double tolerance = 1e-4;  // on the change of D in Frobenius norm, relative to D
};

struct LassoReport {
  Index n_iter = 0;
  bool converged = false;
  double lipschitz = 0;           // L
  double penalty = 0;             // mu
  std::vector<double> objective;  // after every iteration, without the constant ||F||^2 / 2; never increases
};

/// G = R'R (p, p), full and symmetric; B = R'F (p, d). Momentum restarts where the objective would rise.
/// 2 p^2 d flops per iteration and four (p, d) matrices.
Matrix<double> solve_lasso(const Matrix<double>& G, const Matrix<double>& B, const LassoOptions& options,
                           LassoReport& report, const Checkpoint& checkpoint);

}  // namespace sstpl
