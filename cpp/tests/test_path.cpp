// SPDX-License-Identifier: BSD-3-Clause
// The search along a path finds the least of every error that falls and then rises, and says what it did not look at.
#include <cmath>

#include "helpers.hpp"
#include "sstpl/path.hpp"

using namespace sstpl;

namespace {

const std::vector<double> decades = {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100};

std::size_t n_looked_at(const std::vector<double>& errors) {
  return static_cast<std::size_t>(std::count_if(errors.begin(), errors.end(), [](double e) { return !std::isnan(e); }));
}

}  // namespace

TEST_CASE("the least of an error with one valley is found, wherever it is and in whatever order the path is") {
  for (const double valley : decades) {
    for (const double depth : {0.01, 1.0}) {
      const auto error = [&](double alpha) { return 1 + depth * std::abs(std::log10(alpha) - std::log10(valley)); };
      std::vector<double> path = decades;
      for (const bool reversed : {false, true}) {
        if (reversed) std::reverse(path.begin(), path.end());
        const std::vector<double> errors = search_path(path, error);
        CHECK(path[static_cast<std::size_t>(least_of_path(errors))] == valley);
        for (std::size_t a = 0; a < path.size(); ++a) CHECK((std::isnan(errors[a]) || errors[a] == error(path[a])));
      }
    }
  }
}

TEST_CASE("a steep valley at the usual penalty is found by looking at three of the path, one further off by more") {
  const auto errors_of = [](double valley) {
    return search_path(decades, [=](double alpha) { return 1 + std::abs(std::log10(alpha / valley)); });
  };
  CHECK(n_looked_at(errors_of(1e-3)) == 3);
  CHECK(n_looked_at(errors_of(1e-5)) == 4);
  CHECK(n_looked_at(errors_of(1e-1)) == 5);
}

TEST_CASE("a rise of less than two per cent does not end the search") {
  const std::vector<double> path = {1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1};
  const std::vector<double> all = {0.5, 1.01, 1.0, 1.01, 0.6, 0.7};
  const auto error = [&](double alpha) { return all[static_cast<std::size_t>(std::lround(std::log10(alpha) + 5))]; };
  const std::vector<double> errors = search_path(path, error);
  CHECK(errors[0] == 0.5);
  CHECK(n_looked_at(errors) == 3);  // the smaller ones were better by more, so the larger ones are not looked at
  CHECK(n_looked_at(search_path({1e-3, 1e-2, 1e-1, 1}, error)) == 4);
}

TEST_CASE("penalties that cannot be solved are passed over, and no path is searched") {
  const auto error = [](double alpha) { return alpha < 0.1 ? std::numeric_limits<double>::infinity() : alpha; };
  const std::vector<double> errors = search_path(decades, error);
  CHECK(decades[static_cast<std::size_t>(least_of_path(errors))] == 0.1);
  CHECK(least_of_path(search_path({0.0, 1e-5}, error)) == -1);
  CHECK(search_path({}, error).empty());
  CHECK(search_path({0.0}, [](double) { return 2.0; }) == std::vector<double>{2.0});
}
