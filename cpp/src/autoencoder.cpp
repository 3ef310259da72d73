// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/autoencoder.hpp"

#include <algorithm>
#include <chrono>

#include "sstpl/blas.hpp"
#include "sstpl/crossfit.hpp"
#include "sstpl/errors.hpp"
#include "sstpl/parallel.hpp"

namespace sstpl {

namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// D by ridge: the cross-fitted solver without folds and without an intercept.
template <class T>
Matrix<T> ridge_decoder(const MatrixView<T>& F, const HiddenView<T>& code, const EncoderOptions& options,
                        EncoderReport& report, const Checkpoint& checkpoint) {
  CrossfitOptions ridge;
  ridge.alphas = {options.alpha};
  ridge.intercept = false;
  ridge.block_rows = options.block_rows;
  const Inputs<T> inputs(F);
  CrossfitResult<T> result = fit_crossfit<T>({inputs, &code}, F, view(options.row_weights), ridge, checkpoint);
  report.dual = result.report.dual;
  report.solve = result.report.solve;
  return std::move(result.W);
}

// D by lasso, from the same sums.
template <class T>
Matrix<T> lasso_decoder(const MatrixView<T>& F, const HiddenView<T>& code, const EncoderOptions& options,
                        EncoderReport& report, const Checkpoint& checkpoint) {
  const Index p = code.n_hidden();
  Sums sums(p, F.cols());
  SumsWorkspace<T> workspace;
  const Vector<T> zero = Vector<T>::Zero(p);
  Matrix<T> R(std::min(options.block_rows, F.rows()), p);
  for (Index row = 0; row < F.rows(); row += R.rows()) {
    checkpoint();
    MatrixSpan<T> rows = top_rows(R, std::min(R.rows(), F.rows() - row));
    const MatrixView<T> source = block(F, row, 0, rows.rows(), F.cols());
    apply_hidden(code, source, view(zero), rows);
    const VectorView<double> weights = view(options.row_weights);
    add_rows(sums, rows, source, weights.size() > 0 ? VectorView<double>(weights.data() + row, rows.rows()) : weights,
             workspace);
  }
  Matrix<double> G = Matrix<double>::Zero(p, p);
  sums.gram.add_to_upper(span(G));
  G.triangularView<Eigen::StrictlyLower>() = G.transpose();
  if (!G.allFinite() || !sums.cross.allFinite()) {
    throw LinAlgError("the sums of an encoder are not finite: a feature overflowed; scale the inputs down");
  }
  const LassoOptions lasso{options.alpha, options.max_iter, options.tolerance};
  return solve_lasso(G, sums.cross, lasso, report.lasso, checkpoint).template cast<T>();
}

}  // namespace

template <class T>
Encoder<T> fit_encoder(const MatrixView<T>& F, const HiddenView<T>& code, const EncoderOptions& options,
                       Matrix<T>& encoded, EncoderReport& report, const Checkpoint& checkpoint) {
  require(F.rows() >= 1, "an encoder needs at least one row");
  require(options.block_rows >= 1, "block_rows must be at least 1");
  require(options.row_weights.empty() || static_cast<Index>(options.row_weights.size()) == F.rows(),
          "row_weights: one weight per row is needed");
  auto start = Clock::now();
  Encoder<T> encoder;
  encoder.activation = options.activation;
  encoder.weights = options.penalty == EncoderPenalty::ridge ? ridge_decoder(F, code, options, report, checkpoint)
                                                             : lasso_decoder(F, code, options, report, checkpoint);
  report.seconds_solve = seconds_since(start);

  start = Clock::now();
  const Index p = code.n_hidden();
  encoder.low = Vector<T>::Zero(p);
  encoder.scale = Vector<T>::Ones(p);
  encoded.resize(F.rows(), p);
  MatrixSpan<T> all = span(encoded);
  for (Index row = 0; row < F.rows(); row += options.block_rows) {
    checkpoint();
    const Index rows = std::min(options.block_rows, F.rows() - row);
    encode(view(encoder), block(F, row, 0, rows, F.cols()), block(all, row, 0, rows, p));
  }
  ColumnRange<T> range = column_range(Inputs<T>(view(encoded)), checkpoint);
  encoder.low = std::move(range.low);
  encoder.scale = std::move(range.scale);
  parallel_for(0, encoded.rows(), 64, [&](Index from, Index to) {
    for (Index i = from; i < to; ++i) {
      encoded.row(i) = (encoded.row(i) - encoder.low.transpose()).cwiseProduct(encoder.scale.transpose());
    }
  });
  report.seconds_encode = seconds_since(start);
  return encoder;
}

template <class T>
void encode(const EncoderView<T>& encoder, const MatrixView<T>& F, MatrixSpan<T> F_next) {
  require(F.cols() == encoder.weights.cols(), "the encoder expects another number of input columns");
  const Vector<T> zero = Vector<T>::Zero(encoder.low.size());
  gemm(T(1), F, Transpose::no, encoder.weights, Transpose::yes, T(0), F_next);
  apply_activation(encoder.activation, view(zero), encoder.low, F_next);
  F_next = F_next * encoder.scale.asDiagonal();
}

template Encoder<float> fit_encoder<float>(const MatrixView<float>&, const HiddenView<float>&, const EncoderOptions&,
                                           Matrix<float>&, EncoderReport&, const Checkpoint&);
template Encoder<double> fit_encoder<double>(const MatrixView<double>&, const HiddenView<double>&,
                                             const EncoderOptions&, Matrix<double>&, EncoderReport&, const Checkpoint&);
template void encode<float>(const EncoderView<float>&, const MatrixView<float>&, MatrixSpan<float>);
template void encode<double>(const EncoderView<double>&, const MatrixView<double>&, MatrixSpan<double>);

}  // namespace sstpl
