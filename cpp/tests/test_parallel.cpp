// SPDX-License-Identifier: BSD-3-Clause
// The pieces of a parallel loop: what they cover, how small they get, and when there is only one.
#include <atomic>
#include <mutex>
#include <thread>

#include "helpers.hpp"
#include "sstpl/parallel.hpp"

using namespace sstpl;
using namespace sstpl::testing;

namespace {

struct Piece {
  Index from, to;
  std::thread::id thread;
};

std::vector<Piece> pieces_of(Index begin, Index end, Index grain) {
  std::vector<Piece> pieces;
  std::mutex mutex;
  parallel_for(begin, end, grain, [&](Index from, Index to) {
    const std::lock_guard<std::mutex> lock(mutex);
    pieces.push_back({from, to, std::this_thread::get_id()});
  });
  return pieces;
}

}  // namespace

TEST_CASE("a parallel loop meets each index exactly once") {
  const KeepThreads keep;
  for (const int n_threads : {1, 2, 3, 8}) {
    set_num_threads(n_threads);
    for (const Index begin : {-3, 0, 5}) {
      for (const Index count : {1, 2, 7, 64, 1001}) {
        for (const Index grain : {0, 1, 10, 64}) {
          std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
          parallel_for(begin, begin + count, grain, [&](Index from, Index to) {
            for (Index i = from; i < to; ++i) ++visits[static_cast<std::size_t>(i - begin)];
          });
          Index once = 0;
          for (const auto& n : visits) once += n == 1 ? 1 : 0;
          CHECK(once == count);
        }
      }
    }
  }
}

TEST_CASE("pieces are at least a grain long and no more than the threads") {
  const KeepThreads keep;
  for (const int n_threads : {1, 2, 4}) {
    set_num_threads(n_threads);
    for (const Index count : {99, 100, 199, 200, 1000, 12345}) {
      const std::vector<Piece> pieces = pieces_of(0, count, 100);
      CHECK(pieces.size() <= static_cast<std::size_t>(num_threads()));
      CHECK(static_cast<Index>(pieces.size()) == std::max<Index>(1, std::min<Index>(num_threads(), count / 100)));
      for (const Piece& piece : pieces) CHECK((pieces.size() == 1 || piece.to - piece.from >= 100));
    }
  }
}

TEST_CASE("a loop below two grains runs as one piece on the calling thread") {
  const KeepThreads keep;
  set_num_threads(4);
  for (const Index count : {1, 50, 100, 199}) {
    const std::vector<Piece> pieces = pieces_of(10, 10 + count, 100);
    REQUIRE(pieces.size() == 1);
    CHECK(pieces[0].from == 10);
    CHECK(pieces[0].to == 10 + count);
    CHECK(pieces[0].thread == std::this_thread::get_id());
  }
}

TEST_CASE("an empty or reversed range calls nothing") {
  CHECK(pieces_of(0, 0, 1).empty());
  CHECK(pieces_of(5, 5, 1).empty());
  CHECK(pieces_of(5, 2, 1).empty());
}
