// SPDX-License-Identifier: BSD-3-Clause
#include "pybind.hpp"
#include "sstpl/ramps.hpp"
#include "sstpl/scratch.hpp"

namespace sstpl::python {

namespace {

template <class In, class Out>
py::array written(const Ramps& ramps, const MatrixView<In>& rows) {
  Matrix<Out> Z(rows.rows(), ramps.size());
  prefer_large_pages(Z.data(), static_cast<std::size_t>(Z.size()) * sizeof(Out));
  {
    const py::gil_scoped_release no_gil;  // the caller holds every array
    apply_ramps(ramps, rows, span(Z));
  }
  return to_numpy(std::move(Z));
}

template <class T>
py::array apply(const Array<T>& X, const Array<std::int64_t>& columns, const Array<double>& low,
                const Array<double>& high, const Array<double>& center, const Array<double>& spread, bool single) {
  const MatrixView<T> rows = matrix<T>(X, "X");
  const Ramps ramps{index_list(columns, "columns"), vector<double>(low, "low"), vector<double>(high, "high"),
                    vector<double>(center, "center"), vector<double>(spread, "spread")};
  return single ? written<T, float>(ramps, rows) : written<T, double>(ramps, rows);
}

template <class T>
py::array_t<double> shares(const Array<T>& X, const Array<std::int64_t>& columns, const Array<double>& low,
                           const Array<double>& high, const std::optional<Array<double>>& mean,
                           const std::optional<Array<double>>& weights, const Array<double>& sums) {
  const MatrixView<T> rows = matrix<T>(X, "X");
  const Shares of{index_list(columns, "columns"), vector<double>(low, "low"), vector<double>(high, "high")};
  const VectorView<double> means = mean ? vector<double>(*mean, "mean") : VectorView<double>(nullptr, 0);
  require(!mean || means.size() == of.size(), "mean: every share needs one");
  const VectorView<double> w = row_weights(weights, rows.rows());
  Vector<double> total = vector<double>(sums, "sums");
  {
    const py::gil_scoped_release no_gil;  // the caller holds every array
    add_shares(of, rows, means, w, total);
  }
  return to_numpy(total);
}

template <class T>
void bind(py::module_& m) {
  m.def("apply_ramps", &apply<T>, py::arg("X").noconvert(), py::arg("columns").noconvert(), py::arg("low").noconvert(),
        py::arg("high").noconvert(), py::arg("center").noconvert(), py::arg("spread").noconvert(), py::arg("single"));
  m.def("add_shares", &shares<T>, py::arg("X").noconvert(), py::arg("columns").noconvert(), py::arg("low").noconvert(),
        py::arg("high").noconvert(), py::arg("mean").noconvert(), py::arg("weights").noconvert(),
        py::arg("sums").noconvert());
}

}  // namespace

void bind_ramps(py::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace sstpl::python
