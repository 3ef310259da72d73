// SPDX-License-Identifier: BSD-3-Clause
// Which of the instruction sets that the library is compiled for this process uses.
#pragma once

#include <string>

namespace sstpl {

enum class Simd { base, avx2, avx512, avx512vnni, amx };

/// The highest that machine, system and build offer. The environment variable SSTPL_SIMD ("base", "avx2", "avx512",
/// "avx512vnni" or "amx"), read at first use, asks for a lower one; a request that cannot be served throws.
Simd simd();

std::string simd_level();

}  // namespace sstpl
