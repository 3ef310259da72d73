// SPDX-License-Identifier: BSD-3-Clause
#include "pybind.hpp"
#include "sstpl/stack.hpp"

namespace sstpl::python {

namespace {

// The arrays of the tuples are kept alive by the caller's arguments for the length of the call.
template <class T>
using LevelArrays = std::tuple<Array<T>, Array<T>, Array<T>, Array<T>>;  // A, b, weights, intercept
template <class T>
using LandmarkArrays = std::tuple<Array<T>, Array<std::int64_t>, Array<T>>;  // rows, pairs, scale

template <class T>
py::object to_tuple(Landmarks<T>&& landmarks) {
  if (landmarks.rows.rows() == 0) return py::none();
  return py::make_tuple(to_numpy(std::move(landmarks.rows)), to_numpy(std::move(landmarks.pairs)),
                        to_numpy(landmarks.scale));
}

template <class T>
py::dict fit(const std::vector<Array<T>>& blocks, const Array<T>& Y, const std::string& hidden_weights, Index n_hidden,
             const std::string& activation, std::uint64_t seed, std::uint32_t stream,
             const std::optional<Array<std::int64_t>>& labels, const std::vector<double>& alphas,
             const std::optional<Array<std::int64_t>>& fold_starts, const FieldsArgument& fields,
             const std::optional<Array<std::int64_t>>& groups, Index n_landmarks, Index path_width,
             const std::string& selection, bool leave_one_out,
             const std::optional<std::vector<Array<T>>>& at_prediction, const std::optional<Array<double>>& row_weights,
             bool search, std::optional<Array<T>> oof_scores, std::optional<Array<T>> loo_scores,
             const py::object& tick) {
  HiddenOptions hidden;
  hidden.weights = hidden_weights_from(hidden_weights);
  hidden.activation = activation_from(activation);
  hidden.n_hidden = n_hidden;
  hidden.stream = {seed, stream};
  hidden.fields = fields_from(fields, groups);
  hidden.n_landmarks = n_landmarks;
  const std::vector<Index> names = index_list(labels, "labels");
  hidden.labels.assign(names.begin(), names.end());
  Inputs<T> inputs;
  for (const Array<T>& array : blocks) inputs.add(InputBlock<T>{matrix<T>(array, "blocks")});
  std::optional<Inputs<T>> then;
  if (at_prediction) {
    then.emplace();
    for (const Array<T>& array : *at_prediction) then->add(InputBlock<T>{matrix<T>(array, "at_prediction")});
  }
  const MatrixView<T> targets = matrix<T>(Y, "Y");
  CrossfitOptions options = crossfit_options(alphas, fold_starts, true, path_width, selection);
  options.leave_one_out = leave_one_out;
  options.search = search;
  hidden.fold_starts = options.fold_starts;
  hidden.row_weights = row_weight_list(row_weights, inputs.n_rows());
  const Index n = targets.rows(), c = targets.cols();
  const ScoreSpans<T> into{results(oof_scores, n, c, "oof_scores"), results(loo_scores, n, c, "loo_scores")};
  const Checkpoint check = checkpoint(tick);
  Level<T> level;
  {
    const py::gil_scoped_release no_gil;  // the caller holds every array
    level = fit_level(inputs, then ? &*then : nullptr, hidden, targets, view(hidden.row_weights), options, check, into);
  }
  py::dict out = to_dict(std::move(level.readout));
  out["hidden_weights"] = to_numpy(std::move(level.hidden.weights));
  out["hidden_bias"] = to_numpy(level.hidden.bias);
  out["landmarks"] = to_tuple(std::move(level.hidden.landmarks));
  if (oof_scores) out["oof_scores"] = *oof_scores;
  if (loo_scores) out["loo_scores"] = *loo_scores;
  return out;
}

template <class T>
py::array predict(const Array<T>& X, const std::vector<LevelArrays<T>>& levels, double gain,
                  const std::string& activation, Index block_rows, std::optional<Array<T>> out,
                  const std::optional<std::vector<std::optional<LandmarkArrays<T>>>>& landmarks) {
  const MatrixView<T> rows = matrix<T>(X, "X");
  const Activation s = activation_from(activation);
  std::vector<LevelView<T>> stack;
  require(!landmarks || landmarks->size() == levels.size(), "landmarks must have one entry per level");
  for (const auto& [A, b, W, intercept] : levels) {
    stack.push_back({HiddenView<T>{matrix<T>(A, "hidden weights"), vector<T>(b, "hidden bias"), s},
                     matrix<T>(W, "weights"), vector<T>(intercept, "intercept")});
    if (landmarks && (*landmarks)[stack.size() - 1]) {
      const auto& [R, pairs, scale] = *(*landmarks)[stack.size() - 1];
      const LandmarksView<T> given{matrix<T>(R, "landmarks"), matrix<std::int64_t>(pairs, "pairs of landmarks"),
                                   vector<T>(scale, "scale of landmarks")};
      new (&stack.back().hidden.landmarks) LandmarksView<T>(given);
    }
    require(stack.back().hidden.bias.size() == stack.back().hidden.weights.rows(),
            "the hidden bias needs one entry per hidden unit");
  }
  require(!stack.empty(), "a stack needs at least one level");
  const Checkpoint check = checkpoint(py::none());
  const Index n = rows.rows(), c = stack.back().W.cols();
  const std::optional<MatrixSpan<T>> given = results(out, n, c, "out");
  Matrix<T> scores(given ? 0 : n, given ? 0 : c);
  {
    const py::gil_scoped_release no_gil;  // the caller holds every array
    predict_stack(stack, rows, gain, block_rows, given ? *given : span(scores), check);
  }
  return given ? py::array(*out) : to_numpy(std::move(scores));
}

template <class T>
void bind(py::module_& m) {
  m.def("fit_level", &fit<T>, py::arg("blocks").noconvert(), py::arg("Y").noconvert(), py::arg("hidden_weights"),
        py::arg("n_hidden"), py::arg("activation"), py::arg("seed"), py::arg("stream"), py::arg("labels").noconvert(),
        py::arg("alphas"), py::arg("fold_starts").noconvert() = py::none(), py::arg("fields") = py::none(),
        py::arg("groups").noconvert() = py::none(), py::arg("n_landmarks") = 0, py::arg("path_width") = 1024,
        py::arg("selection") = "kfold", py::arg("leave_one_out") = false,
        py::arg("at_prediction").noconvert() = py::none(), py::arg("row_weights").noconvert() = py::none(),
        py::arg("search") = true, py::arg("oof_scores").noconvert() = py::none(),
        py::arg("loo_scores").noconvert() = py::none(), py::arg("tick") = py::none());
  m.def("predict_stack", &predict<T>, py::arg("X").noconvert(), py::arg("levels").noconvert(), py::arg("gain"),
        py::arg("activation"), py::arg("block_rows") = 2048, py::arg("out").noconvert() = py::none(),
        py::arg("landmarks").noconvert() = py::none());
}

}  // namespace

void bind_stack(py::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace sstpl::python
