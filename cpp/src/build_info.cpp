// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/build_info.hpp"

#include "sstpl/blas.hpp"
#include "sstpl/simd.hpp"

namespace sstpl {

namespace {

std::string compiler() {
#if defined(__clang__)
  return std::string("Clang ") + __clang_version__;
#elif defined(__GNUC__)
  return std::string("GCC ") + __VERSION__;
#elif defined(_MSC_VER)
  return "MSVC " + std::to_string(_MSC_VER);
#else
  return "unknown";
#endif
}

std::string eigen_version() {
  return std::to_string(EIGEN_WORLD_VERSION) + "." + std::to_string(EIGEN_MAJOR_VERSION) + "." +
         std::to_string(EIGEN_MINOR_VERSION);
}

}  // namespace

BuildInfo build_info() {
  BuildInfo info;
  info.version = SSTPL_VERSION;
  info.compiler = compiler();
  info.blas_backend = blas_backend();
  info.blas = blas_description();
  info.simd = simd_level();
  info.eigen = eigen_version();
  info.n_threads = num_threads();
  info.blas_is_expected = blas_is_expected();
#ifdef _OPENMP
  info.openmp = true;
#endif
  return info;
}

}  // namespace sstpl
