// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/sums.hpp"

#include <algorithm>
#include <cmath>

#include "sstpl/blas.hpp"
#include "sstpl/errors.hpp"
#include "sstpl/parallel.hpp"

namespace sstpl {

namespace {

constexpr Index column_grain = 256;  // columns per thread of the column sums

void add_gram(Sums& sums, const MatrixView<float>& H, SumsWorkspace<float>& workspace) {
  sums.gram.add_gram(H, workspace.panel);
}
void add_gram(Sums& sums, const MatrixView<double>& H, SumsWorkspace<double>&) { sums.gram.add_gram(H); }

// total += sum of scale[i] X(i, :), in double whatever T is; no scale means 1.
template <class T>
void add_column_sums(const MatrixView<T>& X, const VectorView<double>& scale, Vector<double>& total) {
  parallel_for(0, X.cols(), column_grain, [&](Index from, Index to) {
    double* sum = total.data();
    for (Index i = 0; i < X.rows(); ++i) {
      const T* row = X.data() + i * X.outerStride();
      const double s = scale.size() > 0 ? scale(i) : 1.0;
      for (Index j = from; j < to; ++j) sum[j] += s * static_cast<double>(row[j]);
    }
  });
}

template <class T>
void scale_rows(const VectorView<double>& scale, MatrixSpan<T>& X) {
  for (Index i = 0; i < X.rows(); ++i) X.row(i) *= static_cast<T>(scale(i));
}

}  // namespace

Sums::Sums(Index n_features, Index n_outputs)
    : gram(n_features),
      cross(Matrix<double>::Zero(n_features, n_outputs)),
      feature_sums(Vector<double>::Zero(n_features)),
      target_sums(Vector<double>::Zero(n_outputs)),
      target_squares(Vector<double>::Zero(n_outputs)),
      feature_rounding(Vector<double>::Zero(n_features)),
      removed(Vector<double>::Zero(n_features)) {}

template <class T>
void add_rows(Sums& sums, MatrixSpan<T> H, const MatrixView<T>& Y, const VectorView<double>& weights,
              SumsWorkspace<T>& workspace) {
  require(H.cols() == sums.n_features() && Y.cols() == sums.n_outputs() && H.rows() == Y.rows(),
          "add_rows: H must be (n, n_features) and Y (n, n_outputs)");
  require(weights.size() == 0 || weights.size() == H.rows(), "add_rows: one weight per row is needed");
  Vector<double>& roots = workspace.roots;
  roots.resize(weights.size());
  MatrixView<T> targets = Y;
  if (weights.size() > 0) {
    require(weights.minCoeff() >= 0 && std::isfinite(weights.sum()), "weights must be finite and not negative");
    roots = weights.cwiseSqrt();
    workspace.targets = Y;
    MatrixSpan<T> scaled = span(workspace.targets);
    scale_rows(view(roots), H);
    scale_rows(view(roots), scaled);
    new (&targets) MatrixView<T>(view(workspace.targets));
  }
  add_gram(sums, view(H), workspace);
  workspace.cross.resize(H.cols(), Y.cols());
  gemm(T(1), view(H), Transpose::yes, targets, Transpose::no, T(0), span(workspace.cross));
  sums.cross += workspace.cross.template cast<double>();
  add_column_sums(view(H), view(roots), sums.feature_sums);
  add_column_sums(targets, view(roots), sums.target_sums);
  sums.target_squares += targets.template cast<double>().colwise().squaredNorm().transpose();
  sums.weight += weights.size() > 0 ? weights.sum() : static_cast<double>(H.rows());
  sums.n_samples += H.rows();
  sums.roundoff = std::max(sums.roundoff, unit_roundoff<T>());
}

void merge(Sums& into, const Sums& from) {
  require(into.n_features() == from.n_features() && into.n_outputs() == from.n_outputs(),
          "merge: the sums are of different shapes");
  into.gram.add(from.gram);
  into.cross += from.cross;
  into.feature_sums += from.feature_sums;
  into.target_sums += from.target_sums;
  into.target_squares += from.target_squares;
  into.feature_rounding = into.feature_rounding.cwiseMax(from.feature_rounding);
  into.removed += from.removed;
  into.weight += from.weight;
  into.n_samples += from.n_samples;
  into.roundoff = std::max(into.roundoff, from.roundoff);
}

void subtract(Sums& from, const Sums& less) {
  require(from.n_features() == less.n_features() && from.n_outputs() == less.n_outputs(),
          "subtract: the sums are of different shapes");
  require(less.n_samples <= from.n_samples, "subtract: more rows than there are");
  from.removed += less.removed;
  less.gram.add_diagonal_to(from.removed);
  from.gram.add(less.gram, -1);
  from.cross -= less.cross;
  from.feature_sums -= less.feature_sums;
  from.target_sums -= less.target_sums;
  from.target_squares -= less.target_squares;
  from.feature_rounding = from.feature_rounding.cwiseMax(less.feature_rounding);
  from.weight -= less.weight;
  from.n_samples -= less.n_samples;
  from.roundoff = std::max(from.roundoff, less.roundoff);
}

Sums with_outputs(const Sums& sums, const std::vector<Index>& sources, double value) {
  Sums other = sums;
  const auto n_outputs = static_cast<Index>(sources.size());
  other.cross.resize(sums.n_features(), n_outputs);
  other.target_sums.resize(n_outputs);
  other.target_squares.resize(n_outputs);
  for (Index k = 0; k < n_outputs; ++k) {
    const Index source = sources[static_cast<std::size_t>(k)];
    require(source < sums.n_outputs(), "with_outputs: there is no such column of targets");
    if (source >= 0) {
      other.cross.col(k) = sums.cross.col(source);
      other.target_sums(k) = sums.target_sums(source);
      other.target_squares(k) = sums.target_squares(source);
    } else {
      other.cross.col(k) = value * sums.feature_sums;
      other.target_sums(k) = value * sums.weight;
      other.target_squares(k) = value * value * sums.weight;
    }
  }
  return other;
}

template void add_rows<float>(Sums&, MatrixSpan<float>, const MatrixView<float>&, const VectorView<double>&,
                              SumsWorkspace<float>&);
template void add_rows<double>(Sums&, MatrixSpan<double>, const MatrixView<double>&, const VectorView<double>&,
                               SumsWorkspace<double>&);

}  // namespace sstpl
