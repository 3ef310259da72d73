// SPDX-License-Identifier: BSD-3-Clause
// Caller mistakes throw std::invalid_argument; a system that no stated rule can solve throws LinAlgError.
// Near-singularity is no error: it is reported by the solve (see ridge.hpp).
#pragma once

#include <stdexcept>
#include <string>

namespace sstpl {

struct LinAlgError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Throws std::invalid_argument with the message unless the condition holds.
inline void require(bool condition, const char* message) {
  if (!condition) throw std::invalid_argument(message);
}
inline void require(bool condition, const std::string& message) {
  if (!condition) throw std::invalid_argument(message);
}

}  // namespace sstpl
