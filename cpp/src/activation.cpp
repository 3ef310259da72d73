// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/activation.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "act_kernels.hpp"
#include "sstpl/errors.hpp"
#include "sstpl/parallel.hpp"

namespace sstpl {

namespace {

constexpr Index activation_grain = 16384;  // entries per thread below which threads cost more than they save

struct Dispatch {
  std::string level;
  const detail::KernelTable* kernels;
};

bool machine_has_avx2() {
#if defined(__x86_64__) || defined(_M_X64)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

bool machine_has_avx512() {
#if defined(__x86_64__) || defined(_M_X64)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

Dispatch choose_kernels() {
  const detail::KernelTable* avx2 = machine_has_avx2() ? detail::avx2_kernels() : nullptr;
  const detail::KernelTable* avx512 = machine_has_avx512() ? detail::avx512_kernels() : nullptr;
  const char* asked = std::getenv("SSTPL_SIMD");
  const std::string level = asked != nullptr ? asked : avx512 != nullptr ? "avx512" : avx2 != nullptr ? "avx2" : "base";
  if (level == "base") return {level, &detail::base_kernels()};
  if (level == "avx2" && avx2 != nullptr) return {level, avx2};
  if (level == "avx512" && avx512 != nullptr) return {level, avx512};
  throw std::invalid_argument("SSTPL_SIMD must name an instruction set of this machine (base, avx2 or avx512), got '" +
                              level + "'");
}

const Dispatch& dispatch() {
  static const Dispatch chosen = choose_kernels();
  return chosen;
}

detail::FloatKernel kernel_of(Activation activation, float) {
  return dispatch().kernels->float_kernels[static_cast<int>(activation)];
}
detail::DoubleKernel kernel_of(Activation activation, double) {
  return dispatch().kernels->double_kernels[static_cast<int>(activation)];
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

bool has_inverse(Activation activation) { return activation != Activation::relu && activation != Activation::gelu; }

template <class T>
void invert_activation(Activation activation, double margin, MatrixSpan<T> D) {
  require(has_inverse(activation), "relu and gelu have no inverse");
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

std::string simd_level() { return dispatch().level; }

template void apply_activation<float>(Activation, const VectorView<float>&, const VectorView<float>&,
                                      MatrixSpan<float>);
template void apply_activation<double>(Activation, const VectorView<double>&, const VectorView<double>&,
                                       MatrixSpan<double>);
template void invert_activation<float>(Activation, double, MatrixSpan<float>);
template void invert_activation<double>(Activation, double, MatrixSpan<double>);

}  // namespace sstpl
