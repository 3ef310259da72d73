// SPDX-License-Identifier: BSD-3-Clause
#include "pybind.hpp"
#include "sstpl/autoencoder.hpp"

namespace sstpl::python {

namespace {

template <class T>
py::dict fit(const Array<T>& F, const Array<T>& code_weights, const Array<T>& code_bias, const std::string& activation,
             const std::string& penalty, double alpha, Index max_iter, double tolerance,
             const std::optional<Array<double>>& row_weights, const py::object& tick) {
  const MatrixView<T> features = matrix<T>(F, "F");
  EncoderOptions options;
  require(penalty == "ridge" || penalty == "lasso", "penalty must be 'ridge' or 'lasso', got '" + penalty + "'");
  options.penalty = penalty == "ridge" ? EncoderPenalty::ridge : EncoderPenalty::lasso;
  options.activation = activation_from(activation);
  options.alpha = alpha;
  options.row_weights = row_weight_list(row_weights, features.rows());
  options.max_iter = max_iter;
  options.tolerance = tolerance;
  const HiddenView<T> code{matrix<T>(code_weights, "code_weights"), vector<T>(code_bias, "code_bias"),
                           options.activation};
  require(code.bias.size() == code.weights.rows(), "code_bias needs one entry per row of code_weights");
  const Checkpoint check = checkpoint(tick);
  Encoder<T> encoder;
  EncoderReport report;
  Matrix<T> encoded;
  {
    const py::gil_scoped_release no_gil;  // the caller holds every array
    encoder = fit_encoder(features, code, options, encoded, report, check);
  }
  py::dict told;
  told["penalty"] = penalty;
  told["alpha"] = alpha;
  told["form"] = report.dual ? "dual" : "primal";
  if (options.penalty == EncoderPenalty::ridge) {
    told["solve"] = to_dict(report.solve);
  } else {
    told["n_iter"] = report.lasso.n_iter;
    told["converged"] = report.lasso.converged;
    told["objective"] = report.lasso.objective;
  }
  py::dict seconds;
  seconds["solve"] = report.seconds_solve;
  seconds["encode"] = report.seconds_encode;
  told["seconds"] = seconds;
  py::dict out;
  out["weights"] = to_numpy(std::move(encoder.weights));
  out["low"] = to_numpy(encoder.low);
  out["scale"] = to_numpy(encoder.scale);
  out["encoded"] = to_numpy(std::move(encoded));
  out["report"] = told;
  return out;
}

template <class T>
void bind(py::module_& m) {
  m.def("fit_encoder", &fit<T>, py::arg("F").noconvert(), py::arg("code_weights").noconvert(),
        py::arg("code_bias").noconvert(), py::arg("activation"), py::arg("penalty"), py::arg("alpha"),
        py::arg("max_iter") = 50, py::arg("tolerance") = 1e-4, py::arg("row_weights").noconvert() = py::none(),
        py::arg("tick") = py::none());
}

}  // namespace

void bind_encoder(py::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace sstpl::python
