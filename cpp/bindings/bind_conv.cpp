// SPDX-License-Identifier: BSD-3-Clause
#include "pybind.hpp"
#include "sstpl/conv.hpp"

namespace sstpl::python {

namespace {

ConvOptions options_from(const std::tuple<Index, Index, Index>& shape, Index patch, Index stride, Index grid,
                         double overlap, double contrast, double threshold) {
  const auto& [rows, cols, channels] = shape;
  return {{rows, cols, channels}, patch, stride, grid, overlap, contrast, threshold};
}

template <class T>
py::array sample(const Array<T>& images, const std::tuple<Index, Index, Index>& shape, Index patch, double contrast,
                 std::uint64_t seed, std::uint32_t stream, Index count) {
  const MatrixView<T> rows = matrix<T>(images, "images");
  const ConvOptions options = options_from(shape, patch, 1, 1, 0, contrast, 0);
  Matrix<T> patches;
  {
    const py::gil_scoped_release no_gil;  // images are borrowed and the caller holds them
    patches = sample_patches(options, rows, {seed, stream}, count);
  }
  return to_numpy(std::move(patches));
}

template <class T>
py::array filters(const Array<T>& patches, const std::string& kind, Index n_filters, double whitening) {
  const MatrixView<T> rows = matrix<T>(patches, "patches");
  require(kind == "eigen" || kind == "patches", "unknown kind of filters: " + kind);
  Matrix<T> made;
  {
    const py::gil_scoped_release no_gil;  // patches are borrowed and the caller holds them
    made = make_filters(kind == "eigen" ? FilterKind::eigen : FilterKind::patches, rows, n_filters, whitening);
  }
  return to_numpy(std::move(made));
}

template <class T>
py::array apply(const Array<T>& images, const Array<T>& filter_rows, const std::tuple<Index, Index, Index>& shape,
                Index patch, Index stride, Index grid, double overlap, double contrast, double threshold,
                const py::object& tick) {
  const MatrixView<T> rows = matrix<T>(images, "images");
  const MatrixView<T> weights = matrix<T>(filter_rows, "filters");
  const ConvOptions options = options_from(shape, patch, stride, grid, overlap, contrast, threshold);
  const Checkpoint check = checkpoint(tick);
  Matrix<T> maps;
  {
    const py::gil_scoped_release no_gil;  // the caller holds every array
    check_conv(options, rows.cols());     // before a size is made of them
    maps.resize(rows.rows(), grid * grid * 2 * weights.rows());
    apply_conv(options, weights, rows, span(maps), check);
  }
  return to_numpy(std::move(maps));
}

template <class T>
void bind(py::module_& m) {
  m.def("sample_patches", &sample<T>, py::arg("images").noconvert(), py::arg("shape"), py::arg("patch"),
        py::arg("contrast"), py::arg("seed"), py::arg("stream"), py::arg("count"));
  m.def("make_filters", &filters<T>, py::arg("patches").noconvert(), py::arg("kind"), py::arg("n_filters"),
        py::arg("whitening") = 0.0);
  m.def("apply_conv", &apply<T>, py::arg("images").noconvert(), py::arg("filters").noconvert(), py::arg("shape"),
        py::arg("patch"), py::arg("stride") = 1, py::arg("grid") = 7, py::arg("overlap") = 0.0,
        py::arg("contrast") = 0.0, py::arg("threshold") = 0.0, py::arg("tick") = py::none());
}

}  // namespace

void bind_conv(py::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace sstpl::python
