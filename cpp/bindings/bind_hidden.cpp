// SPDX-License-Identifier: BSD-3-Clause
#include "pybind.hpp"
#include "sstpl/centers.hpp"
#include "sstpl/constrained.hpp"
#include "sstpl/hidden.hpp"
#include "sstpl/random.hpp"
#include "sstpl/subsystem.hpp"

namespace sstpl::python {

namespace {

template <class T>
py::tuple draw(const std::string& weights, const Array<T>& X, Index n_hidden, std::uint64_t seed, std::uint32_t stream,
               const std::optional<Array<std::int64_t>>& labels, const std::optional<Array<std::int64_t>>& fold_starts,
               const FieldsArgument& fields, const std::optional<Array<std::int64_t>>& groups,
               const std::optional<Array<double>>& row_weights, Index n_landmarks) {
  const MatrixView<T> rows = matrix<T>(X, "X");
  HiddenOptions options;
  options.weights = hidden_weights_from(weights);
  options.n_hidden = n_hidden;
  options.stream = {seed, stream};
  const std::vector<Index> names = index_list(labels, "labels");
  options.labels.assign(names.begin(), names.end());
  options.fold_starts = index_list(fold_starts, "fold_starts");
  options.fields = fields_from(fields, groups);
  options.row_weights = row_weight_list(row_weights, rows.rows());
  options.n_landmarks = n_landmarks;
  HiddenLayer<T> layer;
  {
    const py::gil_scoped_release no_gil;  // X is borrowed and the caller holds it
    layer = draw_hidden(options, Inputs<T>(rows));
  }
  return py::make_tuple(to_numpy(std::move(layer.weights)), to_numpy(layer.bias));
}

py::array pairs(Index n_rows, std::uint64_t seed, std::uint32_t stream, const Array<std::int64_t>& attempts,
                const std::optional<Array<std::int64_t>>& labels, const std::optional<Array<std::int64_t>>& fold_starts,
                const std::optional<Array<double>>& row_weights, Index n_landmarks) {
  require(n_rows >= 0, "n_rows must not be negative");
  HiddenOptions options;
  const std::vector<Index> from = index_list(attempts, "attempts");
  options.n_hidden = static_cast<Index>(from.size());
  options.stream = {seed, stream};
  const std::vector<Index> names = index_list(labels, "labels");
  options.labels.assign(names.begin(), names.end());
  options.fold_starts = index_list(fold_starts, "fold_starts");
  options.row_weights = row_weight_list(row_weights, n_rows);
  options.n_landmarks = n_landmarks;
  Matrix<std::int64_t> found(options.n_hidden, 3);
  {
    const py::gil_scoped_release no_gil;  // only C++ values below
    Index unit = 0;
    for (const RowPair& pair : draw_pairs(options, n_rows, from)) {
      found.row(unit++) << pair.first, pair.second, pair.attempt;
    }
  }
  return to_numpy(std::move(found));
}

template <class T>
py::tuple of_pairs(const Array<T>& first, const Array<T>& second, std::uint64_t seed, std::uint32_t stream,
                   const FieldsArgument& fields, const std::optional<Array<std::int64_t>>& groups) {
  const MatrixView<T> one = matrix<T>(first, "first");
  const MatrixView<T> other = matrix<T>(second, "second");
  HiddenOptions options;
  options.stream = {seed, stream};
  options.fields = fields_from(fields, groups);
  HiddenLayer<T> layer;
  {
    const py::gil_scoped_release no_gil;  // the caller holds both arrays
    layer = pair_layer(options, one, other);
  }
  return py::make_tuple(to_numpy(std::move(layer.weights)), to_numpy(layer.bias));
}

py::array centers(Index n_rows, Index n_hidden, std::uint64_t seed, std::uint32_t stream,
                  const std::optional<Array<double>>& row_weights) {
  HiddenOptions options;
  options.n_hidden = n_hidden;
  options.stream = {seed, stream};
  options.row_weights = row_weight_list(row_weights, n_rows);
  return index_array(draw_centers(options, n_rows));
}

template <class T>
py::tuple of_centers(const Array<T>& rows, Index n_different) {
  const MatrixView<T> given = matrix<T>(rows, "centers");
  HiddenLayer<T> layer;
  {
    const py::gil_scoped_release no_gil;  // the caller holds the array
    layer = center_layer(given, n_different);
  }
  return py::make_tuple(to_numpy(std::move(layer.weights)), to_numpy(layer.bias));
}

template <class T>
void bind(py::module_& m) {
  m.def("center_layer", &of_centers<T>, py::arg("centers").noconvert(), py::arg("n_different"));
  m.def("pair_layer", &of_pairs<T>, py::arg("first").noconvert(), py::arg("second").noconvert(), py::arg("seed"),
        py::arg("stream"), py::arg("fields") = py::none(), py::arg("groups").noconvert() = py::none());
  m.def("draw_hidden", &draw<T>, py::arg("weights"), py::arg("X").noconvert(), py::arg("n_hidden"), py::arg("seed"),
        py::arg("stream"), py::arg("labels").noconvert() = py::none(), py::arg("fold_starts").noconvert() = py::none(),
        py::arg("fields") = py::none(), py::arg("groups").noconvert() = py::none(),
        py::arg("row_weights").noconvert() = py::none(), py::arg("n_landmarks") = 0);
}

py::array random_matrix(bool normal, std::uint64_t seed, std::uint32_t stream, Index rows, Index cols) {
  require(rows >= 0 && cols >= 0, "the shape of a random matrix must not be negative");
  Matrix<double> X(rows, cols);
  if (normal) {
    fill_normal(RandomStream{seed, stream}, 1.0, span(X));
  } else {
    fill_uniform(RandomStream{seed, stream}, 0.0, 1.0, span(X));
  }
  return to_numpy(std::move(X));
}

std::vector<std::int64_t> label_list(const std::optional<Array<std::int64_t>>& labels) {
  const std::vector<Index> names = index_list(labels, "labels");
  return {names.begin(), names.end()};
}

}  // namespace

void bind_hidden(py::module_& m) {
  bind<float>(m);
  bind<double>(m);
  m.def("draw_pairs", &pairs, py::arg("n_rows"), py::arg("seed"), py::arg("stream"), py::arg("attempts").noconvert(),
        py::arg("labels").noconvert() = py::none(), py::arg("fold_starts").noconvert() = py::none(),
        py::arg("row_weights").noconvert() = py::none(), py::arg("n_landmarks") = 0);
  m.def("draw_centers", &centers, py::arg("n_rows"), py::arg("n_hidden"), py::arg("seed"), py::arg("stream"),
        py::arg("row_weights").noconvert() = py::none());
  m.def("random_matrix", &random_matrix, py::arg("normal"), py::arg("seed"), py::arg("stream"), py::arg("rows"),
        py::arg("cols"));
  m.def(
      "sample_rows",
      [](std::uint64_t seed, std::uint32_t stream, const std::optional<Array<std::int64_t>>& labels, Index n_rows,
         double fraction) { return index_array(sample_rows({seed, stream}, label_list(labels), n_rows, fraction)); },
      py::arg("seed"), py::arg("stream"), py::arg("labels").noconvert(), py::arg("n_rows"), py::arg("fraction"));
  m.def(
      "deal_folds",
      [](std::uint64_t seed, std::uint32_t stream, const std::optional<Array<std::int64_t>>& labels, Index n_rows,
         Index n_folds) { return index_array(deal_folds({seed, stream}, label_list(labels), n_rows, n_folds)); },
      py::arg("seed"), py::arg("stream"), py::arg("labels").noconvert(), py::arg("n_rows"), py::arg("n_folds"));
}

}  // namespace sstpl::python
