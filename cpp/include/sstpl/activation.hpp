// SPDX-License-Identifier: BSD-3-Clause
// Activations s and their exact inverses. The kernels are vectorised for the machine at run time; results differ
// between instruction sets by units in the last place. NaN stays NaN, and denormals are kept.
// GELU is x Phi(x) in the erf form; leaky ReLU has slope 0.01 below zero, both ways. Of units that are centers it is
// exp(-sqrt(b^2 r^2 + c)) of squares of distances r^2. Without c = 2^-12 the slope at the center were infinite, and a
// rounding of r^2 by 1e-7 of the variance moved features there by 1e-4; with it by 1e-6.
#pragma once

#include "sstpl/types.hpp"

namespace sstpl {

enum class Activation { identity, tanh, sigmoid, relu, leaky_relu, gelu, distance };

/// Z := s(Z + 1 bias') - 1 shift' in place; Z is (n, p), bias and shift have p entries. For distance, Z are squares of
/// distances, of which negative ones count as 0, and Z := exp(-sqrt(Z diag(bias)^2 + c)) - 1 shift'.
template <class T>
void apply_activation(Activation activation, const VectorView<T>& bias, const VectorView<T>& shift, MatrixSpan<T> Z);

/// The same of a piece of a row, on this thread: z := s(z + bias) - shift, entry by entry.
template <class T>
void apply_activation(Activation activation, const T* bias, const T* shift, T* z, Index count);

/// True for identity, tanh, sigmoid and leaky_relu. ReLU and GELU are not one-to-one, and distances not those of a map.
bool has_inverse(Activation activation);

/// D := s^-1(D) in place, after clamping D into the range of s less `margin` at each end: tanh to
/// +-(1 - margin), sigmoid to [margin, 1 - margin]; margin in (0, 0.5). Throws where s has no inverse.
template <class T>
void invert_activation(Activation activation, double margin, MatrixSpan<T> D);

}  // namespace sstpl
