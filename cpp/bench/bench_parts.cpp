// SPDX-License-Identifier: BSD-3-Clause
// The parts of a level, each against what the BLAS alone, or a copy in memory, needs for the same shapes in the same
// run. Random data: the work does not depend on the values.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "sstpl/activation.hpp"
#include "sstpl/blas.hpp"
#include "sstpl/hidden.hpp"
#include "sstpl/ridge.hpp"
#include "sstpl/sums.hpp"
#include "timing.hpp"

namespace {

using sstpl::Index;
using sstpl::Matrix;
using sstpl::span;
using sstpl::Transpose;
using sstpl::Vector;
using sstpl::view;
using sstpl::bench::normal;
using sstpl::bench::seconds;

constexpr Index n_rows = 4096;
constexpr Index n_columns = 784;
constexpr Index n_classes = 10;
constexpr int rounds = 5;

// Runs work and bound in turn; reports the work, and the ratio of the least of each.
void against(benchmark::State& state, const std::function<void()>& work, const std::function<void()>& bound) {
  double least = 1e30, least_bound = 1e30;
  for (auto _ : state) {
    for (int round = 0; round < rounds; ++round) {
      least_bound = std::min(least_bound, seconds(bound));
      least = std::min(least, seconds(work));
    }
    state.SetIterationTime(least);
  }
  state.counters["bound_ms"] = 1e3 * least_bound;
  state.counters["over_bound"] = least / least_bound;
}

// tanh in place, against a copy of as many bytes.
void activation(benchmark::State& state) {
  Matrix<float> Z = normal(0, 1.0, n_rows, state.range(0)), copy = Z;
  const Vector<float> zero = Vector<float>::Zero(Z.cols());
  const auto bytes = static_cast<std::size_t>(Z.size()) * sizeof(float);
  against(
      state, [&] { sstpl::apply_activation(sstpl::Activation::tanh, view(zero), view(zero), span(Z)); },
      [&] { std::memcpy(copy.data(), Z.data(), bytes); });
}

// Projection, bias and activation, against the projection.
void hidden_layer(benchmark::State& state) {
  const Matrix<float> X = normal(1, 1.0, n_rows, n_columns);
  sstpl::HiddenLayer<float> layer{normal(2, 1.0 / 28, state.range(0), n_columns), Vector<float>::Zero(state.range(0)),
                                  sstpl::Activation::tanh};
  const Vector<float> zero = Vector<float>::Zero(state.range(0));
  Matrix<float> H(n_rows, state.range(0));
  against(
      state, [&] { apply_hidden(view(layer), view(X), view(zero), span(H)); },
      [&] { gemm(1.0F, view(X), Transpose::no, view(layer.weights), Transpose::yes, 0.0F, span(H)); });
}

// Sums of a block of rows in double, against one triangle of its Gram matrix in float.
void sums_of_a_block(benchmark::State& state) {
  Matrix<float> H = normal(3, 1.0, n_rows, state.range(0));
  const Matrix<float> Y = normal(4, 1.0, n_rows, n_classes);
  sstpl::Sums sums(H.cols(), n_classes);
  sstpl::SumsWorkspace<float> workspace;
  Matrix<float> G(H.cols(), H.cols());
  against(
      state, [&] { add_rows(sums, span(H), view(Y), sstpl::VectorView<double>(nullptr, 0), workspace); },
      [&] { sstpl::syrk(1.0F, view(H), 0.0F, span(G)); });
}

// The solution without one of five folds, against the factorisation.
void solve(benchmark::State& state) {
  sstpl::SumsWorkspace<float> workspace;
  std::vector<sstpl::Sums> folds;
  for (std::uint32_t k = 0; k < 5; ++k) {
    Matrix<float> H = normal(5 + k, 1.0, state.range(0), state.range(0));
    folds.emplace_back(H.cols(), n_classes);
    add_rows(folds.back(), span(H), view(normal(10 + k, 1.0, H.rows(), n_classes)),
             sstpl::VectorView<double>(nullptr, 0), workspace);
  }
  sstpl::Sums whole = folds.front();
  sstpl::SumsOf others{{}, &whole, &folds.front()};
  for (std::size_t k = 1; k < folds.size(); ++k) {
    merge(whole, folds[k]);
    others.parts.push_back(&folds[k]);
  }
  Matrix<double> work, G(state.range(0), state.range(0));
  against(
      state, [&] { benchmark::DoNotOptimize(solve_ridge(others, 1e-3, true, work, -1, {false, false})); },
      [&] {
        G.setConstant(0.5);
        G.diagonal().setConstant(static_cast<double>(G.rows()));
        sstpl::cholesky(span(G), false);
      });
}

void sizes(benchmark::internal::Benchmark* b) {
  b->Arg(500)->Arg(2000)->Arg(4000)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
}
BENCHMARK(activation)->Apply(sizes);
BENCHMARK(hidden_layer)->Apply(sizes);
BENCHMARK(sums_of_a_block)->Apply(sizes);
BENCHMARK(solve)->Apply(sizes);

}  // namespace
