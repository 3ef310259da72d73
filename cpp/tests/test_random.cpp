// SPDX-License-Identifier: BSD-3-Clause
// The generator against its published vector and a second writing of it, and the laws of what is drawn from it.
#include <algorithm>
#include <set>

#include "helpers.hpp"
#include "sstpl/random.hpp"

using namespace sstpl;
using namespace sstpl::testing;

namespace {

// Philox4x32-10 as in the paper's figure: one round is a multiplication pair and a swap.
RandomWords philox(std::uint64_t seed, std::uint32_t stream, std::uint64_t position, std::uint32_t use = 0) {
  std::uint32_t L0 = static_cast<std::uint32_t>(position), R0 = static_cast<std::uint32_t>(position >> 32);
  std::uint32_t L1 = stream, R1 = use;
  std::uint32_t key0 = static_cast<std::uint32_t>(seed), key1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round, key0 += 0x9E3779B9U, key1 += 0xBB67AE85U) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53U} * L0;
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57U} * L1;
    const std::uint32_t next_L0 = static_cast<std::uint32_t>(product1 >> 32) ^ R0 ^ key0;
    const std::uint32_t next_L1 = static_cast<std::uint32_t>(product0 >> 32) ^ R1 ^ key1;
    R0 = static_cast<std::uint32_t>(product1);
    R1 = static_cast<std::uint32_t>(product0);
    L0 = next_L0;
    L1 = next_L1;
  }
  return {L0 | (std::uint64_t{R0} << 32), L1 | (std::uint64_t{R1} << 32)};
}

// Mean of the k-th powers.
template <class T>
double moment(const Matrix<T>& X, int k) {
  return X.template cast<double>().array().pow(k).mean();
}

}  // namespace

TEST_CASE("the generator gives the published vectors of Philox4x32-10, low word first") {
  const RandomWords zeros = random_words({0, 0, 0}, 0);
  CHECK(zeros.first == 0xe169c58d6627e8d5U);
  CHECK(zeros.second == 0x9b00dbd8bc57ac4cU);
  const RandomWords ones = random_words({~0ULL, ~0U, ~0U}, ~0ULL);
  CHECK(ones.first == 0x41c83b0e408f276dU);
  CHECK(ones.second == 0x6d5451fda20bc7c6U);
  const RandomWords pi = random_words({0x299f31d0a4093822U, 0x13198a2eU, 0x03707344U}, 0x85a308d3243f6a88U);
  CHECK(pi.first == 0x94fdccebd16cfe09U);
  CHECK(pi.second == 0x24126ea15001e420U);
}

TEST_CASE("the generator is Philox4x32-10 at any seed, stream and position") {
  for (const std::uint64_t seed : {0ULL, 1ULL, 0x123456789abcdef0ULL, ~0ULL}) {
    for (const std::uint32_t stream : {0U, 7U, ~0U}) {
      for (const std::uint64_t position : {0ULL, 5ULL, 1ULL << 32, ~0ULL}) {
        const RandomWords words = random_words({seed, stream, 5}, position);
        const RandomWords expected = philox(seed, stream, position, 5);
        CHECK(words.first == expected.first);
        CHECK(words.second == expected.second);
      }
    }
  }
}

TEST_CASE_TEMPLATE("uniforms have the moments of the uniform law and stay in its range", T, float, double) {
  Matrix<T> X(400, 501);
  fill_uniform({3, 1}, -1.0, 3.0, span(X));
  CHECK(X.minCoeff() >= T(-1));
  CHECK(X.maxCoeff() < T(3));
  CHECK(moment(X, 1) == doctest::Approx(1).epsilon(0.01));
  const Matrix<T> centred = X.array() - T(1);
  CHECK(moment(centred, 2) == doctest::Approx(4.0 / 3).epsilon(0.01));
  CHECK(moment(centred, 4) == doctest::Approx(16.0 / 5).epsilon(0.01));
}

TEST_CASE("a float uniform never rounds up to the end of its range") {
  Matrix<float> X(1, 1);
  fill_uniform({34408659, 0}, 0.0, 1.0, span(X));  // 0.99999999154, the nearest float of which is 1
  CHECK(X(0, 0) < 1.0F);
}

TEST_CASE_TEMPLATE("normals have the moments of the normal law", T, float, double) {
  Matrix<T> X(400, 501);
  fill_normal({4, 1}, 2.0, span(X));
  CHECK(X.allFinite());
  CHECK(std::abs(moment(X, 1)) < 0.02);
  CHECK(moment(X, 2) == doctest::Approx(4).epsilon(0.01));
  CHECK(std::abs(moment(X, 3)) < 0.2);
  CHECK(moment(X, 4) == doctest::Approx(48).epsilon(0.03));
  const Index half = X.cols() / 2;  // neighbours come from one pair of words
  double product = 0;
  for (Index i = 0; i < X.rows(); ++i) {
    for (Index j = 0; j < half; ++j) product += static_cast<double>(X(i, 2 * j)) * static_cast<double>(X(i, 2 * j + 1));
  }
  CHECK(std::abs(product / static_cast<double>(X.rows() * half)) < 0.05);
}

TEST_CASE_TEMPLATE("the same numbers come whatever the threads, the shape and the view", T, float, double) {
  const KeepThreads keep;
  Matrix<T> one(300, 201), many(300, 201), flat(1, 60300), wide = Matrix<T>::Zero(300, 210);
  set_num_threads(1);
  fill_normal({5, 2}, 1.0, span(one));
  for (const int n_threads : {2, 3, 4}) {
    set_num_threads(n_threads);
    many.setZero();
    fill_normal({5, 2}, 1.0, span(many));
    CHECK(identical(one, many));
  }
  fill_normal({5, 2}, 1.0, span(flat));
  CHECK(identical(Eigen::Map<Matrix<T>>(flat.data(), 300, 201), one));
  MatrixSpan<T> all = span(wide);
  fill_normal({5, 2}, 1.0, block(all, 0, 3, 300, 201));
  CHECK(identical(wide.middleCols(3, 201), one));
  CHECK(wide.leftCols(3).isZero(0));
  CHECK(wide.rightCols(6).isZero(0));
}

TEST_CASE("float draws are the rounded draws of double, and seeds, streams and uses differ") {
  Matrix<double> X(20, 21), other(20, 21);
  Matrix<float> rounded(20, 21);
  fill_normal({6, 0}, 1.5, span(X));
  fill_normal({6, 0}, 1.5, span(rounded));
  CHECK(identical(X.cast<float>(), rounded));
  fill_normal({6, 1}, 1.5, span(other));
  CHECK((X.array() != other.array()).all());
  fill_normal({6, 0, 1}, 1.5, span(other));
  CHECK((X.array() != other.array()).all());
  fill_normal({7, 0}, 1.5, span(other));
  CHECK((X.array() != other.array()).all());
}

TEST_CASE("random indices cover their range evenly") {
  std::vector<int> hits(7, 0);
  for (std::uint64_t i = 0; i < 70000; ++i) ++hits[static_cast<std::size_t>(random_index(philox(8, 0, i).first, 7))];
  for (const int n : hits) CHECK(std::abs(n - 10000) < 500);
  CHECK(random_index(0, 5) == 0);
  CHECK(random_index(~0ULL, 5) == 4);
  CHECK(random_index(~0ULL, 1) == 0);
  CHECK_THROWS_AS(random_index(0, 0), std::invalid_argument);
}

TEST_CASE("a permutation has every index once, and every order equally often") {
  std::vector<Index> order = random_permutation({9, 3}, 1000);
  CHECK(order == random_permutation({9, 3}, 1000));
  CHECK(order != random_permutation({9, 4}, 1000));
  std::sort(order.begin(), order.end());
  for (Index i = 0; i < 1000; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
  CHECK(random_permutation({9, 3}, 0).empty());
  CHECK_THROWS_AS(random_permutation({9, 3}, -1), std::invalid_argument);
  std::vector<int> hits(27, 0);
  for (std::uint64_t seed = 0; seed < 12000; ++seed) {
    const std::vector<Index> three = random_permutation({seed, 0}, 3);
    ++hits[static_cast<std::size_t>(9 * three[0] + 3 * three[1] + three[2])];
  }
  CHECK(std::count(hits.begin(), hits.end(), 0) == 21);
  for (const int n : hits) CHECK((n == 0 || std::abs(n - 2000) < 200));
}
