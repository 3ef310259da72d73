// SPDX-License-Identifier: BSD-3-Clause
#include "pybind.hpp"
#include "sstpl/blas.hpp"
#include "sstpl/build_info.hpp"

namespace sstpl::python {

void bind_build_info(py::module_& m) {
  m.def("build_info", [] {
    const BuildInfo info = build_info();
    py::dict out;
    out["version"] = info.version;
    out["compiler"] = info.compiler;
    out["blas_backend"] = info.blas_backend;
    out["blas"] = info.blas;
    out["blas_is_expected"] = info.blas_is_expected;
    out["n_threads"] = info.n_threads;
    out["openmp"] = info.openmp;
    out["simd"] = info.simd;
    out["eigen"] = info.eigen;
    return out;
  });
  m.def("num_threads", &num_threads);
  m.def("set_num_threads", &set_num_threads, py::arg("n_threads"));
}

}  // namespace sstpl::python
