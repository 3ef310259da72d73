// SPDX-License-Identifier: BSD-3-Clause
// Products on the matrix tiles of x86 (AMX): the table of kernels, null where the build has none. Plain declarations
// only, see act_kernels.hpp. Every float is split in three bfloat16, high, middle and low. A word is a pair of them of
// two rows that follow each other, (A(2r, j), A(2r + 1, j)); a tile is 16 by 16 words of 32 rows and 16 columns, on the
// right of a product 16 rows of words, on the left 16 columns of words; a cell is the three tiles of the three parts.
#pragma once

#include <cstdint>

namespace sstpl {
namespace detail {

constexpr std::int64_t strip_columns = 16;
constexpr std::int64_t cell_rows = 32;
constexpr std::int64_t cell_words = 3 * 16 * 16;
constexpr std::int64_t chunk_cells = 4;  // a left and a right strip pair of a chunk fit the first cache together

/// Some rows of a matrix: A(i, j) is data[i * stride + j], or data[j * stride + i] where they are transposed.
struct TileSource {
  const float* data;
  std::int64_t stride;
  bool transposed;
  std::int64_t rows, columns;
};

struct TileKernels {
  /// Asks the system for the tiles, once for the process; false where it has none to give.
  bool (*permitted)();
  /// Sets the tiles of this thread up, and gives them back.
  void (*enter)();
  void (*leave)();
  /// Splits a chunk, at most chunk_cells * cell_rows rows, into cells for the left or the right of a product, strip by
  /// strip; `strips` may reach beyond the columns. What is beyond rows and columns is zero.
  void (*split)(const TileSource& A, bool left, std::int64_t strips, std::uint32_t* words);
  /// One chunk: C (16 left, 16 right) := [C +] L'R of an even number of strips of `cells` cells. Blocks of 2 by 2
  /// strips below the diagonal j = i + `diagonal` of strips are left out.
  void (*multiply)(const std::uint32_t* L, std::int64_t left, const std::uint32_t* R, std::int64_t right,
                   std::int64_t cells, std::int64_t diagonal, bool add, float* C, std::int64_t stride);
};

const TileKernels* amx_kernels();

}  // namespace detail
}  // namespace sstpl
