// SPDX-License-Identifier: BSD-3-Clause
#include "pybind.hpp"
#include "sstpl/backward.hpp"

namespace sstpl::python {

namespace {

template <class T>
std::vector<MatrixView<T>> chain(const std::vector<Array<T>>& weights) {
  std::vector<MatrixView<T>> views;
  for (const Array<T>& A : weights) views.push_back(matrix<T>(A, "weights"));
  return views;
}

template <class T>
py::list propagate(const std::vector<Array<T>>& weights, const Array<T>& targets, const std::string& activation,
                   double margin) {
  py::list out;
  for (Matrix<T>& D :
       propagate_targets<T>(chain(weights), matrix<T>(targets, "targets"), activation_from(activation), margin)) {
    out.append(to_numpy(std::move(D)));
  }
  return out;
}

// codes given: targets are class indicators and the prototype form is used; otherwise the dense form.
template <class T>
py::list fit(const Array<T>& X, const Array<T>& targets, const std::optional<Array<T>>& codes,
             const std::vector<Array<T>>& weights, const std::string& activation, double margin,
             const std::vector<double>& alphas, const std::optional<Array<std::int64_t>>& fold_starts, Index path_width,
             const std::string& selection, const std::optional<Array<double>>& row_weights, const py::object& tick) {
  const MatrixView<T> rows = matrix<T>(X, "X");
  const MatrixView<T> Y = matrix<T>(targets, "targets");
  const std::vector<MatrixView<T>> views = chain(weights);
  const BackwardOptions options{activation_from(activation), margin,
                                crossfit_options(alphas, fold_starts, true, path_width, selection),
                                row_weight_list(row_weights, rows.rows())};
  const MatrixView<T> code_rows =
      codes ? matrix<T>(*codes, "codes") : MatrixView<T>(nullptr, 0, 0, Eigen::OuterStride<>(0));
  const Checkpoint check = checkpoint(tick);
  Backward<T> net;
  {
    const py::gil_scoped_release no_gil;  // the caller holds every array
    net = codes ? fit_backward_prototypes(rows, Y, code_rows, views, options, check)
                : fit_backward_dense(rows, Y, views, options, check);
  }
  py::list out;
  for (std::size_t l = 0; l < net.layers.size(); ++l) {
    py::dict layer;
    layer["weights"] = to_numpy(std::move(net.layers[l].W));
    layer["intercept"] = to_numpy(net.layers[l].intercept);
    layer["prototypes"] = to_numpy(std::move(net.layers[l].prototypes));
    layer["scores"] = to_numpy(std::move(net.scores[l]));
    layer["report"] = to_dict(net.reports[l]);
    out.append(layer);
  }
  return out;
}

template <class T>
void bind(py::module_& m) {
  m.def("propagate_targets", &propagate<T>, py::arg("weights").noconvert(), py::arg("targets").noconvert(),
        py::arg("activation"), py::arg("margin"));
  m.def("fit_backward", &fit<T>, py::arg("X").noconvert(), py::arg("targets").noconvert(), py::arg("codes").noconvert(),
        py::arg("weights").noconvert(), py::arg("activation"), py::arg("margin"), py::arg("alphas"),
        py::arg("fold_starts").noconvert() = py::none(), py::arg("path_width") = 1024, py::arg("selection") = "kfold",
        py::arg("row_weights").noconvert() = py::none(), py::arg("tick") = py::none());
}

}  // namespace

void bind_backward(py::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace sstpl::python
