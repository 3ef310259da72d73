// SPDX-License-Identifier: BSD-3-Clause
#include "pybind.hpp"
#include "sstpl/fusion.hpp"

namespace sstpl::python {

namespace {

// A block is (array, None) or (scores, prototypes).
template <class T>
using Block = std::pair<Array<T>, std::optional<Array<T>>>;

template <class T>
py::dict fit(const std::vector<Block<T>>& blocks, const Array<T>& Y, const std::string& hidden_weights, Index n_hidden,
             const std::string& activation, std::uint64_t seed, std::uint32_t stream,
             const std::optional<Array<std::int64_t>>& labels, const std::vector<double>& alphas,
             const std::optional<Array<std::int64_t>>& fold_starts, Index path_width, const std::string& selection,
             const std::optional<Array<double>>& row_weights, const py::object& tick) {
  HiddenOptions hidden;
  hidden.weights = hidden_weights_from(hidden_weights);
  hidden.activation = activation_from(activation);
  hidden.n_hidden = n_hidden;
  hidden.stream = {seed, stream};
  const std::vector<Index> names = index_list(labels, "labels");
  hidden.labels.assign(names.begin(), names.end());
  Inputs<T> inputs;
  for (const auto& [array, prototypes] : blocks) {
    if (prototypes) {
      inputs.add({matrix<T>(array, "blocks"), matrix<T>(*prototypes, "prototypes"), hidden.activation});
    } else {
      inputs.add(InputBlock<T>{matrix<T>(array, "blocks")});
    }
  }
  const MatrixView<T> targets = matrix<T>(Y, "Y");
  const CrossfitOptions options = crossfit_options(alphas, fold_starts, true, path_width, selection);
  hidden.fold_starts = options.fold_starts;
  hidden.row_weights = row_weight_list(row_weights, inputs.n_rows());
  const Checkpoint check = checkpoint(tick);
  Fusion<T> fusion;
  {
    const py::gil_scoped_release no_gil;  // the caller holds every array
    fusion = fit_fusion(inputs, hidden, targets, view(hidden.row_weights), options, check);
  }
  py::dict out = to_dict(std::move(fusion.readout));
  out["low"] = to_numpy(fusion.range.low);
  out["scale"] = to_numpy(fusion.range.scale);
  out["hidden_weights"] = to_numpy(std::move(fusion.hidden.weights));
  out["hidden_bias"] = to_numpy(fusion.hidden.bias);
  return out;
}

template <class T>
void bind(py::module_& m) {
  m.def("fit_fusion", &fit<T>, py::arg("blocks").noconvert(), py::arg("Y").noconvert(), py::arg("hidden_weights"),
        py::arg("n_hidden"), py::arg("activation"), py::arg("seed"), py::arg("stream"), py::arg("labels").noconvert(),
        py::arg("alphas"), py::arg("fold_starts").noconvert() = py::none(), py::arg("path_width") = 1024,
        py::arg("selection") = "kfold", py::arg("row_weights").noconvert() = py::none(), py::arg("tick") = py::none());
}

}  // namespace

void bind_fusion(py::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace sstpl::python
