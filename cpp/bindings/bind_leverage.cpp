// SPDX-License-Identifier: BSD-3-Clause
#include "pybind.hpp"
#include "sstpl/leverage.hpp"

namespace sstpl::python {

namespace {

template <class T>
using FactorArgument = std::tuple<Array<T>, Array<T>, Array<T>>;  // U, scale, means

template <class T>
py::tuple of_rows(const Array<T>& X, const LayerArgument<T>& layer, const std::string& activation,
                  const FactorArgument<T>& factor, double share, const std::optional<Array<T>>& at_prediction,
                  const std::optional<Array<double>>& weights) {
  const auto [hidden, shift] = shifted_layer(layer, activation);
  const auto& [U, scale, means] = factor;
  const LeverageFactor<T> owned(matrix<T>(U, "factor"), vector<T>(scale, "scale"), vector<T>(means, "means"), share);
  const MatrixView<T> rows = matrix<T>(X, "X");
  const MatrixView<T> then = at_prediction ? matrix<T>(*at_prediction, "at_prediction") : block(rows, 0, 0, 0, 0);
  require(!at_prediction || then.rows() == rows.rows(), "every row needs its inputs at prediction");
  const VectorView<double> w = row_weights(weights, rows.rows());
  const Checkpoint check = checkpoint(py::none());
  Leverages found;
  {
    const py::gil_scoped_release no_gil;  // the caller holds every array
    found = hidden_leverages(owned, hidden, shift, rows, then, w, check);
  }
  return py::make_tuple(to_numpy(found.own), to_numpy(found.cross));
}

template <class T>
void bind(py::module_& m) {
  m.def("hidden_leverages", &of_rows<T>, py::arg("X").noconvert(), py::arg("layer").noconvert(), py::arg("activation"),
        py::arg("factor").noconvert(), py::arg("share"), py::arg("at_prediction").noconvert() = py::none(),
        py::arg("weights").noconvert() = py::none());
}

}  // namespace

void bind_leverage(py::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace sstpl::python
