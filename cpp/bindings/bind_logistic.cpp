// SPDX-License-Identifier: BSD-3-Clause
#include "pybind.hpp"
#include "sstpl/logistic.hpp"

namespace sstpl::python {

namespace {

template <class T>
py::array features_of(const Array<T>& X, const LayerArgument<T>& layer, const std::string& activation) {
  const auto [hidden, shift] = shifted_layer(layer, activation);
  const MatrixView<T> rows = matrix<T>(X, "X");
  Matrix<T> H(rows.rows(), hidden.n_hidden());
  {
    const py::gil_scoped_release no_gil;  // the caller holds every array
    apply_hidden(hidden, rows, shift, span(H));
  }
  return to_numpy(std::move(H));
}

template <class T>
py::tuple of_rows(const Array<T>& H, const Array<std::int64_t>& labels, const Array<std::int64_t>& folds, Index n_folds,
                  const Array<T>& W, const Array<T>& intercept, const std::optional<Array<double>>& weights) {
  const MatrixView<T> rows = matrix<T>(H, "H");
  const MatrixView<T> readouts = matrix<T>(W, "W");
  const VectorView<T> b = vector<T>(intercept, "intercept");
  const std::vector<Index> classes = index_list(labels, "labels"), own = index_list(folds, "folds");
  const VectorView<double> w = row_weights(weights, rows.rows());
  require(n_folds >= 1 && readouts.cols() % (n_folds + 1) == 0,
          "W must have as many columns for all rows as without each fold");
  const Checkpoint check = checkpoint(py::none());
  LogisticSums sums(readouts.rows(), readouts.cols() / (n_folds + 1), n_folds + 1);
  {
    const py::gil_scoped_release no_gil;  // the caller holds every array
    add_logistic(sums, rows, view(classes), view(own), w, readouts, b, check);
  }
  return py::make_tuple(to_numpy(std::move(sums.features)), to_numpy(sums.intercept), to_numpy(sums.left_out));
}

py::array solve(const Array<double>& U, const Array<double>& scale, const Array<double>& B) {
  const MatrixView<double> factor = matrix<double>(U, "factor");
  const VectorView<double> D = vector<double>(scale, "scale");
  Matrix<double> solution = matrix<double>(B, "B");
  {
    const py::gil_scoped_release no_gil;  // the caller holds every array
    solve_by_factor(factor, D, span(solution));
  }
  return to_numpy(std::move(solution));
}

template <class T>
void bind(py::module_& m) {
  m.def("hidden_features", &features_of<T>, py::arg("X").noconvert(), py::arg("layer").noconvert(),
        py::arg("activation"));
  m.def("logistic_sums", &of_rows<T>, py::arg("H").noconvert(), py::arg("labels").noconvert(),
        py::arg("folds").noconvert(), py::arg("n_folds"), py::arg("W").noconvert(), py::arg("intercept").noconvert(),
        py::arg("weights").noconvert() = py::none());
}

}  // namespace

void bind_logistic(py::module_& m) {
  bind<float>(m);
  bind<double>(m);
  m.def("solve_by_factor", &solve, py::arg("factor").noconvert(), py::arg("scale").noconvert(),
        py::arg("B").noconvert());
}

}  // namespace sstpl::python
