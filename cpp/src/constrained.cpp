// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/constrained.hpp"

#include <algorithm>
#include <cmath>

#include "sstpl/errors.hpp"
#include "stream_uses.hpp"

namespace sstpl {

namespace {

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

}  // namespace

template <class T>
HiddenLayer<T> constrained_layer(const HiddenOptions& options, const Inputs<T>& inputs) {
  const Index p = options.n_hidden;
  const FieldDraw fields(options.fields, use(options.stream, use_fields), inputs.n_columns());
  require(options.n_landmarks == 0 || !fields.drawn(), "landmarks are for units that see all columns");
  const PairDraw draw(options, inputs.n_rows());
  HiddenLayer<T> layer{Matrix<T>::Zero(p, inputs.n_columns()), Vector<T>::Zero(p), options.activation};
  Matrix<T> pair(2, inputs.n_columns());
  MatrixSpan<T> rows = span(pair);
  const MatrixSpan<T> first = block(rows, 0, 0, 1, pair.cols());
  const MatrixSpan<T> second = block(rows, 1, 0, 1, pair.cols());
  Vector<bool> seen;
  std::vector<RowPair> pairs;
  for (Index unit = 0; unit < p; ++unit) {
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

template HiddenLayer<float> constrained_layer<float>(const HiddenOptions&, const Inputs<float>&);
template HiddenLayer<double> constrained_layer<double>(const HiddenOptions&, const Inputs<double>&);
template HiddenLayer<float> pair_layer<float>(const HiddenOptions&, const MatrixView<float>&, const MatrixView<float>&);
template HiddenLayer<double> pair_layer<double>(const HiddenOptions&, const MatrixView<double>&,
                                                const MatrixView<double>&);

}  // namespace sstpl
