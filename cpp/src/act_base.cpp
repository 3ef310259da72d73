// SPDX-License-Identifier: BSD-3-Clause
// Activation kernels for the baseline of the platform (SSE2 on x86-64, NEON on aarch64).
#include "act_kernels.hpp"
#include "act_kernels.inc"

namespace sstpl {
namespace detail {

const KernelTable& base_kernels() {
  static constexpr KernelTable table = SSTPL_KERNEL_TABLE;
  return table;
}

}  // namespace detail
}  // namespace sstpl
