// SPDX-License-Identifier: BSD-3-Clause
// What products that are made block by block share (tiles.cpp, fixed.cpp): how a product is cut, and the
// threads that take the next block in turn; nobody else includes it.
#pragma once

#include <algorithm>
#include <atomic>
#include <vector>

#include "sstpl/blas.hpp"
#include "sstpl/parallel.hpp"
#include "sstpl/scratch.hpp"
#include "sstpl/types.hpp"

namespace sstpl {

struct ProductBlock {
  Index row, rows, column, columns;
};

// The size of blocks that gives every thread some, halved from `size` to `least` at the lowest.
inline Index block_size(Index rows, Index columns, Index size, Index least, bool upper) {
  const auto count = [&](Index side) {
    const Index down = (rows + side - 1) / side, across = (columns + side - 1) / side;
    return upper ? across * (across + 1) / 2 : down * across;
  };
  while (count(size) < 4 * num_threads() && size > least) size /= 2;
  return size;
}

// Blocks of a product (rows, columns), of a symmetric one those that reach the diagonal or lie above it.
inline std::vector<ProductBlock> cut_product(Index rows, Index columns, Index size, bool upper) {
  std::vector<ProductBlock> blocks;
  for (Index column = 0; column < columns; column += size) {
    const Index width = std::min(size, columns - column);
    const Index end = upper ? column + width : rows;
    for (Index row = 0; row < end; row += size) blocks.push_back({row, std::min(size, rows - row), column, width});
  }
  return blocks;
}

// Calls make(maker, block) for every block, each thread with a maker of its own.
template <class Maker, class Make>
void each_block(const std::vector<ProductBlock>& blocks, std::vector<Maker>& makers, const Make& make) {
  std::atomic<std::size_t> next{0};  // which thread makes a block does not change it
  parallel_for(0, static_cast<Index>(makers.size()), 1, [&](Index from, Index to) {
    for (Index thread = from; thread < to; ++thread) {
      for (std::size_t k = next++; k < blocks.size(); k = next++) {
        make(makers[static_cast<std::size_t>(thread)], blocks[k]);
      }
    }
  });
}

}  // namespace sstpl
