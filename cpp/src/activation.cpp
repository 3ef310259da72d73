// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/activation.hpp"

#include <algorithm>
#include <cmath>

#include "act_kernels.hpp"
#include "sstpl/errors.hpp"
#include "sstpl/parallel.hpp"
#include "sstpl/simd.hpp"

namespace sstpl {

namespace {

constexpr Index activation_grain = 16384;  // entries per thread below which threads cost more than they save

const detail::KernelTable& choose_kernels() {
  if (simd() >= Simd::avx512) return *detail::avx512_kernels();
  return simd() == Simd::avx2 ? *detail::avx2_kernels() : detail::base_kernels();
}

const detail::KernelTable& kernels() {
  static const detail::KernelTable& chosen = choose_kernels();
  return chosen;
}

detail::FloatKernel kernel_of(Activation activation, float) {
  return kernels().float_kernels[static_cast<int>(activation)];
}
detail::DoubleKernel kernel_of(Activation activation, double) {
  return kernels().double_kernels[static_cast<int>(activation)];
}

}  // namespace

template <class T>
void apply_activation(Activation activation, const VectorView<T>& bias, const VectorView<T>& shift, MatrixSpan<T> Z) {
  require(bias.size() == Z.cols() && shift.size() == Z.cols(),
          "apply_activation: bias and shift need one entry per column");
  const auto kernel = kernel_of(activation, T());
  const Index grain = std::max<Index>(1, activation_grain / std::max<Index>(1, Z.cols()));
  parallel_for(0, Z.rows(), grain, [&](Index from, Index to) {
    for (Index i = from; i < to; ++i) kernel(Z.data() + i * Z.outerStride(), bias.data(), shift.data(), Z.cols());
  });
}

template <class T>
void apply_activation(Activation activation, const T* bias, const T* shift, T* z, Index count) {
  kernel_of(activation, T())(z, bias, shift, count);
}

bool has_inverse(Activation activation) {
  return activation != Activation::relu && activation != Activation::gelu && activation != Activation::distance;
}

template <class T>
void invert_activation(Activation activation, double margin, MatrixSpan<T> D) {
  require(has_inverse(activation), "relu, gelu and distance have no inverse");
  require(margin > 0 && margin < 0.5, "the margin of an inverse activation must lie in (0, 0.5)");
  const double top = 1.0 - margin;
  const auto inverse = [&](double d) {
    switch (activation) {
      case Activation::tanh:
        return std::atanh(std::min(std::max(d, -top), top));
      case Activation::sigmoid:
        d = std::min(std::max(d, margin), top);
        return std::log(d / (1.0 - d));
      case Activation::leaky_relu:
        return d < 0 ? d / static_cast<double>(T(0.01)) : d;
      default:
        return d;
    }
  };
  const Index grain = std::max<Index>(1, activation_grain / std::max<Index>(1, D.cols()));
  parallel_for(0, D.rows(), grain, [&](Index from, Index to) {
    for (Index i = from; i < to; ++i) {
      for (Index j = 0; j < D.cols(); ++j) D(i, j) = static_cast<T>(inverse(static_cast<double>(D(i, j))));
    }
  });
}

template void apply_activation<float>(Activation, const VectorView<float>&, const VectorView<float>&,
                                      MatrixSpan<float>);
template void apply_activation<double>(Activation, const VectorView<double>&, const VectorView<double>&,
                                       MatrixSpan<double>);
template void apply_activation<float>(Activation, const float*, const float*, float*, Index);
template void apply_activation<double>(Activation, const double*, const double*, double*, Index);
template void invert_activation<float>(Activation, double, MatrixSpan<float>);
template void invert_activation<double>(Activation, double, MatrixSpan<double>);

}  // namespace sstpl
