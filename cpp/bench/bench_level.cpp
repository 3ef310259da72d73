// SPDX-License-Identifier: BSD-3-Clause
// One cross-fitted level against its bound (algorithm, section 10): every term at the rate that the same BLAS reaches
// on the same shapes in the same run. Random data: the work does not depend on the values.
#include <benchmark/benchmark.h>

#include <algorithm>

#include "sstpl/blas.hpp"
#include "sstpl/crossfit.hpp"
#include "timing.hpp"

namespace {

using sstpl::block;
using sstpl::cholesky;
using sstpl::fit_crossfit;
using sstpl::gemm;
using sstpl::Index;
using sstpl::Matrix;
using sstpl::span;
using sstpl::syrk;
using sstpl::Transpose;
using sstpl::view;
using sstpl::bench::normal;
using sstpl::bench::seconds;

constexpr Index n_classes = 10;
constexpr Index n_folds = 5;

struct Problem {
  Problem(Index n, Index d, Index p) : X(normal(0, 1, n, d)), Y(normal(1, 1, n, n_classes)) {
    hidden.weights = normal(2, 1 / std::sqrt(static_cast<double>(d)), p, d);
    hidden.bias = normal(3, 1, p, 1);
    options.alphas = {1e-3};
    for (Index k = 0; k <= n_folds; ++k) options.fold_starts.push_back(n * k / n_folds);
  }

  Matrix<float> X, Y;
  sstpl::HiddenLayer<float> hidden;
  sstpl::CrossfitOptions options;
};

// What the BLAS alone needs for the products and factorisations of the level.
double bound(const Problem& problem) {
  const Index n = problem.X.rows(), p = problem.hidden.weights.rows();
  const Index rows = std::min<Index>(n / n_folds, 4096);
  const double blocks = static_cast<double>(n) / static_cast<double>(rows);
  Matrix<float> H(rows, p), gram(p, p), cross(p, n_classes), scores(rows, n_classes);
  const auto X = block(view(problem.X), 0, 0, rows, problem.X.cols());
  const auto Y = block(view(problem.Y), 0, 0, rows, n_classes);
  double projection = 1e30, products = 1e30, narrow = 1e30;
  for (int repeat = 0; repeat < 3; ++repeat) {
    projection = std::min(projection, seconds([&] {
                            gemm(1.0F, X, Transpose::no, view(problem.hidden.weights), Transpose::yes, 0.0F, span(H));
                          }));
    products = std::min(products, seconds([&] { syrk(1.0F, view(H), 0.0F, span(gram)); }));
    narrow = std::min(narrow, seconds([&] {
                        gemm(1.0F, view(H), Transpose::yes, Y, Transpose::no, 0.0F, span(cross));
                        gemm(1.0F, view(H), Transpose::no, view(cross), Transpose::no, 0.0F, span(scores));
                      }));
  }
  Matrix<double> G = Matrix<double>::Constant(p, p, 0.5);
  G.diagonal().setConstant(static_cast<double>(p));
  const double factor = seconds([&] { cholesky(span(G), false); });
  const Index kept = sstpl::kept_rows(problem.options, n, p, static_cast<Index>(sizeof(float)));
  const double again = 1 - static_cast<double>(kept) / static_cast<double>(n);  // of the projections
  return blocks * ((1 + again) * projection + products + narrow) + (n_folds + 1) * factor;
}

void level(benchmark::State& state) {
  const Problem problem(state.range(0), state.range(1), state.range(2));
  const sstpl::HiddenView<float> hidden = view(problem.hidden);
  const sstpl::Inputs<float> inputs(view(problem.X));
  double least = 1e30;
  for (auto _ : state) {
    least = std::min(least, bound(problem));
    const double time = seconds([&] {
      benchmark::DoNotOptimize(sstpl::fit_crossfit<float>(
          {inputs, &hidden}, view(problem.Y), sstpl::VectorView<double>(nullptr, 0), problem.options, [] {}));
    });
    state.SetIterationTime(time);
    state.counters["bound_s"] = least;
    state.counters["over_bound"] = time / least;
  }
}
BENCHMARK(level)
    ->Args({60000, 784, 2000})
    ->Args({60000, 784, 4000})
    ->Args({60000, 784, 8000})
    ->Args({5000, 784, 1000})
    ->Args({1000, 50, 500})
    ->Iterations(1)
    ->Repetitions(3)
    ->ReportAggregatesOnly(false)
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime();

}  // namespace
