// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/crossfit.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>

#include "feature_stream.hpp"
#include "one_left_out.hpp"
#include "sstpl/blas.hpp"
#include "sstpl/errors.hpp"
#include "sstpl/path.hpp"
#include "sstpl/spectrum.hpp"

namespace sstpl {

namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Rows for each feature from which on sums of rounded features (fixed.hpp) move no score by more than 1e-3 of the
// largest; with fewer, weights are larger. Measured down to alpha = 1e-7.
constexpr Index least_rows_to_round = 4;

// The rows [from, to) of fold k, or all rows where there are no folds.
struct RowRange {
  Index from, to;
};
std::vector<RowRange> row_ranges(const std::vector<Index>& fold_starts, Index n_rows) {
  std::vector<RowRange> ranges;
  for (std::size_t k = 0; k + 1 < fold_starts.size(); ++k) ranges.push_back({fold_starts[k], fold_starts[k + 1]});
  if (ranges.empty()) ranges.push_back({0, n_rows});
  return ranges;
}

Index largest(const std::vector<RowRange>& ranges) {
  Index rows = 0;
  for (const RowRange& range : ranges) rows = std::max(rows, range.to - range.from);
  return rows;
}

template <class T>
class Crossfit {
 public:
  Crossfit(const Design<T>& design, const MatrixView<T>& Y, const VectorView<double>& weights,
           const CrossfitOptions& options, const Checkpoint& checkpoint, const ScoreSpans<T>& into)
      : design_(design),
        Y_(Y),
        weights_(weights),
        options_(options),
        checkpoint_(checkpoint),
        into_(into),
        n_(design.inputs.n_rows()),
        ranges_(row_ranges(options.fold_starts, n_)),
        dual_(n_ < design.n_features() && options.left_out.empty()),
        stream_(design, options, largest(ranges_), dual_) {}

  CrossfitResult<T> run() {
    CrossfitResult<T> result;
    CrossfitReport& report = result.report;
    report.dual = dual_;
    auto start = Clock::now();
    dual_ ? make_kernel() : add_sums();
    stream_.use_small_blocks();
    report.seconds_sums = seconds_since(start);

    start = Clock::now();
    choose_alpha(report);
    report.seconds_path = seconds_since(start);

    const bool has_folds = options_.fold_starts.size() > 1;
    MatrixSpan<T> oof = place(into_.oof, has_folds, result.oof_scores);
    MatrixSpan<T> loo = place(into_.loo, options_.leave_one_out, result.loo_scores);
    RidgeSolution solution;
    while (!solve_all(report, solution, oof, loo)) raise_alpha(report);
    if (options_.leave_one_out) fill_in(oof, loo);
    result.W = solution.W.template cast<T>();
    // Undo the shift: H_shifted W + b = H W + (b - W' shift).
    result.intercept =
        (solution.intercept - solution.W.transpose() * stream_.shift().template cast<double>()).template cast<T>();
    return result;
  }

 private:
  MatrixSpan<T> place(const std::optional<MatrixSpan<T>>& given, bool wanted, Matrix<T>& own) const {
    if (wanted && given) return *given;
    own.resize(wanted ? n_ : 0, wanted ? Y_.cols() : 0);
    return span(own);
  }

  std::size_t n_folds() const { return options_.fold_starts.empty() ? 0 : ranges_.size(); }

  VectorView<double> weights_of(Index row, Index rows) const {
    return weights_.size() > 0 ? VectorView<double>(weights_.data() + row, rows) : weights_;
  }

  double weight() const { return weights_.size() > 0 ? weights_.sum() : static_cast<double>(n_); }

  // A feature near its shift is exact to the rounding of the shift, activations to a few of those.
  Vector<double> feature_rounding() const {
    return stream_.shift().cwiseAbs().template cast<double>() * (8 * unit_roundoff<T>());
  }

  void add_sums() {
    SumsWorkspace<T> workspace;
    workspace.panel.may_round = n_ >= least_rows_to_round * stream_.n_features();
    for (const RowRange& range : ranges_) {
      sums_.emplace_back(stream_.n_features(), Y_.cols());
      sums_.back().feature_rounding = feature_rounding();
      for (Index row = range.from; row < range.to; row += stream_.block_rows()) {
        checkpoint_();
        const Index rows = std::min(stream_.block_rows(), range.to - row);
        MatrixSpan<T> H = stream_.make(row, rows);
        const VectorView<double> w = weights_of(row, rows);
        add_rows(sums_.back(), H, block(Y_, row, 0, rows, Y_.cols()), w, workspace);
        // Weighted rows were overwritten by sqrt(w) times themselves, so they cannot be read back.
        if (w.size() > 0 && stream_.keeps(row, rows)) stream_.make(row, rows);
      }
    }
    if (sums_.size() > 1) {
      whole_.emplace(stream_.n_features(), Y_.cols());
      for (const Sums& sums : sums_) merge(*whole_, sums);
    }
  }

  // The dual form is for few rows: it holds them in double, where Cholesky loses the fewest digits.
  void make_kernel() {
    for (Index row = 0; row < n_; row += stream_.block_rows()) {
      checkpoint_();
      stream_.make(row, std::min(stream_.block_rows(), n_ - row));
    }
    features_ = stream_.all_features().template cast<double>();
    targets_ = Y_.template cast<double>();
    kernel_.resize(n_, n_);
    gemm(1.0, view(features_), Transpose::no, view(features_), Transpose::yes, 0.0, span(kernel_));
  }

  // The solution on all rows, and the scores of every fold by the solution without it. False where Cholesky refuses
  // one of them and a larger alpha of the path is left to try.
  bool solve_all(CrossfitReport& report, RidgeSolution& solution, MatrixSpan<T>& oof, MatrixSpan<T>& loo) {
    const bool last = report.alpha >= *std::max_element(options_.alphas.begin(), options_.alphas.end());
    auto start = Clock::now();
    solution = solve(n_folds(), report.alpha, last);
    report.seconds_solve += seconds_since(start);
    report.solve = solution.report;
    report.fold_solves.clear();
    if (!solution.solved) return false;
    if (options_.leave_one_out) report.rows_left_out_alone = leave_one_out(solution, loo);
    for (std::size_t k = 0; k < n_folds(); ++k) {
      start = Clock::now();
      const RidgeSolution without = solve(k, report.alpha, last);
      report.seconds_solve += seconds_since(start);
      if (!without.solved) return false;
      report.fold_solves.push_back(without.report);
      start = Clock::now();
      score_rows(stream_, ranges_[k].from, ranges_[k].to, without, checkpoint_, oof);
      report.seconds_scores += seconds_since(start);
    }
    return true;
  }

  // To the next larger alpha of the path; the one given up is marked unsolvable in the report.
  void raise_alpha(CrossfitReport& report) {
    double next = std::numeric_limits<double>::infinity();
    for (std::size_t a = 0; a < options_.alphas.size(); ++a) {
      if (options_.alphas[a] > report.alpha) next = std::min(next, options_.alphas[a]);
      if (options_.alphas[a] == report.alpha && options_.searches()) {
        report.path_errors[a] = std::numeric_limits<double>::infinity();
      }
    }
    report.alpha = next;
  }

  // The solution without fold k; k = n_folds() leaves no fold out.
  RidgeSolution solve(std::size_t k, double alpha, bool allow_fallback) {
    checkpoint_();
    const bool all = k >= n_folds();
    const SolveOptions solve_options{allow_fallback, all};
    if (dual_) {
      const RowRange out = all ? RowRange{0, 0} : ranges_[k];
      return solve_ridge_dual(view(features_), kernel_, view(targets_), weights_, out.from, out.to, alpha,
                              options_.intercept, feature_rounding().squaredNorm(), work_, solve_options);
    }
    SumsOf sums;
    for (std::size_t i = 0; i < sums_.size(); ++i) {
      if (all || i != k) sums.parts.push_back(&sums_[i]);
    }
    if (whole_) sums.whole = &*whole_;
    if (!all) sums.without = &sums_[k];
    if (!all && !options_.left_out.empty()) sums.left_out = &options_.left_out[k];
    return solve_ridge(sums, alpha, options_.intercept, work_, -1, solve_options);
  }

  // Before the solutions without each fold overwrite the factor of that on all rows; how many rows were told.
  Index leave_one_out(const RidgeSolution& solution, MatrixSpan<T>& scores) {
    const OneLeftOut<T> pass{design_, stream_, Y_, weights_, options_.intercept, checkpoint_};
    if (dual_) return pass.by_kernel(solution, view(work_), features_, kernel_, scores);
    return pass.by_factor(solution, view(work_), weight(), scores);
  }

  void choose_alpha(CrossfitReport& report) {
    report.alpha = options_.alphas.front();
    if (!options_.searches()) return;
    if (options_.selection != Selection::kfold) {
      report.path_errors = spectral_path();
    } else {
      report.path_errors = dual_ ? dual_path() : primal_path();
    }
    const Index best = least_of_path(report.path_errors);
    // Where no alpha of the path is solvable, the largest is the furthest from singular.
    report.alpha = best >= 0 ? options_.alphas[static_cast<std::size_t>(best)]
                             : *std::max_element(options_.alphas.begin(), options_.alphas.end());
  }

  std::vector<double> primal_path() {
    const Index width = std::min(options_.path_width, stream_.n_features());
    std::vector<const Sums*> folds;
    folds.reserve(sums_.size());
    for (const Sums& sums : sums_) folds.push_back(&sums);
    return heldout_errors(folds, whole_ ? &*whole_ : nullptr, options_.alphas, options_.intercept, width, checkpoint_,
                          options_.left_out);
  }

  // Both spectral errors take the leading features in primal form, whatever the form of the solution.
  std::vector<double> spectral_path() {
    const Index width = std::min(options_.path_width, stream_.n_features());
    std::vector<Sums> own;
    if (dual_) {
      own.emplace_back(width, Y_.cols());
      SumsWorkspace<double> workspace;
      Matrix<double> leading = features_.leftCols(width);
      add_rows(own.back(), span(leading), view(targets_), weights_, workspace);
    }
    std::vector<const Sums*> parts;
    for (const Sums& sums : dual_ ? own : sums_) parts.push_back(&sums);
    const RidgeSpectrum spectrum = decompose(parts, options_.intercept, width);
    if (options_.selection == Selection::gcv) return gcv_errors(spectrum, options_.alphas);
    std::vector<double> errors(options_.alphas.size(), 0.0);
    for (Index row = 0; row < n_; row += stream_.block_rows()) {
      checkpoint_();
      const Index rows = std::min(stream_.block_rows(), n_ - row);
      const MatrixSpan<T> H = stream_.again(row, rows);
      add_loo_errors(spectrum, options_.alphas, view(H), block(Y_, row, 0, rows, Y_.cols()), weights_of(row, rows),
                     errors);
    }
    for (double& error : errors) error /= spectrum.weight;
    return errors;
  }

  std::vector<double> dual_path() {
    return search_path(options_.alphas, [&](double alpha) {
      double error = 0;
      for (std::size_t k = 0; k < n_folds(); ++k) {
        const RowRange range = ranges_[k];
        const RidgeSolution solution = solve(k, alpha, false);
        if (!solution.solved) return std::numeric_limits<double>::infinity();
        const auto H = features_.middleRows(range.from, range.to - range.from);
        Matrix<double> residual = targets_.middleRows(range.from, range.to - range.from) - H * solution.W;
        residual.rowwise() -= solution.intercept.transpose();
        if (weights_.size() > 0) {
          residual = weights_.segment(range.from, residual.rows()).cwiseSqrt().asDiagonal() * residual;
        }
        error += residual.squaredNorm() / weight();
      }
      return error;
    });
  }

  static void fill_in(const MatrixSpan<T>& from, MatrixSpan<T>& scores) {
    scores = (scores.array() == std::numeric_limits<T>::infinity()).select(from, scores);
  }

  const Design<T>& design_;
  MatrixView<T> Y_;
  VectorView<double> weights_;
  const CrossfitOptions& options_;
  const Checkpoint& checkpoint_;
  const ScoreSpans<T>& into_;
  Index n_;
  std::vector<RowRange> ranges_;
  bool dual_;
  FeatureStream<T> stream_;
  std::vector<Sums> sums_;
  std::optional<Sums> whole_;
  Matrix<double> features_, targets_, kernel_, work_;
};

}  // namespace

Index kept_rows(const CrossfitOptions& options, Index n_rows, Index n_features, Index feature_bytes) {
  if (!options.has_second_pass()) return 0;
  constexpr Index always = Index{256} << 20;
  const Index row_bytes = std::max<Index>(1, n_features * feature_bytes);
  const Index folds = std::max<Index>(1, static_cast<Index>(options.fold_starts.size()) - 1);
  const Index room = n_rows <= always / row_bytes ? always : (2 * folds + 4) * n_features * n_features;
  return std::min(n_rows, std::min(room, options.hold_bytes) / row_bytes);
}

template <class T>
CrossfitResult<T> fit_crossfit(const Design<T>& design, const MatrixView<T>& Y, const VectorView<double>& weights,
                               const CrossfitOptions& options, const Checkpoint& checkpoint,
                               const ScoreSpans<T>& into) {
  const Index n = design.inputs.n_rows();
  require(n >= 1, "a ridge solve needs at least one row");
  require(Y.rows() == n, "the targets must have as many rows as the inputs");
  require(weights.size() == 0 || weights.size() == n, "one weight per row is needed");
  require(options.block_rows >= 1, "block_rows must be at least 1");
  require(options.hold_bytes >= 0, "hold_bytes must not be negative");
  require(options.path_width >= 1, "path_width must be at least 1");
  require(!options.alphas.empty(), "at least one alpha is needed");
  for (const double alpha : options.alphas) {
    require(alpha >= 0 && std::isfinite(alpha), "alpha must be finite and not negative");
  }
  require(!options.searches() || options.selection != Selection::kfold || !options.fold_starts.empty(),
          "a path of alphas needs folds to score it");
  require(design.at_prediction == nullptr || (options.leave_one_out && design.at_prediction->n_rows() == n &&
                                              design.at_prediction->n_columns() == design.inputs.n_columns()),
          "rows as at prediction are for leave-one-out scores, and must be like the inputs");
  const std::size_t n_folds = options.fold_starts.empty() ? 0 : options.fold_starts.size() - 1;
  require(options.left_out.empty() || options.left_out.size() == n_folds,
          "features left out are needed for every fold, or none");
  require(options.left_out.empty() || (!options.leave_one_out && options.selection == Selection::kfold),
          "features left out by folds are for scores by folds alone");
  require(!options.leave_one_out || !options.fold_starts.empty(), "leave-one-out scores need folds beside them");
  require(!into.oof || options.fold_starts.size() > 1, "out-of-fold scores need folds");
  require(!into.loo || options.leave_one_out, "leave-one-out scores were not asked for");
  for (const std::optional<MatrixSpan<T>>& scores : {into.oof, into.loo}) {
    require(!scores || (scores->rows() == n && scores->cols() == Y.cols()),
            "scores must have the shape of the targets");
  }
  check_folds(options.fold_starts, n);
  return Crossfit<T>(design, Y, weights, options, checkpoint, into).run();
}

template <class T>
void predict_ridge(const Design<T>& design, const MatrixView<T>& W, const VectorView<T>& intercept, Index block_rows,
                   MatrixSpan<T> S) {
  const Index n = design.inputs.n_rows();
  require(W.rows() == design.n_features() && W.cols() == intercept.size(), "the weights do not fit the features");
  require(S.rows() == n && S.cols() == W.cols(), "the scores must be (n, c)");
  const Index rows_at_once = std::max<Index>(1, std::min(block_rows, n));
  const Vector<T> zero = Vector<T>::Zero(design.n_features());
  Matrix<T> Z(rows_at_once, design.inputs.n_columns());
  Matrix<T> H(design.hidden != nullptr ? rows_at_once : 0, design.n_features());
  for (Index row = 0; row < n; row += rows_at_once) {
    const Index rows = std::min(rows_at_once, n - row);
    MatrixSpan<T> inputs = top_rows(Z, rows);
    design.inputs.fill(row, inputs);
    MatrixSpan<T> features = inputs;
    if (design.hidden != nullptr) {
      new (&features) MatrixSpan<T>(top_rows(H, rows));
      apply_hidden(*design.hidden, view(inputs), view(zero), features);
    }
    score_block(view(features), W, intercept, block(S, row, 0, rows, S.cols()));
  }
}

template CrossfitResult<float> fit_crossfit<float>(const Design<float>&, const MatrixView<float>&,
                                                   const VectorView<double>&, const CrossfitOptions&, const Checkpoint&,
                                                   const ScoreSpans<float>&);
template CrossfitResult<double> fit_crossfit<double>(const Design<double>&, const MatrixView<double>&,
                                                     const VectorView<double>&, const CrossfitOptions&,
                                                     const Checkpoint&, const ScoreSpans<double>&);
template void predict_ridge<float>(const Design<float>&, const MatrixView<float>&, const VectorView<float>&, Index,
                                   MatrixSpan<float>);
template void predict_ridge<double>(const Design<double>&, const MatrixView<double>&, const VectorView<double>&, Index,
                                    MatrixSpan<double>);

}  // namespace sstpl
