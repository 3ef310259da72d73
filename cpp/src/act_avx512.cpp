// SPDX-License-Identifier: BSD-3-Clause
// Activation kernels compiled for AVX-512, used only where the machine has it (see activation.cpp).
#include "act_kernels.hpp"

#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#include "act_kernels.inc"
#endif

namespace sstpl {
namespace detail {

const KernelTable* avx512_kernels() {
#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
  static constexpr KernelTable table = SSTPL_KERNEL_TABLE;
  return &table;
#else
  return nullptr;
#endif
}

}  // namespace detail
}  // namespace sstpl
