// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>

#include "pybind.hpp"
#include "sstpl/sums.hpp"

namespace sstpl::python {

namespace {

template <class T>
void add(Sums& sums, const Array<T>& H, const Array<T>& Y, const std::optional<Array<double>>& weights) {
  Matrix<T> rows = matrix<T>(H, "H");  // a copy, because weighted rows are overwritten
  const MatrixView<T> targets = matrix<T>(Y, "Y");
  const VectorView<double> w = row_weights(weights, rows.rows());
  const py::gil_scoped_release no_gil;  // the caller holds every array
  SumsWorkspace<T> workspace;
  add_rows(sums, span(rows), targets, w, workspace);
}

py::array full_gram(const Sums& sums) {
  Matrix<double> G = Matrix<double>::Zero(sums.n_features(), sums.n_features());
  sums.gram.add_to_upper(span(G));
  G.triangularView<Eigen::StrictlyLower>() = G.transpose();
  return to_numpy(std::move(G));
}

py::array squares(const Sums& sums) {
  Vector<double> diagonal = Vector<double>::Zero(sums.n_features());
  sums.gram.add_diagonal_to(diagonal);
  return to_numpy(diagonal);
}

// Plain arrays; the Gram matrix as the core packs it, which a later version may do in another way.
py::tuple state(const Sums& sums) {
  const auto& packed = sums.gram.data();
  return py::make_tuple(py::array_t<double>(static_cast<py::ssize_t>(packed.size()), packed.data()),
                        to_numpy(Matrix<double>(sums.cross)), to_numpy(sums.feature_sums), to_numpy(sums.target_sums),
                        to_numpy(sums.target_squares), to_numpy(sums.feature_rounding), to_numpy(sums.removed),
                        sums.weight, sums.n_samples, sums.roundoff);
}

Vector<double> part(const py::tuple& state, std::size_t at, Index size) {
  const auto array = state[at].cast<Array<double>>();
  require(array.ndim() == 1 && array.size() == size, "the state of Sums is not one");
  return vector<double>(array, "state");
}

Sums from_parts(const py::tuple& state) {
  require(state.size() == 10, "the state of Sums is not one");
  const auto B = state[1].cast<Array<double>>();
  Matrix<double> cross = matrix<double>(B, "cross");
  Sums sums(cross.rows(), cross.cols());
  const Vector<double> packed = part(state, 0, static_cast<Index>(sums.gram.data().size()));
  std::copy(packed.begin(), packed.end(), sums.gram.data().begin());
  sums.cross.swap(cross);
  sums.feature_sums = part(state, 2, sums.n_features());
  sums.target_sums = part(state, 3, sums.n_outputs());
  sums.target_squares = part(state, 4, sums.n_outputs());
  sums.feature_rounding = part(state, 5, sums.n_features());
  sums.removed = part(state, 6, sums.n_features());
  sums.weight = state[7].cast<double>();
  sums.n_samples = state[8].cast<Index>();
  sums.roundoff = state[9].cast<double>();
  return sums;
}

Sums from_state(const py::tuple& state) {
  try {
    return from_parts(state);
  } catch (const py::cast_error&) {  // Python would see a RuntimeError
    throw py::type_error("the state of Sums must hold arrays of float64 and numbers");
  }
}

// What `Sums.__new__(Sums)` is before `__init__` or `__setstate__`, which are never called by some: sums of nothing.
// pybind11 gives memory that nobody has written, and nobody destroys; empty Sums own nothing.
void* empty_sums(std::size_t) { return new Sums; }

}  // namespace

void bind_sums(py::module_& m) {
  py::class_<Sums> type(m, "Sums");
  py::detail::get_type_info(typeid(Sums))->operator_new = &empty_sums;
  type.def(py::init([](Index n_features, Index n_outputs) {
             require(n_features >= 0 && n_outputs >= 0, "n_features and n_outputs must not be negative");
             return Sums(n_features, n_outputs);
           }),
           py::arg("n_features"), py::arg("n_outputs"))
      .def("add_rows", &add<float>, py::arg("H").noconvert(), py::arg("Y").noconvert(),
           py::arg("weights").noconvert() = py::none())
      .def("add_rows", &add<double>, py::arg("H").noconvert(), py::arg("Y").noconvert(),
           py::arg("weights").noconvert() = py::none())
      .def(
          "merge", [](Sums& into, const Sums& from) { merge(into, from); }, py::arg("other"))
      .def(
          "subtract", [](Sums& from, const Sums& less) { subtract(from, less); }, py::arg("other"))
      .def(
          "with_outputs",
          [](const Sums& sums, const Array<std::int64_t>& sources, double value) {
            return with_outputs(sums, index_list(sources, "sources"), value);
          },
          py::arg("sources").noconvert(), py::arg("value"))
      .def(py::pickle(&state, &from_state))
      .def_property_readonly("gram", &full_gram)
      .def_property_readonly("cross", [](const Sums& sums) { return to_numpy(Matrix<double>(sums.cross)); })
      .def_property_readonly("feature_sums", [](const Sums& sums) { return to_numpy(sums.feature_sums); })
      .def_property_readonly("target_sums", [](const Sums& sums) { return to_numpy(sums.target_sums); })
      .def_property_readonly("target_squares", [](const Sums& sums) { return to_numpy(sums.target_squares); })
      .def_property_readonly("squares", &squares)
      .def_property_readonly("removed", [](const Sums& sums) { return to_numpy(sums.removed); })
      .def_readonly("weight", &Sums::weight)
      .def_readonly("n_samples", &Sums::n_samples)
      .def_readonly("roundoff", &Sums::roundoff);
}

}  // namespace sstpl::python
