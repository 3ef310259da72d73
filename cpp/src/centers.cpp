// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/centers.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sstpl/errors.hpp"
#include "stream_uses.hpp"

namespace sstpl {

namespace {

// Exponential times over the weights: the least of k times of weight 1 is like one of weight k.
std::vector<double> arrival_times(const HiddenOptions& options, Index n_rows) {
  const RandomStream stream = use(options.stream, use_centers);
  std::vector<double> times(static_cast<std::size_t>(n_rows));
  for (std::size_t i = 0; i < times.size(); ++i) {
    const double weight = options.row_weights.empty() ? 1.0 : options.row_weights[i];
    require(std::isfinite(weight) && weight >= 0, "row_weights must be finite and not negative");
    times[i] = weight > 0 ? -std::log1p(-random_unit(random_words(stream, i).first)) / weight
                          : std::numeric_limits<double>::infinity();
  }
  return times;
}

}  // namespace

std::vector<Index> draw_centers(const HiddenOptions& options, Index n_rows) {
  require(n_rows > 0, "centers need at least one row");
  require(options.n_hidden >= 0, "the number of hidden units must not be negative");
  require(options.row_weights.empty() || static_cast<Index>(options.row_weights.size()) == n_rows,
          "row_weights: one weight per row is needed");
  const std::vector<double> times = arrival_times(options, n_rows);
  std::vector<Index> rows(times.size());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<Index>(i);
  std::stable_sort(rows.begin(), rows.end(), [&](Index a, Index b) {
    return times[static_cast<std::size_t>(a)] < times[static_cast<std::size_t>(b)];
  });
  rows.resize(static_cast<std::size_t>(options.n_hidden));
  for (std::size_t unit = times.size(); unit < rows.size(); ++unit) rows[unit] = rows[unit - times.size()];
  return rows;
}

template <class T>
HiddenLayer<T> center_layer(const MatrixView<T>& centers, Index n_different) {
  const Index p = centers.rows();
  require(0 < n_different && n_different <= p, "n_different must be a number of centers, and there must be some");
  const Matrix<double> different = centers.topRows(n_different).template cast<double>();
  const Vector<double> mean = different.colwise().mean().transpose();
  const double variance = (different.rowwise() - mean.transpose()).rowwise().squaredNorm().mean();
  const double bias = variance > 0 ? 1 / (2 * std::sqrt(variance)) : 1.0;
  return {centers, Vector<T>::Constant(p, static_cast<T>(bias)), Activation::distance};
}

std::vector<std::vector<Index>> units_of_folds(const std::vector<Index>& center_rows,
                                               const std::vector<Index>& fold_starts) {
  if (center_rows.empty() || fold_starts.empty()) return {};
  std::vector<std::vector<Index>> units(fold_starts.size() - 1);
  for (std::size_t unit = 0; unit < center_rows.size(); ++unit) {
    const auto next = std::upper_bound(fold_starts.begin(), fold_starts.end(), center_rows[unit]);
    require(next != fold_starts.begin() && next != fold_starts.end(), "centers must be rows of the folds");
    units[static_cast<std::size_t>(next - fold_starts.begin()) - 1].push_back(static_cast<Index>(unit));
  }
  return units;
}

template HiddenLayer<float> center_layer<float>(const MatrixView<float>&, Index);
template HiddenLayer<double> center_layer<double>(const MatrixView<double>&, Index);

}  // namespace sstpl
