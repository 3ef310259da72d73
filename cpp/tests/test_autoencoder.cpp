// SPDX-License-Identifier: BSD-3-Clause
// One forward layer: its decoder against the oracle, exact reconstruction, and the tied encoder's range.
#include "helpers.hpp"
#include "sstpl/autoencoder.hpp"
#include "sstpl/errors.hpp"

using namespace sstpl;
using namespace sstpl::testing;

namespace {

template <class T>
HiddenLayer<T> code(Index p, Index d, HiddenWeights weights, Activation activation) {
  HiddenOptions options;
  options.weights = weights;
  options.activation = activation;
  options.n_hidden = p;
  options.stream = {1, 2};
  const Matrix<T> none(1, d);
  return draw_hidden(options, Inputs<T>(view(none)));
}

template <class T>
Matrix<double> tanh_code(const HiddenLayer<T>& layer, const Matrix<T>& F) {
  const Matrix<double> Z = F.template cast<double>() * layer.weights.template cast<double>().transpose();
  return (Z.rowwise() + layer.bias.template cast<double>().transpose()).array().tanh();
}

}  // namespace

TEST_CASE_TEMPLATE("an identity encoder with a square orthogonal code reconstructs as alpha goes to 0", T, float,
                   double) {
  const Matrix<T> F = random_matrix<T>(1, 90, 12);
  const HiddenLayer<T> layer = code<T>(12, 12, HiddenWeights::orthogonal, Activation::identity);
  EncoderOptions options;
  options.activation = Activation::identity;
  options.alpha = 1e-15;
  Matrix<T> encoded;
  EncoderReport report;
  const Encoder<T> encoder = fit_encoder(view(F), view(layer), options, encoded, report, no_checkpoint());
  const Matrix<double> f = F.template cast<double>(), D = encoder.weights.template cast<double>();
  const Matrix<double> R = f * layer.weights.template cast<double>().transpose();
  CHECK(difference(R * D, f) < 100 * epsilon<T>());
  CHECK(difference(f * D.transpose(), R) < 100 * epsilon<T>());  // the tied encoder is the code itself
  CHECK(report.solve.rank == 12);
  CHECK_FALSE(report.dual);
}

TEST_CASE_TEMPLATE("the ridge decoder is least squares of the features on their code, primal and dual", T, float,
                   double) {
  for (const Index p : {10, 70}) {
    const Matrix<T> F = random_matrix<T>(2, 50, 6);
    const HiddenLayer<T> layer = code<T>(p, 6, HiddenWeights::normal, Activation::tanh);
    EncoderOptions options;
    options.alpha = 1e-2;
    options.block_rows = 16;
    Matrix<T> encoded;
    EncoderReport report;
    const Encoder<T> encoder = fit_encoder(view(F), view(layer), options, encoded, report, no_checkpoint());
    const TrueRidge truth(tanh_code(layer, F), F.template cast<double>(), 1e-2, false);
    CHECK(report.dual == (p == 70));
    CHECK(difference(encoder.weights, truth.W) < 2000 * epsilon<T>());
    CHECK(report.solve.penalty == doctest::Approx(truth.penalty).epsilon(1e-5));
  }
}

TEST_CASE_TEMPLATE("decoders of weighted rows are those of rows repeated as often", T, float, double) {
  const Matrix<T> F = random_matrix<T>(2, 50, 6);
  const HiddenLayer<T> layer = code<T>(10, 6, HiddenWeights::normal, Activation::tanh);
  std::vector<double> counts;
  for (Index i = 0; i < 50; ++i) counts.push_back(static_cast<double>(i % 3));
  const Matrix<T> copies = repeated(F, counts);
  for (const EncoderPenalty penalty : {EncoderPenalty::ridge, EncoderPenalty::lasso}) {
    EncoderOptions options;
    options.penalty = penalty;
    options.alpha = 1e-2;
    options.max_iter = 500;
    options.tolerance = 1e-9;
    options.block_rows = 16;
    Matrix<T> encoded;
    EncoderReport report;
    const Encoder<T> plain = fit_encoder(view(copies), view(layer), options, encoded, report, no_checkpoint());
    options.row_weights = counts;
    const Encoder<T> weighted = fit_encoder(view(F), view(layer), options, encoded, report, no_checkpoint());
    // FISTA stops short of the solution by more than rounding.
    const double tolerance = penalty == EncoderPenalty::ridge ? 1e4 * epsilon<T>() : 1e-4;
    CHECK(difference(weighted.weights, plain.weights) < tolerance);
    options.row_weights.pop_back();
    CHECK_THROWS_AS(fit_encoder(view(F), view(layer), options, encoded, report, no_checkpoint()),
                    std::invalid_argument);
  }
}

TEST_CASE_TEMPLATE("the lasso decoder meets the lasso's optimality conditions", T, float, double) {
  const Matrix<T> F = random_matrix<T>(3, 80, 5);
  const HiddenLayer<T> layer = code<T>(9, 5, HiddenWeights::normal, Activation::tanh);
  EncoderOptions options;
  options.penalty = EncoderPenalty::lasso;
  options.alpha = 0.1;
  options.max_iter = 5000;
  options.tolerance = 1e-12;
  options.block_rows = 32;
  Matrix<T> encoded;
  EncoderReport report;
  const Encoder<T> encoder = fit_encoder(view(F), view(layer), options, encoded, report, no_checkpoint());
  const Matrix<double> R = tanh_code(layer, F), D = encoder.weights.template cast<double>();
  const Matrix<double> gradient = R.transpose() * (R * D - F.template cast<double>());
  CHECK(report.lasso.converged);
  for (Index i = 0; i < D.size(); ++i) {
    const double d = D.data()[i];
    const double g = gradient.data()[i] / report.lasso.penalty;
    CHECK((d == 0 ? std::abs(g) - 1 : std::abs(g + std::copysign(1.0, d))) < 1e-4);
  }
}

TEST_CASE_TEMPLATE("encoded training rows lie in 0 to 1, touch both ends, and are what encode gives", T, float,
                   double) {
  for (const Activation activation : {Activation::tanh, Activation::identity, Activation::gelu}) {
    for (const EncoderPenalty penalty : {EncoderPenalty::ridge, EncoderPenalty::lasso}) {
      const Matrix<T> F = random_matrix<T>(4, 70, 6);
      const HiddenLayer<T> layer = code<T>(8, 6, HiddenWeights::normal, Activation::sigmoid);
      EncoderOptions options;
      options.penalty = penalty;
      options.activation = activation;
      options.block_rows = 13;
      Matrix<T> encoded;
      EncoderReport report;
      const Encoder<T> encoder = fit_encoder(view(F), view(layer), options, encoded, report, no_checkpoint());
      CHECK(encoded.minCoeff() == T(0));
      CHECK(encoded.maxCoeff() <= T(1));
      for (Index j = 0; j < 8; ++j) {
        CHECK(encoded.col(j).minCoeff() == T(0));
        CHECK((encoder.scale(j) == T(0) || encoded.col(j).maxCoeff() >= 1 - epsilon<T>()));
      }
      Matrix<T> again(70, 8);
      encode(view(encoder), view(F), span(again));
      CHECK(difference(again, encoded) < 20 * epsilon<T>());
      Matrix<T> part(9, 8);
      encode(view(encoder), block(view(F), 30, 0, 9, 6), span(part));
      CHECK(difference(part, encoded.middleRows(30, 9)) < 20 * epsilon<T>());
    }
  }
}

TEST_CASE("encode is s(F D') brought into the stored range") {
  const Matrix<double> D = random_matrix(5, 4, 3), F = random_matrix(6, 10, 3);
  const Vector<double> low = random_matrix(7, 4, 1), scale = random_matrix(8, 4, 1);
  const Encoder<double> encoder{D, Activation::tanh, low, scale};
  Matrix<double> encoded(10, 4);
  encode(view(encoder), view(F), span(encoded));
  const Matrix<double> s = (F * D.transpose()).array().tanh();
  CHECK(difference(encoded, (s.rowwise() - low.transpose()) * scale.asDiagonal()) < 1e-14);
  CHECK_THROWS_AS(encode(view(encoder), view(D), span(encoded)), std::invalid_argument);  // 4 rows into 10
  const Matrix<double> wide = random_matrix(9, 10, 4);
  CHECK_THROWS_AS(encode(view(encoder), view(wide), span(encoded)), std::invalid_argument);
}

TEST_CASE("features that are not finite, no rows and blocks of no rows are refused") {
  const HiddenLayer<double> layer = code<double>(4, 3, HiddenWeights::normal, Activation::tanh);
  for (const EncoderPenalty penalty : {EncoderPenalty::ridge, EncoderPenalty::lasso}) {
    EncoderOptions options;
    options.penalty = penalty;
    Matrix<double> F = random_matrix(10, 20, 3), encoded;
    EncoderReport report;
    const Matrix<double> none(0, 3);
    CHECK_THROWS_AS(fit_encoder(view(none), view(layer), options, encoded, report, no_checkpoint()),
                    std::invalid_argument);
    F(3, 1) = std::nan("");
    CHECK_THROWS_AS(fit_encoder(view(F), view(layer), options, encoded, report, no_checkpoint()), LinAlgError);
    options.block_rows = 0;
    CHECK_THROWS_AS(fit_encoder(view(F), view(layer), options, encoded, report, no_checkpoint()),
                    std::invalid_argument);
  }
}
