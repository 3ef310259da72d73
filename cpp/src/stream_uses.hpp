// SPDX-License-Identifier: BSD-3-Clause
// Which use of a hidden layer's random stream a number belongs to; for the draws of layers, nobody else includes it.
#pragma once

#include <cstdint>

#include "sstpl/random.hpp"

namespace sstpl {

enum : std::uint32_t {
  use_weights = 0,
  use_bias = 1,
  use_pairs = 2,
  use_fields = 3,
  use_landmarks = 4,
  use_centers = 5,
};

inline RandomStream use(const RandomStream& stream, std::uint32_t which) { return {stream.seed, stream.stream, which}; }

}  // namespace sstpl
