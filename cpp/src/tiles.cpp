// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/tiles.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <new>
#include <vector>

#include "sstpl/blas.hpp"
#include "sstpl/errors.hpp"
#include "sstpl/parallel.hpp"
#include "sstpl/simd.hpp"
#include "tile_kernels.hpp"

#ifdef __linux__
#include <sys/mman.h>
#endif

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

struct Block {
  Index row, rows, column, columns;
};

// Memory in pages of 2 MiB where the system has any: with small ones every line of a block is a miss of its own.
class Scratch {
 public:
  explicit Scratch(std::size_t bytes) : data_(::operator new(bytes, page)) {
#ifdef __linux__
    madvise(data_.get(), bytes, MADV_HUGEPAGE);  // a wish, whose failure costs time only
#endif
  }
  template <class T>
  T* at(std::size_t byte) const {
    return reinterpret_cast<T*>(static_cast<char*>(data_.get()) + byte);
  }

 private:
  static constexpr std::align_val_t page{std::size_t{1} << 21};
  struct Free {
    void operator()(void* data) const { ::operator delete(data, page); }
  };
  std::unique_ptr<void, Free> data_;
};

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

  MatrixView<float> operator()(const Block& block) {
    const Index left = strips(block.rows), right = strips(block.columns);
    const Index diagonal = upper_ ? (block.row - block.column) / strip_columns : -left;
    if (L_.rows == 0) std::fill(C_, C_ + block.rows * stride_, 0.0F);
    for (Index row = 0; row < L_.rows; row += chunk_rows) {
      const Index cells = (std::min(chunk_rows, L_.rows - row) + cell_rows - 1) / cell_rows;
      kernels().split(part(L_, row, block.row, block.rows), true, left, left_);
      kernels().split(part(R_, row, block.column, block.columns), false, right, right_);
      kernels().multiply(left_, left, right_, right, cells, diagonal, row > 0, C_, stride_);
    }
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

std::vector<Block> cut(Index rows, Index columns, Index size, bool upper) {
  std::vector<Block> blocks;
  for (Index column = 0; column < columns; column += size) {
    const Index width = std::min(size, columns - column);
    const Index end = upper ? column + width : rows;
    for (Index row = 0; row < end; row += size) blocks.push_back({row, std::min(size, rows - row), column, width});
  }
  return blocks;
}

// L'R, of equal matrices the upper triangle.
void make_blocks(const TileSource& L, const TileSource& R, bool upper, const TakeBlock& take) {
  require(has_tiles(), "this machine has no matrix tiles, or SSTPL_SIMD rules them out");
  const Index n_threads = num_threads();
  Index size = tile_block;
  std::vector<Block> blocks = cut(L.columns, R.columns, size, upper);
  while (static_cast<Index>(blocks.size()) < 4 * n_threads && size > tile_block / 4) {
    size /= 2;
    blocks = cut(L.columns, R.columns, size, upper);
  }
  std::vector<BlockMaker> makers;
  makers.reserve(static_cast<std::size_t>(n_threads));
  for (Index thread = 0; thread < n_threads; ++thread) makers.emplace_back(L, R, size, upper);
  std::atomic<std::size_t> next{0};  // which thread makes a block does not change it
  parallel_for(0, n_threads, 1, [&](Index thread, Index) {
    kernels().enter();
    for (std::size_t k = next++; k < blocks.size(); k = next++) {
      take(blocks[k].row, blocks[k].column, makers[static_cast<std::size_t>(thread)](blocks[k]));
    }
    kernels().leave();
  });
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
