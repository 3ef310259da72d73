// SPDX-License-Identifier: BSD-3-Clause
#include "pybind.hpp"
#include "sstpl/growing.hpp"

namespace sstpl::python {

namespace {

template <class T>
void add(Sums& sums, const Array<T>& X, const Array<T>& Y, const LayerArgument<T>& layer, const std::string& activation,
         const std::optional<Array<double>>& weights) {
  const auto [hidden, shift] = shifted_layer(layer, activation);
  const MatrixView<T> rows = matrix<T>(X, "X");
  const MatrixView<T> targets = matrix<T>(Y, "Y");
  const VectorView<double> w = row_weights(weights, rows.rows());
  const Checkpoint check = checkpoint(py::none());
  const py::gil_scoped_release no_gil;  // the caller holds every array
  add_hidden_rows(sums, hidden, shift, rows, targets, w, check);
}

template <class T>
Sums widen(const Sums& sums, const Array<T>& X, const Array<T>& Y, const LayerArgument<T>& layer,
           const std::string& activation) {
  const auto [hidden, shift] = shifted_layer(layer, activation);
  const MatrixView<T> rows = matrix<T>(X, "X");
  const MatrixView<T> targets = matrix<T>(Y, "Y");
  const Checkpoint check = checkpoint(py::none());
  const py::gil_scoped_release no_gil;  // the caller holds every array
  return widened(sums, hidden, shift, rows, targets, check);
}

template <class T>
void bind(py::module_& m) {
  m.def("add_hidden_rows", &add<T>, py::arg("sums"), py::arg("X").noconvert(), py::arg("Y").noconvert(),
        py::arg("layer").noconvert(), py::arg("activation"), py::arg("weights").noconvert() = py::none());
  m.def("widened", &widen<T>, py::arg("sums"), py::arg("X").noconvert(), py::arg("Y").noconvert(),
        py::arg("layer").noconvert(), py::arg("activation"));
}

}  // namespace

void bind_growing(py::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace sstpl::python
