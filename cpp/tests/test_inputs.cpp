// SPDX-License-Identifier: BSD-3-Clause
// Blocks of columns side by side, made features, and the range of their columns.
#include "helpers.hpp"
#include "sstpl/inputs.hpp"

using namespace sstpl;
using namespace sstpl::testing;

TEST_CASE_TEMPLATE("rows are the blocks side by side, with prototypes multiplied out and activated", T, float, double) {
  const Matrix<T> X = random_matrix<T>(1, 30, 8);
  const Matrix<T> S = random_matrix<T>(2, 30, 3);
  const Matrix<T> P = random_matrix<T>(3, 3, 4);
  Inputs<T> inputs(block(view(X), 0, 2, 30, 5));
  inputs.add({view(S), view(P), Activation::tanh});
  inputs.add(InputBlock<T>{view(S)});
  CHECK(inputs.n_rows() == 30);
  CHECK(inputs.n_columns() == 12);
  CHECK(inputs.as_array() == nullptr);
  Matrix<double> expected(30, 12);
  const Matrix<double> made = (S.template cast<double>() * P.template cast<double>()).array().tanh();
  expected << X.middleCols(2, 5).template cast<double>(), made, S.template cast<double>();
  for (const Index row : {0, 7, 30}) {
    for (const Index rows : {0, 1, 30 - int(row)}) {
      if (row + rows > 30) continue;
      Matrix<T> Z(rows, 12);
      inputs.fill(row, span(Z));
      CHECK(difference(Z, expected.middleRows(row, rows)) < 8 * epsilon<T>());
    }
  }
}

TEST_CASE_TEMPLATE("a range shows every column as (z - low) scale", T, float, double) {
  const Matrix<T> X = random_matrix<T>(4, 300, 3);
  const Vector<T> low = random_matrix<T>(5, 3, 1);
  const Vector<T> scale = random_matrix<T>(6, 3, 1);
  Inputs<T> inputs(view(X));
  inputs.set_range(view(low), view(scale));
  Matrix<T> Z(250, 3);
  inputs.fill(40, span(Z));
  for (Index j = 0; j < 3; ++j) {
    const Vector<double> z = X.col(j).segment(40, 250).template cast<double>();
    const Vector<double> expected = (z.array() - double(low(j))) * double(scale(j));
    CHECK(difference(Z.col(j), expected) < 8 * epsilon<T>());
  }
}

TEST_CASE("a single array is read in place, and nothing else is") {
  const Matrix<double> X = random_matrix(7, 5, 3);
  const Matrix<double> P = random_matrix(8, 3, 2);
  Inputs<double> inputs(view(X));
  REQUIRE(inputs.as_array() != nullptr);
  CHECK(inputs.as_array()->data() == X.data());
  const Vector<double> low = Vector<double>::Zero(3);
  inputs.set_range(view(low), view(low));
  CHECK(inputs.as_array() == nullptr);
  Inputs<double> made, none;
  made.add({view(X), view(P), Activation::identity});
  CHECK(made.as_array() == nullptr);
  CHECK(none.as_array() == nullptr);
  CHECK(none.n_columns() == 0);
}

TEST_CASE_TEMPLATE("the range of the columns is over all rows and brings them into 0 to 1", T, float, double) {
  for (const Index n : {1, 2048, 2049, 5000}) {
    CAPTURE(n);
    Matrix<T> X = random_matrix<T>(9, n, 4);
    X.col(2).setConstant(T(0.1));
    X(n - 1, 0) = T(50);
    X(n / 2, 1) = T(-60);
    Inputs<T> inputs(view(X));
    const ColumnRange<T> range = column_range(inputs, no_checkpoint());
    for (Index j = 0; j < 4; ++j) {
      CHECK(range.low(j) == X.col(j).minCoeff());
      const T width = X.col(j).maxCoeff() - X.col(j).minCoeff();
      CHECK(range.scale(j) == (width > 0 ? T(1) / width : T(0)));
    }
    inputs.set_range(view(range.low), view(range.scale));
    Matrix<T> Z(n, 4);
    inputs.fill(0, span(Z));
    CHECK(Z.minCoeff() == T(0));
    CHECK(Z.maxCoeff() <= T(1));
    if (n > 1) CHECK(Z(n - 1, 0) >= 1 - epsilon<T>());
    CHECK(Z.col(2).isZero(0));
  }
}

TEST_CASE_TEMPLATE("a column whose values differ by denormals stays finite", T, float, double) {
  Matrix<T> X = Matrix<T>::Zero(3, 1);
  X(1, 0) = 5 * std::numeric_limits<T>::denorm_min();
  Inputs<T> inputs(view(X));
  const ColumnRange<T> range = column_range(inputs, no_checkpoint());
  inputs.set_range(view(range.low), view(range.scale));
  Matrix<T> Z(3, 1);
  inputs.fill(0, span(Z));
  CHECK(Z.allFinite());
}

TEST_CASE("no rows have the range 0 with scale 0") {
  const Matrix<double> X(0, 2);
  const ColumnRange<double> range = column_range(Inputs<double>(view(X)), no_checkpoint());
  CHECK(range.low.isZero(0));
  CHECK(range.scale.isZero(0));
}

TEST_CASE("an interrupt between blocks of rows passes through") {
  const Matrix<double> X = random_matrix(10, 5000, 1);
  int calls = 0;
  const Checkpoint stop = [&] {
    if (++calls == 2) throw std::runtime_error("interrupted");
  };
  CHECK_THROWS_AS(column_range(Inputs<double>(view(X)), stop), std::runtime_error);
  CHECK(calls == 2);
}

TEST_CASE("blocks, prototypes, ranges and rows that do not fit are refused") {
  const Matrix<double> X = random_matrix(11, 6, 3);
  const Matrix<double> taller = random_matrix(12, 7, 3);
  const Matrix<double> P = random_matrix(13, 4, 2);
  const Vector<double> two = Vector<double>::Zero(2), three = Vector<double>::Zero(3);
  Inputs<double> inputs(view(X));
  CHECK_THROWS_AS(inputs.add(InputBlock<double>{view(taller)}), std::invalid_argument);
  CHECK_THROWS_AS(inputs.add({view(X), view(P), Activation::tanh}), std::invalid_argument);
  CHECK_THROWS_AS(inputs.set_range(view(two), view(three)), std::invalid_argument);
  CHECK_THROWS_AS(inputs.set_range(view(three), view(two)), std::invalid_argument);
  Matrix<double> Z(4, 3), narrow(4, 2);
  CHECK_THROWS_AS(inputs.fill(3, span(Z)), std::invalid_argument);
  CHECK_THROWS_AS(inputs.fill(-1, span(Z)), std::invalid_argument);
  CHECK_THROWS_AS(inputs.fill(0, span(narrow)), std::invalid_argument);
  inputs.set_range(view(three), view(three));
  CHECK_THROWS_AS(inputs.add(InputBlock<double>{view(X)}), std::invalid_argument);
}
