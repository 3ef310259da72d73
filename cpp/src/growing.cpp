// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/growing.hpp"

#include <algorithm>
#include <cmath>

#include "sstpl/blas.hpp"
#include "sstpl/errors.hpp"

namespace sstpl {

namespace {

// A feature near its shift is exact to the rounding of the shift, activations to a few of those.
template <class T>
Vector<double> shift_rounding(const VectorView<T>& shift) {
  return shift.cwiseAbs().template cast<double>() * (8 * unit_roundoff<T>());
}

template <class T>
void require_fit(const HiddenView<T>& layer, const VectorView<T>& shift, const MatrixView<T>& Z, const MatrixView<T>& Y,
                 Index n_outputs) {
  require(layer.bias.size() == layer.n_hidden() && shift.size() == layer.n_hidden(),
          "bias and shift must have one entry per hidden unit");
  require(Z.rows() == Y.rows() && Y.cols() == n_outputs, "Y must have as many rows as X, and the outputs of the sums");
}

// Calls body(row, H, Y) for the features H (b, p) of every block of rows from `row` on, and their targets.
template <class T, class Body>
void for_blocks(const HiddenView<T>& layer, const VectorView<T>& shift, const MatrixView<T>& Z, const MatrixView<T>& Y,
                const Checkpoint& checkpoint, const Body& body) {
  Matrix<T> features(std::min(growing_block_rows, Z.rows()), layer.n_hidden());
  for (Index row = 0; row < Z.rows(); row += growing_block_rows) {
    checkpoint();
    const Index rows = std::min(growing_block_rows, Z.rows() - row);
    MatrixSpan<T> H = top_rows(features, rows);
    apply_hidden(layer, block(Z, row, 0, rows, Z.cols()), shift, H);
    body(row, H, block(Y, row, 0, rows, Y.cols()));
  }
}

// total += A'B, formed in T and added in double.
template <class T>
void add_product(const MatrixView<T>& A, const MatrixView<T>& B, Matrix<T>& work, Matrix<double>& total) {
  work.resize(A.cols(), B.cols());
  gemm(T(1), A, Transpose::yes, B, Transpose::no, T(0), span(work));
  total += work.template cast<double>();
}

// What the leading units see of the rows: B1 (p, c), and the sums of H1 (p).
struct Leading {
  Matrix<double> cross;
  Vector<double> feature_sums;
};

// Whether that is what the sums hold, to the rounding of both.
bool same_rows(const Sums& sums, const Leading& found, double roundoff) {
  const double rounding =
      64 * std::max(sums.roundoff, roundoff) + static_cast<double>(sums.n_samples) * unit_roundoff<double>();
  Vector<double> squares = Vector<double>::Zero(sums.n_features());
  sums.gram.add_diagonal_to(squares);
  for (Index j = 0; j < squares.size(); ++j) {
    const double handled = squares(j) + 2 * sums.removed(j);
    const double lost = squares(j) > 0 ? handled / squares(j) : 1.0;
    const double noise = rounding * std::sqrt(handled * lost) + sums.feature_rounding(j) * std::sqrt(sums.weight);
    // NaN equals nothing, so it has to be asked whether what differs is small.
    if (!(std::abs(found.feature_sums(j) - sums.feature_sums(j)) <= noise * std::sqrt(sums.weight))) return false;
    for (Index k = 0; k < sums.n_outputs(); ++k) {
      if (!(std::abs(found.cross(j, k) - sums.cross(j, k)) <= noise * std::sqrt(sums.target_squares(k)))) return false;
    }
  }
  return true;
}

}  // namespace

template <class T>
void add_hidden_rows(Sums& sums, const HiddenView<T>& layer, const VectorView<T>& shift, const MatrixView<T>& Z,
                     const MatrixView<T>& Y, const VectorView<double>& weights, const Checkpoint& checkpoint) {
  require_fit(layer, shift, Z, Y, sums.n_outputs());
  require(layer.n_hidden() == sums.n_features(), "the sums must have one feature per hidden unit");
  require(weights.size() == 0 || weights.size() == Z.rows(), "one weight per row is needed");
  SumsWorkspace<T> workspace;
  for_blocks(layer, shift, Z, Y, checkpoint, [&](Index row, MatrixSpan<T>& H, const MatrixView<T>& targets) {
    const Index rows = weights.size() > 0 ? H.rows() : 0;
    add_rows(sums, H, targets, VectorView<double>(weights.data() + (rows > 0 ? row : 0), rows), workspace);
  });
  sums.feature_rounding = sums.feature_rounding.cwiseMax(shift_rounding(shift));
}

template <class T>
Sums widened(const Sums& sums, const HiddenView<T>& layer, const VectorView<T>& shift, const MatrixView<T>& Z,
             const MatrixView<T>& Y, const Checkpoint& checkpoint) {
  require_fit(layer, shift, Z, Y, sums.n_outputs());
  const Index p = sums.n_features();
  const Index q = layer.n_hidden() - p;
  require(q >= 0, "a wider layer cannot have fewer hidden units");
  require(Z.rows() == sums.n_samples,
          "X must have the rows of the sums, " + std::to_string(sums.n_samples) + ", got " + std::to_string(Z.rows()));

  Sums added(q, sums.n_outputs());
  Leading leading{Matrix<double>::Zero(p, sums.n_outputs()), Vector<double>::Zero(p)};
  Matrix<double> beside = Matrix<double>::Zero(p, q);
  Matrix<T> work;
  SumsWorkspace<T> workspace;
  for_blocks(layer, shift, Z, Y, checkpoint, [&](Index, MatrixSpan<T>& H, const MatrixView<T>& targets) {
    const MatrixView<T> old_units = block(view(H), 0, 0, H.rows(), p);
    add_product(old_units, targets, work, leading.cross);
    leading.feature_sums += old_units.template cast<double>().colwise().sum().transpose();
    add_product(old_units, block(view(H), 0, p, H.rows(), q), work, beside);
    add_rows(added, block(H, 0, p, H.rows(), q), targets, VectorView<double>(nullptr, 0), workspace);
  });
  require(same_rows(sums, leading, unit_roundoff<T>()), "X and y are not the rows that the sums were made of");

  Matrix<double> G = Matrix<double>::Zero(p + q, p + q);
  MatrixSpan<double> whole = span(G);
  sums.gram.add_to_upper(block(whole, 0, 0, p, p));
  block(whole, 0, p, p, q) = beside;
  added.gram.add_to_upper(block(whole, p, p, q, q));

  Sums wider(p + q, sums.n_outputs());
  wider.gram.add_upper(view(G));
  wider.cross << sums.cross, added.cross;
  wider.feature_sums << sums.feature_sums, added.feature_sums;
  wider.target_sums = sums.target_sums;
  wider.target_squares = sums.target_squares;
  wider.feature_rounding = shift_rounding(shift);
  wider.feature_rounding.head(p) = wider.feature_rounding.head(p).cwiseMax(sums.feature_rounding);
  wider.removed.head(p) = sums.removed;
  wider.weight = sums.weight;
  wider.n_samples = sums.n_samples;
  wider.roundoff = std::max(sums.roundoff, added.roundoff);
  return wider;
}

template void add_hidden_rows<float>(Sums&, const HiddenView<float>&, const VectorView<float>&,
                                     const MatrixView<float>&, const MatrixView<float>&, const VectorView<double>&,
                                     const Checkpoint&);
template void add_hidden_rows<double>(Sums&, const HiddenView<double>&, const VectorView<double>&,
                                      const MatrixView<double>&, const MatrixView<double>&, const VectorView<double>&,
                                      const Checkpoint&);
template Sums widened<float>(const Sums&, const HiddenView<float>&, const VectorView<float>&, const MatrixView<float>&,
                             const MatrixView<float>&, const Checkpoint&);
template Sums widened<double>(const Sums&, const HiddenView<double>&, const VectorView<double>&,
                              const MatrixView<double>&, const MatrixView<double>&, const Checkpoint&);

}  // namespace sstpl
