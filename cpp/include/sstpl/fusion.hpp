// SPDX-License-Identifier: BSD-3-Clause
// Feature fusion and the readout (algorithm, section 5): Z = [F_i, B_j, ...] scaled to [0, 1] on the training rows,
// a drawn hidden layer on Z, and a cross-fitted ridge readout on that. A layer's own readout is the same with
// Z = F_l alone.
#pragma once

#include "sstpl/crossfit.hpp"
#include "sstpl/hidden.hpp"
#include "sstpl/inputs.hpp"

namespace sstpl {

template <class T>
struct Fusion {
  ColumnRange<T> range;  // of Z's columns on the training rows
  HiddenLayer<T> hidden;
  CrossfitResult<T> readout;
};

/// A fusion that somebody else owns.
template <class T>
struct FusionView {
  VectorView<T> low, scale;  // (d)
  HiddenView<T> hidden;      // (p, d)
  MatrixView<T> W;           // (p, c)
  VectorView<T> intercept;   // (c)
};

/// Fits range, draw and readout on all rows of the inputs, whose range is set as a side effect. Y (n, c).
template <class T>
Fusion<T> fit_fusion(Inputs<T>& inputs, const HiddenOptions& hidden, const MatrixView<T>& Y,
                     const VectorView<double>& weights, const CrossfitOptions& options, const Checkpoint& checkpoint);

/// S := scores of all rows of the inputs, whose range is set as a side effect; S is (n, c).
template <class T>
void predict_fusion(const FusionView<T>& fusion, Inputs<T>& inputs, Index block_rows, MatrixSpan<T> S);

}  // namespace sstpl
