// SPDX-License-Identifier: BSD-3-Clause
// A symmetric float64 matrix kept as the column panels of its upper triangle: half the memory of a square, and
// still fed by matrix products. Panel [a, b) holds rows 0 .. b - 1 of columns a .. b - 1, row-major.
#pragma once

#include <vector>

#include "sstpl/scratch.hpp"
#include "sstpl/types.hpp"

namespace sstpl {

/// Room for the float products of a few panels before they are added in double; sized at first use. Entries may be
/// rounded as in fixed.hpp where that is faster and `may_round` is set.
struct PanelWorkspace {
  Matrix<float> products;
  Scratch rounded;
  bool may_round = false;
};

class PackedSymmetric {
 public:
  explicit PackedSymmetric(Index order = 0);

  Index order() const { return order_; }
  const std::vector<double>& data() const { return data_; }
  std::vector<double>& data() { return data_; }

  /// this += H'H for H (n, order): SYRK on diagonal blocks, GEMM beside them, n order^2 flops. Float products
  /// are formed in float for these n rows and added in double (blocked summation, Blanchard et al. 2020); on
  /// matrix tiles (tiles.hpp), or of rounded entries (fixed.hpp), where that pays.
  void add_gram(const MatrixView<float>& H, PanelWorkspace& workspace);
  void add_gram(const MatrixView<double>& H);

  /// this += sign * other, entry by entry; orders must agree.
  void add(const PackedSymmetric& other, double sign = 1);

  /// this += the symmetric matrix with the upper triangle of G; its lower triangle is not read.
  void add_upper(const MatrixView<double>& G);

  /// G += the upper triangle of the leading block of G's order; the lower triangle of G is left alone.
  void add_to_upper(MatrixSpan<double> G) const;

  /// The upper triangle of G := that of the leading block of this - less - x y' (less may be null), in one pass.
  void write_upper(MatrixSpan<double> G, const PackedSymmetric* less, const Vector<double>& x,
                   const Vector<double>& y) const;

  /// d += the leading d.size() diagonal entries.
  void add_diagonal_to(Vector<double>& d) const;

 private:
  struct Panel {
    Index begin, end, offset;  // columns, and where the panel starts in data_
  };
  void add_products(const Panel& panel, const MatrixView<float>& products);
  void add_block(Index row, Index column, const MatrixView<float>& C);

  Index order_;
  std::vector<Panel> panels_;
  std::vector<double> data_;
};

}  // namespace sstpl
