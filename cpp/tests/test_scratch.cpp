// SPDX-License-Identifier: BSD-3-Clause
// Memory to work in: begins with a large page, stays where it is while it suffices, and can be written to its end.
#include <cstdint>

#include "helpers.hpp"
#include "sstpl/scratch.hpp"

using namespace sstpl;

TEST_CASE("scratch memory stays in place until more is asked for, and all of it can be written to") {
  Scratch scratch;
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{4096}, (std::size_t{5} << 20) + 3}) {
    scratch.reserve(bytes);
    auto* first = scratch.at<unsigned char>(0);
    CHECK(reinterpret_cast<std::uintptr_t>(first) % (std::size_t{1} << 21) == 0);
    for (std::size_t i = 0; i < bytes; ++i) first[i] = static_cast<unsigned char>(i);
    scratch.reserve(bytes / 2);
    CHECK(scratch.at<unsigned char>(0) == first);
    CHECK(*scratch.at<unsigned char>(bytes - 1) == static_cast<unsigned char>(bytes - 1));
  }
}

// A sanitizer's allocator ends the process where the others throw.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("more memory than there is throws bad_alloc, and leaves scratch memory that can be used") {
  Scratch scratch;
  scratch.reserve(4096);
  CHECK_THROWS_AS(scratch.reserve(std::size_t{1} << 62), std::bad_alloc);
  scratch.reserve(64);
  scratch.at<unsigned char>(0)[63] = 1;
}
#endif

TEST_CASE("asking for large pages leaves memory of any size and place as it is") {
  std::vector<unsigned char> bytes((std::size_t{5} << 20) + 7, 3);
  prefer_large_pages(bytes.data(), bytes.size());
  prefer_large_pages(bytes.data() + 5, 1);
  prefer_large_pages(nullptr, 0);
  CHECK(std::all_of(bytes.begin(), bytes.end(), [](unsigned char byte) { return byte == 3; }));
}
