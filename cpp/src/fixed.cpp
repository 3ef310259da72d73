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

static_assert(tile_block == detail::fixed_largest, "blocks end where those on tiles end");

const detail::FixedKernels& kernels() { return *detail::avx512vnni_kernels(); }

Index strips(Index columns) { return (columns + fixed_columns - 1) / fixed_columns; }

// All rows of H in whole numbers, 128 at a time.
class Rounded {
 public:
  Rounded(const MatrixView<float>& H, Scratch& words)
      : n_parts_((H.rows() + fixed_rows - 1) / fixed_rows),
        n_strips_(strips(H.cols())),
        words_(words),
        scales_(n_parts_, n_strips_ * fixed_columns) {
    words_.reserve(static_cast<std::size_t>(n_parts_ * n_strips_ * fixed_strip) * sizeof(std::uint32_t));
    parallel_for(0, n_parts_, 1, [&](Index from, Index to) {
      for (Index part = from; part < to; ++part) round(H, part);
    });
  }

  Index n_parts() const { return n_parts_; }
  const std::uint32_t* words(Index part, Index column) const { return at(part, column); }
  const float* scale(Index part, Index column) const { return &scales_(part, column); }

 private:
  std::uint32_t* at(Index part, Index column) const {
    return words_.at<std::uint32_t>(0) + (part * n_strips_ + column / fixed_columns) * fixed_strip;
  }

  void round(const MatrixView<float>& H, Index part) {
    const Index row = part * fixed_rows;
    for (Index column = 0; column < H.cols(); column += tile_block) {
      kernels().round(H.data() + row * H.outerStride() + column, H.outerStride(),
                      std::min<Index>(fixed_rows, H.rows() - row), std::min(tile_block, H.cols() - column),
                      at(part, column), &scales_(part, column));
    }
  }

  Index n_parts_, n_strips_;
  Scratch& words_;
  Matrix<float> scales_;
};

// Makes blocks of H'H, which fit a second cache of 1 MiB but for what they are read from; every thread has a maker.
class FixedMaker {
 public:
  explicit FixedMaker(const Rounded& H)
      : H_(H), scratch_(static_cast<std::size_t>(tile_block * stride) * sizeof(float)), C_(scratch_.at<float>(0)) {}

  MatrixView<float> operator()(const ProductBlock& block) {
    const Index below = (block.row - block.column) / fixed_columns;
    if (H_.n_parts() == 0) std::fill(C_, C_ + block.rows * stride, 0.0F);
    for (Index part = 0; part < H_.n_parts(); ++part) {
      kernels().multiply(H_.words(part, block.row), H_.scale(part, block.row), strips(block.rows),
                         H_.words(part, block.column), H_.scale(part, block.column), strips(block.columns), below,
                         part > 0, C_, stride);
    }
    return MatrixView<float>(C_, block.rows, block.columns, Eigen::OuterStride<>(stride));
  }

 private:
  // Not a power of two, of which a column of C would fall into few sets of the cache.
  static constexpr Index stride = tile_block + 16;

  const Rounded& H_;
  Scratch scratch_;
  float* C_;
};

}  // namespace

bool has_fixed_products() { return simd() >= Simd::avx512vnni; }

// Measured (bench_parts.cpp): below these, rounding costs more than it saves.
bool fixed_gram_pays(Index n, Index p) { return n >= 256 && p >= 768 && has_fixed_products(); }

void fixed_gram(const MatrixView<float>& H, Scratch& words, const TakeBlock& take) {
  require(has_fixed_products(), "this machine has no AVX512-VNNI, or SSTPL_SIMD rules it out");
  const Index size = block_size(H.cols(), H.cols(), tile_block, tile_block / 4, true);
  const Rounded rounded(H, words);
  std::vector<FixedMaker> makers;
  makers.reserve(static_cast<std::size_t>(num_threads()));
  for (int thread = 0; thread < num_threads(); ++thread) makers.emplace_back(rounded);
  each_block(cut_product(H.cols(), H.cols(), size, true), makers,
             [&](FixedMaker& maker, const ProductBlock& block) { take(block.row, block.column, maker(block)); });
}

}  // namespace sstpl
