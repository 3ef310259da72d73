// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/stack.hpp"

#include <algorithm>

#include "sstpl/centers.hpp"
#include "sstpl/errors.hpp"

namespace sstpl {

template <class T>
Level<T> fit_level(const Inputs<T>& inputs, const Inputs<T>* at_prediction, const HiddenOptions& hidden,
                   const MatrixView<T>& Y, const VectorView<double>& weights, const CrossfitOptions& options,
                   const Checkpoint& checkpoint, const ScoreSpans<T>& into) {
  Level<T> level;
  checkpoint();
  level.hidden = draw_hidden(hidden, inputs);
  const HiddenView<T> layer = view(level.hidden);
  CrossfitOptions own = options;
  own.left_out = units_of_folds(level.hidden.center_rows, options.fold_starts);
  level.readout = fit_crossfit<T>({inputs, &layer, at_prediction}, Y, weights, own, checkpoint, into);
  return level;
}

template <class T>
void predict_stack(const std::vector<LevelView<T>>& levels, const MatrixView<T>& X, double gain, Index block_rows,
                   MatrixSpan<T> S, const Checkpoint& checkpoint) {
  require(!levels.empty(), "a stack needs at least one level");
  require(S.rows() == X.rows(), "the scores must have as many rows as X");
  require(block_rows >= 1, "block_rows must be at least 1");
  for (const LevelView<T>& level : levels) {
    require(level.W.cols() == S.cols(), "every level must have as many outputs as the scores");
    const Index fed_columns = &level == &levels.front() ? 0 : S.cols();
    require(level.hidden.weights.cols() == X.cols() + fed_columns,
            "the hidden layer expects another number of input columns");
    check_landmarks(level.hidden.landmarks, level.hidden.n_hidden(), level.hidden.weights.cols());
    require(level.W.rows() == level.hidden.n_hidden() && level.intercept.size() == S.cols(),
            "the weights do not fit the features");
  }
  Matrix<T> fed;
  for (Index row = 0; row < X.rows(); row += block_rows) {
    checkpoint();
    const Index rows = std::min(block_rows, X.rows() - row);
    MatrixSpan<T> scores = block(S, row, 0, rows, S.cols());
    bool first = true;
    for (const LevelView<T>& level : levels) {
      Inputs<T> inputs(block(X, row, 0, rows, X.cols()));
      if (!first) {
        fed = static_cast<T>(gain) * scores;
        inputs.add(InputBlock<T>{view(fed)});
      }
      predict_ridge<T>({inputs, &level.hidden}, level.W, level.intercept, rows, scores);
      first = false;
    }
  }
}

#define SSTPL_INSTANTIATE(T)                                                                                           \
  template Level<T> fit_level<T>(const Inputs<T>&, const Inputs<T>*, const HiddenOptions&, const MatrixView<T>&,       \
                                 const VectorView<double>&, const CrossfitOptions&, const Checkpoint&,                 \
                                 const ScoreSpans<T>&);                                                                \
  template void predict_stack<T>(const std::vector<LevelView<T>>&, const MatrixView<T>&, double, Index, MatrixSpan<T>, \
                                 const Checkpoint&);
SSTPL_INSTANTIATE(float)
SSTPL_INSTANTIATE(double)
#undef SSTPL_INSTANTIATE

}  // namespace sstpl
