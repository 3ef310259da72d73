// SPDX-License-Identifier: BSD-3-Clause
// The features of a design in blocks of rows, less a shift, and their scores, for the passes of crossfit.cpp; nobody
// else includes it.
#pragma once

#include <algorithm>

#include "sstpl/blas.hpp"
#include "sstpl/crossfit.hpp"
#include "sstpl/scratch.hpp"

namespace sstpl {

inline constexpr Index shift_rows = 256;  // rows whose mean is taken off the hidden features

// The least block size that needs no more blocks than `at_most` rows at a time, so that none is a leftover; but large
// enough for the mean of the shift.
inline Index even_blocks(Index rows, Index at_most) {
  const Index blocks = std::max<Index>(1, (rows + at_most - 1) / at_most);
  return std::max((rows + blocks - 1) / blocks, std::min(shift_rows, at_most));
}

inline Index round_up(Index value, Index step) { return (value + step - 1) / step * step; }

// Makes the shifted features of any range of rows. Of as many leading rows as fit it keeps them, or, for a layer with
// landmarks, the products with these, which are fewer and are what costs most.
template <class T>
class FeatureStream {
 public:
  FeatureStream(const Design<T>& design, const CrossfitOptions& options, Index largest_fold, bool hold_always)
      : design_(design),
        block_rows_(even_blocks(largest_fold, options.block_rows)),
        shift_(Vector<T>::Zero(design.n_features())) {
    const Index n = design.inputs.n_rows();
    const Index p = design.n_features();
    const Index m = design.hidden != nullptr && !hold_always ? design.hidden->landmarks.rows.rows() : 0;
    kept_ = hold_always ? n : kept_rows(options, n, p, static_cast<Index>(sizeof(T)));
    if (m > 0) {
      // Blocks of fewer rows begin where others do, and products that are kept have the bits of products made again.
      if (block_rows_ > rows_of_products) block_rows_ = round_up(block_rows_, rows_of_products);
      kept_products_ = std::min(n, kept_ * p / m);
      kept_ = 0;
      products_.resize(kept_products_, m);
    }
    // A block that begins among the kept rows and ends beyond them is made whole behind them.
    features_.resize(kept_ + (kept_ < n ? std::min(n, block_rows_) : 0), p);
    for (Matrix<T>* array : {&features_, &products_}) {
      prefer_large_pages(array->data(), static_cast<std::size_t>(array->size()) * sizeof(T));
    }
    Z_.resize(std::min(n, block_rows_), design.inputs.as_array() != nullptr ? 0 : design.inputs.n_columns());
    if (options.intercept) set_shift();  // only an intercept can undo it
  }

  // Of other rows of the same layer, with the same shift; nothing is kept.
  FeatureStream(const Inputs<T>& inputs, const HiddenView<T>* hidden, const FeatureStream& like)
      : design_{inputs, hidden}, block_rows_(like.block_rows_), shift_(like.shift_) {
    features_.resize(std::min(inputs.n_rows(), block_rows_), like.features_.cols());
    Z_.resize(features_.rows(), inputs.as_array() != nullptr ? 0 : inputs.n_columns());
  }

  Index block_rows() const { return block_rows_; }
  const Vector<T>& shift() const { return shift_; }
  Index n_features() const { return features_.cols(); }

  // All features, where they were to be held whatever they take.
  const Matrix<T>& all_features() const { return features_; }

  // Where none are kept, leaves memory and cache to what comes after the sums, which need larger blocks.
  void use_small_blocks() {
    if (products_.cols() == 0 || block_rows_ <= rows_of_products) return;
    block_rows_ = rows_of_products;
    features_.resize(std::min(features_.rows(), block_rows_), features_.cols());
  }

  // Features of `rows` rows from `row`, made now (or read back if they were made before and kept).
  MatrixSpan<T> make(Index row, Index rows) {
    MatrixSpan<T> H = slot(row, rows);
    compute(row, H);
    if (row + rows <= std::max(kept_, kept_products_) && row <= made_) made_ = std::max(made_, row + rows);
    return H;
  }
  MatrixSpan<T> again(Index row, Index rows) {
    if (row + rows > made_) return make(row, rows);
    MatrixSpan<T> H = slot(row, rows);
    if (kept_products_ > 0) apply_products(*design_.hidden, products(row, rows), view(shift_), H);
    return H;
  }
  bool keeps(Index row, Index rows) const { return row + rows <= kept_; }

 private:
  MatrixSpan<T> slot(Index row, Index rows) {
    const Index from = keeps(row, rows) ? row : kept_;
    return MatrixSpan<T>(features_.data() + from * features_.cols(), rows, features_.cols(),
                         Eigen::OuterStride<>(features_.cols()));
  }

  MatrixView<T> products(Index row, Index rows) const { return block(view(products_), row, 0, rows, products_.cols()); }

  void compute(Index row, MatrixSpan<T>& H) {
    const Inputs<T>& inputs = design_.inputs;
    const MatrixView<T>* array = inputs.as_array();
    if (design_.hidden == nullptr) {
      inputs.fill(row, H);
      H.rowwise() -= shift_.transpose();
      return;
    }
    if (array != nullptr) {
      compute_hidden(row, block(*array, row, 0, H.rows(), array->cols()), H);
      return;
    }
    MatrixSpan<T> Z = top_rows(Z_, H.rows());
    inputs.fill(row, Z);
    compute_hidden(row, view(Z), H);
  }

  void compute_hidden(Index row, const MatrixView<T>& Z, MatrixSpan<T>& H) {
    if (row + H.rows() > kept_products_) return apply_hidden(*design_.hidden, Z, view(shift_), H);
    MatrixSpan<T> all = span(products_);
    multiply_landmarks(*design_.hidden, Z, block(all, row, 0, H.rows(), products_.cols()));
    apply_products(*design_.hidden, products(row, H.rows()), view(shift_), H);
  }

  // Features with a large mean lose digits in sums of squares; any fixed shift near the mean repairs that.
  void set_shift() {
    const Index rows = std::min({shift_rows, design_.inputs.n_rows(), block_rows_});
    if (rows == 0) return;
    MatrixSpan<T> H = slot(0, rows);
    compute(0, H);
    shift_ = H.colwise().mean().transpose();
  }

  Design<T> design_;
  Index block_rows_;
  Vector<T> shift_;
  Index kept_ = 0;           // leading rows that there is room for
  Index kept_products_ = 0;  // the same of their products with landmarks
  Index made_ = 0;           // of those, how many are there
  Matrix<T> features_, products_, Z_;
};

// S := H W + 1 intercept'.
template <class T>
void score_block(const MatrixView<T>& H, const MatrixView<T>& W, const VectorView<T>& intercept, MatrixSpan<T> S) {
  gemm(T(1), H, Transpose::no, W, Transpose::no, T(0), S);
  S.rowwise() += intercept.transpose();
}

// The rows [from, to) of scores (n, c).
template <class T>
void score_rows(FeatureStream<T>& stream, Index from, Index to, const RidgeSolution& solution,
                const Checkpoint& checkpoint, MatrixSpan<T>& scores) {
  const Matrix<T> W = solution.W.template cast<T>();
  const Vector<T> intercept = solution.intercept.template cast<T>();
  for (Index row = from; row < to; row += stream.block_rows()) {
    checkpoint();
    const Index rows = std::min(stream.block_rows(), to - row);
    const MatrixSpan<T> H = stream.again(row, rows);
    score_block(view(H), view(W), view(intercept), block(scores, row, 0, rows, scores.cols()));
  }
}

}  // namespace sstpl
