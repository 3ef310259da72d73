// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/hidden.hpp"

#include <algorithm>
#include <cmath>

#include "sstpl/blas.hpp"
#include "sstpl/centers.hpp"
#include "sstpl/constrained.hpp"
#include "sstpl/errors.hpp"
#include "sstpl/parallel.hpp"
#include "sstpl/tiles.hpp"
#include "stream_uses.hpp"

namespace sstpl {

namespace {

// Orthonormal columns for the tall Q (m, k): Cholesky QR of a Gaussian, repeated until the loss of
// orthogonality, about cond(Q)^2 roundings, is below 1e-10. Gaussians are almost surely well conditioned.
Matrix<double> orthonormal_columns(const RandomStream& stream, Index m, Index k) {
  Matrix<double> Q(m, k);
  fill_normal(stream, 1.0, span(Q));
  Matrix<double> G(k, k);
  for (int round = 0; round < 3; ++round) {
    syrk(1.0, view(Q), 0.0, span(G));
    const CholeskyResult factor = cholesky(span(G));
    if (factor.failed_at != 0) throw LinAlgError("a random Gaussian matrix was numerically singular; change the seed");
    solve_triangular_right(view(G), span(Q));
    if (factor.rcond > unit_roundoff<double>() / 1e-10) break;
  }
  return Q;
}

template <class T>
Matrix<T> orthogonal_weights(const RandomStream& stream, Index p, Index d) {
  if (p <= d) return orthonormal_columns(stream, d, p).transpose().template cast<T>();
  const double scale = std::sqrt(static_cast<double>(p) / static_cast<double>(d));
  return (orthonormal_columns(stream, p, d) * scale).template cast<T>();
}

// Sets to zero what a unit of weights drawn without data does not see, and spreads the variance over what is left.
template <class T>
void mask_rows(const FieldDraw& fields, Matrix<T>& weights) {
  Vector<bool> seen;
  for (Index unit = 0; unit < weights.rows(); ++unit) {
    fields.draw(unit, seen);
    const Vector<double> row = weights.row(unit).transpose().template cast<double>();
    const double scale = std::sqrt(static_cast<double>(row.size()) / static_cast<double>(seen.count()));
    weights.row(unit) = seen.select(row * scale, 0.0).template cast<T>().transpose();
  }
}

template <class T>
HiddenLayer<T> draw_center_layer(const HiddenOptions& options, const Inputs<T>& inputs) {
  const std::vector<Index> rows = draw_centers(options, inputs.n_rows());
  Matrix<T> centers(options.n_hidden, inputs.n_columns());
  MatrixSpan<T> all = span(centers);
  for (std::size_t unit = 0; unit < rows.size(); ++unit) {
    inputs.fill(rows[unit], block(all, static_cast<Index>(unit), 0, 1, all.cols()));
  }
  HiddenLayer<T> layer = center_layer(view(centers), std::min(options.n_hidden, inputs.n_rows()));
  layer.center_rows = rows;
  return layer;
}

}  // namespace

void check_folds(const std::vector<Index>& fold_starts, Index n_rows) {
  if (fold_starts.empty()) return;
  bool ascending = fold_starts.size() >= 3 && fold_starts.front() == 0 && fold_starts.back() == n_rows;
  for (std::size_t k = 1; k < fold_starts.size(); ++k) ascending = ascending && fold_starts[k - 1] < fold_starts[k];
  require(ascending, "fold_starts must ascend strictly from 0 to the number of rows, with at least two folds");
}

template <class T>
HiddenLayer<T> draw_hidden(const HiddenOptions& options, const Inputs<T>& inputs) {
  const Index p = options.n_hidden;
  const Index d = inputs.n_columns();
  require(p >= 1, "a hidden layer needs at least one unit, got " + std::to_string(p));
  require(d >= 1, "a hidden layer needs at least one input column");
  check_folds(options.fold_starts, inputs.n_rows());
  HiddenLayer<T> layer{Matrix<T>(p, d), Vector<T>::Zero(p), options.activation};
  const FieldDraw fields(options.fields, use(options.stream, use_fields), d);
  // Units that see few columns have to bend within the range of these to tell more than a linear one would.
  const double steepness = options.fields.groups.empty() ? 1 : 2;
  const double deviation = steepness / std::sqrt(static_cast<double>(d));
  const double bound = std::sqrt(3.0) * deviation;  // of the uniform law with that deviation
  MatrixSpan<T> bias(layer.bias.data(), 1, p, Eigen::OuterStride<>(p));
  switch (options.weights) {
    case HiddenWeights::orthogonal:
      layer.weights = orthogonal_weights<T>(use(options.stream, use_weights), p, d);
      break;
    case HiddenWeights::uniform:
      fill_uniform(use(options.stream, use_weights), -bound, bound, span(layer.weights));
      fill_uniform(use(options.stream, use_bias), -steepness, steepness, bias);
      break;
    case HiddenWeights::normal:
      fill_normal(use(options.stream, use_weights), deviation, span(layer.weights));
      fill_uniform(use(options.stream, use_bias), -steepness, steepness, bias);
      break;
    case HiddenWeights::constrained:
      return constrained_layer(options, inputs);
    case HiddenWeights::centers:
      require(!fields.drawn(), "centers see all columns");
      return draw_center_layer(options, inputs);
  }
  if (fields.drawn()) mask_rows(fields, layer.weights);
  return layer;
}

template <class T>
void check_landmarks(const LandmarksView<T>& landmarks, Index p, Index d) {
  const Index m = landmarks.rows.rows();
  if (m == 0) return;
  require(landmarks.rows.cols() == d && landmarks.pairs.rows() == p && landmarks.pairs.cols() == 2 &&
              landmarks.scale.size() == p,
          "landmarks must be rows (m, d), pairs (p, 2) and scale (p) of a hidden layer (p, d)");
  std::uint64_t largest = 0;  // a negative number is larger than all others
  for (Index unit = 0; unit < p; ++unit) {
    const std::int64_t* pair = landmarks.pairs.data() + unit * landmarks.pairs.outerStride();
    largest = std::max({largest, static_cast<std::uint64_t>(pair[0]), static_cast<std::uint64_t>(pair[1])});
  }
  require(largest < static_cast<std::uint64_t>(m), "pairs of landmarks must be numbers of their rows");
}

namespace {

constexpr Index row_grain = 16;  // per thread

// C := A B'.
void multiply(const MatrixView<float>& A, const MatrixView<float>& B, MatrixSpan<float> C) {
  if (tile_product_pays(A.rows(), A.cols(), B.rows())) return tile_product(A, B, C);
  gemm(1.0F, A, Transpose::no, B, Transpose::yes, 0.0F, C);
}
void multiply(const MatrixView<double>& A, const MatrixView<double>& B, MatrixSpan<double> C) {
  gemm(1.0, A, Transpose::no, B, Transpose::yes, 0.0, C);
}

}  // namespace

template <class T>
void multiply_landmarks(const HiddenView<T>& layer, const MatrixView<T>& Z, MatrixSpan<T> K) {
  for (Index row = 0; row < Z.rows(); row += rows_of_products) {
    const Index rows = std::min(rows_of_products, Z.rows() - row);
    multiply(block(Z, row, 0, rows, Z.cols()), layer.landmarks.rows, block(K, row, 0, rows, K.cols()));
  }
}

template <class T>
void apply_products(const HiddenView<T>& layer, const MatrixView<T>& K, const VectorView<T>& shift, MatrixSpan<T> H) {
  const LandmarksView<T>& landmarks = layer.landmarks;
  require(H.rows() == K.rows() && K.cols() == landmarks.rows.rows() && H.cols() == landmarks.pairs.rows() &&
              shift.size() == H.cols(),
          "products with landmarks must be (n, m), the hidden features (n, p) and shift (p)");
  parallel_for(0, H.rows(), row_grain, [&](Index from, Index to) {
    for (Index i = from; i < to; ++i) {
      const T* product = K.data() + i * K.outerStride();
      T* target = H.data() + i * H.outerStride();
      for (Index unit = 0; unit < H.cols(); ++unit) {
        const std::int64_t* pair = landmarks.pairs.data() + unit * landmarks.pairs.outerStride();
        target[unit] = landmarks.scale(unit) * (product[pair[0]] - product[pair[1]]);
      }
      apply_activation(layer.activation, layer.bias.data(), shift.data(), target, H.cols());
    }
  });
}

namespace {

template <class T>
void apply_by_landmarks(const HiddenView<T>& layer, const MatrixView<T>& Z, const VectorView<T>& shift,
                        MatrixSpan<T>& H) {
  Matrix<T> products(std::min(rows_of_products, Z.rows()), layer.landmarks.rows.rows());
  for (Index row = 0; row < Z.rows(); row += rows_of_products) {
    const Index rows = std::min(rows_of_products, Z.rows() - row);
    MatrixSpan<T> K = top_rows(products, rows);
    multiply_landmarks(layer, block(Z, row, 0, rows, Z.cols()), K);
    apply_products(layer, block(view(products), 0, 0, rows, products.cols()), shift, block(H, row, 0, rows, H.cols()));
  }
}

// On tiles every block is activated while it is in the cache.
bool apply_on_tiles(const HiddenView<float>& layer, const MatrixView<float>& Z, const VectorView<float>& shift,
                    MatrixSpan<float>& H) {
  if (!tile_product_pays(Z.rows(), Z.cols(), layer.weights.rows())) return false;
  tile_product(Z, layer.weights, [&](Index row, Index column, const MatrixView<float>& made) {
    for (Index i = 0; i < made.rows(); ++i) {
      float* target = H.data() + (row + i) * H.outerStride() + column;
      std::copy_n(made.data() + i * made.outerStride(), made.cols(), target);
      apply_activation(layer.activation, layer.bias.data() + column, shift.data() + column, target, made.cols());
    }
  });
  return true;
}
bool apply_on_tiles(const HiddenView<double>&, const MatrixView<double>&, const VectorView<double>&,
                    MatrixSpan<double>&) {
  return false;
}

// |z - a|^2 = |z|^2 + |a|^2 - 2 z'a, at the rate of one product.
template <class T>
void apply_distances(const HiddenView<T>& layer, const MatrixView<T>& Z, const VectorView<T>& shift, MatrixSpan<T>& H) {
  multiply(Z, layer.weights, H);
  const Vector<T> squares = layer.weights.rowwise().squaredNorm();
  parallel_for(0, H.rows(), row_grain, [&](Index from, Index to) {
    for (Index i = from; i < to; ++i) {
      H.row(i) = (T(-2) * H.row(i) + squares.transpose()).array() + Z.row(i).squaredNorm();
      apply_activation(layer.activation, layer.bias.data(), shift.data(), H.data() + i * H.outerStride(), H.cols());
    }
  });
}

}  // namespace

template <class T>
void apply_hidden(const HiddenView<T>& layer, const MatrixView<T>& Z, const VectorView<T>& shift, MatrixSpan<T> H) {
  const Index p = layer.weights.rows();
  require(Z.cols() == layer.weights.cols(), "the hidden layer expects another number of input columns");
  require(H.rows() == Z.rows() && H.cols() == p && shift.size() == p && layer.bias.size() == p,
          "the hidden features must be (n, p), bias and shift (p)");
  if (layer.activation == Activation::distance) return apply_distances(layer, Z, shift, H);
  if (layer.landmarks.rows.rows() > 0) return apply_by_landmarks(layer, Z, shift, H);
  if (apply_on_tiles(layer, Z, shift, H)) return;
  gemm(T(1), Z, Transpose::no, layer.weights, Transpose::yes, T(0), H);
  apply_activation(layer.activation, layer.bias, shift, H);
}

template HiddenLayer<float> draw_hidden<float>(const HiddenOptions&, const Inputs<float>&);
template HiddenLayer<double> draw_hidden<double>(const HiddenOptions&, const Inputs<double>&);
template void check_landmarks<float>(const LandmarksView<float>&, Index, Index);
template void check_landmarks<double>(const LandmarksView<double>&, Index, Index);
template void multiply_landmarks<float>(const HiddenView<float>&, const MatrixView<float>&, MatrixSpan<float>);
template void multiply_landmarks<double>(const HiddenView<double>&, const MatrixView<double>&, MatrixSpan<double>);
template void apply_products<float>(const HiddenView<float>&, const MatrixView<float>&, const VectorView<float>&,
                                    MatrixSpan<float>);
template void apply_products<double>(const HiddenView<double>&, const MatrixView<double>&, const VectorView<double>&,
                                     MatrixSpan<double>);
template void apply_hidden<float>(const HiddenView<float>&, const MatrixView<float>&, const VectorView<float>&,
                                  MatrixSpan<float>);
template void apply_hidden<double>(const HiddenView<double>&, const MatrixView<double>&, const VectorView<double>&,
                                   MatrixSpan<double>);

}  // namespace sstpl
