// SPDX-License-Identifier: BSD-3-Clause
// What every hidden unit sees: rectangles of images, groups of columns, and every column behind them.
#include <algorithm>

#include "helpers.hpp"
#include "sstpl/hidden.hpp"

using namespace sstpl;
using namespace sstpl::testing;

namespace {

constexpr HiddenWeights all[] = {HiddenWeights::orthogonal, HiddenWeights::uniform, HiddenWeights::normal,
                                 HiddenWeights::constrained};

HiddenOptions with_fields(const ReceptiveFields& fields) {
  HiddenOptions options;
  options.n_hidden = 200;
  options.stream = {4, 2};
  options.fields = fields;
  return options;
}

template <class T>
HiddenLayer<T> draw(HiddenWeights weights, const Matrix<T>& X, HiddenOptions options) {
  options.weights = weights;
  return draw_hidden(options, Inputs<T>(view(X)));
}

// The number of places in the one rectangle where the unit's weights on an image are not zero.
template <class T>
Index rectangle(const Vector<T>& a, Index rows, Index cols, Index channels) {
  Index places = 0, top = rows, left = cols, bottom = -1, right = -1;
  for (Index place = 0; place < rows * cols; ++place) {
    const auto seen = (a.segment(place * channels, channels).array() != T(0)).eval();
    CHECK(seen.all() == seen.any());
    if (!seen.any()) continue;
    ++places;
    top = std::min(top, place / cols);
    bottom = std::max(bottom, place / cols);
    left = std::min(left, place % cols);
    right = std::max(right, place % cols);
  }
  CHECK(places == (bottom - top + 1) * (right - left + 1));
  return places;
}

}  // namespace

TEST_CASE_TEMPLATE("a unit sees one rectangle of the image and every column behind it", T, float, double) {
  const KeepThreads keep;
  const Matrix<T> X = random_matrix<T>(10, 30, 43);
  const HiddenOptions options = with_fields({5, 4, 2, 2});
  for (const HiddenWeights weights : all) {
    CAPTURE(static_cast<int>(weights));
    set_num_threads(1);
    const HiddenLayer<T> layer = draw(weights, X, options), plain = draw(weights, X, with_fields({}));
    set_num_threads(2);
    const Matrix<T> again = draw(weights, X, options).weights;
    CHECK(difference(again, layer.weights) <= (weights == HiddenWeights::orthogonal ? 1e-6 : 0));
    std::vector<Index> sizes;
    for (Index unit = 0; unit < options.n_hidden; ++unit) {
      const Vector<T> a = layer.weights.row(unit);
      sizes.push_back(rectangle(a, 5, 4, 2));
      CHECK(a.tail(3).cwiseAbs().minCoeff() > T(0));
      if (weights == HiddenWeights::constrained) {  // the two samples stay at +1 and -1
        const Vector<T> projections = (X * a).array() + layer.bias(unit);
        CHECK((projections.array() - T(1)).abs().minCoeff() < T(1e-4));
        CHECK((projections.array() + T(1)).abs().minCoeff() < T(1e-4));
      } else {  // the variance of all columns, on those that are left
        const double scale = std::sqrt(43.0 / static_cast<double>(2 * sizes.back() + 3));
        CHECK(static_cast<double>(a(42)) ==
              doctest::Approx(scale * static_cast<double>(plain.weights(unit, 42))).epsilon(1e-5));
      }
    }
    CHECK(*std::min_element(sizes.begin(), sizes.end()) == 4);
    CHECK(*std::max_element(sizes.begin(), sizes.end()) == 20);
  }
}

TEST_CASE_TEMPLATE("a field no smaller than the image is no mask", T, float, double) {
  const Matrix<T> X = random_matrix<T>(10, 30, 43);
  for (const HiddenWeights weights : all) {
    const HiddenLayer<T> plain = draw(weights, X, with_fields({})), full = draw(weights, X, with_fields({4, 4, 2, 4}));
    CHECK(identical(full.weights, plain.weights));
    CHECK(identical(full.bias, plain.bias));
  }
}

TEST_CASE("receptive fields refuse an image that is not there and sides that it does not have") {
  const Matrix<double> X = random_matrix(11, 6, 12);
  constexpr Index huge = Index{1} << 32;
  const std::vector<ReceptiveFields> wrong = {{4, 4, 1, 1}, {4, 3, 2, 1}, {-1, 3, 1, 1}, {4, 0, 1, 1},
                                              {4, 3, 0, 1}, {4, 3, 1, 0}, {4, 3, 1, 4},  {huge, huge, 1, 1}};
  for (const ReceptiveFields& fields : wrong) {
    for (const HiddenWeights weights : all) {
      CHECK_THROWS_AS(draw(weights, X, with_fields(fields)), std::invalid_argument);
    }
  }
}

TEST_CASE_TEMPLATE("a unit sees all or nothing of a group, at least one, and every column behind them", T, float,
                   double) {
  const Matrix<T> X = random_matrix<T>(12, 30, 11);
  ReceptiveFields fields;
  fields.groups = {0, 1, 1, 2, 3, 3, 3, 4};
  for (const HiddenWeights weights : all) {
    CAPTURE(static_cast<int>(weights));
    const HiddenLayer<T> layer = draw(weights, X, with_fields(fields));
    std::vector<Index> seen_by(5, 0);
    for (Index unit = 0; unit < layer.weights.rows(); ++unit) {
      const Vector<T> a = layer.weights.row(unit);
      CHECK(a.tail(3).cwiseAbs().minCoeff() > T(0));
      CHECK((a(1) == T(0)) == (a(2) == T(0)));
      CHECK((a(4) == T(0)) == (a(5) == T(0)));
      CHECK((a(5) == T(0)) == (a(6) == T(0)));
      CHECK(a.head(8).cwiseAbs().maxCoeff() > T(0));
      for (const Index j : {0, 1, 3, 4, 7})
        seen_by[static_cast<std::size_t>(fields.groups[static_cast<std::size_t>(j)])] += a(j) != T(0);
    }
    for (const Index count : seen_by) CHECK(count > 50);  // of 200 units, about 100
  }
}

TEST_CASE("groups that are not numbered from 0, too many, or beside an image are refused") {
  const Matrix<double> X = random_matrix(13, 6, 4);
  std::vector<ReceptiveFields> wrong(4);
  wrong[0].groups = {0, -1};
  wrong[1].groups = {0, 2};
  wrong[2].groups = {0, 1, 2, 3, 0};
  wrong[3] = {2, 2, 1, 1, {0, 1}};
  for (const ReceptiveFields& fields : wrong) {
    CHECK_THROWS_AS(draw(HiddenWeights::normal, X, with_fields(fields)), std::invalid_argument);
  }
}
