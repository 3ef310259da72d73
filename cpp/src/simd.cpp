// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/simd.hpp"

#include <cstdlib>

#include "act_kernels.hpp"
#include "fixed_kernels.hpp"
#include "sstpl/errors.hpp"
#include "tile_kernels.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace sstpl {

namespace {

constexpr const char* names[] = {"base", "avx2", "avx512", "avx512vnni", "amx"};

#if defined(__x86_64__)
bool machine_has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

bool machine_has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

bool machine_has_vnni() { return __builtin_cpu_supports("avx512vnni"); }

// Tiles with bfloat16 products, and the conversion of vectors to bfloat16 (CPUID leaf 7).
bool machine_has_amx() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  const bool tiles = ((d >> 22) & 1U) != 0 && ((d >> 24) & 1U) != 0;
  return tiles && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && ((a >> 5) & 1U) != 0;
}
#else
bool machine_has_avx2() { return false; }
bool machine_has_avx512() { return false; }
bool machine_has_vnni() { return false; }
bool machine_has_amx() { return false; }
#endif

Simd highest() {
  if (detail::avx2_kernels() == nullptr || !machine_has_avx2()) return Simd::base;
  if (detail::avx512_kernels() == nullptr || !machine_has_avx512()) return Simd::avx2;
  if (detail::avx512vnni_kernels() == nullptr || !machine_has_vnni()) return Simd::avx512;
  const detail::TileKernels* tiles = machine_has_amx() ? detail::amx_kernels() : nullptr;
  return tiles != nullptr && tiles->permitted() ? Simd::amx : Simd::avx512vnni;
}

Simd choose() {
  const Simd most = highest();
  const char* asked = std::getenv("SSTPL_SIMD");
  if (asked == nullptr) return most;
  for (int level = 0; level <= static_cast<int>(most); ++level) {
    if (std::string(names[level]) == asked) return static_cast<Simd>(level);
  }
  throw std::invalid_argument(
      "SSTPL_SIMD must name an instruction set of this machine (base, avx2, avx512, avx512vnni or amx), got '" +
      std::string(asked) + "'");
}

}  // namespace

Simd simd() {
  static const Simd chosen = choose();
  return chosen;
}

std::string simd_level() { return names[static_cast<int>(simd())]; }

}  // namespace sstpl
