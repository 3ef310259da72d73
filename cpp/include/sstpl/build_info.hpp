// SPDX-License-Identifier: BSD-3-Clause
// What this build is: version, compiler, BLAS, instruction set, Eigen.
#pragma once

#include <string>

namespace sstpl {

struct BuildInfo {
  std::string version, compiler, blas_backend, blas, simd, eigen;
  int n_threads = 1;
  bool openmp = false;
  bool blas_is_expected = true;  // false when another copy of the bundled library answers our calls
};

BuildInfo build_info();

}  // namespace sstpl
