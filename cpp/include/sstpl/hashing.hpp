// SPDX-License-Identifier: BSD-3-Clause
// A number for every row that depends on its values and a seed alone, so that equal rows are found wherever they stand.
#pragma once

#include <cstdint>
#include <vector>

#include "sstpl/types.hpp"

namespace sstpl {

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014), a bijection: every bit depends on every bit.
std::uint64_t mix_bits(std::uint64_t word);

/// hash[i] := mix_bits(k_0 + sum_j k_{j+1} folded(x_ij)) modulo 2^64, folded(x) the bits of x as a double, the high
/// half put on the low one too; k_j odd words of (seed, j). Floats hash as doubles, -0 as 0, every NaN alike. X (n, d).
template <class T>
std::vector<std::uint64_t> hash_rows(const MatrixView<T>& X, std::uint64_t seed);

}  // namespace sstpl
