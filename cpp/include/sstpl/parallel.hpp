// SPDX-License-Identifier: BSD-3-Clause
// The project's own threads: a loop cut into one contiguous piece per thread. It is for work that the
// BLAS does not do (activations, random draws, adding blocks), never around a BLAS call.
#pragma once

#include <functional>

#include "sstpl/types.hpp"

namespace sstpl {

/// Calls f(from, to) on pieces of [begin, end), each of at least `grain` items, on at most as many threads
/// as the BLAS uses. f must not throw and its pieces must be independent; serial below one grain.
void parallel_for(Index begin, Index end, Index grain, const std::function<void(Index, Index)>& f);

}  // namespace sstpl
