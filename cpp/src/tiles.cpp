// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/tiles.hpp"

#include <algorithm>
#include <vector>

#include "product_blocks.hpp"
#include "sstpl/errors.hpp"
#include "sstpl/simd.hpp"
#include "tile_kernels.hpp"

namespace sstpl {

namespace {

using detail::cell_rows;
using detail::cell_words;
using detail::chunk_cells;
using detail::strip_columns;
using detail::TileSource;

// A block of tile_block by tile_block, and a chunk of its factors, fit a second cache of 2 MiB; larger blocks would
// read memory less often.
constexpr Index chunk_rows = chunk_cells * cell_rows;

const detail::TileKernels& kernels() { return *detail::amx_kernels(); }

Index strips(Index columns) { return 2 * ((columns + 2 * strip_columns - 1) / (2 * strip_columns)); }

// Makes blocks of L'R; every thread has a maker of its own.
class BlockMaker {
 public:
  BlockMaker(const TileSource& L, const TileSource& R, Index block_size, bool upper)
      : L_(L),
        R_(R),
        upper_(upper),
        stride_(block_size + strip_columns),
        scratch_(2 * chunk_bytes(block_size) + static_cast<std::size_t>(block_size * stride_) * sizeof(float)),
        left_(scratch_.at<std::uint32_t>(0)),
        right_(scratch_.at<std::uint32_t>(chunk_bytes(block_size))),
        C_(scratch_.at<float>(2 * chunk_bytes(block_size))) {}

  MatrixView<float> operator()(const ProductBlock& block) {
    kernels().enter();
    const Index left = strips(block.rows), right = strips(block.columns);
    const Index diagonal = upper_ ? (block.row - block.column) / strip_columns : -left;
    if (L_.rows == 0) std::fill(C_, C_ + block.rows * stride_, 0.0F);
    for (Index row = 0; row < L_.rows; row += chunk_rows) {
      const Index cells = (std::min(chunk_rows, L_.rows - row) + cell_rows - 1) / cell_rows;
      kernels().split(part(L_, row, block.row, block.rows), true, left, left_);
      kernels().split(part(R_, row, block.column, block.columns), false, right, right_);
      kernels().multiply(left_, left, right_, right, cells, diagonal, row > 0, C_, stride_);
    }
    kernels().leave();
    return MatrixView<float>(C_, block.rows, block.columns, Eigen::OuterStride<>(stride_));
  }

 private:
  static std::size_t chunk_bytes(Index columns) {
    return static_cast<std::size_t>(strips(columns) * chunk_cells * cell_words) * sizeof(std::uint32_t);
  }

  static TileSource part(const TileSource& A, Index row, Index column, Index columns) {
    const Index offset = A.transposed ? column * A.stride + row : row * A.stride + column;
    return {A.data + offset, A.stride, A.transposed, std::min(chunk_rows, A.rows - row), columns};
  }

  TileSource L_, R_;
  bool upper_;
  Index stride_;
  Scratch scratch_;
  std::uint32_t* left_;
  std::uint32_t* right_;
  float* C_;
};

// L'R, of equal matrices the upper triangle.
void make_blocks(const TileSource& L, const TileSource& R, bool upper, const TakeBlock& take) {
  require(has_tiles(), "this machine has no matrix tiles, or SSTPL_SIMD rules them out");
  const Index size = block_size(L.columns, R.columns, tile_block, tile_block / 4, upper);
  std::vector<BlockMaker> makers;
  makers.reserve(static_cast<std::size_t>(num_threads()));
  for (int thread = 0; thread < num_threads(); ++thread) makers.emplace_back(L, R, size, upper);
  each_block(cut_product(L.columns, R.columns, size, upper), makers,
             [&](BlockMaker& maker, const ProductBlock& block) { take(block.row, block.column, maker(block)); });
}

}  // namespace

bool has_tiles() { return simd() == Simd::amx; }

// Measured (bench_parts.cpp): below these, splitting and turning cost more than the tiles save.
bool tile_gram_pays(Index n, Index p) { return n >= 256 && p >= 768 && has_tiles(); }
bool tile_product_pays(Index n, Index k, Index m) { return n >= 512 && k >= 256 && m >= 512 && has_tiles(); }

void tile_gram(const MatrixView<float>& H, const TakeBlock& take) {
  const TileSource source{H.data(), H.outerStride(), false, H.rows(), H.cols()};
  make_blocks(source, source, true, take);
}

void tile_product(const MatrixView<float>& A, const MatrixView<float>& B, const TakeBlock& take) {
  require(A.cols() == B.cols(), "tile_product: A and B must have as many columns");
  make_blocks({A.data(), A.outerStride(), true, A.cols(), A.rows()},
              {B.data(), B.outerStride(), true, B.cols(), B.rows()}, false, take);
}

void tile_product(const MatrixView<float>& A, const MatrixView<float>& B, MatrixSpan<float> C) {
  require(C.rows() == A.rows() && C.cols() == B.rows(), "tile_product: C must be (n, m)");
  tile_product(A, B, [&](Index row, Index column, const MatrixView<float>& made) {
    block(C, row, column, made.rows(), made.cols()) = made;
  });
}

}  // namespace sstpl
