// SPDX-License-Identifier: BSD-3-Clause
// The search for the penalty with the least error along a path. A step of a path is a decade, and as the penalty grows
// an error falls and then rises, so most of the path need not be solved.
#pragma once

#include <functional>
#include <vector>

#include "sstpl/types.hpp"

namespace sstpl {

/// Errors of the alphas that are looked at, NaN for the others: from the one nearest to 1e-3 on to smaller ones until
/// an error is 2 % above the least so far, then to larger ones likewise, unless the smaller ones were better by 2 %.
std::vector<double> search_path(const std::vector<double>& alphas, const std::function<double(double)>& error);

/// The place of the least finite error, or -1.
Index least_of_path(const std::vector<double>& errors);

}  // namespace sstpl
