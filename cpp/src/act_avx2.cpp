// SPDX-License-Identifier: BSD-3-Clause
// Activation kernels compiled for AVX2 and FMA, used only where the machine has it (see activation.cpp).
#include "act_kernels.hpp"

#if defined(__AVX2__) && defined(__FMA__)
#include "act_kernels.inc"
#endif

namespace sstpl {
namespace detail {

const KernelTable* avx2_kernels() {
#if defined(__AVX2__) && defined(__FMA__)
  static constexpr KernelTable table = SSTPL_KERNEL_TABLE;
  return &table;
#else
  return nullptr;
#endif
}

}  // namespace detail
}  // namespace sstpl
