// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/scratch.hpp"

#include <memory>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace sstpl {

namespace {

constexpr std::size_t large_page = std::size_t{1} << 21;
constexpr std::align_val_t alignment{large_page};

}  // namespace

void prefer_large_pages([[maybe_unused]] void* data, [[maybe_unused]] std::size_t bytes) {
#ifdef __linux__
  if (std::align(large_page, large_page, data, bytes) != nullptr) {
    madvise(data, bytes & ~(large_page - 1), MADV_HUGEPAGE);
  }
#endif
}

void Scratch::Free::operator()(void* data) const { ::operator delete(data, alignment); }

void Scratch::reserve(std::size_t bytes) {
  if (bytes <= bytes_) return;
  data_.reset();  // before there is more, not beside it
  bytes_ = 0;
  data_.reset(::operator new(bytes, alignment));
  bytes_ = bytes;
  prefer_large_pages(data_.get(), bytes);
}

}  // namespace sstpl
