// SPDX-License-Identifier: BSD-3-Clause
// The kernels of fixed.cpp compiled for AVX512-VNNI, used only where the machine has it (see simd.cpp).
#include "fixed_kernels.hpp"

#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
#define SSTPL_VNNI
#include <immintrin.h>
#endif

namespace sstpl {
namespace detail {

#ifdef SSTPL_VNNI
namespace {

constexpr float most = 4095.0F;
constexpr float least = 0x1p-100F;  // below, a square is nothing in float

__mmask16 first(std::int64_t count) {
  return static_cast<__mmask16>(count >= 16 ? 0xFFFFu : count <= 0 ? 0u : (1u << count) - 1u);
}

// The largest sizes of the columns, as bits: of these, infinity and NaN are above all others.
void find_largest(const float* A, std::int64_t stride, std::int64_t rows, std::int64_t columns, float* largest) {
  constexpr std::int64_t ahead = 4;
  const __m512i size = _mm512_set1_epi32(0x7FFFFFFF);
  for (std::int64_t row = 0; row < rows; ++row, A += stride) {
    for (std::int64_t j = 0; j < columns; j += 16) {
      _mm_prefetch(A + ahead * stride + j, _MM_HINT_T0);
      const __m512i x = _mm512_castps_si512(_mm512_maskz_loadu_ps(first(columns - j), A + j));
      _mm512_storeu_si512(largest + j, _mm512_max_epi32(_mm512_loadu_si512(largest + j), _mm512_and_si512(x, size)));
    }
  }
}

void round(const float* A, std::int64_t stride, std::int64_t rows, std::int64_t columns, std::uint32_t* words,
           float* scale) {
  alignas(64) float inverse[fixed_largest];
  const std::int64_t padded = (columns + fixed_columns - 1) / fixed_columns * fixed_columns;
  for (std::int64_t j = 0; j < padded; ++j) scale[j] = 0;
  find_largest(A, stride, rows, columns, scale);
  for (std::int64_t j = 0; j < padded; j += 16) {
    const __m512 largest = _mm512_loadu_ps(scale + j);
    const __mmask16 any = _mm512_cmp_ps_mask(largest, _mm512_set1_ps(least), _CMP_GE_OQ);
    const __mmask16 finite = _mm512_cmp_ps_mask(largest, _mm512_set1_ps(__FLT_MAX__), _CMP_LE_OQ);
    _mm512_store_ps(inverse + j, _mm512_maskz_div_ps(any & finite, _mm512_set1_ps(most), largest));
    const __m512 unit = _mm512_mul_ps(largest, _mm512_set1_ps(1 / most));
    _mm512_storeu_ps(scale + j, _mm512_mask_mov_ps(_mm512_set1_ps(__builtin_nanf("")), finite, unit));
  }
  for (std::int64_t row = 0; row < fixed_rows; row += 2, A += 2 * stride) {
    for (std::int64_t j = 0; j < padded; j += 16) {
      const __mmask16 mask = first(columns - j);
      const __m512 factor = _mm512_load_ps(inverse + j);
      const __m512 x = _mm512_maskz_loadu_ps(row < rows ? mask : __mmask16(0), A + j);
      const __m512 y = _mm512_maskz_loadu_ps(row + 1 < rows ? mask : __mmask16(0), A + stride + j);
      const __m512i even = _mm512_cvtps_epi32(_mm512_mul_ps(x, factor));
      const __m512i odd = _mm512_slli_epi32(_mm512_cvtps_epi32(_mm512_mul_ps(y, factor)), 16);
      std::uint32_t* to = words + j / fixed_columns * fixed_strip + row / 2 * fixed_columns + j % fixed_columns;
      _mm512_storeu_si512(to, _mm512_mask_blend_epi16(0xAAAAAAAAu, even, odd));
    }
  }
}

// Of GCC's own intrinsic the sums end up in memory, and of an array of them as well.
#define SSTPL_ADD_PRODUCTS(sum, l, r) asm("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(l), "v"(r));
#define SSTPL_EIGHT(what) what(0) what(1) what(2) what(3) what(4) what(5) what(6) what(7)
#define SSTPL_ZERO(i) __m512i low##i = _mm512_setzero_si512(), high##i = low##i;
#define SSTPL_MULTIPLY(i)                                                   \
  {                                                                         \
    const __m512i l = _mm512_set1_epi32(static_cast<int>(L[i]));            \
    SSTPL_ADD_PRODUCTS(low##i, l, low) SSTPL_ADD_PRODUCTS(high##i, l, high) \
  }
#define SSTPL_STORE(sum, right, l, to)                                                                        \
  {                                                                                                           \
    const __m512 product = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), right);                                     \
    _mm512_storeu_ps(to, add ? _mm512_fmadd_ps(l, product, _mm512_loadu_ps(to)) : _mm512_mul_ps(l, product)); \
  }
#define SSTPL_FINISH(i)                                        \
  {                                                            \
    const __m512 l = _mm512_set1_ps(left_scale[i]);            \
    SSTPL_STORE(low##i, right_low, l, C + (i) * stride)        \
    SSTPL_STORE(high##i, right_high, l, C + (i) * stride + 16) \
  }

// C (8, 32) := [C +] L'R of 8 columns of a strip and a strip.
__attribute__((noinline)) void multiply_eight(const std::uint32_t* L, const float* left_scale, const std::uint32_t* R,
                                              const float* right_scale, bool add, float* C, std::int64_t stride) {
  SSTPL_EIGHT(SSTPL_ZERO)
  for (std::int64_t pair = 0; pair < fixed_rows / 2; ++pair, L += fixed_columns, R += fixed_columns) {
    const __m512i low = _mm512_loadu_si512(R), high = _mm512_loadu_si512(R + 16);
    SSTPL_EIGHT(SSTPL_MULTIPLY)
  }
  const __m512 right_low = _mm512_loadu_ps(right_scale), right_high = _mm512_loadu_ps(right_scale + 16);
  SSTPL_EIGHT(SSTPL_FINISH)
}

void multiply(const std::uint32_t* L, const float* left_scale, std::int64_t left, const std::uint32_t* R,
              const float* right_scale, std::int64_t right, std::int64_t diagonal, bool add, float* C,
              std::int64_t stride) {
  for (std::int64_t j = 0; j < right; ++j) {
    for (std::int64_t i = 0; i < left && i + diagonal <= j; ++i) {
      for (std::int64_t k = 0; k < fixed_columns; k += 8) {
        multiply_eight(L + i * fixed_strip + k, left_scale + i * fixed_columns + k, R + j * fixed_strip,
                       right_scale + j * fixed_columns, add, C + (i * fixed_columns + k) * stride + j * fixed_columns,
                       stride);
      }
    }
  }
}

constexpr FixedKernels table = {round, multiply};

}  // namespace
#endif

const FixedKernels* avx512vnni_kernels() {
#ifdef SSTPL_VNNI
  return &table;
#else
  return nullptr;
#endif
}

}  // namespace detail
}  // namespace sstpl
