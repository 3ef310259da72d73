// SPDX-License-Identifier: BSD-3-Clause
// The one header that includes pybind11. Array types, aligned, each borrowed for the length of a call and never kept:
//   matrix<T>: 2-D, dtype T exactly, unit stride along rows (C order or a slice of its rows or leading columns)
//   vector<T>: 1-D, contiguous
// Everything else is a TypeError (wrong type) or a ValueError that names the argument; nothing is converted here.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <chrono>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "sstpl/activation.hpp"
#include "sstpl/crossfit.hpp"
#include "sstpl/errors.hpp"
#include "sstpl/fields.hpp"
#include "sstpl/types.hpp"

namespace sstpl::python {

namespace py = pybind11;

template <class T>
using Array = py::array_t<T, 0>;

constexpr Index most_empty = (Index{1} << 31) - 1;

/// NumPy also has arrays whose numbers begin at any byte; the core reads them where they may lie.
template <class T>
void require_aligned(const Array<T>& array, const std::string& who) {
  require((array.flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_) != 0, who + " must be aligned in memory");
}

template <class T>
MatrixView<T> matrix(const Array<T>& array, const char* name) {
  const std::string who(name);
  require(array.ndim() == 2, who + " must be 2-D, got " + std::to_string(array.ndim()) + "-D");
  const auto item = static_cast<py::ssize_t>(sizeof(T));
  const Index rows = array.shape(0);
  const Index cols = array.shape(1);
  if (rows == 0 || cols == 0) {
    // NumPy gives out any number of rows of nothing, and going through them takes as long as there are many.
    require(rows <= most_empty && cols <= most_empty, who + " is empty, and has a dimension beyond 2^31 - 1");
    return MatrixView<T>(array.data(), rows, cols, Eigen::OuterStride<>(cols));
  }
  require_aligned(array, who);
  require(cols <= 1 || array.strides(1) == item, who + " must be C-ordered: its rows must be contiguous");
  Index stride = cols;
  if (rows > 1) {
    require(array.strides(0) % item == 0 && array.strides(0) / item >= cols,
            who + " must be C-ordered: its rows must follow each other");
    stride = array.strides(0) / item;
  }
  return MatrixView<T>(array.data(), rows, cols, Eigen::OuterStride<>(stride));
}

template <class T>
VectorView<T> vector(const Array<T>& array, const char* name) {
  const std::string who(name);
  require(array.ndim() == 1, who + " must be 1-D, got " + std::to_string(array.ndim()) + "-D");
  require_aligned(array, who);
  require(array.shape(0) <= 1 || array.strides(0) == static_cast<py::ssize_t>(sizeof(T)), who + " must be contiguous");
  return VectorView<T>(array.data(), array.shape(0));
}

/// An array of the caller's that results (rows, cols) are written to, or none.
template <class T>
std::optional<MatrixSpan<T>> results(std::optional<Array<T>>& array, Index rows, Index cols, const char* name) {
  if (!array) return std::nullopt;
  const MatrixView<T> given = matrix<T>(*array, name);
  require(given.rows() == rows && given.cols() == cols, std::string(name) + " must have the shape of the scores, " +
                                                            std::to_string(rows) + " rows and " + std::to_string(cols) +
                                                            " columns");
  require(array->writeable(), std::string(name) + " must be writeable");
  return MatrixSpan<T>(array->mutable_data(), rows, cols, given.outerStride());
}

/// Hands a matrix over to NumPy without a copy.
template <class T>
py::array to_numpy(Matrix<T>&& X) {
  auto* kept = new Matrix<T>(std::move(X));
  const py::capsule owner(kept, [](void* p) { delete static_cast<Matrix<T>*>(p); });
  return py::array_t<T>({kept->rows(), kept->cols()}, kept->data(), owner);
}
template <class T>
py::array to_numpy(const Vector<T>& x) {
  return py::array_t<T>(x.size(), x.data());
}

/// Weights of n_rows rows, or none; an array without entries is not the same as none.
inline VectorView<double> row_weights(const std::optional<Array<double>>& array, Index n_rows,
                                      const char* name = "weights") {
  if (!array) return VectorView<double>(nullptr, 0);
  const VectorView<double> weights = vector<double>(*array, name);
  require(weights.size() == n_rows, std::string(name) + ": one weight per row is needed");
  return weights;
}

/// The same as the options of the core hold them.
inline std::vector<double> row_weight_list(const std::optional<Array<double>>& array, Index n_rows) {
  const VectorView<double> weights = row_weights(array, n_rows, "row_weights");
  return {weights.data(), weights.data() + weights.size()};
}

Activation activation_from(const std::string& name);
HiddenWeights hidden_weights_from(const std::string& name);
Selection selection_from(const std::string& name);

/// Weights, bias and shift of a hidden layer.
template <class T>
using LayerArgument = std::tuple<Array<T>, Array<T>, Array<T>>;

template <class T>
std::pair<HiddenView<T>, VectorView<T>> shifted_layer(const LayerArgument<T>& layer, const std::string& activation) {
  const auto& [A, b, m] = layer;
  return {HiddenView<T>{matrix<T>(A, "weights"), vector<T>(b, "bias"), activation_from(activation)},
          vector<T>(m, "shift")};
}

/// (rows, cols, channels, least side) of receptive fields on images, or none.
using FieldsArgument = std::optional<std::tuple<Index, Index, Index, Index>>;

std::vector<Index> index_list(const std::optional<Array<std::int64_t>>& array, const char* name);
ReceptiveFields fields_from(const FieldsArgument& fields, const std::optional<Array<std::int64_t>>& groups);
py::array index_array(const std::vector<Index>& values);

/// A checkpoint that lets Python handle signals (Ctrl-C) and calls `tick` where there is one, at most every 50 ms.
Checkpoint checkpoint(const py::object& tick);

py::dict to_dict(const SolveReport& report);
py::dict to_dict(const CrossfitReport& report);
template <class T>
py::dict to_dict(CrossfitResult<T>&& result) {
  py::dict out;
  out["weights"] = to_numpy(std::move(result.W));
  out["intercept"] = to_numpy(result.intercept);
  out["oof_scores"] = to_numpy(std::move(result.oof_scores));
  out["loo_scores"] = to_numpy(std::move(result.loo_scores));
  out["report"] = to_dict(result.report);
  return out;
}

/// The options that every cross-fitted call takes.
CrossfitOptions crossfit_options(const std::vector<double>& alphas, const std::optional<Array<std::int64_t>>& folds,
                                 bool intercept, Index path_width, const std::string& selection = "kfold");

void bind_activation(py::module_& m);
void bind_backward(py::module_& m);
void bind_build_info(py::module_& m);
void bind_conv(py::module_& m);
void bind_crossfit(py::module_& m);
void bind_encoder(py::module_& m);
void bind_fusion(py::module_& m);
void bind_growing(py::module_& m);
void bind_hashing(py::module_& m);
void bind_hidden(py::module_& m);
void bind_leverage(py::module_& m);
void bind_logistic(py::module_& m);
void bind_ramps(py::module_& m);
void bind_ridge(py::module_& m);
void bind_stack(py::module_& m);
void bind_subsystem(py::module_& m);
void bind_sums(py::module_& m);

}  // namespace sstpl::python
