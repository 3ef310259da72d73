// SPDX-License-Identifier: BSD-3-Clause
#include "pybind.hpp"
#include "sstpl/subsystem.hpp"

namespace sstpl::python {

namespace {

// The arrays of the tuples are kept alive by the caller's arguments for the length of the call.
template <class T>
using EncoderArrays = std::tuple<Array<T>, Array<T>, Array<T>>;  // weights, low, scale
template <class T>
using BackwardArrays = std::tuple<Array<T>, Array<T>, Array<T>>;  // weights, intercept, prototypes
template <class T>
using FusionArrays =
    std::tuple<Array<T>, Array<T>, Array<T>, Array<T>, Array<T>, Array<T>>;  // low, scale, A, b, weights, intercept

template <class T>
py::array predict(const Array<T>& X, const std::vector<EncoderArrays<T>>& encoders,
                  const std::vector<BackwardArrays<T>>& backward, const FusionArrays<T>& fusion,
                  const std::vector<Index>& forward_blocks, const std::vector<Index>& backward_blocks,
                  const std::string& activation, Index block_rows) {
  const MatrixView<T> rows = matrix<T>(X, "X");
  const Activation s = activation_from(activation);
  const auto& [low, scale, A, b, W, intercept] = fusion;
  SubsystemView<T> subsystem{{},
                             {},
                             s,
                             forward_blocks,
                             backward_blocks,
                             {vector<T>(low, "low"), vector<T>(scale, "scale"),
                              HiddenView<T>{matrix<T>(A, "hidden weights"), vector<T>(b, "hidden bias"), s},
                              matrix<T>(W, "weights"), vector<T>(intercept, "intercept")}};
  for (const auto& [weights, encoder_low, encoder_scale] : encoders) {
    subsystem.encoders.push_back(
        {matrix<T>(weights, "encoder weights"), s, vector<T>(encoder_low, "low"), vector<T>(encoder_scale, "scale")});
    const EncoderView<T>& added = subsystem.encoders.back();
    require(added.low.size() == added.weights.rows() && added.scale.size() == added.weights.rows(),
            "an encoder needs one low and one scale per feature");
  }
  for (const auto& [weights, layer_intercept, prototypes] : backward) {
    subsystem.backward.push_back({matrix<T>(weights, "backward weights"), vector<T>(layer_intercept, "intercept"),
                                  matrix<T>(prototypes, "prototypes")});
  }
  const Checkpoint check = checkpoint(py::none());
  Matrix<T> scores(rows.rows(), subsystem.fusion.W.cols());
  {
    const py::gil_scoped_release no_gil;  // the caller holds every array
    predict_subsystem(subsystem, rows, block_rows, span(scores), check);
  }
  return to_numpy(std::move(scores));
}

template <class T>
void bind(py::module_& m) {
  m.def("predict_subsystem", &predict<T>, py::arg("X").noconvert(), py::arg("encoders").noconvert(),
        py::arg("backward").noconvert(), py::arg("fusion").noconvert(), py::arg("forward_blocks"),
        py::arg("backward_blocks"), py::arg("activation"), py::arg("block_rows") = 2048);
}

}  // namespace

void bind_subsystem(py::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace sstpl::python
