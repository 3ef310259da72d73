// SPDX-License-Identifier: BSD-3-Clause
// The system of a ridge on sums, centred and ready for any alpha; for ridge.cpp and heldout.cpp, nobody else includes
// it.
#pragma once

#include <vector>

#include "sstpl/ridge.hpp"

namespace sstpl {

/// Throws unless alpha is finite and not negative.
void require_alpha(double alpha);

/// What of a squared column is rounding after centring, which takes n mean^2 from it: of both sums some tens of
/// roundings of a block, and at worst one rounding of a double per row.
double centring_noise(double roundoff, double n_rows);

/// The totals over several sums that every centred quantity needs.
struct Totals {
  Totals(const std::vector<const Sums*>& parts, Index n_features);

  Index p;
  Vector<double> diagonal, features, rounding, targets;
  Vector<double> handled;  // what was ever added to the diagonal or taken from it: its rounding is in there
  Matrix<double> cross;
  double weight = 0;
  double n_samples = 0;
  double roundoff = 0;
};

/// G_c = G - s s'/n of several sums, without the features that are left out.
class CentredSystem {
 public:
  CentredSystem(const SumsOf& sums, bool intercept, Index n_features);

  /// The solution, in `work`; `scratch` is used where features are left out, and holds nothing afterwards.
  bool solve(double alpha, const SolveOptions& options, Matrix<double>& scratch, Matrix<double>& work,
             RidgeSolution& solution) const;

 private:
  void centre();
  void leave_out(const std::vector<Index>& features);
  bool keeps_digits() const;
  void fill(MatrixSpan<double> G) const;
  void fill_kept(Matrix<double>& scratch, MatrixSpan<double> G) const;
  void add_parts(MatrixSpan<double>& G) const;

  const SumsOf& sums_;
  Totals totals_;
  bool intercept_;
  bool subtracts_;
  std::vector<Index> constant_;  // columns without variance
  std::vector<Index> kept_;      // the features that are not left out
};

}  // namespace sstpl
