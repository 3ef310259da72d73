// SPDX-License-Identifier: BSD-3-Clause
// Backward learning on the shapes of the MNIST preset (784 - 2000 - 1500 - 500 - 800 - 10), prototype form against
// dense form, by the number of rows. Random data: the work does not depend on the values.
#include <benchmark/benchmark.h>

#include "sstpl/backward.hpp"
#include "sstpl/random.hpp"

namespace {

using sstpl::Index;
using sstpl::Matrix;
using sstpl::MatrixView;
using sstpl::span;
using sstpl::view;

constexpr Index n_classes = 10;

struct Problem {
  explicit Problem(Index n_samples) : X(n_samples, 784), indicator(n_samples, n_classes), codes(n_classes, n_classes) {
    sstpl::fill_normal(sstpl::RandomStream{1, 0}, 1.0, span(X));
    indicator.setZero();
    for (Index i = 0; i < n_samples; ++i) indicator(i, i % n_classes) = 1;
    codes.setConstant(-1);
    codes.diagonal().setOnes();
    const Index widths[] = {784, 2000, 1500, 500, 800, n_classes};
    for (int l = 0; l < 5; ++l) {
      weights.emplace_back(widths[l + 1], widths[l]);
      sstpl::fill_normal(sstpl::RandomStream{2, static_cast<std::uint32_t>(l)}, 0.03, span(weights.back()));
    }
    for (const Matrix<float>& A : weights) chain.push_back(view(A));
    options.crossfit.alphas = {1e-3};
  }

  Matrix<float> X, indicator, codes;
  std::vector<Matrix<float>> weights;
  std::vector<MatrixView<float>> chain;
  sstpl::BackwardOptions options;
};

void prototypes(benchmark::State& state) {
  const Problem problem(state.range(0));
  for (auto _ : state) {
    benchmark::DoNotOptimize(fit_backward_prototypes(view(problem.X), view(problem.indicator), view(problem.codes),
                                                     problem.chain, problem.options, [] {}));
  }
}
BENCHMARK(prototypes)->Arg(6000)->Arg(24000)->Unit(benchmark::kMillisecond)->UseRealTime();

void dense(benchmark::State& state) {
  const Problem problem(state.range(0));
  const Matrix<float> targets = problem.indicator * problem.codes;
  for (auto _ : state) {
    benchmark::DoNotOptimize(fit_backward_dense(view(problem.X), view(targets), problem.chain, problem.options, [] {}));
  }
}
BENCHMARK(dense)->Arg(6000)->Arg(24000)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
