// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/symmetric.hpp"

#include <algorithm>
#include <new>

#include "sstpl/blas.hpp"
#include "sstpl/errors.hpp"
#include "sstpl/fixed.hpp"
#include "sstpl/parallel.hpp"
#include "sstpl/tiles.hpp"

namespace sstpl {

namespace {

constexpr Index single_panel_order = 1024;    // below this the saved memory is not worth the extra calls
constexpr Index panel_width = tile_block;     // so that no block of a product on tiles crosses a panel
constexpr std::size_t product_panels = 3;     // whose products are made by one call: fewer calls reach a higher rate
constexpr Index add_grain = 64;               // rows of a panel per thread
constexpr Index most_order = Index{1} << 29;  // above, a number of entries may wrap; these are 2^60 bytes

MatrixSpan<double> panel_span(double* data, Index rows, Index width) {
  return MatrixSpan<double>(data, rows, width, Eigen::OuterStride<>(width));
}

}  // namespace

PackedSymmetric::PackedSymmetric(Index order) : order_(order) {
  require(order >= 0, "the order of a symmetric matrix must not be negative");
  if (order > most_order) throw std::bad_alloc();
  const Index width = order <= single_panel_order ? order : panel_width;
  Index offset = 0;
  for (Index begin = 0; begin < order; begin += width) {
    const Index end = std::min(begin + width, order);
    panels_.push_back({begin, end, offset});
    offset += end * (end - begin);
  }
  data_.reserve(static_cast<std::size_t>(offset));
  prefer_large_pages(data_.data(), data_.capacity() * sizeof(double));
  data_.assign(static_cast<std::size_t>(offset), 0.0);
}

void PackedSymmetric::add_gram(const MatrixView<float>& H, PanelWorkspace& workspace) {
  require(H.cols() == order_, "add_gram: H must have one column per row of the Gram matrix");
  const auto take = [this](Index row, Index column, const MatrixView<float>& C) { add_block(row, column, C); };
  if (tile_gram_pays(H.rows(), order_)) return tile_gram(H, take);
  if (workspace.may_round && fixed_gram_pays(H.rows(), order_)) return fixed_gram(H, workspace.rounded, take);
  for (std::size_t k = 0; k < panels_.size();) {
    const std::size_t next = std::min(k + product_panels, panels_.size());
    const Index begin = panels_[k].begin, end = panels_[next - 1].end, width = end - begin;
    if (workspace.products.size() < order_ * width) workspace.products.resize(order_, width);
    MatrixSpan<float> products(workspace.products.data(), order_, width, Eigen::OuterStride<>(width));
    const MatrixView<float> own = block(H, 0, begin, H.rows(), width);
    gemm(1.0f, block(H, 0, 0, H.rows(), begin), Transpose::yes, own, Transpose::no, 0.0f,
         block(products, 0, 0, begin, width));
    syrk(1.0f, own, 0.0f, block(products, begin, 0, width, width));
    for (; k < next; ++k)
      add_products(panels_[k], block(view(products), 0, panels_[k].begin - begin, panels_[k].end,
                                     panels_[k].end - panels_[k].begin));
  }
}

// Of the rows and columns of a panel, what lies on the diagonal or above it.
void PackedSymmetric::add_products(const Panel& panel, const MatrixView<float>& products) {
  const Index width = panel.end - panel.begin;
  double* target = data_.data() + panel.offset;
  parallel_for(0, panel.end, add_grain, [&](Index from, Index to) {
    for (Index i = from; i < to; ++i) {
      const float* source = products.data() + i * products.outerStride();
      for (Index j = std::max<Index>(0, i - panel.begin); j < width; ++j) {
        target[i * width + j] += static_cast<double>(source[j]);
      }
    }
  });
}

// Of a block within one panel, what lies on the diagonal or above it.
void PackedSymmetric::add_block(Index row, Index column, const MatrixView<float>& C) {
  const auto& panel = *std::find_if(panels_.begin(), panels_.end(), [&](const Panel& p) { return column < p.end; });
  const Index width = panel.end - panel.begin;
  for (Index i = 0; i < C.rows(); ++i) {
    double* target = data_.data() + panel.offset + (row + i) * width + column - panel.begin;
    const float* source = C.data() + i * C.outerStride();
    for (Index j = std::max<Index>(0, row + i - column); j < C.cols(); ++j) target[j] += static_cast<double>(source[j]);
  }
}

void PackedSymmetric::add_gram(const MatrixView<double>& H) {
  require(H.cols() == order_, "add_gram: H must have one column per row of the Gram matrix");
  for (const Panel& panel : panels_) {
    const Index width = panel.end - panel.begin;
    MatrixSpan<double> target = panel_span(data_.data() + panel.offset, panel.end, width);
    const MatrixView<double> own = block(H, 0, panel.begin, H.rows(), width);
    gemm(1.0, block(H, 0, 0, H.rows(), panel.begin), Transpose::yes, own, Transpose::no, 1.0,
         block(target, 0, 0, panel.begin, width));
    syrk(1.0, own, 1.0, block(target, panel.begin, 0, width, width));
  }
}

void PackedSymmetric::add(const PackedSymmetric& other, double sign) {
  require(order_ == other.order_, "symmetric matrices of different order cannot be added");
  for (std::size_t i = 0; i < data_.size(); ++i) data_[i] += sign * other.data_[i];
}

void PackedSymmetric::add_upper(const MatrixView<double>& G) {
  require(G.rows() == order_ && G.cols() == order_, "add_upper: G must be square and of the same order");
  for (const Panel& panel : panels_) {
    const Index width = panel.end - panel.begin;
    double* target = data_.data() + panel.offset;
    for (Index i = 0; i < panel.end; ++i) {
      for (Index j = std::max(i, panel.begin); j < panel.end; ++j) target[i * width + j - panel.begin] += G(i, j);
    }
  }
}

void PackedSymmetric::add_to_upper(MatrixSpan<double> G) const {
  require(G.rows() == G.cols() && G.rows() <= order_, "add_to_upper: G must be square and no larger than the order");
  for (const Panel& panel : panels_) {
    if (panel.begin >= G.cols()) break;
    const Index width = panel.end - panel.begin;
    const Index end = std::min(panel.end, G.cols());
    const double* source = data_.data() + panel.offset;
    parallel_for(0, end, add_grain, [&](Index from, Index to) {
      for (Index i = from; i < to; ++i) {
        const Index first = std::max(i, panel.begin);
        for (Index j = first; j < end; ++j) G(i, j) += source[i * width + j - panel.begin];
      }
    });
  }
}

void PackedSymmetric::write_upper(MatrixSpan<double> G, const PackedSymmetric* less, const Vector<double>& x,
                                  const Vector<double>& y) const {
  require(G.rows() == G.cols() && G.rows() <= order_ && x.size() == G.rows() && y.size() == G.rows(),
          "write_upper: G must be square and no larger than the order, x and y as long");
  require(less == nullptr || less->order_ == order_, "symmetric matrices of different order cannot be subtracted");
  for (const Panel& panel : panels_) {
    if (panel.begin >= G.cols()) break;
    const Index width = panel.end - panel.begin;
    const Index end = std::min(panel.end, G.cols());
    parallel_for(0, end, add_grain, [&](Index from, Index to) {
      for (Index i = from; i < to; ++i) {
        const Index first = std::max(i, panel.begin);
        const Index place = panel.offset + i * width + first - panel.begin;
        const double* all = data_.data() + place;
        double* target = G.data() + i * G.outerStride() + first;
        const double* right = y.data() + first;
        const double left = x(i);
        if (less == nullptr) {
          for (Index j = 0; j < end - first; ++j) target[j] = all[j] - left * right[j];
        } else {
          const double* part = less->data_.data() + place;
          for (Index j = 0; j < end - first; ++j) target[j] = all[j] - part[j] - left * right[j];
        }
      }
    });
  }
}

void PackedSymmetric::add_diagonal_to(Vector<double>& d) const {
  require(d.size() <= order_, "add_diagonal_to: more entries asked for than there are");
  for (const Panel& panel : panels_) {
    const Index width = panel.end - panel.begin;
    for (Index j = panel.begin; j < std::min(panel.end, d.size()); ++j) {
      d(j) += data_[static_cast<std::size_t>(panel.offset + j * width + j - panel.begin)];
    }
  }
}

}  // namespace sstpl
