// SPDX-License-Identifier: BSD-3-Clause
#include "pybind.hpp"

namespace sstpl::python {

namespace {

template <class T>
py::array apply(const std::string& name, const Array<T>& Z) {
  Matrix<T> out = matrix<T>(Z, "Z");
  const Activation activation = activation_from(name);
  {
    const py::gil_scoped_release no_gil;  // only C++ values below
    const Vector<T> zero = Vector<T>::Zero(out.cols());
    apply_activation(activation, view(zero), view(zero), span(out));
  }
  return to_numpy(std::move(out));
}

template <class T>
py::array invert(const std::string& name, double margin, const Array<T>& D) {
  Matrix<T> out = matrix<T>(D, "D");
  const Activation activation = activation_from(name);
  {
    const py::gil_scoped_release no_gil;  // only C++ values below
    invert_activation(activation, margin, span(out));
  }
  return to_numpy(std::move(out));
}

template <class T>
void bind(py::module_& m) {
  m.def("apply_activation", &apply<T>, py::arg("activation"), py::arg("Z").noconvert());
  m.def("invert_activation", &invert<T>, py::arg("activation"), py::arg("margin"), py::arg("D").noconvert());
}

}  // namespace

void bind_activation(py::module_& m) {
  bind<float>(m);
  bind<double>(m);
  m.def(
      "has_inverse", [](const std::string& name) { return has_inverse(activation_from(name)); }, py::arg("activation"));
}

}  // namespace sstpl::python
