// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/parallel.hpp"

#include <algorithm>
#include <exception>
#include <thread>
#include <vector>

#include "sstpl/blas.hpp"

namespace sstpl {

void parallel_for(Index begin, Index end, Index grain, const std::function<void(Index, Index)>& f) {
  const Index count = end - begin;
  if (count <= 0) return;
  const Index wanted = std::min<Index>(num_threads(), count / std::max<Index>(grain, 1));
  if (wanted < 2) {
    f(begin, end);
    return;
  }
  const auto edge = [&](Index piece) { return begin + count * piece / wanted; };
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(wanted - 1));
  Index started = wanted;
  for (Index next = 1; next < wanted && started == wanted; ++next) {
    try {
      threads.emplace_back(f, edge(next), edge(next + 1));
    } catch (const std::exception&) {
      started = next;  // the machine gives no more threads, or no memory for one: the pieces left over are done here
    }
  }
  f(begin, edge(1));
  if (started < wanted) f(edge(started), end);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace sstpl
