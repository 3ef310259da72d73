// SPDX-License-Identifier: BSD-3-Clause
// Large arrays in pages of 2 MiB where the system has any: with small ones every line of a block is a miss of its own,
// and clearing them takes as long as a pass over the array.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace sstpl {

/// Asks for large pages for memory that nobody has written to; a wish, whose failure costs time only.
void prefer_large_pages(void* data, std::size_t bytes);

/// Memory to work in that begins with a large page, kept from one use to the next.
class Scratch {
 public:
  explicit Scratch(std::size_t bytes = 0) { reserve(bytes); }

  /// Room for so many bytes. Where there were fewer, what was in them is lost.
  void reserve(std::size_t bytes);

  /// What begins at a byte, which must be a multiple of T's alignment.
  template <class T>
  T* at(std::size_t byte) const {
    return reinterpret_cast<T*>(static_cast<char*>(data_.get()) + byte);
  }

 private:
  struct Free {
    void operator()(void* data) const;
  };
  std::size_t bytes_ = 0;
  std::unique_ptr<void, Free> data_;
};

}  // namespace sstpl
