// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/fixed.hpp"

#include <algorithm>
#include <vector>

#include "fixed_kernels.hpp"
#include "product_blocks.hpp"
#include "sstpl/errors.hpp"
#include "sstpl/simd.hpp"

namespace sstpl {

namespace {

using detail::fixed_columns;
using detail::fixed_rows;
using detail::fixed_strip;

// A block of the product and 128 rows of its factors fit a second cache of 1 MiB but for a quarter.
static_assert(tile_block == detail::fixed_largest, "blocks end where those on tiles end");

const detail::FixedKernels& kernels() { return *detail::avx512vnni_kernels(); }

Index strips(Index columns) { return (columns + fixed_columns - 1) / fixed_columns; }

// Columns of 128 rows, rounded.
struct Side {
  std::uint32_t* words;
  float* scale;
};

// Makes blocks of H'H; every thread has a maker of its own.
class FixedMaker {
 public:
  explicit FixedMaker(const MatrixView<float>& H)
      : H_(H),
        scratch_(2 * side_bytes + static_cast<std::size_t>(tile_block * stride) * sizeof(float)),
        left_(side(0)),
        right_(side(1)),
        C_(scratch_.at<float>(2 * side_bytes)) {}

  MatrixView<float> operator()(const ProductBlock& block) {
    const Index left = strips(block.rows), right = strips(block.columns);
    const Index apart = (block.row - block.column) / fixed_columns;
    if (H_.rows() == 0) std::fill(C_, C_ + block.rows * stride, 0.0F);
    for (Index row = 0; row < H_.rows(); row += fixed_rows) {
      round(row, block.column, block.columns, right_);
      Side from{right_.words + apart * fixed_strip, right_.scale + apart * fixed_columns};
      if (apart < 0) {
        round(row, block.row, block.rows, left_);
        from = left_;
      }
      kernels().multiply(from.words, from.scale, left, right_.words, right_.scale, right, apart, row > 0, C_, stride);
    }
    return MatrixView<float>(C_, block.rows, block.columns, Eigen::OuterStride<>(stride));
  }

 private:
  // Not a power of two, of which a column of C would fall into few sets of the cache.
  static constexpr Index stride = tile_block + 16;
  static constexpr std::size_t word_bytes =
      static_cast<std::size_t>(tile_block / fixed_columns * fixed_strip) * sizeof(std::uint32_t);
  static constexpr std::size_t side_bytes = word_bytes + static_cast<std::size_t>(tile_block) * sizeof(float);

  Side side(std::size_t which) const {
    return {scratch_.at<std::uint32_t>(which * side_bytes), scratch_.at<float>(which * side_bytes + word_bytes)};
  }

  void round(Index row, Index column, Index columns, const Side& into) const {
    const Index rows = std::min<Index>(fixed_rows, H_.rows() - row);
    kernels().round(H_.data() + row * H_.outerStride() + column, H_.outerStride(), rows, columns, into.words,
                    into.scale);
  }

  MatrixView<float> H_;
  Scratch scratch_;
  Side left_, right_;
  float* C_;
};

}  // namespace

bool has_fixed_products() { return simd() >= Simd::avx512vnni; }

// Measured (bench_parts.cpp): below these, rounding costs more than it saves.
bool fixed_gram_pays(Index n, Index p) { return n >= 256 && p >= 768 && has_fixed_products(); }

void fixed_gram(const MatrixView<float>& H, const TakeBlock& take) {
  require(has_fixed_products(), "this machine has no AVX512-VNNI, or SSTPL_SIMD rules it out");
  const Index size = block_size(H.cols(), H.cols(), tile_block, tile_block / 4, true);
  std::vector<FixedMaker> makers;
  for (int thread = 0; thread < num_threads(); ++thread) makers.emplace_back(H);
  each_block(cut_product(H.cols(), H.cols(), size, true), makers, [&](FixedMaker& maker, const ProductBlock& block) {
    take(block.row, block.column, maker(block));
  });
}

}  // namespace sstpl
