// SPDX-License-Identifier: BSD-3-Clause
// The tables of activation kernels, one per instruction set. Plain declarations only: a file compiled for a
// newer machine must not share inline code with the rest, or the linker may keep its copy for everyone.
#pragma once

#include <cstdint>

namespace sstpl {
namespace detail {

/// z[j] := f(z[j] + bias[j]) - shift[j] for j < count, or of distances f(z[j], bias[j]) - shift[j]; rows are contiguous
/// and do not overlap.
using FloatKernel = void (*)(float* z, const float* bias, const float* shift, std::int64_t count);
using DoubleKernel = void (*)(double* z, const double* bias, const double* shift, std::int64_t count);

/// c of distances; see activation.hpp.
constexpr double distance_softening = 0x1p-12;

/// Kernels in the order of the enum Activation.
struct KernelTable {
  FloatKernel float_kernels[7];
  DoubleKernel double_kernels[7];
};

const KernelTable& base_kernels();
const KernelTable* avx2_kernels();    // null where the build has none
const KernelTable* avx512_kernels();  // null where the build has none

}  // namespace detail
}  // namespace sstpl
