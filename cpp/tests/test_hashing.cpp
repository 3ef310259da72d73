// SPDX-License-Identifier: BSD-3-Clause
// Hashes of rows: of their values alone, and spread over all bits.
#include <limits>
#include <set>

#include "helpers.hpp"
#include "sstpl/hashing.hpp"

using namespace sstpl;
using namespace sstpl::testing;

TEST_CASE("mixed bits are those of SplitMix64") {
  // Its first three numbers from seed 0: the finaliser of multiples of the golden ratio.
  CHECK(mix_bits(0x9E3779B97F4A7C15ULL) == 0xE220A8397B1DCDAFULL);
  CHECK(mix_bits(2 * 0x9E3779B97F4A7C15ULL) == 0x6E789E6AA1B965F4ULL);
  CHECK(mix_bits(3 * 0x9E3779B97F4A7C15ULL) == 0x06C45D188009454FULL);
}

TEST_CASE("equal rows have equal hashes, in either precision and wherever they stand") {
  Matrix<float> X = random_matrix<float>(1, 9, 5);
  X.row(7) = X.row(2);
  X(0, 0) = 0.0F;
  X.row(8) = X.row(0);
  X(8, 0) = -0.0F;
  const Matrix<double> wide = X.cast<double>();
  const auto found = hash_rows(view(X), 3);
  CHECK(found == hash_rows(view(wide), 3));
  CHECK(found[7] == found[2]);
  CHECK(found[8] == found[0]);
  CHECK(std::set<std::uint64_t>(found.begin(), found.end()).size() == 7);
  CHECK(found != hash_rows(view(X), 4));
  const MatrixView<float> part(X.data() + 1, 9, 3, Eigen::OuterStride<>(5));
  const Matrix<float> copied = X.middleCols(1, 3);
  CHECK(hash_rows(part, 3) == hash_rows(view(copied), 3));
}

TEST_CASE("every NaN hashes alike, and no row is like another order of its values") {
  Matrix<double> X(4, 2);
  X << 1.0, 2.0, 2.0, 1.0, std::numeric_limits<double>::quiet_NaN(), 1.0, -std::nan("7"), 1.0;
  const auto found = hash_rows(view(X), 0);
  CHECK(found[0] != found[1]);
  CHECK(found[2] == found[3]);
}

TEST_CASE("whole numbers, whose low bits are zero, do not collide") {
  Matrix<double> X(40000, 2);
  for (Index i = 0; i < X.rows(); ++i) X.row(i) << static_cast<double>(i / 200), static_cast<double>(i % 200);
  const auto found = hash_rows(view(X), 0);
  CHECK(std::set<std::uint64_t>(found.begin(), found.end()).size() == 40000);
}

TEST_CASE("rows without values, and no rows, are hashed") {
  const Matrix<double> none(3, 0);
  const auto found = hash_rows(view(none), 1);
  CHECK(found.size() == 3);
  CHECK(found[0] == found[2]);
  CHECK(hash_rows(view(Matrix<double>(0, 4)), 1).empty());
}
