// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/hashing.hpp"

#include <algorithm>
#include <cstring>

#include "sstpl/parallel.hpp"

namespace sstpl {

namespace {

constexpr Index value_grain = 65536;  // values per thread
constexpr std::uint64_t golden = 0x9E3779B97F4A7C15ULL;
constexpr std::uint64_t any_nan = 0x7FF8000000000000ULL;

// The low half of a short number is zero, and would stay so in a sum of multiples.
template <class T>
std::uint64_t folded(T value) {
  const double x = static_cast<double>(value) + 0.0;  // -0.0 is 0.0
  std::uint64_t word = 0;
  std::memcpy(&word, &x, sizeof word);
  word = x == x ? word : any_nan;
  return word ^ (word >> 32);
}

}  // namespace

std::uint64_t mix_bits(std::uint64_t word) {
  word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9ULL;
  word = (word ^ (word >> 27)) * 0x94D049BB133111EBULL;
  return word ^ (word >> 31);
}

template <class T>
std::vector<std::uint64_t> hash_rows(const MatrixView<T>& X, std::uint64_t seed) {
  const Index d = X.cols();
  std::vector<std::uint64_t> keys(static_cast<std::size_t>(d) + 1);
  for (std::size_t j = 0; j < keys.size(); ++j) keys[j] = mix_bits(j * golden + seed) | 1U;
  std::vector<std::uint64_t> hashes(static_cast<std::size_t>(X.rows()));
  parallel_for(0, X.rows(), std::max<Index>(1, value_grain / std::max<Index>(1, d)), [&](Index from, Index to) {
    for (Index i = from; i < to; ++i) {
      const T* x = X.data() + i * X.outerStride();
      std::uint64_t sum = keys[0];
      for (Index j = 0; j < d; ++j) sum += keys[static_cast<std::size_t>(j) + 1] * folded(x[j]);
      hashes[static_cast<std::size_t>(i)] = mix_bits(sum);
    }
  });
  return hashes;
}

template std::vector<std::uint64_t> hash_rows<float>(const MatrixView<float>&, std::uint64_t);
template std::vector<std::uint64_t> hash_rows<double>(const MatrixView<double>&, std::uint64_t);

}  // namespace sstpl
