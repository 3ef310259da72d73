// SPDX-License-Identifier: BSD-3-Clause
// Counter-based random numbers (Philox4x32-10; Salmon, Moraes, Dror, Shaw, SC 2011). Number i of a stream is a
// function of (seed, stream, i) alone, so neither threads nor block sizes nor the order of calls can change it.
#pragma once

#include <cstdint>
#include <vector>

#include "sstpl/types.hpp"

namespace sstpl {

/// A stream of numbers: the caller's seed, and which of its uses this is.
struct RandomStream {
  std::uint64_t seed = 0;
  std::uint32_t stream = 0;
  std::uint32_t use = 0;  // for functions that need several kinds of number from one stream
};

/// The two 64-bit words at a position of a stream.
struct RandomWords {
  std::uint64_t first = 0, second = 0;
};
RandomWords random_words(const RandomStream& stream, std::uint64_t position);

/// Fills X row by row with independent uniforms on [low, high).
template <class T>
void fill_uniform(const RandomStream& stream, double low, double high, MatrixSpan<T> X);

/// Fills X row by row with independent standard normals times `scale` (Box and Muller 1958).
template <class T>
void fill_normal(const RandomStream& stream, double scale, MatrixSpan<T> X);

/// A number uniform on [0, 1), from one word.
double random_unit(std::uint64_t word);

/// A whole number uniform on [0, count), from one word; count >= 1.
Index random_index(std::uint64_t word, Index count);

/// A uniform random order of 0 .. count - 1 (Fisher and Yates).
std::vector<Index> random_permutation(const RandomStream& stream, Index count);

}  // namespace sstpl
