// SPDX-License-Identifier: BSD-3-Clause
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

}  // namespace

void bind_sums(py::module_& m) {
  py::class_<Sums>(m, "Sums")
      .def(py::init([](Index n_features, Index n_outputs) {
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
      .def_property_readonly("gram", &full_gram)
      .def_property_readonly("cross", [](const Sums& sums) { return to_numpy(Matrix<double>(sums.cross)); })
      .def_property_readonly("feature_sums", [](const Sums& sums) { return to_numpy(sums.feature_sums); })
      .def_property_readonly("target_sums", [](const Sums& sums) { return to_numpy(sums.target_sums); })
      .def_property_readonly("target_squares", [](const Sums& sums) { return to_numpy(sums.target_squares); })
      .def_readonly("weight", &Sums::weight)
      .def_readonly("n_samples", &Sums::n_samples)
      .def_readonly("roundoff", &Sums::roundoff);
}

}  // namespace sstpl::python
