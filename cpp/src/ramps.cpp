// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/ramps.hpp"

#include <algorithm>

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

#define SSTPL_INSTANTIATE(In, Out) \
  template void apply_ramps<In, Out>(const Ramps&, const MatrixView<In>&, MatrixSpan<Out>);
SSTPL_INSTANTIATE(float, float)
SSTPL_INSTANTIATE(float, double)
SSTPL_INSTANTIATE(double, float)
SSTPL_INSTANTIATE(double, double)
#undef SSTPL_INSTANTIATE

}  // namespace sstpl
