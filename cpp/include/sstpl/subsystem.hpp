// SPDX-License-Identifier: BSD-3-Clause
// One trained subsystem of the system (algorithm, section 8) and its prediction: rows go up the encoders, up the
// backward network, and both kinds of feature meet in the fusion. The system's output is the sum over subsystems,
// which share nothing. Everything is streamed in row blocks.
#pragma once

#include <vector>

#include "sstpl/autoencoder.hpp"
#include "sstpl/backward.hpp"
#include "sstpl/fusion.hpp"

namespace sstpl {

/// A backward layer that somebody else owns; see BackwardLayer.
template <class T>
struct BackwardView {
  MatrixView<T> W;
  VectorView<T> intercept;
  MatrixView<T> prototypes;  // no columns in the dense form
};

template <class T>
struct SubsystemView {
  std::vector<EncoderView<T>> encoders;   // as many as the deepest forward block needs
  std::vector<BackwardView<T>> backward;  // as many as the deepest backward block needs
  Activation backward_activation = Activation::tanh;
  std::vector<Index> forward_blocks;   // levels i of F_i in Z, in order; 0 is X itself
  std::vector<Index> backward_blocks;  // levels j >= 1 of B_j in Z, after them
  FusionView<T> fusion;
};

/// S := the scores of the rows of X (n, d); S is (n, c). Two projections per layer and block_rows rows at a time.
template <class T>
void predict_subsystem(const SubsystemView<T>& subsystem, const MatrixView<T>& X, Index block_rows, MatrixSpan<T> S,
                       const Checkpoint& checkpoint);

/// The row sample of a subsystem: the first round(fraction n) (at least one) of every class, in a random order drawn
/// from the stream, ascending; without labels all rows are one class. fraction in (0, 1].
std::vector<Index> sample_rows(const RandomStream& stream, const std::vector<std::int64_t>& labels, Index n_rows,
                               double fraction);

/// The fold 0 .. n_folds - 1 of every row: within each class the rows are dealt in a random order, so that folds
/// differ by at most one row per class and by at most one row in all.
std::vector<Index> deal_folds(const RandomStream& stream, const std::vector<std::int64_t>& labels, Index n_rows,
                              Index n_folds);

}  // namespace sstpl
