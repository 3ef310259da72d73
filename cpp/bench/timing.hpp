// SPDX-License-Identifier: BSD-3-Clause
// What the benchmarks share: a clock, and random data.
#pragma once

#include <chrono>

#include "sstpl/random.hpp"
#include "sstpl/types.hpp"

namespace sstpl::bench {

template <class Work>
double seconds(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

inline Matrix<float> normal(std::uint32_t stream, double scale, Index rows, Index cols) {
  Matrix<float> X(rows, cols);
  fill_normal(RandomStream{1, stream}, scale, span(X));
  return X;
}

}  // namespace sstpl::bench
