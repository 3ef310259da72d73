// SPDX-License-Identifier: BSD-3-Clause
// The convolutional stage against loops over places and cells, and what its filters promise. Maps are compared by
// their squares, the cell averages: a square root turns the rounding of an average of zero into its root.
#include <algorithm>
#include <limits>

#include "helpers.hpp"
#include "sstpl/conv.hpp"

using namespace sstpl;
using namespace sstpl::testing;

namespace {

ConvOptions options_of(ImageShape image, Index patch, Index stride = 1, Index grid = 1, double overlap = 0) {
  return {image, patch, stride, grid, overlap, 0, 0};
}

template <class T>
Matrix<T> maps_of(const ConvOptions& options, const Matrix<T>& filters, const Matrix<T>& images) {
  Matrix<T> maps(images.rows(), options.grid * options.grid * 2 * filters.rows());
  apply_conv(options, view(filters), view(images), span(maps), no_checkpoint());
  return maps;
}

// The normalised patch at a place, one entry at a time.
Vector<double> patch_at(const ConvOptions& options, const Vector<double>& image, Index row, Index col) {
  const Index k = options.patch, channels = options.image.channels;
  Vector<double> q = Vector<double>::Zero(options.patch_size());
  for (Index j = 0; j < q.size(); ++j) {
    const Index y = row - k / 2 + j / channels / k, x = col - k / 2 + j / channels % k;
    if (y < 0 || y >= options.image.rows || x < 0 || x >= options.image.cols) continue;
    q(j) = image((y * options.image.cols + x) * channels + j % channels);
  }
  q.array() -= q.mean();
  const double variance = q.squaredNorm() / static_cast<double>(q.size());
  return options.contrast > 0 ? Vector<double>(q / std::sqrt(variance + options.contrast)) : q;
}

// Whether cell i sees a place: rounded to whole places, it reaches overlap / 2 of a side beyond both of its ends.
bool sees(Index i, Index place, Index places, const ConvOptions& options) {
  const double side = static_cast<double>(places) / static_cast<double>(options.grid);
  const auto cell = static_cast<double>(i), at = static_cast<double>(place);
  return at >= std::floor(side * (cell - options.overlap / 2) + 0.5) &&
         at < std::floor(side * (cell + 1 + options.overlap / 2) + 0.5);
}

// The cell averages: squares of the maps.
Matrix<double> true_averages(const ConvOptions& options, const Matrix<double>& F, const Matrix<double>& images) {
  const Index g = options.grid, m = F.rows();
  const Index down = (options.image.rows + options.stride - 1) / options.stride;
  const Index across = (options.image.cols + options.stride - 1) / options.stride;
  Matrix<double> averages = Matrix<double>::Zero(images.rows(), g * g * 2 * m);
  for (Index n = 0; n < images.rows(); ++n) {
    for (Index cell = 0; cell < g * g; ++cell) {
      double area = 0;
      for (Index place = 0; place < down * across; ++place) {
        const Index y = place / across, x = place % across;
        if (!sees(cell / g, y, down, options) || !sees(cell % g, x, across, options)) continue;
        const Vector<double> r =
            F * patch_at(options, images.row(n).transpose(), y * options.stride, x * options.stride);
        averages.row(n).segment(cell * 2 * m, m) += (r.array() - options.threshold).max(0.0).matrix().transpose();
        averages.row(n).segment(cell * 2 * m + m, m) += (-r.array() - options.threshold).max(0.0).matrix().transpose();
        ++area;
      }
      averages.row(n).segment(cell * 2 * m, 2 * m) /= area;
    }
  }
  return averages;
}

template <class T>
Matrix<double> squares(const Matrix<T>& maps) {
  return maps.template cast<double>().cwiseAbs2();
}

const std::vector<ConvOptions> cases = {
    options_of({1, 1, 1}, 1),
    options_of({1, 1, 3}, 5, 1, 1, 1.0),
    options_of({4, 7, 1}, 3, 1, 2),
    options_of({5, 3, 3}, 5, 1, 3, 0.5),
    options_of({3, 4, 1}, 9, 1, 2, 1.0),  // the patch is larger than the image
    options_of({8, 8, 3}, 1, 2, 4, 0.5),
    options_of({9, 6, 1}, 3, 2, 2, 1.0),
    options_of({10, 10, 1}, 3, 1, 7),  // the grid does not divide the side
};

// Mean-free rows, as patches are.
template <class T>
Matrix<T> patches_of(unsigned seed, Index n, Index d) {
  const Matrix<double> Q = random_matrix(seed, n, d) * random_matrix(seed + 1, d, d);
  return (Q.colwise() - Q.rowwise().mean()).template cast<T>();
}

}  // namespace

TEST_CASE_TEMPLATE("maps are square roots of cell averages of the responses' positive and negative parts", T, float,
                   double) {
  for (ConvOptions options : cases) {
    for (const double contrast : {0.0, 0.3}) {
      options.contrast = contrast;
      options.threshold = contrast / 2;
      CAPTURE(options.patch);
      CAPTURE(options.image.rows);
      const Matrix<T> images = random_matrix<T>(1, 3, options.image.size());
      const Matrix<T> filters = random_matrix<T>(2, 4, options.patch_size());
      const Matrix<double> expected =
          true_averages(options, filters.template cast<double>(), images.template cast<double>());
      CHECK(difference(squares(maps_of(options, filters, images)), expected) < 50 * epsilon<T>());
    }
  }
}

TEST_CASE_TEMPLATE("blocks of images, rows apart in memory and threads do not matter", T, float, double) {
  const KeepThreads keep;
  const ConvOptions options = options_of({16, 16, 1}, 3, 1, 4);
  const Matrix<T> wide = random_matrix<T>(3, 150, 300);
  const Matrix<T> images = wide.leftCols(256), filters = random_matrix<T>(4, 40, 9);
  const Matrix<double> expected =
      true_averages(options, filters.template cast<double>(), images.template cast<double>());
  for (const int threads : {1, 2}) {
    set_num_threads(threads);
    CHECK(difference(squares(maps_of(options, filters, images)), expected) < 50 * epsilon<T>());
    Matrix<T> room = Matrix<T>::Constant(150, 1300, T(7));
    MatrixSpan<T> whole = span(room);
    apply_conv(options, view(filters), block(view(wide), 0, 0, 150, 256), block(whole, 0, 0, 150, 1280),
               no_checkpoint());
    CHECK(difference(squares<T>(room.leftCols(1280)), expected) < 50 * epsilon<T>());
    CHECK(room.rightCols(20).isConstant(T(7), T(0)));
  }
}

TEST_CASE_TEMPLATE("a constant changes nothing inside, and a scale comes out as its square root", T, float, double) {
  const ConvOptions options = options_of({9, 8, 3}, 3, 1, 8);
  const Matrix<T> images = random_matrix<T>(5, 2, options.image.size());
  const Matrix<T> filters = random_matrix<T>(6, 4, options.patch_size());
  const Matrix<T> plain = maps_of(options, filters, images);
  CHECK(identical(maps_of<T>(options, filters, images * T(16)), plain * T(4)));
  const Matrix<T> moved = maps_of<T>(options, filters, (images.array() + T(2)).matrix());
  const Matrix<T> constant = maps_of<T>(options, filters, Matrix<T>::Constant(1, options.image.size(), T(3)));
  for (Index i = 1; i < 7; ++i) {  // cells off the border
    const Index first = (i * 8 + 1) * 8, width = 6 * 8;
    CHECK(difference(squares<T>(moved.middleCols(first, width)), squares<T>(plain.middleCols(first, width))) <
          50 * epsilon<T>());
    CHECK(constant.middleCols(first, width).isZero(0));
  }
  CHECK(constant.maxCoeff() > 0);  // zeros beyond the border are an edge
  const Matrix<T> single = random_matrix<T>(7, 3, 30);
  CHECK(maps_of<T>(options_of({5, 6, 1}, 1, 1, 5), Matrix<T>::Ones(2, 1), single).isZero(0));
}

TEST_CASE_TEMPLATE("sampled patches are the normalised patches of places of images", T, float, double) {
  for (ConvOptions options : cases) {
    options.contrast = 0.3;
    const Matrix<T> images = random_matrix<T>(8, 3, options.image.size());
    const Matrix<T> patches = sample_patches<T>(options, view(images), {5, 1}, 20);
    for (Index i = 0; i < 20; ++i) {
      const Vector<double> q = patches.row(i).transpose().template cast<double>();
      double nearest = std::numeric_limits<double>::infinity();
      for (Index n = 0; n < 3; ++n) {
        for (Index place = 0; place < options.image.rows * options.image.cols; ++place) {
          const Vector<double> image = images.row(n).transpose().template cast<double>();
          const Vector<double> expected =
              patch_at(options, image, place / options.image.cols, place % options.image.cols);
          nearest = std::min(nearest, (q - expected).norm());
        }
      }
      CHECK(nearest < 100 * epsilon<T>());
    }
    CHECK(identical(sample_patches<T>(options, view(images), {5, 1}, 7), patches.topRows(7)));
  }
}

TEST_CASE_TEMPLATE("eigen filters are orthonormal, uncorrelated on the patches and ordered by variance", T, float,
                   double) {
  const Matrix<T> patches = patches_of<T>(9, 200, 18);
  const Matrix<T> filters = make_filters(FilterKind::eigen, view(patches), 18, 0);
  const Matrix<double> F = filters.template cast<double>();
  CHECK(difference(F * F.transpose(), Matrix<double>::Identity(18, 18)) < 10 * epsilon<T>());
  const Matrix<double> R = patches.template cast<double>() * F.transpose();
  const Matrix<double> C = R.transpose() * R / 200;
  CHECK(difference(C, Matrix<double>(C.diagonal().asDiagonal())) < 10 * epsilon<T>());
  for (Index j = 1; j < 18; ++j) CHECK(C(j, j) <= C(j - 1, j - 1) + epsilon<T>() * C(0, 0));
  CHECK(identical(make_filters(FilterKind::eigen, view(patches), 3, 0), filters.topRows(3)));
}

TEST_CASE_TEMPLATE("whitened filters are C^-1 q of the first patches with responses of variance 1", T, float, double) {
  const Matrix<T> patches = patches_of<T>(11, 300, 9);
  const Matrix<double> Q = patches.template cast<double>();
  const Matrix<double> C = Q.transpose() * Q / 300;
  for (const double whitening : {0.0, 1e-3, 0.1}) {
    const Matrix<double> F = make_filters(FilterKind::patches, view(patches), 5, whitening).template cast<double>();
    CHECK(difference((Q * F.transpose()).colwise().squaredNorm() / 300, Matrix<double>::Ones(1, 5)) <
          100 * epsilon<T>());
    // (C + w I) f is the patch, up to its length.
    const Matrix<double> back = F * (C + whitening * C.trace() / 9 * Matrix<double>::Identity(9, 9));
    CHECK(difference(back.rowwise().normalized(), Q.topRows(5).rowwise().normalized()) < 1000 * epsilon<T>());
    CHECK(F.rowwise().sum().norm() < 0.01 * F.norm());  // no answer to the mean that patches do not have
  }
}

TEST_CASE_TEMPLATE("filters of patches of low rank, or of zeros, are finite", T, float, double) {
  const Matrix<T> flat = Matrix<T>::Zero(6, 9);
  const Matrix<T> low = patches_of<T>(13, 2, 9).replicate(3, 1);
  for (const double whitening : {0.0, 0.1}) {
    for (const FilterKind kind : {FilterKind::eigen, FilterKind::patches}) {
      CHECK(make_filters(kind, view(flat), 4, whitening).allFinite());
      CHECK(make_filters(kind, view(low), 4, whitening).allFinite());
    }
    const Matrix<T> filters = make_filters(FilterKind::patches, view(low), 2, whitening);
    const Matrix<T> responses = low * filters.transpose();
    CHECK(difference(responses.colwise().squaredNorm() / T(6), Matrix<double>::Ones(1, 2)) < 100 * epsilon<T>());
  }
}

TEST_CASE("mistakes in the options of a stage are refused, and an interrupt passes through") {
  constexpr Index huge = Index{1} << 32;
  const Matrix<double> images = random_matrix(14, 2, 16), filters = random_matrix(15, 3, 9);
  std::vector<ConvOptions> wrong(13, options_of({4, 4, 1}, 3, 1, 2));
  wrong[0].image = {4, 5, 1};
  wrong[1].image = {16, 1, 0};
  wrong[2].image = {-4, -4, 1};
  wrong[3].image = {huge, huge, huge};
  wrong[4].patch = 2;
  wrong[5].patch = huge + 1;
  wrong[6].stride = 0;
  wrong[7].grid = 0;
  wrong[8].grid = 5;
  wrong[9].overlap = 1.1;
  wrong[10].overlap = std::nan("");
  wrong[11].contrast = -1;
  wrong[12].threshold = HUGE_VAL;
  for (const ConvOptions& options : wrong) {
    Matrix<double> maps(2, 24);
    CHECK_THROWS_AS(apply_conv(options, view(filters), view(images), span(maps), no_checkpoint()),
                    std::invalid_argument);
    CHECK_THROWS_AS(sample_patches(options, view(images), {}, 5), std::invalid_argument);
  }
  const ConvOptions options = options_of({4, 4, 1}, 3, 1, 2);
  Matrix<double> maps(2, 24), narrow(2, 23);
  const Matrix<double> none(0, 16), other = random_matrix(16, 3, 8);
  CHECK_THROWS_AS(apply_conv(options, view(filters), view(images), span(narrow), no_checkpoint()),
                  std::invalid_argument);
  CHECK_THROWS_AS(apply_conv(options, view(other), view(images), span(maps), no_checkpoint()), std::invalid_argument);
  CHECK_THROWS_AS(sample_patches(options, view(none), {}, 5), std::invalid_argument);
  CHECK_THROWS_AS(sample_patches(options, view(images), {}, 0), std::invalid_argument);
  const Checkpoint stop = [] { throw std::runtime_error("interrupted"); };
  CHECK_THROWS_WITH(apply_conv(options, view(filters), view(images), span(maps), stop), "interrupted");
  Matrix<double> empty(0, 24);
  apply_conv(options, view(filters), view(none), span(empty), no_checkpoint());
}

TEST_CASE("filters refuse more filters than there are, no patches, and a whitening that is no number") {
  const Matrix<double> patches = patches_of<double>(17, 20, 9), none(0, 9), hollow(20, 0);
  CHECK_THROWS_AS(make_filters(FilterKind::eigen, view(patches), 0, 0), std::invalid_argument);
  CHECK_THROWS_AS(make_filters(FilterKind::eigen, view(patches), 10, 0), std::invalid_argument);
  CHECK_THROWS_AS(make_filters(FilterKind::patches, view(patches), 21, 0), std::invalid_argument);
  CHECK_THROWS_AS(make_filters(FilterKind::eigen, view(none), 1, 0), std::invalid_argument);
  CHECK_THROWS_AS(make_filters(FilterKind::patches, view(hollow), 1, 0), std::invalid_argument);
  for (const double whitening : {-1.0, std::nan(""), HUGE_VAL}) {
    CHECK_THROWS_AS(make_filters(FilterKind::patches, view(patches), 2, whitening), std::invalid_argument);
  }
}
