// SPDX-License-Identifier: BSD-3-Clause
// Scores of every row by the solution without it (leverage.hpp), for crossfit.cpp; nobody else includes it.
#pragma once

#include "feature_stream.hpp"

namespace sstpl {

/// A pass over the rows of a design. Scores (n, c) are leave-one-out scores of the rows as at prediction, infinite
/// where there is none; what is returned is how many there are.
template <class T>
struct OneLeftOut {
  const Design<T>& design;
  FeatureStream<T>& stream;
  const MatrixView<T>& Y;
  const VectorView<double>& weights;
  bool intercept;
  const Checkpoint& checkpoint;

  /// By the `factor` that a primal solution of rows of that weight left.
  Index by_factor(const RidgeSolution& solution, const MatrixView<double>& factor, double weight,
                  MatrixSpan<T>& scores) const;

  /// By the factor of a dual solution, with the rows' features (n, p) and their inner products (n, n).
  Index by_kernel(const RidgeSolution& solution, const MatrixView<double>& factor, const Matrix<double>& features,
                  const Matrix<double>& kernel, MatrixSpan<T>& scores) const;
};

}  // namespace sstpl
