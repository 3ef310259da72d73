// SPDX-License-Identifier: BSD-3-Clause
// The hidden layer H = s(Z A' + 1 b') - 1 m' with drawn, untrained A (p, d) and b (p). Draws: orthogonal (the
// paper), uniform and normal (ELM), constrained (differences of samples; Zhu, Miao and Qing 2014). Or, with centers
// for weights (Broomhead and Lowe 1988), H = exp(-b_i ||z - a_i||) - 1 m', activation distance.
// m is a fixed shift per neuron that keeps sums of squares from losing digits; zero until it is set.
#pragma once

#include <cstdint>
#include <vector>

#include "sstpl/activation.hpp"
#include "sstpl/fields.hpp"
#include "sstpl/inputs.hpp"
#include "sstpl/random.hpp"
#include "sstpl/types.hpp"

namespace sstpl {

/// Few rows R (m, d) whose differences are the weights of p units: A = diag(scale) (R[first] - R[second]). Products
/// with R are p / m times cheaper than those with A. Empty where there are none.
template <class T>
struct Landmarks {
  Matrix<T> rows;              // R (m, d)
  Matrix<std::int64_t> pairs;  // first and second row of every unit (p, 2)
  Vector<T> scale;             // (p)
};

/// Landmarks that somebody else owns.
template <class T>
struct LandmarksView {
  MatrixView<T> rows{nullptr, 0, 0, Eigen::OuterStride<>(0)};
  MatrixView<std::int64_t> pairs{nullptr, 0, 0, Eigen::OuterStride<>(0)};
  VectorView<T> scale{nullptr, 0};
};
template <class T>
LandmarksView<T> view(const Landmarks<T>& landmarks) {
  return {view(landmarks.rows), view(landmarks.pairs), view(landmarks.scale)};
}

/// Throws unless these are landmarks of p units on d columns, or none.
template <class T>
void check_landmarks(const LandmarksView<T>& landmarks, Index p, Index d);

/// A hidden layer that somebody else owns: what every function but the draw takes.
template <class T>
struct HiddenView {
  MatrixView<T> weights;  // A (p, d)
  VectorView<T> bias;     // b (p)
  Activation activation = Activation::tanh;
  LandmarksView<T> landmarks = {};  // of the same weights, or none

  Index n_hidden() const { return weights.rows(); }
};

template <class T>
struct HiddenLayer {
  Matrix<T> weights;  // A (p, d)
  Vector<T> bias;     // b (p)
  Activation activation = Activation::tanh;
  Landmarks<T> landmarks = {};
  // Of which row every unit is the center (p); none where units are no centers. GCC wants the initialiser.
  std::vector<Index> center_rows = {};  // NOLINT(readability-redundant-member-init)
};
template <class T>
HiddenView<T> view(const HiddenLayer<T>& layer) {
  return {view(layer.weights), view(layer.bias), layer.activation, view(layer.landmarks)};
}

enum class HiddenWeights { orthogonal, uniform, normal, constrained, centers };

/// What a draw depends on. `labels` (n, or none for regression), `fold_starts` (ascending, first 0, last n; or none)
/// and `row_weights` (n, >= 0, or none for all 1) are used by constrained draws only, as is `n_landmarks`: how many
/// drawn rows the pairs are made of, 0 for all rows; not where units differ in what they see.
struct HiddenOptions {
  HiddenWeights weights = HiddenWeights::orthogonal;
  Activation activation = Activation::tanh;
  Index n_hidden = 0;
  RandomStream stream;
  ReceptiveFields fields;
  std::vector<std::int64_t> labels;
  std::vector<Index> fold_starts;
  std::vector<double> row_weights;
  Index n_landmarks = 0;
};

/// Throws unless fold_starts is empty or ascends strictly from 0 to n_rows with at least two folds.
void check_folds(const std::vector<Index>& fold_starts, Index n_rows);

/// Draws A and b for these inputs; the same numbers whatever the threads (orthogonal: to the rounding of the BLAS).
/// Entries have variance 1 / d (orthogonal: orthonormal rows, or columns times sqrt(p / d); bias 0; uniform and normal:
/// bias uniform on [-1, 1]). Constrained: as in constrained.hpp.
/// Centers: rows and bias as in centers.hpp, with activation distance; they see all columns.
/// A column outside a unit's field has weight 0; without data, the others are scaled by sqrt(d / seen columns), and
/// uniform and normal weights and biases by 2 where units see groups of columns.
template <class T>
HiddenLayer<T> draw_hidden(const HiddenOptions& options, const Inputs<T>& inputs);

/// Of how many rows the products with landmarks are made at a time, whose bits depend on it.
inline constexpr Index rows_of_products = 1024;

/// The two steps of a layer with landmarks R (m, d): K := Z R' (n, m), and H by these products. 2 n m d flops.
template <class T>
void multiply_landmarks(const HiddenView<T>& layer, const MatrixView<T>& Z, MatrixSpan<T> K);
template <class T>
void apply_products(const HiddenView<T>& layer, const MatrixView<T>& K, const VectorView<T>& shift, MatrixSpan<T> H);

/// H := s(Z A' + 1 b') - 1 shift' for given rows Z (n, d), or by distances; H is (n, p). 2 n p d flops, or 2 n m d by
/// m landmarks.
template <class T>
void apply_hidden(const HiddenView<T>& layer, const MatrixView<T>& Z, const VectorView<T>& shift, MatrixSpan<T> H);

}  // namespace sstpl
