// SPDX-License-Identifier: BSD-3-Clause
// Sums of a layer that grows, against the sums of its features; and wider layers against those of the whole layer.
#include "helpers.hpp"
#include "sstpl/growing.hpp"

using namespace sstpl;
using namespace sstpl::testing;

namespace {

template <class T>
struct Problem {
  explicit Problem(Index n_rows, Index units = 9)
      : Z(random_matrix<T>(1, n_rows, 4)),
        Y(random_matrix<T>(2, n_rows, 2)),
        layer{random_matrix<T>(3, units, 4), Vector<T>(random_matrix<T>(4, units, 1)), Activation::tanh},
        shift(random_matrix<T>(5, units, 1) / T(8)) {}

  // The leading p units of the layer.
  HiddenView<T> leading(Index p) const {
    return {MatrixView<T>(layer.weights.data(), p, 4, Eigen::OuterStride<>(4)), VectorView<T>(layer.bias.data(), p),
            layer.activation};
  }
  Sums sums(Index p) const {
    Sums found(p, 2);
    add_hidden_rows(found, leading(p), VectorView<T>(shift.data(), p), view(Z), view(Y), no_weights(), [] {});
    return found;
  }
  Sums wider(const Sums& sums) const {
    return widened(sums, view(layer), view(shift), view(Z), view(Y), [] {});
  }

  Matrix<T> Z, Y;
  HiddenLayer<T> layer;
  Vector<T> shift;
};

Matrix<double> upper(const Sums& sums) {
  Matrix<double> G = Matrix<double>::Zero(sums.n_features(), sums.n_features());
  sums.gram.add_to_upper(span(G));
  return G;
}

void check_same(const Sums& found, const Sums& expected, double tolerance) {
  CHECK(difference(upper(found), upper(expected)) < tolerance);
  CHECK(difference(found.cross, expected.cross) < tolerance);
  CHECK(difference(found.feature_sums, expected.feature_sums) < tolerance);
  CHECK(difference(found.target_sums, expected.target_sums) < tolerance);
  CHECK(difference(found.target_squares, expected.target_squares) < tolerance);
  CHECK(found.feature_rounding == expected.feature_rounding);
  CHECK(found.weight == expected.weight);
  CHECK(found.n_samples == expected.n_samples);
  CHECK(found.roundoff == expected.roundoff);
}

}  // namespace

TEST_CASE("a row of weight k is added as k copies of it") {
  const Problem<double> problem(growing_block_rows + 7);
  const Index n = problem.Z.rows();
  Vector<double> weights(n);
  for (Index i = 0; i < n; ++i) weights(i) = static_cast<double>(i % 3);
  Sums found(9, 2), expected(9, 2);
  const auto add = [&](Sums& sums, const Matrix<double>& Z, const Matrix<double>& Y, const VectorView<double>& w) {
    add_hidden_rows(sums, view(problem.layer), view(problem.shift), view(Z), view(Y), w, [] {});
  };
  add(found, problem.Z, problem.Y, view(weights));
  for (Index copies = 1; copies < 3; ++copies) {
    std::vector<Index> rows;
    for (Index i = 0; i < n; ++i) {
      if (i % 3 >= copies) rows.push_back(i);
    }
    add(expected, problem.Z(rows, Eigen::all), problem.Y(rows, Eigen::all), no_weights());
  }
  CHECK(difference(upper(found), upper(expected)) < 1e-10);
  CHECK(difference(found.cross, expected.cross) < 1e-10);
  CHECK(found.weight == expected.weight);
  CHECK_THROWS_AS(add(found, problem.Z, problem.Y, view(Vector<double>(weights.head(5)))), std::invalid_argument);
}

TEST_CASE_TEMPLATE("sums of hidden rows are those of the features less the shift, over blocks of rows", T, float,
                   double) {
  for (const Index n : {Index{0}, Index{1}, growing_block_rows + 7}) {
    const Problem<T> problem(n);
    const Sums found = problem.sums(9);
    const Matrix<double> Z =
        problem.Z.template cast<double>() * problem.layer.weights.template cast<double>().transpose();
    Matrix<double> H = (Z.rowwise() + problem.layer.bias.template cast<double>().transpose()).array().tanh();
    H.rowwise() -= problem.shift.template cast<double>().transpose();
    const Matrix<double> G = (H.transpose() * H).template triangularView<Eigen::Upper>();
    CHECK(difference(upper(found), G) < 20 * epsilon<T>());
    CHECK(difference(found.cross, H.transpose() * problem.Y.template cast<double>()) < 200 * epsilon<T>());
    CHECK(found.n_samples == n);
    const Vector<double> rounding = 4 * epsilon<T>() * problem.shift.cwiseAbs().template cast<double>();
    CHECK(difference(found.feature_rounding, rounding) < 1e-15);
  }
}

TEST_CASE_TEMPLATE("sums of some units, widened, are those of all units", T, float, double) {
  const Problem<T> problem(growing_block_rows + 7);
  for (const Index p : {0, 1, 5, 9}) check_same(problem.wider(problem.sums(p)), problem.sums(9), 50 * epsilon<T>());
}

TEST_CASE("a wider layer may cross from one panel of the packed matrix to several") {
  const Problem<double> problem(30, 1100);
  check_same(problem.wider(problem.sums(1000)), problem.sums(1100), 1e-13);
}

TEST_CASE_TEMPLATE("the order of rows does not matter to a wider layer, and other rows are refused", T, float, double) {
  const Problem<T> problem(200);
  const Sums sums = problem.sums(5);
  Problem<T> other = problem;
  other.Z = problem.Z.colwise().reverse();
  other.Y = problem.Y.colwise().reverse();
  check_same(other.wider(sums), problem.sums(9), 50 * epsilon<T>());
  other.Y.row(3) = other.Y.row(4);
  CHECK_THROWS_AS(other.wider(sums), std::invalid_argument);
  other.Y = problem.Y.colwise().reverse();
  other.Z.row(3) = other.Z.row(4);
  CHECK_THROWS_AS(other.wider(sums), std::invalid_argument);
  CHECK_THROWS_AS(Problem<T>(199).wider(sums), std::invalid_argument);
}

TEST_CASE("sums of which rows were taken away again are widened by the rows that are left") {
  const Problem<double> all(300);
  Problem<double> some = all;
  some.Z = all.Z.topRows(100);
  some.Y = all.Y.topRows(100);
  Problem<double> rest = all;
  rest.Z = all.Z.bottomRows(200);
  rest.Y = all.Y.bottomRows(200);
  Sums sums = all.sums(5);
  subtract(sums, rest.sums(5));
  check_same(some.wider(sums), some.sums(9), 1e-13);
}

TEST_CASE("shapes that do not fit are refused") {
  const Problem<double> problem(10);
  CHECK_THROWS_AS(problem.wider(Sums(10, 2)), std::invalid_argument);
  CHECK_THROWS_AS(problem.wider(Sums(5, 3)), std::invalid_argument);
  Sums sums(8, 2);
  CHECK_THROWS_AS(add_hidden_rows(sums, view(problem.layer), view(problem.shift), view(problem.Z), view(problem.Y),
                                  no_weights(), [] {}),
                  std::invalid_argument);
  const Vector<double> shorter = problem.shift.head(8);
  CHECK_THROWS_AS(
      add_hidden_rows(sums, view(problem.layer), view(shorter), view(problem.Z), view(problem.Y), no_weights(), [] {}),
      std::invalid_argument);
}
