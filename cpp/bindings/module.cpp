// SPDX-License-Identifier: BSD-3-Clause
// The table of contents of sstpl._core, and the conversions that several rooms share.
#include <cmath>
#include <memory>

#include "pybind.hpp"
#include "sstpl/hidden.hpp"

namespace sstpl::python {

Activation activation_from(const std::string& name) {
  if (name == "identity") return Activation::identity;
  if (name == "tanh") return Activation::tanh;
  if (name == "sigmoid") return Activation::sigmoid;
  if (name == "relu") return Activation::relu;
  if (name == "leaky_relu") return Activation::leaky_relu;
  if (name == "gelu") return Activation::gelu;
  if (name == "distance") return Activation::distance;
  throw std::invalid_argument("activation must be identity, tanh, sigmoid, relu, leaky_relu, gelu or distance, got '" +
                              name + "'");
}

Selection selection_from(const std::string& name) {
  if (name == "kfold") return Selection::kfold;
  if (name == "loo") return Selection::loo;
  if (name == "gcv") return Selection::gcv;
  throw std::invalid_argument("selection must be kfold, loo or gcv, got '" + name + "'");
}

HiddenWeights hidden_weights_from(const std::string& name) {
  if (name == "orthogonal") return HiddenWeights::orthogonal;
  if (name == "uniform") return HiddenWeights::uniform;
  if (name == "normal") return HiddenWeights::normal;
  if (name == "constrained") return HiddenWeights::constrained;
  if (name == "centers") return HiddenWeights::centers;
  throw std::invalid_argument("hidden_weights must be orthogonal, uniform, normal, constrained or centers, got '" +
                              name + "'");
}

std::vector<Index> index_list(const std::optional<Array<std::int64_t>>& array, const char* name) {
  if (!array) return {};
  const VectorView<std::int64_t> values = vector<std::int64_t>(*array, name);
  return {values.data(), values.data() + values.size()};
}

py::array index_array(const std::vector<Index>& values) {
  return py::array_t<std::int64_t>(static_cast<py::ssize_t>(values.size()),
                                   reinterpret_cast<const std::int64_t*>(values.data()));
}

Checkpoint checkpoint(const py::object& tick) {
  using Clock = std::chrono::steady_clock;
  // Shared, because a std::function is copied; the handle is borrowed from the caller's argument.
  auto last = std::make_shared<Clock::time_point>(Clock::now());
  const py::handle callback = tick.is_none() ? py::handle() : py::handle(tick);
  return [last, callback] {
    if (Clock::now() - *last < std::chrono::milliseconds(50)) return;
    const py::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    if (callback) callback();
    *last = Clock::now();
  };
}

py::dict to_dict(const SolveReport& report) {
  py::dict out;
  out["solver"] = report.solver == Solver::cholesky ? "cholesky" : "eigen";
  out["rank"] = report.rank;
  out["rcond"] = std::isnan(report.rcond) ? py::object(py::none()) : py::object(py::float_(report.rcond));
  out["penalty"] = report.penalty;
  return out;
}

py::dict to_dict(const CrossfitReport& report) {
  py::dict out;
  out["alpha"] = report.alpha;
  out["path_errors"] = report.path_errors;
  out["rows_left_out_alone"] = report.rows_left_out_alone;
  out["form"] = report.dual ? "dual" : "primal";
  out["solve"] = to_dict(report.solve);
  py::list folds;
  for (const SolveReport& fold : report.fold_solves) folds.append(to_dict(fold));
  out["fold_solves"] = folds;
  py::dict seconds;
  seconds["sums"] = report.seconds_sums;
  seconds["path"] = report.seconds_path;
  seconds["solve"] = report.seconds_solve;
  seconds["scores"] = report.seconds_scores;
  out["seconds"] = seconds;
  return out;
}

ReceptiveFields fields_from(const FieldsArgument& fields, const std::optional<Array<std::int64_t>>& groups) {
  ReceptiveFields drawn;
  drawn.groups = index_list(groups, "groups");
  if (!fields) return drawn;
  std::tie(drawn.rows, drawn.cols, drawn.channels, drawn.least) = *fields;
  require(drawn.rows >= 1, "receptive fields need an image of at least one row");
  return drawn;
}

CrossfitOptions crossfit_options(const std::vector<double>& alphas, const std::optional<Array<std::int64_t>>& folds,
                                 bool intercept, Index path_width, const std::string& selection) {
  CrossfitOptions options;
  options.selection = selection_from(selection);
  options.alphas = alphas;
  options.fold_starts = index_list(folds, "fold_starts");
  options.intercept = intercept;
  options.path_width = path_width;
  return options;
}

}  // namespace sstpl::python

PYBIND11_MODULE(_core, m) {
  using namespace sstpl::python;
  m.doc() = "The compiled core of sstpl. Arrays are borrowed for the length of a call; see _core.pyi.";
  py::register_exception<sstpl::LinAlgError>(m, "LinAlgError",
                                             py::module_::import("numpy").attr("linalg").attr("LinAlgError"));
  bind_build_info(m);
  bind_activation(m);
  bind_hashing(m);
  bind_hidden(m);
  bind_leverage(m);
  bind_logistic(m);
  bind_sums(m);
  bind_growing(m);
  bind_ramps(m);
  bind_ridge(m);
  bind_conv(m);
  bind_crossfit(m);
  bind_encoder(m);
  bind_backward(m);
  bind_fusion(m);
  bind_subsystem(m);
  bind_stack(m);
}
