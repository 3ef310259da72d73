// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/ramps.hpp"

#include <algorithm>
#include <cmath>

#include "sstpl/errors.hpp"
#include "sstpl/parallel.hpp"

namespace sstpl {

namespace {

constexpr Index value_grain = 65536;  // values per thread

}  // namespace

template <class In, class Out>
void apply_ramps(const Ramps& ramps, const MatrixView<In>& X, MatrixSpan<Out> Z) {
  const Index m = ramps.size();
  require(ramps.low.size() == m && ramps.high.size() == m && ramps.center.size() == m && ramps.spread.size() == m,
          "every ramp needs a column, low, high, center and spread");
  require(Z.rows() == X.rows() && Z.cols() == m, "the ramps of X need a row per row and a column per ramp");
  require(!ramps.low.hasNaN() && !ramps.high.hasNaN(), "the ends of a ramp must not be NaN");
  for (const Index column : ramps.columns) require(column >= 0 && column < X.cols(), "ramps are of columns of X");
  const double* low = ramps.low.data();
  const double* high = ramps.high.data();
  const double* center = ramps.center.data();
  const double* spread = ramps.spread.data();
  parallel_for(0, X.rows(), std::max<Index>(1, value_grain / std::max<Index>(1, m)), [&](Index from, Index to) {
    for (Index i = from; i < to; ++i) {
      const In* x = X.data() + i * X.outerStride();
      Out* z = Z.data() + i * Z.outerStride();
      for (Index j = 0; j < m; ++j) {
        const auto value = static_cast<double>(x[ramps.columns[static_cast<std::size_t>(j)]]);
        z[j] = static_cast<Out>((std::min(std::max(value, low[j]), high[j]) - center[j]) / spread[j]);
      }
    }
  });
}

template <class T>
void add_shares(const Shares& shares, const MatrixView<T>& X, const VectorView<double>& mean,
                const VectorView<double>& weights, Vector<double>& sums) {
  const Index m = shares.size();
  require(shares.low.size() == m && shares.high.size() == m && sums.size() == m,
          "every share needs two ends and a sum");
  require(mean.size() == 0 || mean.size() == m, "every share needs a mean, or none does");
  require(weights.size() == 0 || weights.size() == X.rows(), "one weight per row is needed");
  for (const Index column : shares.columns) require(column >= 0 && column < X.cols(), "shares are of columns of X");
  const Vector<double> widths = shares.high - shares.low;
  const double* low = shares.low.data();
  const double* high = shares.high.data();
  const double* width = widths.data();
  parallel_for(0, m, std::max<Index>(1, value_grain / std::max<Index>(1, X.rows())), [&](Index from, Index to) {
    double* sum = sums.data();
    for (Index i = 0; i < X.rows(); ++i) {
      const T* x = X.data() + i * X.outerStride();
      const double w = weights.size() > 0 ? weights(i) : 1.0;
      for (Index j = from; j < to; ++j) {
        const auto value = static_cast<double>(x[shares.columns[static_cast<std::size_t>(j)]]);
        double t = (std::min(std::max(value, low[j]), high[j]) - low[j]) / width[j];
        if (mean.size() > 0) t = (t - mean(j)) * (t - mean(j));
        if (!std::isnan(value)) sum[j] += w * t;
      }
    }
  });
}

template void add_shares<float>(const Shares&, const MatrixView<float>&, const VectorView<double>&,
                                const VectorView<double>&, Vector<double>&);
template void add_shares<double>(const Shares&, const MatrixView<double>&, const VectorView<double>&,
                                 const VectorView<double>&, Vector<double>&);

#define SSTPL_INSTANTIATE(In, Out) \
  template void apply_ramps<In, Out>(const Ramps&, const MatrixView<In>&, MatrixSpan<Out>);
SSTPL_INSTANTIATE(float, float)
SSTPL_INSTANTIATE(float, double)
SSTPL_INSTANTIATE(double, float)
SSTPL_INSTANTIATE(double, double)
#undef SSTPL_INSTANTIATE

}  // namespace sstpl
