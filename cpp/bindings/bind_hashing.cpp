// SPDX-License-Identifier: BSD-3-Clause
#include "pybind.hpp"
#include "sstpl/hashing.hpp"

namespace sstpl::python {

namespace {

template <class T>
py::array hashes(const Array<T>& X, std::uint64_t seed) {
  const MatrixView<T> rows = matrix<T>(X, "X");
  std::vector<std::uint64_t> found;
  {
    const py::gil_scoped_release no_gil;  // the caller holds the array
    found = hash_rows(rows, seed);
  }
  return py::array_t<std::uint64_t>(static_cast<py::ssize_t>(found.size()), found.data());
}

}  // namespace

void bind_hashing(py::module_& m) {
  m.def("hash_rows", &hashes<float>, py::arg("X").noconvert(), py::arg("seed"));
  m.def("hash_rows", &hashes<double>, py::arg("X").noconvert(), py::arg("seed"));
}

}  // namespace sstpl::python
