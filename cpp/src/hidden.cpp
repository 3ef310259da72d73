// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/hidden.hpp"

#include <algorithm>
#include <cmath>

#include "sstpl/blas.hpp"
#include "sstpl/centers.hpp"
#include "sstpl/errors.hpp"
#include "sstpl/parallel.hpp"
#include "sstpl/tiles.hpp"

namespace sstpl {

namespace {

// Which use of the layer's stream a number belongs to.
RandomStream use(const RandomStream& stream, std::uint32_t which) { return {stream.seed, stream.stream, which}; }
enum : std::uint32_t {
  use_weights = 0,
  use_bias = 1,
  use_pairs = 2,
  use_fields = 3,
  use_landmarks = 4,
};

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

// Finds pairs of rows for constrained weights.
class PairDraw {
 public:
  PairDraw(const HiddenOptions& options, Index n_rows) : options_(options), n_rows_(n_rows) {
    require(n_rows > 0, "constrained weights need at least one row");
    require(options.labels.empty() || static_cast<Index>(options.labels.size()) == n_rows,
            "constrained weights need one label per row");
    require(options.n_landmarks >= 0, "n_landmarks must not be negative");
    if (!options.row_weights.empty()) add_weights(options.row_weights);
    for (Index k = 0; k < options.n_landmarks; ++k) {
      const RandomWords words = random_words(use(options.stream, use_landmarks), static_cast<std::uint64_t>(k));
      landmarks_.push_back(draw_row(words.first, 0, n_rows));
    }
    std::sort(landmarks_.begin(), landmarks_.end());
  }

  // The rows of the first attempt for a hidden unit, from number `attempt` on, that may be paired.
  RowPair operator()(Index unit, Index attempt) const {
    RowPair pair;
    for (pair.attempt = attempt; pair.attempt < n_attempts; ++pair.attempt) {
      if (try_pair(unit, pair)) return pair;
    }
    return {};
  }

 private:
  static constexpr Index n_attempts = 256;

  void add_weights(const std::vector<double>& weights) {
    require(static_cast<Index>(weights.size()) == n_rows_, "row_weights: one weight per row is needed");
    for (const double weight : weights) {
      require(std::isfinite(weight) && weight >= 0, "row_weights must be finite and not negative");
      weight_above_.push_back(weight_above_.back() + weight);
    }
    require(weight_above_.back() > 0, "row_weights must not be zero for all rows");
  }

  bool try_pair(Index unit, RowPair& pair) const {
    const auto position = static_cast<std::uint64_t>(unit * n_attempts + pair.attempt);
    const RandomWords words = random_words(use(options_.stream, use_pairs), position);
    pair.first = draw_end(words.first, 0, n_rows_);
    Index from = 0;
    Index to = n_rows_;
    if (options_.fold_starts.size() > 1) {
      const auto next = std::upper_bound(options_.fold_starts.begin(), options_.fold_starts.end(), pair.first);
      to = *next;
      from = *(next - 1);
    }
    pair.second = draw_end(words.second, from, to);
    return pair.first != pair.second && (options_.labels.empty() || label(pair.first) != label(pair.second));
  }

  // A row of [from, to) that may be the end of a pair; there is one where the other end is of that range.
  Index draw_end(std::uint64_t word, Index from, Index to) const {
    if (landmarks_.empty()) return draw_row(word, from, to);
    const auto begin = std::lower_bound(landmarks_.begin(), landmarks_.end(), from);
    const auto end = std::lower_bound(begin, landmarks_.end(), to);
    return begin[random_index(word, end - begin)];
  }

  // A row of [from, to), with a probability in proportion to its weight.
  Index draw_row(std::uint64_t word, Index from, Index to) const {
    if (options_.row_weights.empty()) return from + random_index(word, to - from);
    const auto ends = weight_above_.begin() + 1;
    const double low = weight_above_[static_cast<std::size_t>(from)];
    const double high = weight_above_[static_cast<std::size_t>(to)];
    // The last row takes what rounding puts beyond it.
    return std::upper_bound(ends + from, ends + to - 1, low + random_unit(word) * (high - low)) - ends;
  }

  std::int64_t label(Index row) const { return options_.labels[static_cast<std::size_t>(row)]; }

  const HiddenOptions& options_;
  Index n_rows_;
  std::vector<double> weight_above_ = {0.0};  // of all rows before one; the last entry is the whole weight
  std::vector<Index> landmarks_;              // ascending
};

// Sets the unit that takes the one row to +1 and the other to -1, as far as it sees them; false where they do not
// differ.
template <class T>
bool set_unit(HiddenLayer<T>& layer, Index unit, const Vector<bool>& seen, const MatrixView<T>& first,
              const MatrixView<T>& second) {
  // In units of the largest difference, whose square can neither overflow nor vanish.
  const Vector<double> first_row = seen.select(first.row(0).transpose().template cast<double>(), 0.0);
  const Vector<double> second_row = seen.select(second.row(0).transpose().template cast<double>(), 0.0);
  const double unit_length = (first_row - second_row).cwiseAbs().maxCoeff();
  if (!(unit_length > 0)) return false;
  const Vector<double> difference = (first_row - second_row) / unit_length;
  const double distance = difference.squaredNorm();
  layer.weights.row(unit) = (difference * (2 / distance / unit_length)).template cast<T>().transpose();
  const Vector<double> sum = first_row / unit_length + second_row / unit_length;
  layer.bias(unit) = static_cast<T>(-difference.dot(sum) / distance);
  return true;
}

// The landmarks of a layer of these pairs; none where two of a pair are so near each other that the difference of their
// products would lose more digits than the product with their difference.
template <class T>
Landmarks<T> landmarks_of(const std::vector<RowPair>& pairs, const Inputs<T>& inputs, const MatrixView<T>& weights) {
  constexpr double most_loss = 1000;
  std::vector<Index> drawn;
  for (const RowPair& pair : pairs) {
    if (pair.first >= 0) drawn.insert(drawn.end(), {pair.first, pair.second});
  }
  std::sort(drawn.begin(), drawn.end());
  drawn.erase(std::unique(drawn.begin(), drawn.end()), drawn.end());
  const Index p = weights.rows();
  Landmarks<T> found{Matrix<T>(static_cast<Index>(drawn.size()), inputs.n_columns()), Matrix<std::int64_t>(p, 2),
                     Vector<T>(p)};
  for (Index k = 0; k < found.rows.rows(); ++k) {
    MatrixSpan<T> rows = span(found.rows);
    inputs.fill(drawn[static_cast<std::size_t>(k)], block(rows, k, 0, 1, rows.cols()));
  }
  const Vector<double> squares = found.rows.template cast<double>().rowwise().squaredNorm();
  for (Index unit = 0; unit < p; ++unit) {
    const RowPair& pair = pairs[static_cast<std::size_t>(unit)];
    const auto place = [&](Index row) { return std::lower_bound(drawn.begin(), drawn.end(), row) - drawn.begin(); };
    const bool paired = pair.first >= 0;
    found.pairs.row(unit) << (paired ? place(pair.first) : 0), (paired ? place(pair.second) : 0);
    // Of the weights 2 (z - z') / |z - z'|^2 the scale is half the square.
    const double scale = weights.row(unit).template cast<double>().squaredNorm() / 2;
    found.scale(unit) = static_cast<T>(scale);
    if (paired && !(scale * (squares(found.pairs(unit, 0)) + squares(found.pairs(unit, 1))) < most_loss)) return {};
  }
  return found;
}

template <class T>
void draw_constrained(const HiddenOptions& options, const Inputs<T>& inputs, const FieldDraw& fields,
                      HiddenLayer<T>& layer) {
  require(options.n_landmarks == 0 || !fields.drawn(), "landmarks are for units that see all columns");
  const PairDraw draw(options, inputs.n_rows());
  Matrix<T> pair(2, inputs.n_columns());
  MatrixSpan<T> rows = span(pair);
  const MatrixSpan<T> first = block(rows, 0, 0, 1, pair.cols());
  const MatrixSpan<T> second = block(rows, 1, 0, 1, pair.cols());
  Vector<bool> seen;
  std::vector<RowPair> pairs;
  layer.weights.setZero();
  for (Index unit = 0; unit < options.n_hidden; ++unit) {
    fields.draw(unit, seen);
    RowPair found = draw(unit, 0);
    for (; found.first >= 0; found = draw(unit, found.attempt + 1)) {
      inputs.fill(found.first, first);
      inputs.fill(found.second, second);
      if (set_unit(layer, unit, seen, view(first), view(second))) break;
    }
    pairs.push_back(found);
  }
  if (options.n_landmarks > 0) layer.landmarks = landmarks_of(pairs, inputs, view(layer.weights));
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
      draw_constrained(options, inputs, fields, layer);
      break;
    case HiddenWeights::centers:
      require(!fields.drawn(), "centers see all columns");
      return draw_center_layer(options, inputs);
  }
  if (fields.drawn() && options.weights != HiddenWeights::constrained) mask_rows(fields, layer.weights);
  return layer;
}

std::vector<RowPair> draw_pairs(const HiddenOptions& options, Index n_rows, const std::vector<Index>& attempts) {
  require(static_cast<Index>(attempts.size()) == options.n_hidden, "attempts must have one entry per hidden unit");
  check_folds(options.fold_starts, n_rows);
  const PairDraw draw(options, n_rows);
  std::vector<RowPair> pairs;
  for (Index unit = 0; unit < options.n_hidden; ++unit) {
    const Index attempt = attempts[static_cast<std::size_t>(unit)];
    require(attempt >= 0, "attempts must not be negative");
    pairs.push_back(draw(unit, attempt));
  }
  return pairs;
}

template <class T>
HiddenLayer<T> pair_layer(const HiddenOptions& options, const MatrixView<T>& first, const MatrixView<T>& second) {
  const Index p = first.rows();
  const Index d = first.cols();
  require(second.rows() == p && second.cols() == d, "every unit needs two rows of one length");
  require(p >= 1 && d >= 1, "a layer needs at least one unit, and one input column");
  require(first.allFinite() && second.allFinite(), "rows of pairs must be finite");
  HiddenLayer<T> layer{Matrix<T>::Zero(p, d), Vector<T>::Zero(p), options.activation};
  const FieldDraw fields(options.fields, use(options.stream, use_fields), d);
  Vector<bool> seen;
  for (Index unit = 0; unit < p; ++unit) {
    fields.draw(unit, seen);
    set_unit(layer, unit, seen, block(first, unit, 0, 1, d), block(second, unit, 0, 1, d));
  }
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
template HiddenLayer<float> pair_layer<float>(const HiddenOptions&, const MatrixView<float>&, const MatrixView<float>&);
template HiddenLayer<double> pair_layer<double>(const HiddenOptions&, const MatrixView<double>&,
                                                const MatrixView<double>&);
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
