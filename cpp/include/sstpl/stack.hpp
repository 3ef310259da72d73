// SPDX-License-Identifier: BSD-3-Clause
// The recursive two-way stack (algorithm, section 7): level t solves a readout on a hidden layer of [X, g S], where S
// are the out-of-fold scores of level t - 1; at prediction, its scores by the weights solved on all rows.
#pragma once

#include <vector>

#include "sstpl/crossfit.hpp"
#include "sstpl/hidden.hpp"
#include "sstpl/inputs.hpp"

namespace sstpl {

template <class T>
struct Level {
  HiddenLayer<T> hidden;
  CrossfitResult<T> readout;
};

/// A level that somebody else owns.
template <class T>
struct LevelView {
  HiddenView<T> hidden;     // (p, d), or (p, d + c) above the first level
  MatrixView<T> W;          // (p, c)
  VectorView<T> intercept;  // (c)
};

/// Draws a hidden layer on the inputs and cross-fits its readout to Y (n, c); fit_crossfit's cost and errors.
/// at_prediction as in Design, or null; scores go where `into` says.
template <class T>
Level<T> fit_level(const Inputs<T>& inputs, const Inputs<T>* at_prediction, const HiddenOptions& hidden,
                   const MatrixView<T>& Y, const VectorView<double>& weights, const CrossfitOptions& options,
                   const Checkpoint& checkpoint, const ScoreSpans<T>& into = {});

/// S := the last level's scores of the rows of X (n, d), level by level in row blocks; S is (n, c).
template <class T>
void predict_stack(const std::vector<LevelView<T>>& levels, const MatrixView<T>& X, double gain, Index block_rows,
                   MatrixSpan<T> S, const Checkpoint& checkpoint);

}  // namespace sstpl
