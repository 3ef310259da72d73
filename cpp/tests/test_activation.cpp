// SPDX-License-Identifier: BSD-3-Clause
// Activations against the functions of std in long double, for every instruction set of this machine.
#include <algorithm>

#include "../src/act_kernels.hpp"
#include "helpers.hpp"
#include "sstpl/activation.hpp"
#include "sstpl/simd.hpp"

using namespace sstpl;
using namespace sstpl::testing;

namespace {

constexpr Activation all[] = {Activation::identity, Activation::tanh,       Activation::sigmoid,
                              Activation::relu,     Activation::leaky_relu, Activation::gelu};

template <class T>
long double truth(Activation activation, T x) {
  const long double z = x;
  switch (activation) {
    case Activation::tanh:
      return std::tanh(z);
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-z));
    case Activation::relu:
      return z < 0 ? 0 : z;
    case Activation::leaky_relu:
      return z < 0 ? static_cast<long double>(T(0.01)) * z : z;
    case Activation::gelu:
      return z * std::erfc(-z / std::sqrt(2.0L)) / 2;
    default:
      return z;
  }
}

// Every scale from the denormals up, both signs, and the ranges where the functions bend, finely.
template <class T>
Vector<T> arguments() {
  std::vector<T> x;
  using Limits = std::numeric_limits<T>;
  for (int k = Limits::min_exponent - Limits::digits; k < Limits::max_exponent; ++k) {
    for (const double m : {1.0, 1.37, 1.71}) x.insert(x.end(), {std::ldexp(T(m), k), -std::ldexp(T(m), k)});
  }
  for (T a = T(0.5); a < T(12); a += T(0.0037)) x.insert(x.end(), {a, -a});
  for (T a = T(12); a < T(800); a += T(0.31)) x.insert(x.end(), {a, -a});
  return Eigen::Map<const Vector<T>>(x.data(), static_cast<Index>(x.size()));
}

// Absolute errors of a few roundings of 1 are allowed: 4e-7 in float. GELU's far tail is that of exp(-x^2).
template <class T>
bool close(T got, long double want) {
  const T rounded = static_cast<T>(want);
  const T spacing = std::nextafter(std::abs(rounded), std::numeric_limits<T>::infinity()) - std::abs(rounded);
  const long double error = std::abs(static_cast<long double>(got) - want);
  return error <= 8 * static_cast<long double>(spacing) || error <= 3.4L * std::numeric_limits<T>::epsilon();
}

detail::FloatKernel kernel(const detail::KernelTable& table, Activation s, float) {
  return table.float_kernels[static_cast<int>(s)];
}
detail::DoubleKernel kernel(const detail::KernelTable& table, Activation s, double) {
  return table.double_kernels[static_cast<int>(s)];
}

std::vector<const detail::KernelTable*> usable_tables() {
  std::vector<const detail::KernelTable*> tables = {&detail::base_kernels()};
#if defined(__x86_64__)
  if (simd() != Simd::base && detail::avx2_kernels() != nullptr) tables.push_back(detail::avx2_kernels());
  if (simd() >= Simd::avx512) tables.push_back(detail::avx512_kernels());
#endif
  return tables;
}

// s(x) through the public door, without bias or shift; -0 is the number that adds nothing to any number.
template <class T>
Vector<T> apply(Activation activation, const Vector<T>& x) {
  Matrix<T> Z = x.transpose();
  const Vector<T> zero = Vector<T>::Zero(x.size());
  const Vector<T> nothing = -zero;
  apply_activation(activation, view(nothing), view(zero), span(Z));
  return Z.transpose();
}

}  // namespace

TEST_CASE_TEMPLATE("activations of every instruction set are those of std to 8 units in the last place", T, float,
                   double) {
  const Vector<T> x = arguments<T>();
  const Vector<T> zero = Vector<T>::Zero(x.size());
  for (const detail::KernelTable* table : usable_tables()) {
    for (const Activation activation : all) {
      Vector<T> y = x;
      kernel(*table, activation, T())(y.data(), zero.data(), zero.data(), y.size());
      Index n_wrong = 0;
      for (Index i = 0; i < x.size(); ++i) {
        if (!close(y(i), truth(activation, x(i))) && ++n_wrong == 1) {
          CAPTURE(static_cast<int>(activation));
          CAPTURE(x(i));
          CHECK(y(i) == truth(activation, x(i)));
        }
      }
      CHECK(n_wrong == 0);
    }
  }
}

TEST_CASE_TEMPLATE("distances of every instruction set are exp(-sqrt(b^2 z + c)) to a few roundings of 1", T, float,
                   double) {
  const Vector<T> x = arguments<T>();
  const Vector<T> zero = Vector<T>::Zero(x.size());
  for (const detail::KernelTable* table : usable_tables()) {
    for (const T bias : {T(0.01), T(1), T(30)}) {
      const Vector<T> b = Vector<T>::Constant(x.size(), bias);
      Vector<T> y = x;
      kernel(*table, Activation::distance, T())(y.data(), b.data(), zero.data(), y.size());
      Index n_wrong = 0;
      for (Index i = 0; i < x.size(); ++i) {
        const long double square = x(i) < 0 ? 0 : static_cast<long double>(x(i));
        const long double scaled = static_cast<long double>(bias) * bias * square + 1.0L / 4096;
        const long double want = std::exp(-std::sqrt(scaled));
        if (!(std::abs(static_cast<long double>(y(i)) - want) <= 4.0L * std::numeric_limits<T>::epsilon())) ++n_wrong;
      }
      CHECK(n_wrong == 0);
    }
    Vector<T> odd(19);
    for (Index i = 0; i < odd.size(); ++i) {
      odd(i) = i % 2 == 0 ? std::numeric_limits<T>::quiet_NaN() : std::numeric_limits<T>::infinity();
    }
    const Vector<T> one = Vector<T>::Ones(odd.size());
    kernel(*table, Activation::distance, T())(odd.data(), one.data(), zero.data(), odd.size());
    for (Index i = 0; i < odd.size(); ++i) CHECK((i % 2 == 0 ? std::isnan(odd(i)) : odd(i) == T(0)));
  }
}

TEST_CASE_TEMPLATE("NaN stays NaN, infinities reach their limits, and zero keeps its sign", T, float, double) {
  const T inf = std::numeric_limits<T>::infinity();
  const T nan = std::numeric_limits<T>::quiet_NaN();
  for (const Activation activation : all) {
    CAPTURE(static_cast<int>(activation));
    Vector<T> x(37);  // longer than a vector register, so that both the loop and its remainder are met
    for (Index i = 0; i < x.size(); ++i) x(i) = i % 4 == 0 ? nan : i % 4 == 1 ? inf : i % 4 == 2 ? -inf : T(-0.0);
    const Vector<T> y = apply(activation, x);
    const bool bounded = activation == Activation::tanh || activation == Activation::sigmoid;
    const bool keeps = activation == Activation::identity || activation == Activation::leaky_relu;
    const T low = activation == Activation::tanh ? T(-1) : keeps ? -inf : T(0);
    for (Index i = 0; i < x.size(); ++i) {
      if (i % 4 == 0) CHECK(std::isnan(y(i)));
      if (i % 4 == 1) CHECK(y(i) == (bounded ? T(1) : inf));
      if (i % 4 == 2) CHECK(y(i) == low);
      if (i % 4 == 3 && activation == Activation::sigmoid) CHECK(y(i) == T(0.5));
      if (i % 4 == 3 && activation != Activation::sigmoid) CHECK((y(i) == 0 && std::signbit(y(i))));
    }
  }
}

TEST_CASE_TEMPLATE("denormals are kept", T, float, double) {
  const Vector<T> x = Vector<T>::Constant(19, 100 * std::numeric_limits<T>::denorm_min());
  for (const Activation activation : {Activation::identity, Activation::tanh, Activation::relu}) {
    CHECK(identical(apply(activation, x), x));
    if (activation != Activation::relu) CHECK(identical(apply<T>(activation, -x), -x));
  }
  CHECK(apply(Activation::gelu, x)(0) == 50 * std::numeric_limits<T>::denorm_min());
  CHECK(apply<T>(Activation::sigmoid, Vector<T>::Constant(3, sizeof(T) == 4 ? T(-95) : T(-720)))(0) > 0);
}

TEST_CASE_TEMPLATE("bias goes in before and shift comes off after, in the columns of a view alone", T, float, double) {
  const Matrix<T> before = random_matrix<T>(1, 9, 20);
  const Vector<T> bias = random_matrix<T>(2, 11, 1);
  const Vector<T> shift = random_matrix<T>(3, 11, 1);
  for (const Activation activation : all) {
    Matrix<T> Z = before;
    MatrixSpan<T> whole = span(Z);
    apply_activation(activation, view(bias), view(shift), block(whole, 2, 4, 5, 11));
    Matrix<double> expected = before.template cast<double>();
    for (Index i = 2; i < 7; ++i) {
      for (Index j = 0; j < 11; ++j) {
        const long double s = truth(activation, static_cast<T>(before(i, j + 4) + bias(j)));
        expected(i, j + 4) = static_cast<double>(s - static_cast<long double>(shift(j)));
      }
    }
    CHECK(difference(Z, expected) < 8 * epsilon<T>());
  }
  Matrix<T> Z = before;
  CHECK_THROWS_AS(apply_activation(Activation::tanh, view(bias), view(bias), span(Z)), std::invalid_argument);
}

TEST_CASE_TEMPLATE("the number of threads does not change an activation", T, float, double) {
  const KeepThreads keep;
  const Matrix<T> X = random_matrix<T>(4, 700, 64);
  const Vector<T> zero = Vector<T>::Zero(64);
  for (const Activation activation : {Activation::tanh, Activation::gelu}) {
    Matrix<T> one = X, many = X;
    set_num_threads(1);
    apply_activation(activation, view(zero), view(zero), span(one));
    set_num_threads(4);
    apply_activation(activation, view(zero), view(zero), span(many));
    CHECK(identical(one, many));
  }
}

TEST_CASE_TEMPLATE("the inverse undoes the activation on its domain", T, float, double) {
  const Matrix<T> Z = random_matrix<T>(5, 300, 130);  // large enough for several threads
  const Vector<T> zero = Vector<T>::Zero(130);
  for (const Activation activation : all) {
    Matrix<T> D = Z;
    apply_activation(activation, view(zero), view(zero), span(D));
    if (has_inverse(activation)) {
      invert_activation(activation, 1e-7, span(D));
      CHECK(difference(D, Z) < 100 * epsilon<T>());  // atanh loses digits near 1
    } else {
      CHECK_THROWS_AS(invert_activation(activation, 1e-2, span(D)), std::invalid_argument);
    }
  }
  CHECK_FALSE(has_inverse(Activation::relu));
  CHECK_FALSE(has_inverse(Activation::gelu));
  CHECK_FALSE(has_inverse(Activation::distance));
}

TEST_CASE_TEMPLATE("targets outside the range of an activation are clamped by the margin", T, float, double) {
  const T inf = std::numeric_limits<T>::infinity();
  Matrix<T> D(1, 4);
  D << -5, T(0.995), inf, std::numeric_limits<T>::quiet_NaN();
  Matrix<T> E = D;
  invert_activation(Activation::tanh, 0.01, span(D));
  CHECK(D(0, 0) == doctest::Approx(-std::atanh(0.99)));
  CHECK(D(0, 1) == doctest::Approx(std::atanh(0.99)));
  CHECK(D(0, 2) == doctest::Approx(std::atanh(0.99)));
  CHECK(std::isnan(D(0, 3)));
  invert_activation(Activation::sigmoid, 0.01, span(E));
  CHECK(E(0, 0) == doctest::Approx(std::log(0.01 / 0.99)));
  CHECK(E(0, 2) == doctest::Approx(std::log(0.99 / 0.01)));
  CHECK(std::isnan(E(0, 3)));
  for (const double bad : {0.0, 0.5, -1.0, std::nan("")}) {
    CHECK_THROWS_AS(invert_activation(Activation::tanh, bad, span(D)), std::invalid_argument);
  }
}
