// SPDX-License-Identifier: BSD-3-Clause
// A subsystem's prediction against its parts composed by hand, and the sampling of rows and folds.
#include <algorithm>
#include <map>
#include <set>

#include "helpers.hpp"
#include "sstpl/subsystem.hpp"

using namespace sstpl;
using namespace sstpl::testing;

namespace {

// Two encoders, two backward layers and a fusion of [F_2, X, B_2, B_1], all of random numbers. The backward scores
// are 3 wide where there are prototypes, and 5 wide where they are the features themselves.
template <class T>
struct System {
  explicit System(bool has_prototypes) : prototypes(has_prototypes) {
    const MatrixView<T> none(nullptr, 0, 0, Eigen::OuterStride<>(0));
    parts.encoders.push_back(view(first));
    parts.encoders.push_back(view(second));
    parts.backward.push_back({view(W1), view(b), prototypes ? view(P1) : none});
    parts.backward.push_back({view(W2), view(b), prototypes ? view(P2) : none});
    parts.forward_blocks = {2, 0};
    parts.backward_blocks = {2, 1};
  }
  System(const System&) = delete;
  System& operator=(const System&) = delete;

  static Matrix<double> tanh(const Matrix<double>& Z) { return Z.array().tanh(); }
  static Matrix<double> wide(const Matrix<T>& A) { return A.template cast<double>(); }
  static Matrix<double> row(const Vector<T>& v) { return v.transpose().template cast<double>(); }

  static Matrix<double> ranged(const Matrix<double>& Z, const Vector<T>& low, const Vector<T>& scale) {
    return (Z.rowwise() - row(low).row(0)) * scale.template cast<double>().asDiagonal();
  }
  Matrix<double> backward(const Matrix<double>& B, const Matrix<T>& weights, const Matrix<T>& P) const {
    const Matrix<double> scores = (B * wide(weights)).rowwise() + row(b).row(0);
    return tanh(prototypes ? Matrix<double>(scores * wide(P)) : scores);
  }
  Matrix<double> predict_by_hand() const {
    const Matrix<double> F1 = ranged(tanh(wide(X) * wide(first.weights).transpose()), first.low, first.scale);
    const Matrix<double> F2 = ranged(tanh(F1 * wide(second.weights).transpose()), second.low, second.scale);
    const Matrix<double> B1 = backward(wide(X), W1, P1);
    const Matrix<double> B2 = backward(B1, W2, P2);
    Matrix<double> Z(X.rows(), 4 + 6 + 5 + 5);
    Z << F2, wide(X), B2, B1;
    const Matrix<double> A = wide(hidden.weights);
    const Matrix<double> H = ((ranged(Z, low, scale) * A.transpose()).rowwise() + row(hidden.bias).row(0)).cwiseMax(0);
    return (H * wide(W)).rowwise() + row(intercept).row(0);
  }

  static Vector<T> vector(unsigned seed, Index size) { return random_matrix<T>(seed, size, 1); }
  bool prototypes;
  Matrix<T> X = random_matrix<T>(1, 40, 6);
  Encoder<T> first{random_matrix<T>(2, 7, 6), Activation::tanh, vector(3, 7), vector(4, 7)};
  Encoder<T> second{random_matrix<T>(5, 4, 7), Activation::tanh, vector(6, 4), vector(7, 4)};
  Matrix<T> W1 = random_matrix<T>(8, 6, prototypes ? 3 : 5), W2 = random_matrix<T>(9, 5, prototypes ? 3 : 5);
  Vector<T> b = vector(10, prototypes ? 3 : 5);
  Matrix<T> P1 = random_matrix<T>(11, 3, 5), P2 = random_matrix<T>(12, 3, 5);
  Vector<T> low = vector(13, 20), scale = vector(14, 20);
  HiddenLayer<T> hidden{random_matrix<T>(15, 30, 20), vector(16, 30), Activation::relu};
  Matrix<T> W = random_matrix<T>(17, 30, 2);
  Vector<T> intercept = vector(18, 2);
  SubsystemView<T> parts{{}, {}, Activation::tanh,
                         {}, {}, {view(low), view(scale), view(hidden), view(W), view(intercept)}};
};

std::vector<std::int64_t> uneven_labels() {
  std::vector<std::int64_t> labels;
  for (int i = 0; i < 203; ++i) labels.push_back(i % 10 == 0 ? -5 : i % 3 == 0 ? 7 : 1000);
  labels[100] = 3;  // a class of one
  return labels;
}

}  // namespace

TEST_CASE_TEMPLATE("a prediction is its parts composed by hand, in batches of any size", T, float, double) {
  for (const bool prototypes : {false, true}) {
    const System<T> system(prototypes);
    const Matrix<double> expected = system.predict_by_hand();
    for (const Index block_rows : {1, 7, 40, 4096}) {
      Matrix<T> S(40, 2);
      predict_subsystem(system.parts, view(system.X), block_rows, span(S), no_checkpoint());
      CHECK(difference(S, expected) < 200 * epsilon<T>());
    }
    Matrix<T> S(11, 2);
    predict_subsystem(system.parts, block(view(system.X), 13, 0, 11, 6), 4, span(S), no_checkpoint());
    CHECK(difference(S, expected.middleRows(13, 11)) < 200 * epsilon<T>());
    Matrix<T> none(0, 2);
    predict_subsystem(system.parts, block(view(system.X), 0, 0, 0, 6), 4, span(none), no_checkpoint());
  }
}

TEST_CASE("a prediction refuses levels it does not have, wrong shapes and empty blocks, and can be interrupted") {
  System<double> system(true);
  Matrix<double> S(40, 2), narrow(40, 1);
  const auto predict = [&](Index block_rows, Matrix<double>& out) {
    predict_subsystem(system.parts, view(system.X), block_rows, span(out), no_checkpoint());
  };
  CHECK_THROWS_AS(predict(0, S), std::invalid_argument);
  CHECK_THROWS_AS(predict(10, narrow), std::invalid_argument);
  const Checkpoint stop = [] { throw std::runtime_error("interrupted"); };
  CHECK_THROWS_WITH(predict_subsystem(system.parts, view(system.X), 10, span(S), stop), "interrupted");
  for (const Index bad : {-1, 3}) {
    system.parts.forward_blocks = {bad, 0};
    CHECK_THROWS_AS(predict(10, S), std::invalid_argument);
  }
  system.parts.forward_blocks = {2, 0};
  for (const Index bad : {0, 3}) {
    system.parts.backward_blocks = {bad, 1};
    CHECK_THROWS_AS(predict(10, S), std::invalid_argument);
  }
}

TEST_CASE("a row sample is ascending, without repeats, and takes its share of every class") {
  const std::vector<std::int64_t> labels = uneven_labels();
  for (const double fraction : {1e-6, 0.3, 0.8, 1.0}) {
    const std::vector<Index> rows = sample_rows({1, 2}, labels, 203, fraction);
    CHECK(rows == sample_rows({1, 2}, labels, 203, fraction));
    CHECK(std::adjacent_find(rows.begin(), rows.end(), std::greater_equal<>()) == rows.end());
    CHECK(rows.front() >= 0);
    CHECK(rows.back() < 203);
    std::map<std::int64_t, Index> total, taken;
    for (const std::int64_t label : labels) ++total[label];
    for (const Index row : rows) ++taken[labels[static_cast<std::size_t>(row)]];
    for (const auto& [label, count] : total) {
      CHECK(taken[label] == std::max<Index>(1, std::lround(fraction * static_cast<double>(count))));
    }
  }
  CHECK(sample_rows({1, 2}, {}, 200, 0.25).size() == 50);
  CHECK(sample_rows({1, 2}, {}, 200, 0.25) != sample_rows({1, 3}, {}, 200, 0.25));
  for (const double bad : {0.0, -0.1, 1.1, std::nan("")}) {
    CHECK_THROWS_AS(sample_rows({1, 2}, labels, 203, bad), std::invalid_argument);
  }
  CHECK_THROWS_AS(sample_rows({1, 2}, labels, 204, 0.5), std::invalid_argument);
}

TEST_CASE("every row is as likely to be sampled as any other") {
  std::vector<int> hits(20, 0);
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    for (const Index row : sample_rows({seed, 0}, {}, 20, 0.25)) ++hits[static_cast<std::size_t>(row)];
  }
  for (const int n : hits) CHECK(std::abs(n - 1000) < 150);
}

TEST_CASE("folds differ by at most one row per class and by at most one row in all") {
  for (const Index n_folds : {2, 5, 10}) {
    for (const bool classes : {true, false}) {
      const std::vector<std::int64_t> labels = classes ? uneven_labels() : std::vector<std::int64_t>();
      const std::vector<Index> folds = deal_folds({3, 4}, labels, 203, n_folds);
      REQUIRE(folds.size() == 203);
      CHECK(folds == deal_folds({3, 4}, labels, 203, n_folds));
      CHECK(folds != deal_folds({4, 4}, labels, 203, n_folds));
      std::map<std::int64_t, std::vector<Index>> counts;
      std::vector<Index> sizes(static_cast<std::size_t>(n_folds), 0);
      for (std::size_t i = 0; i < 203; ++i) {
        REQUIRE(folds[i] >= 0);
        REQUIRE(folds[i] < n_folds);
        ++sizes[static_cast<std::size_t>(folds[i])];
        std::vector<Index>& of_class = counts[classes ? labels[i] : 0];
        of_class.resize(static_cast<std::size_t>(n_folds));
        ++of_class[static_cast<std::size_t>(folds[i])];
      }
      counts[-1] = sizes;
      for (const auto& [label, count] : counts) {
        const auto [low, high] = std::minmax_element(count.begin(), count.end());
        CHECK(*high - *low <= 1);
      }
    }
  }
  CHECK_THROWS_AS(deal_folds({3, 4}, {}, 10, 1), std::invalid_argument);
  CHECK_THROWS_AS(deal_folds({3, 4}, {}, 10, 11), std::invalid_argument);
  CHECK_THROWS_AS(deal_folds({3, 4}, {1, 2}, 10, 2), std::invalid_argument);
}
