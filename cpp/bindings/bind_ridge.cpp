// SPDX-License-Identifier: BSD-3-Clause
#include "pybind.hpp"
#include "sstpl/blas.hpp"
#include "sstpl/lasso.hpp"
#include "sstpl/ridge.hpp"

namespace sstpl::python {

namespace {

py::dict to_dict(RidgeSolution&& solution) {
  py::dict out;
  out["weights"] = to_numpy(std::move(solution.W));
  out["intercept"] = to_numpy(solution.intercept);
  out["solve"] = python::to_dict(solution.report);
  out["solved"] = solution.solved;
  return out;
}

// pybind11 turns None into a null pointer.
void require_sums(const std::vector<const Sums*>& parts, const char* name) {
  for (const Sums* part : parts) {
    if (part == nullptr) throw py::type_error(std::string(name) + " must be Sums, got None");
  }
}

py::dict primal(const std::vector<const Sums*>& parts, double alpha, bool intercept, Index n_features,
                bool allow_fallback, bool keep_factor, const std::optional<Array<std::int64_t>>& left_out) {
  require_sums(parts, "parts");
  const std::vector<Index> unused = index_list(left_out, "left_out");
  RidgeSolution solution;
  Matrix<double> work;
  {
    const py::gil_scoped_release no_gil;  // the caller holds the sums
    const SumsOf sums{parts, nullptr, nullptr, &unused};
    solution = solve_ridge(sums, alpha, intercept, work, n_features, {allow_fallback, true});
  }
  py::object factor = py::none();
  if (keep_factor && solution.scale.size() > 0) {
    work.triangularView<Eigen::StrictlyLower>().setZero();  // what is there nobody has written
    factor = py::make_tuple(to_numpy(std::move(work)), to_numpy(solution.scale), to_numpy(solution.feature_means));
  }
  py::dict out = to_dict(std::move(solution));
  if (keep_factor) out["factor"] = factor;
  return out;
}

py::dict dual(const Array<double>& H, const Array<double>& Y, double alpha, bool intercept, Index skip_from,
              Index skip_to) {
  const MatrixView<double> rows = matrix<double>(H, "H");
  const MatrixView<double> targets = matrix<double>(Y, "Y");
  RidgeSolution solution;
  {
    const py::gil_scoped_release no_gil;  // the caller holds every array
    Matrix<double> K(rows.rows(), rows.rows());
    Matrix<double> work;
    gemm(1.0, rows, Transpose::no, rows, Transpose::yes, 0.0, span(K));
    const VectorView<double> equal(nullptr, 0);
    solution = solve_ridge_dual(rows, K, targets, equal, skip_from, skip_to, alpha, intercept, 0.0, work);
  }
  return to_dict(std::move(solution));
}

std::vector<double> errors(const std::vector<const Sums*>& folds, const std::vector<double>& alphas, bool intercept,
                           Index n_features, const std::vector<Array<std::int64_t>>& left_out) {
  require_sums(folds, "folds");
  std::vector<std::vector<Index>> unused;
  for (const Array<std::int64_t>& features : left_out) unused.push_back(index_list(features, "left_out"));
  const Checkpoint check = checkpoint(py::none());
  const py::gil_scoped_release no_gil;  // the caller holds the sums
  return heldout_errors(folds, nullptr, alphas, intercept, n_features, check, unused);
}

py::dict lasso(const Array<double>& G, const Array<double>& B, double alpha, Index max_iter, double tolerance) {
  const Matrix<double> gram = matrix<double>(G, "G");
  const Matrix<double> cross = matrix<double>(B, "B");
  const Checkpoint check = checkpoint(py::none());
  LassoReport report;
  Matrix<double> D;
  {
    const py::gil_scoped_release no_gil;  // only C++ values below
    D = solve_lasso(gram, cross, {alpha, max_iter, tolerance}, report, check);
  }
  py::dict out;
  out["weights"] = to_numpy(std::move(D));
  out["n_iter"] = report.n_iter;
  out["converged"] = report.converged;
  out["lipschitz"] = report.lipschitz;
  out["penalty"] = report.penalty;
  out["objective"] = report.objective;
  return out;
}

}  // namespace

void bind_ridge(py::module_& m) {
  m.def("solve_ridge", &primal, py::arg("parts"), py::arg("alpha"), py::arg("intercept"), py::arg("n_features") = -1,
        py::arg("allow_fallback") = true, py::arg("keep_factor") = false, py::arg("left_out").noconvert() = py::none());
  m.def("solve_ridge_dual", &dual, py::arg("H").noconvert(), py::arg("Y").noconvert(), py::arg("alpha"),
        py::arg("intercept"), py::arg("skip_from") = 0, py::arg("skip_to") = 0);
  m.def("heldout_errors", &errors, py::arg("folds"), py::arg("alphas"), py::arg("intercept"),
        py::arg("n_features") = -1, py::arg("left_out") = std::vector<Array<std::int64_t>>());
  m.def("solve_lasso", &lasso, py::arg("G").noconvert(), py::arg("B").noconvert(), py::arg("alpha"),
        py::arg("max_iter"), py::arg("tolerance"));
}

}  // namespace sstpl::python
