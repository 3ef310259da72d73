// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/fusion.hpp"

namespace sstpl {

template <class T>
Fusion<T> fit_fusion(Inputs<T>& inputs, const HiddenOptions& hidden, const MatrixView<T>& Y,
                     const VectorView<double>& weights, const CrossfitOptions& options, const Checkpoint& checkpoint) {
  Fusion<T> fusion;
  inputs.clear_range();
  fusion.range = column_range(inputs, checkpoint);
  inputs.set_range(view(fusion.range.low), view(fusion.range.scale));
  checkpoint();
  fusion.hidden = draw_hidden(hidden, inputs);
  const HiddenView<T> layer = view(fusion.hidden);
  fusion.readout = fit_crossfit<T>({inputs, &layer}, Y, weights, options, checkpoint);
  return fusion;
}

template <class T>
void predict_fusion(const FusionView<T>& fusion, Inputs<T>& inputs, Index block_rows, MatrixSpan<T> S) {
  inputs.set_range(fusion.low, fusion.scale);
  predict_ridge<T>({inputs, &fusion.hidden}, fusion.W, fusion.intercept, block_rows, S);
}

#define SSTPL_INSTANTIATE(T)                                                                                          \
  template Fusion<T> fit_fusion<T>(Inputs<T>&, const HiddenOptions&, const MatrixView<T>&, const VectorView<double>&, \
                                   const CrossfitOptions&, const Checkpoint&);                                        \
  template void predict_fusion<T>(const FusionView<T>&, Inputs<T>&, Index, MatrixSpan<T>);
SSTPL_INSTANTIATE(float)
SSTPL_INSTANTIATE(double)
#undef SSTPL_INSTANTIATE

}  // namespace sstpl
