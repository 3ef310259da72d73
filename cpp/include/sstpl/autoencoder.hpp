// SPDX-License-Identifier: BSD-3-Clause
// One forward layer (algorithm: forward learning; PILAE, Wang, Guo et al. 2017). From features F (n, d):
//     R = f(F A' + b)  random code,   D = argmin 1/2 ||R D - F||^2 + penalty(D)  (p, d),
//     F_next = (s(F D') - low) scale  tied encoder, every feature to [0, 1] on the training rows.
#pragma once

#include <vector>

#include "sstpl/hidden.hpp"
#include "sstpl/lasso.hpp"
#include "sstpl/ridge.hpp"
#include "sstpl/types.hpp"

namespace sstpl {

enum class EncoderPenalty { ridge, lasso };

struct EncoderOptions {
  EncoderPenalty penalty = EncoderPenalty::ridge;
  Activation activation = Activation::tanh;  // s of the tied encoder
  double alpha = 1e-3;
  Index max_iter = 50;      // of the lasso
  double tolerance = 1e-4;  // of the lasso
  Index block_rows = 4096;
  std::vector<double> row_weights;  // of ||R D - F||^2: n entries, or none for all 1
};

/// An encoder that somebody else owns.
template <class T>
struct EncoderView {
  MatrixView<T> weights;  // D (p, d)
  Activation activation = Activation::tanh;
  VectorView<T> low, scale;  // (p)
};

template <class T>
struct Encoder {
  Matrix<T> weights;  // D (p, d)
  Activation activation = Activation::tanh;
  Vector<T> low, scale;  // (p)
};
template <class T>
EncoderView<T> view(const Encoder<T>& encoder) {
  return {view(encoder.weights), encoder.activation, view(encoder.low), view(encoder.scale)};
}

struct EncoderReport {
  bool dual = false;
  SolveReport solve;  // of the ridge penalty
  LassoReport lasso;  // of the lasso penalty
  double seconds_solve = 0, seconds_encode = 0;
};

/// Fits an encoder of F with the given random code, and writes F_next (n, p) to `encoded`.
/// n p^2 + 6 n p d + p^3 / 3 flops (dual for ridge where n < p and rows have no weights).
template <class T>
Encoder<T> fit_encoder(const MatrixView<T>& F, const HiddenView<T>& code, const EncoderOptions& options,
                       Matrix<T>& encoded, EncoderReport& report, const Checkpoint& checkpoint);

/// F_next := (s(F D') - low) scale for any rows F (n, d); F_next is (n, p). 2 n p d flops.
template <class T>
void encode(const EncoderView<T>& encoder, const MatrixView<T>& F, MatrixSpan<T> F_next);

}  // namespace sstpl
