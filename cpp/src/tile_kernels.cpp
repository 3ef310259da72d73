// SPDX-License-Identifier: BSD-3-Clause
// The kernels of tiles.cpp compiled for AMX, used only where the machine has it (see simd.cpp).
#include "tile_kernels.hpp"

#if defined(__AMX_BF16__) && defined(__AMX_TILE__) && defined(__AVX512BF16__) && defined(__linux__)
#define SSTPL_AMX
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace sstpl {
namespace detail {

#ifdef SSTPL_AMX
namespace {

constexpr std::int64_t tile_words = 16 * 16;

bool permitted() {
  constexpr long request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  static const bool granted = syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
  return granted;
}

// The palette of 8 tiles of 16 rows of 64 bytes.
alignas(64) constexpr unsigned char configuration[64] = {
    1,  0,  0,  0,  0,  0,  0,  0, 0,  0, 0,  0, 0,  0, 0,  0,  // palette
    64, 0,  64, 0,  64, 0,  64, 0, 64, 0, 64, 0, 64, 0, 64, 0,  // bytes per row
    0,  0,  0,  0,  0,  0,  0,  0, 0,  0, 0,  0, 0,  0, 0,  0,  // of tiles that there are not
    16, 16, 16, 16, 16, 16, 16, 16                              // rows
};

void enter() { _tile_loadconfig(configuration); }

void leave() { _tile_release(); }

// The bfloat16 nearest to every float, in the upper half of its word.
__m512i nearest(__m512 x) {
  return _mm512_slli_epi32(_mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x))), 16);
}

// x = high + middle + low, each a bfloat16 in the upper half of its word; exact but for what underflows.
struct Parts {
  __m512i part[3];
};
Parts split(__m512 x) {
  Parts parts;
  for (int q = 0; q < 3; ++q) {
    parts.part[q] = nearest(x);
    x = _mm512_sub_ps(x, _mm512_castsi512_ps(parts.part[q]));
  }
  return parts;
}

void store_pairs(const Parts& even, const Parts& odd, std::uint32_t* row) {
  for (int q = 0; q < 3; ++q) {
    _mm512_storeu_si512(row + q * tile_words, _mm512_or_si512(_mm512_srli_epi32(even.part[q], 16), odd.part[q]));
  }
}

__mmask16 first(std::int64_t count) {
  return static_cast<__mmask16>(count >= 16 ? 0xFFFFu : count <= 0 ? 0u : (1u << count) - 1u);
}

// Where the words of strip, cell, part and row of words are.
std::uint32_t* place(std::uint32_t* words, std::int64_t cells, std::int64_t strip, std::int64_t cell,
                     std::int64_t row) {
  return words + (strip * cells + cell) * cell_words + 16 * row;
}

// Tiles for the right, pair of rows by pair of rows, so that memory is read along its rows.
void split_rows(const TileSource& A, std::int64_t strips, std::int64_t cells, std::uint32_t* words) {
  constexpr std::int64_t ahead = 8;
  for (std::int64_t row = 0; row < cells * cell_rows; row += 2) {
    const float* even = A.data + row * A.stride;
    const bool has_even = row < A.rows, has_odd = row + 1 < A.rows;
    for (std::int64_t strip = 0; strip < strips; ++strip) {
      const std::int64_t column = strip * strip_columns;
      const __mmask16 mask = first(A.columns - column);
      _mm_prefetch(even + ahead * A.stride + column, _MM_HINT_T0);
      _mm_prefetch(even + (ahead + 1) * A.stride + column, _MM_HINT_T0);
      const __m512 x = _mm512_maskz_loadu_ps(has_even ? mask : __mmask16(0), even + column);
      const __m512 y = _mm512_maskz_loadu_ps(has_odd ? mask : __mmask16(0), even + A.stride + column);
      store_pairs(split(x), split(y), place(words, cells, strip, row / cell_rows, row % cell_rows / 2));
    }
  }
}

// Tiles for the left of the transpose.
void split_columns(const TileSource& A, std::int64_t strips, std::int64_t cells, std::uint32_t* words) {
  constexpr std::int64_t ahead = 4;
  const __m512i even = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
  const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
  for (std::int64_t column = 0; column < strips * strip_columns; ++column) {
    for (std::int64_t cell = 0; cell < cells; ++cell) {
      const std::int64_t row = cell * cell_rows;
      const std::int64_t rows = column < A.columns ? A.rows - row : 0;
      const float* from = A.data + column * A.stride + row;
      _mm_prefetch(from + ahead * A.stride, _MM_HINT_T0);
      _mm_prefetch(from + ahead * A.stride + 16, _MM_HINT_T0);
      const __m512 low = _mm512_maskz_loadu_ps(first(rows), from);
      const __m512 high = _mm512_maskz_loadu_ps(first(rows - 16), from + 16);
      store_pairs(split(_mm512_permutex2var_ps(low, even, high)), split(_mm512_permutex2var_ps(low, odd, high)),
                  place(words, cells, column / strip_columns, cell, column % strip_columns));
    }
  }
}

// A tile of 16 by 16 words, in place.
void transpose(std::uint32_t* tile) {
  __m512i a[16], b[16];
  for (int i = 0; i < 16; ++i) a[i] = _mm512_loadu_si512(tile + 16 * i);
  for (int i = 0; i < 16; i += 2) {
    b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]);
    b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    a[i] = _mm512_unpacklo_epi64(b[i], b[i + 2]);
    a[i + 1] = _mm512_unpackhi_epi64(b[i], b[i + 2]);
    a[i + 2] = _mm512_unpacklo_epi64(b[i + 1], b[i + 3]);
    a[i + 3] = _mm512_unpackhi_epi64(b[i + 1], b[i + 3]);
  }
  for (int i = 0; i < 4; ++i) {
    b[i] = _mm512_shuffle_i32x4(a[i], a[i + 4], 0x88);
    b[i + 4] = _mm512_shuffle_i32x4(a[i], a[i + 4], 0xDD);
    b[i + 8] = _mm512_shuffle_i32x4(a[i + 8], a[i + 12], 0x88);
    b[i + 12] = _mm512_shuffle_i32x4(a[i + 8], a[i + 12], 0xDD);
  }
  for (int i = 0; i < 4; ++i) {
    _mm512_storeu_si512(tile + 16 * i, _mm512_shuffle_i32x4(b[i], b[i + 8], 0x88));
    _mm512_storeu_si512(tile + 16 * (i + 4), _mm512_shuffle_i32x4(b[i + 4], b[i + 12], 0x88));
    _mm512_storeu_si512(tile + 16 * (i + 8), _mm512_shuffle_i32x4(b[i], b[i + 8], 0xDD));
    _mm512_storeu_si512(tile + 16 * (i + 12), _mm512_shuffle_i32x4(b[i + 4], b[i + 12], 0xDD));
  }
}

void split_chunk(const TileSource& A, bool left, std::int64_t strips, std::uint32_t* words) {
  const std::int64_t cells = (A.rows + cell_rows - 1) / cell_rows;
  (A.transposed ? split_columns : split_rows)(A, strips, cells, words);
  if (left == A.transposed) return;
  for (std::int64_t tile = 0; tile < strips * cells * 3; ++tile) transpose(words + tile * tile_words);
}

// The intrinsics of tiles do not tell the compiler which memory they read and write.
void settle_memory() { asm volatile("" ::: "memory"); }

#define SSTPL_TILES_MULTIPLY \
  _tile_dpbf16ps(0, 4, 6);   \
  _tile_dpbf16ps(1, 4, 7);   \
  _tile_dpbf16ps(2, 5, 6);   \
  _tile_dpbf16ps(3, 5, 7);
#define SSTPL_TILES_LEFT(part)                 \
  _tile_loadd(4, L + (part) * tile_words, 64); \
  _tile_loadd(5, L + strip + (part) * tile_words, 64);
#define SSTPL_TILES_RIGHT(part)                \
  _tile_loadd(6, R + (part) * tile_words, 64); \
  _tile_loadd(7, R + strip + (part) * tile_words, 64);

// C (32, 32) += L'R of two strips each. Of the nine products of parts the three smallest are below a rounding.
void multiply_four(const std::uint32_t* L, const std::uint32_t* R, std::int64_t cells, bool add, float* C,
                   std::int64_t stride) {
  const std::int64_t strip = cells * cell_words;
  const auto bytes = static_cast<long>(stride) * 4;
  if (add) {
    _tile_loadd(0, C, bytes);
    _tile_loadd(1, C + 16, bytes);
    _tile_loadd(2, C + 16 * stride, bytes);
    _tile_loadd(3, C + 16 * stride + 16, bytes);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  for (std::int64_t k = 0; k < cells; ++k, L += cell_words, R += cell_words) {
    SSTPL_TILES_LEFT(0)
    SSTPL_TILES_RIGHT(2)
    SSTPL_TILES_MULTIPLY
    SSTPL_TILES_RIGHT(1)
    SSTPL_TILES_MULTIPLY
    SSTPL_TILES_LEFT(1)
    SSTPL_TILES_MULTIPLY
    SSTPL_TILES_RIGHT(0)
    SSTPL_TILES_MULTIPLY
    SSTPL_TILES_LEFT(2)
    SSTPL_TILES_MULTIPLY
    SSTPL_TILES_LEFT(0)
    SSTPL_TILES_MULTIPLY
  }
  _tile_stored(0, C, bytes);
  _tile_stored(1, C + 16, bytes);
  _tile_stored(2, C + 16 * stride, bytes);
  _tile_stored(3, C + 16 * stride + 16, bytes);
}

void multiply(const std::uint32_t* L, std::int64_t left, const std::uint32_t* R, std::int64_t right, std::int64_t cells,
              std::int64_t diagonal, bool add, float* C, std::int64_t stride) {
  const std::int64_t strip = cells * cell_words;
  settle_memory();
  for (std::int64_t i = 0; i < left; i += 2) {
    for (std::int64_t j = 0; j < right; j += 2) {
      if (j + 1 < i + diagonal) continue;
      multiply_four(L + i * strip, R + j * strip, cells, add, C + 16 * (i * stride + j), stride);
    }
  }
  settle_memory();
}

constexpr TileKernels table = {permitted, enter, leave, split_chunk, multiply};

}  // namespace
#endif

const TileKernels* amx_kernels() {
#ifdef SSTPL_AMX
  return &table;
#else
  return nullptr;
#endif
}

}  // namespace detail
}  // namespace sstpl
