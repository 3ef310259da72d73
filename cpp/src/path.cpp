// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/path.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace sstpl {

namespace {

constexpr double usual_alpha = 1e-3;  // where most searches end
constexpr double clearly_more = 1.02;

constexpr double infinity = std::numeric_limits<double>::infinity();

double distance_to_usual(double alpha) { return std::abs(std::log(alpha) - std::log(usual_alpha)); }

}  // namespace

std::vector<double> search_path(const std::vector<double>& alphas, const std::function<double(double)>& error) {
  std::vector<double> errors(alphas.size(), std::numeric_limits<double>::quiet_NaN());
  std::vector<std::size_t> ascending(alphas.size());
  std::iota(ascending.begin(), ascending.end(), std::size_t{0});
  std::stable_sort(ascending.begin(), ascending.end(), [&](auto a, auto b) { return alphas[a] < alphas[b]; });
  const auto usual = std::min_element(ascending.begin(), ascending.end(), [&](auto a, auto b) {
    return distance_to_usual(alphas[a]) < distance_to_usual(alphas[b]);
  });
  if (usual == ascending.end()) return errors;

  double least = infinity;
  const auto look = [&](auto from, auto to) {
    for (; from != to; ++from) {
      const double found = errors[*from] = error(alphas[*from]);
      if (found > clearly_more * least) return;
      least = std::min(least, found);
    }
  };
  look(usual, usual + 1);
  const double first = least;
  look(std::make_reverse_iterator(usual), ascending.rend());
  if (first <= clearly_more * least) look(usual + 1, ascending.end());
  return errors;
}

Index least_of_path(const std::vector<double>& errors) {
  Index best = -1;
  double least = infinity;
  for (std::size_t a = 0; a < errors.size(); ++a) {
    if (errors[a] < least) {
      least = errors[a];
      best = static_cast<Index>(a);
    }
  }
  return best;
}

}  // namespace sstpl
