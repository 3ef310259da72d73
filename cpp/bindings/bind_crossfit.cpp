// SPDX-License-Identifier: BSD-3-Clause
#include "pybind.hpp"

namespace sstpl::python {

namespace {

template <class T>
py::dict fit(const Array<T>& X, const Array<T>& Y, const std::vector<double>& alphas,
             const std::optional<Array<std::int64_t>>& fold_starts, bool intercept,
             const std::optional<std::pair<Array<T>, Array<T>>>& hidden, const std::string& activation,
             const std::optional<Array<double>>& weights, Index path_width, Index block_rows, Index hold_bytes,
             const std::string& selection, bool leave_one_out, const std::optional<Array<T>>& at_prediction,
             const py::object& tick) {
  const Inputs<T> inputs(matrix<T>(X, "X"));
  std::optional<Inputs<T>> then;
  if (at_prediction) then.emplace(matrix<T>(*at_prediction, "at_prediction"));
  const MatrixView<T> targets = matrix<T>(Y, "Y");
  CrossfitOptions options = crossfit_options(alphas, fold_starts, intercept, path_width, selection);
  options.block_rows = block_rows;
  options.hold_bytes = hold_bytes;
  options.leave_one_out = leave_one_out;
  const VectorView<double> w = row_weights(weights, inputs.n_rows());
  const Activation s = activation_from(activation);
  std::optional<HiddenView<T>> layer;
  if (hidden) {
    layer.emplace(
        HiddenView<T>{matrix<T>(hidden->first, "hidden weights"), vector<T>(hidden->second, "hidden bias"), s});
    require(layer->bias.size() == layer->weights.rows(), "the hidden bias needs one entry per hidden unit");
  }
  const Checkpoint check = checkpoint(tick);
  CrossfitResult<T> result;
  {
    const py::gil_scoped_release no_gil;  // the caller holds every array
    result = fit_crossfit<T>({inputs, layer ? &*layer : nullptr, then ? &*then : nullptr}, targets, w, options, check);
  }
  return to_dict(std::move(result));
}

template <class T>
void bind(py::module_& m) {
  m.def("fit_crossfit", &fit<T>, py::arg("X").noconvert(), py::arg("Y").noconvert(), py::arg("alphas"),
        py::arg("fold_starts").noconvert() = py::none(), py::arg("intercept") = true,
        py::arg("hidden").noconvert() = py::none(), py::arg("activation") = "tanh",
        py::arg("weights").noconvert() = py::none(), py::arg("path_width") = 1024, py::arg("block_rows") = 4096,
        py::arg("hold_bytes") = Index{1} << 30, py::arg("selection") = "kfold", py::arg("leave_one_out") = false,
        py::arg("at_prediction").noconvert() = py::none(), py::arg("tick") = py::none());
}

}  // namespace

void bind_crossfit(py::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace sstpl::python
