// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/conv.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "sstpl/blas.hpp"
#include "sstpl/errors.hpp"
#include "sstpl/parallel.hpp"

namespace sstpl {

namespace {

constexpr Index block_bytes = Index{4} << 20;  // of responses at a time: they are read back from the cache

Index n_places(Index side, Index stride) { return 1 + (side - 1) / stride; }

// Reads patches of one image at a time, which it keeps with a border of zeros.
template <class T>
class PatchReader {
 public:
  explicit PatchReader(const ConvOptions& options)
      : rows_(options.image.rows),
        patch_(options.patch),
        line_(options.image.cols * options.image.channels),
        channels_(options.image.channels),
        padded_line_((options.image.cols + options.patch - 1) * channels_),
        contrast_(static_cast<T>(options.contrast)),
        padded_(static_cast<std::size_t>((rows_ + patch_ - 1) * padded_line_), T(0)) {}

  void load(const T* image) {
    const Index half = patch_ / 2;
    for (Index y = 0; y < rows_; ++y) {
      std::copy_n(image + y * line_, line_, padded_.data() + (y + half) * padded_line_ + half * channels_);
    }
  }

  // The patch centred at (row, col), normalised, into q.
  void read(Index row, Index col, T* q) const {
    const Index length = patch_ * channels_;  // of one line of the patch
    const T* source = padded_.data() + row * padded_line_ + col * channels_;
    T* target = q;
    for (Index i = 0; i < patch_; ++i, source += padded_line_) {
      for (Index j = 0; j < length; ++j) *target++ = source[j];
    }
    Eigen::Map<Vector<T>> values(q, patch_ * length);
    values.array() -= values.mean();
    if (contrast_ > 0) {
      const T deviation = std::sqrt(values.squaredNorm() / static_cast<T>(values.size()) + contrast_);
      values *= T(1) / deviation;
    }
  }

 private:
  Index rows_, patch_, line_, channels_, padded_line_;
  T contrast_;
  std::vector<T> padded_;
};

// Which cells a place belongs to: cell i sees [begin, end) of the places along one side.
struct Cells {
  Cells(Index places, Index grid, double overlap) : begin(static_cast<std::size_t>(grid)), end(begin) {
    const double side = static_cast<double>(places) / static_cast<double>(grid);
    for (Index i = 0; i < grid; ++i) {
      const auto from = static_cast<Index>(std::lround(side * (static_cast<double>(i) - overlap / 2)));
      const auto to = static_cast<Index>(std::lround(side * (static_cast<double>(i) + 1 + overlap / 2)));
      begin[static_cast<std::size_t>(i)] = std::max<Index>(0, from);
      end[static_cast<std::size_t>(i)] = std::min(places, std::max(to, from + 1));
    }
  }
  std::vector<Index> begin, end;
};

// Pools the responses R (places, m) of one image into its maps.
template <class T>
class Pool {
 public:
  Pool(const ConvOptions& options, Index n_filters)
      : grid_(options.grid),
        m_(n_filters),
        width_(n_places(options.image.cols, options.stride)),
        threshold_(static_cast<T>(options.threshold)),
        rows_(n_places(options.image.rows, options.stride), options.grid, options.overlap),
        cols_(width_, options.grid, options.overlap) {}

  void operator()(const T* responses, T* maps, std::vector<T>& line) const {
    using Array = Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>>;
    using ConstArray = Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>;
    const Index channels = 2 * m_;
    line.resize(static_cast<std::size_t>(grid_ * channels));
    Array all(maps, grid_ * grid_ * channels);
    all.setZero();
    const Index height = static_cast<Index>(n_rows());
    for (Index y = 0; y < height; ++y) {
      Array(line.data(), grid_ * channels).setZero();
      for (Index j = 0; j < grid_; ++j) {
        Array positive(line.data() + j * channels, m_);
        Array negative(line.data() + j * channels + m_, m_);
        for (Index x = cols_.begin[at(j)]; x < cols_.end[at(j)]; ++x) {
          const ConstArray r(responses + (y * width_ + x) * m_, m_);
          positive += (r - threshold_).max(T(0));
          negative += (-r - threshold_).max(T(0));
        }
      }
      for (Index i = 0; i < grid_; ++i) {
        if (y < rows_.begin[at(i)] || y >= rows_.end[at(i)]) continue;
        Array(maps + i * grid_ * channels, grid_ * channels) += ConstArray(line.data(), grid_ * channels);
      }
    }
    for (Index i = 0; i < grid_; ++i) {
      for (Index j = 0; j < grid_; ++j) {
        const Index area = (rows_.end[at(i)] - rows_.begin[at(i)]) * (cols_.end[at(j)] - cols_.begin[at(j)]);
        Array cell(maps + (i * grid_ + j) * channels, channels);
        cell = (cell / static_cast<T>(area)).sqrt();
      }
    }
  }

 private:
  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }
  Index n_rows() const { return *std::max_element(rows_.end.begin(), rows_.end.end()); }

  Index grid_, m_, width_;
  T threshold_;
  Cells rows_, cols_;
};

}  // namespace

void check_conv(const ConvOptions& options, Index columns) {
  const ImageShape& shape = options.image;
  require(shape.rows >= 1 && shape.cols >= 1 && shape.channels >= 1, "an image needs rows, columns and channels");
  // Divided first, because products of sizes that no memory has would wrap.
  require(columns / shape.rows / shape.cols / shape.channels == 1 && columns == shape.size(),
          "the images have " + std::to_string(columns) + " columns, their shape asks for " +
              std::to_string(shape.rows) + " * " + std::to_string(shape.cols) + " * " + std::to_string(shape.channels));
  require(options.patch >= 1 && options.patch % 2 == 1, "the side of a patch must be odd");
  require(options.patch <= std::numeric_limits<Index>::max() / options.patch / shape.channels,
          "the side of a patch is too large");
  require(options.stride >= 1, "the stride must be at least 1");
  require(options.grid >= 1 && options.grid <= n_places(shape.rows, options.stride) &&
              options.grid <= n_places(shape.cols, options.stride),
          "the grid must have at least one cell per side, and no more than places");
  require(options.overlap >= 0 && options.overlap <= 1, "the overlap must lie in [0, 1]");
  require(options.contrast >= 0 && std::isfinite(options.contrast) && options.threshold >= 0 &&
              std::isfinite(options.threshold),
          "contrast and threshold must be finite and not negative");
}

template <class T>
Matrix<T> sample_patches(const ConvOptions& options, const MatrixView<T>& images, const RandomStream& stream,
                         Index count) {
  check_conv(options, images.cols());
  require(images.rows() >= 1 && count >= 1, "patches need at least one image, and one patch");
  Matrix<T> patches(count, options.patch_size());
  PatchReader<T> reader(options);
  for (Index i = 0; i < count; ++i) {
    const RandomWords words = random_words(stream, static_cast<std::uint64_t>(i));
    const Index image = random_index(words.first, images.rows());
    const Index place = random_index(words.second, options.image.rows * options.image.cols);
    reader.load(images.data() + image * images.outerStride());
    reader.read(place / options.image.cols, place % options.image.cols, patches.data() + i * patches.cols());
  }
  return patches;
}

template <class T>
Matrix<T> make_filters(FilterKind kind, const MatrixView<T>& patches, Index n_filters, double whitening) {
  const Index d = patches.cols();
  require(patches.rows() >= 1 && d >= 1, "filters need at least one patch, of at least one value");
  require(whitening >= 0 && std::isfinite(whitening), "whitening must be finite and not negative");
  require(n_filters >= 1, "at least one filter is needed");
  require(
      n_filters <= (kind == FilterKind::eigen ? d : patches.rows()),
      kind == FilterKind::eigen ? "there are fewer eigenvectors than filters" : "there are fewer patches than filters");
  const Matrix<double> Q = patches.template cast<double>();
  Matrix<double> C(d, d);
  syrk(1.0 / static_cast<double>(Q.rows()), view(Q), 0.0, span(C));
  Vector<double> eigenvalues;
  Matrix<double> V;
  symmetric_eigen(span(C), eigenvalues, V);  // ascending, eigenvectors as rows
  if (kind == FilterKind::eigen) return V.bottomRows(n_filters).colwise().reverse().template cast<T>();
  const double raised = whitening * eigenvalues.mean();
  // Directions that hold nothing but rounding (patches are mean-free, so there is one) are left out, not blown up.
  const double rounding = static_cast<double>(d) * std::max(unit_roundoff<T>(), 16 * unit_roundoff<double>());
  const double floor = rounding * std::max(eigenvalues(d - 1), 0.0);
  Vector<double> inverse(d);
  for (Index j = 0; j < d; ++j) {
    const double total = std::max(eigenvalues(j), 0.0) + raised;
    inverse(j) = total > floor ? 1 / total : 0.0;
  }
  Matrix<double> filters = Q.topRows(n_filters) * V.transpose() * inverse.asDiagonal();  // in eigen coordinates
  for (Index i = 0; i < n_filters; ++i) {
    const double variance = filters.row(i).cwiseAbs2().dot(eigenvalues.cwiseMax(0.0).transpose());
    filters.row(i) *= variance > 0 ? 1 / std::sqrt(variance) : 0.0;
  }
  return (filters * V).template cast<T>();
}

template <class T>
void apply_conv(const ConvOptions& options, const MatrixView<T>& filters, const MatrixView<T>& images, MatrixSpan<T> M,
                const Checkpoint& checkpoint) {
  check_conv(options, images.cols());
  require(filters.cols() == options.patch_size() && filters.rows() >= 1, "the filters do not fit the patches");
  const Index m = filters.rows();
  require(M.rows() == images.rows() && M.cols() == options.grid * options.grid * 2 * m,
          "the maps must be (n, grid grid 2 m)");
  const Index down = n_places(options.image.rows, options.stride);
  const Index across = n_places(options.image.cols, options.stride);
  const Index places = down * across;
  const Index bytes = places * (m + options.patch_size()) * static_cast<Index>(sizeof(T));
  const Index batch = std::max<Index>(1, std::min(images.rows(), block_bytes / bytes));
  const Pool<T> pool(options, m);
  Matrix<T> Q(batch * places, options.patch_size());
  Matrix<T> R(batch * places, m);
  for (Index start = 0; start < images.rows(); start += batch) {
    checkpoint();
    const Index rows = std::min(batch, images.rows() - start);
    parallel_for(0, rows, 1, [&](Index from, Index to) {
      PatchReader<T> reader(options);
      for (Index i = from; i < to; ++i) {
        reader.load(images.data() + (start + i) * images.outerStride());
        T* q = Q.data() + i * places * Q.cols();
        for (Index place = 0; place < places; ++place, q += Q.cols()) {
          reader.read(place / across * options.stride, place % across * options.stride, q);
        }
      }
    });
    gemm(T(1), view(top_rows(Q, rows * places)), Transpose::no, filters, Transpose::yes, T(0),
         top_rows(R, rows * places));
    parallel_for(0, rows, 1, [&](Index from, Index to) {
      std::vector<T> line;
      for (Index i = from; i < to; ++i) {
        pool(R.data() + i * places * m, M.data() + (start + i) * M.outerStride(), line);
      }
    });
  }
}

#define SSTPL_INSTANTIATE(T)                                                                                  \
  template Matrix<T> sample_patches<T>(const ConvOptions&, const MatrixView<T>&, const RandomStream&, Index); \
  template Matrix<T> make_filters<T>(FilterKind, const MatrixView<T>&, Index, double);                        \
  template void apply_conv<T>(const ConvOptions&, const MatrixView<T>&, const MatrixView<T>&, MatrixSpan<T>,  \
                              const Checkpoint&);
SSTPL_INSTANTIATE(float)
SSTPL_INSTANTIATE(double)
#undef SSTPL_INSTANTIATE

}  // namespace sstpl
