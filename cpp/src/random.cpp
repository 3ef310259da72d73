// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/random.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "sstpl/errors.hpp"
#include "sstpl/parallel.hpp"

namespace sstpl {

namespace {

constexpr double two_pi = 6.283185307179586476925;
constexpr Index random_grain = 8192;  // numbers per thread below which threads cost more than they save

// Two independent standard normals. 1 - u lies in (0, 1], so the logarithm is finite.
std::pair<double, double> to_normals(const RandomWords& words) {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - random_unit(words.first)));
  const double angle = two_pi * random_unit(words.second);
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

// Writes number 2i and 2i + 1 of the row-by-row order of X from draw(i), for every pair.
template <class T, class Draw>
void fill_pairs(MatrixSpan<T>& X, const Draw& draw) {
  const Index size = X.size();
  const Index cols = X.cols();
  const auto put = [&](Index i, double value) { X.coeffRef(i / cols, i % cols) = static_cast<T>(value); };
  parallel_for(0, (size + 1) / 2, random_grain, [&](Index from, Index to) {
    for (Index pair = from; pair < to; ++pair) {
      const auto [first, second] = draw(static_cast<std::uint64_t>(pair));
      put(2 * pair, first);
      if (2 * pair + 1 < size) put(2 * pair + 1, second);
    }
  });
}

}  // namespace

RandomWords random_words(const RandomStream& stream, std::uint64_t position) {
  std::array<std::uint32_t, 4> c = {static_cast<std::uint32_t>(position), static_cast<std::uint32_t>(position >> 32),
                                    stream.stream, stream.use};
  auto k0 = static_cast<std::uint32_t>(stream.seed);
  auto k1 = static_cast<std::uint32_t>(stream.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = 0xD2511F53ULL * c[0];
    const std::uint64_t b = 0xCD9E8D57ULL * c[2];
    c = {static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(b),
         static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(a)};
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  return {c[0] | (static_cast<std::uint64_t>(c[1]) << 32), c[2] | (static_cast<std::uint64_t>(c[3]) << 32)};
}

template <class T>
void fill_uniform(const RandomStream& stream, double low, double high, MatrixSpan<T> X) {
  // Rounding to T must not reach the open end.
  const auto last = static_cast<double>(std::nextafter(static_cast<T>(high), static_cast<T>(low)));
  const auto place = [&](std::uint64_t word) { return std::min(low + (high - low) * random_unit(word), last); };
  fill_pairs(X, [&](std::uint64_t i) {
    const RandomWords words = random_words(stream, i);
    return std::pair<double, double>(place(words.first), place(words.second));
  });
}

template <class T>
void fill_normal(const RandomStream& stream, double scale, MatrixSpan<T> X) {
  fill_pairs(X, [&](std::uint64_t i) {
    const auto [first, second] = to_normals(random_words(stream, i));
    return std::pair<double, double>(scale * first, scale * second);
  });
}

double random_unit(std::uint64_t word) { return static_cast<double>(word >> 11) * 0x1p-53; }  // its top 53 bits

Index random_index(std::uint64_t word, Index count) {
  require(count >= 1, "random_index: count must be at least 1");
  // The 53-bit fraction times the count: biased by less than count * 2^-53.
  const auto index = static_cast<Index>(random_unit(word) * static_cast<double>(count));
  return index < count ? index : count - 1;
}

std::vector<Index> random_permutation(const RandomStream& stream, Index count) {
  require(count >= 0, "random_permutation: count must not be negative");
  std::vector<Index> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), Index{0});
  for (Index i = count - 1; i > 0; --i) {
    const Index j = random_index(random_words(stream, static_cast<std::uint64_t>(i)).first, i + 1);
    std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(j)]);
  }
  return order;
}

template void fill_uniform<float>(const RandomStream&, double, double, MatrixSpan<float>);
template void fill_uniform<double>(const RandomStream&, double, double, MatrixSpan<double>);
template void fill_normal<float>(const RandomStream&, double, MatrixSpan<float>);
template void fill_normal<double>(const RandomStream&, double, MatrixSpan<double>);

}  // namespace sstpl
