// SPDX-License-Identifier: BSD-3-Clause
// Backward learning (algorithm, section 4). Targets travel down the network A_1 .. A_L, A_l (w_l, w_{l-1}),
//     D_L = Y,   D_{l-1} = s^-1(D_l (A_l')^+),     then weights are solved up again, layer by layer:
//     V_l = argmin ||B_{l-1} V - D_l||^2 + lambda ||V||^2,   B_0 = X,   B_l = s(B_{l-1} V_l), the last one linear.
// For classes every D_l = E P_l has c distinct rows, so V_l = C_l P_l with c right-hand sides: the prototype form.
// An unpenalised intercept stands beside V_l. Features of training rows come from the solution without their fold.
#pragma once

#include <vector>

#include "sstpl/crossfit.hpp"
#include "sstpl/types.hpp"

namespace sstpl {

struct BackwardOptions {
  Activation activation = Activation::tanh;
  double margin = 1e-2;  // of the inverse activation's domain
  CrossfitOptions crossfit;
  std::vector<double> row_weights;  // of ||B V - D||^2: n entries, or none for all 1
};

/// One re-solved layer. Prototype form: B_l = s((B_{l-1} W + intercept) P); dense form: B_l = s(B_{l-1} W + intercept).
template <class T>
struct BackwardLayer {
  Matrix<T> W;           // (w_{l-1}, c) or (w_{l-1}, w_l)
  Vector<T> intercept;   // (c) or (w_l)
  Matrix<T> prototypes;  // P_l (c, w_l), or empty in the dense form
};

template <class T>
struct Backward {
  std::vector<BackwardLayer<T>> layers;
  std::vector<Matrix<T>> scores;  // per layer, training rows: B_{l-1} W + intercept, (n, c) or (n, w_l), out of fold
  std::vector<CrossfitReport> reports;
};

/// D_1 .. D_L for the rows of D_L (n, c), by pseudoinverses on the smaller side; weights[l] is A_{l+1}.
template <class T>
std::vector<Matrix<T>> propagate_targets(const std::vector<MatrixView<T>>& weights, const MatrixView<T>& targets,
                                         Activation activation, double margin);

/// Classification: `indicator` E (n, c) is 1 in the column of each row's class, `codes` (c, c) holds the targets of
/// the classes. Never forms an (n, w) target: one Gram matrix and c right-hand sides per layer.
template <class T>
Backward<T> fit_backward_prototypes(const MatrixView<T>& X, const MatrixView<T>& indicator, const MatrixView<T>& codes,
                                    const std::vector<MatrixView<T>>& weights, const BackwardOptions& options,
                                    const Checkpoint& checkpoint);

/// Any targets Y (n, c): w_l right-hand sides per layer, and (n, w_l) targets and features in memory.
template <class T>
Backward<T> fit_backward_dense(const MatrixView<T>& X, const MatrixView<T>& Y,
                               const std::vector<MatrixView<T>>& weights, const BackwardOptions& options,
                               const Checkpoint& checkpoint);

}  // namespace sstpl
