// SPDX-License-Identifier: BSD-3-Clause
// Products of whole numbers of 16 bits (x86 AVX512-VNNI): the table of kernels, null where the build has none. Plain
// declarations only, see act_kernels.hpp. A word is a pair of numbers of two rows that follow each other; a strip has
// the words of 32 columns, pair of rows by pair of rows.
#pragma once

#include <cstdint>

namespace sstpl {
namespace detail {

constexpr std::int64_t fixed_rows = 128;     // 128 products of two numbers below 4096 fit 32 bits
constexpr std::int64_t fixed_columns = 32;   // of a strip
constexpr std::int64_t fixed_largest = 512;  // columns of a block
constexpr std::int64_t fixed_strip = fixed_rows / 2 * fixed_columns;  // words

struct FixedKernels {
  /// Rounds at most fixed_rows rows and fixed_largest columns of A, strip by strip; what is beyond them is zero. Column
  /// j is scale[j] times its whole numbers; NaN where an entry is not finite.
  void (*round)(const float* A, std::int64_t stride, std::int64_t rows, std::int64_t columns, std::uint32_t* words,
                float* scale);
  /// C (32 left, 32 right) := [C +] L'R of strips; those below the diagonal j = i + `diagonal` of strips are left out.
  void (*multiply)(const std::uint32_t* L, const float* left_scale, std::int64_t left, const std::uint32_t* R,
                   const float* right_scale, std::int64_t right, std::int64_t diagonal, bool add, float* C,
                   std::int64_t stride);
};

const FixedKernels* avx512vnni_kernels();

}  // namespace detail
}  // namespace sstpl
