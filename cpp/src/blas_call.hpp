// SPDX-License-Identifier: BSD-3-Clause
// What stands around every call into the BLAS, for two things that OpenBLAS cannot bear.
// A fork: it takes its threads down in the parent when the process forks, and hangs for ever where a thread is at work
// in it. A fork therefore waits until no call is under way, and calls wait for a fork.
// A lack of memory: it ends the process. Its buffers are therefore claimed before they are needed (blas.cpp).
#pragma once

#include <atomic>
#include <cstddef>

namespace sstpl {

/// One call into the BLAS, for as long as this object lives. Calls of several threads do not wait for each other.
class BlasCall {
 public:
  BlasCall();
  ~BlasCall();
  BlasCall(const BlasCall&) = delete;
  BlasCall& operator=(const BlasCall&) = delete;

  /// Number of calls under way, this one among them.
  int under_way() const { return under_way_; }

 private:
  int under_way_ = 1;
};

/// The most threads that set_num_threads saw, which OpenBLAS keeps with their memory; a fork takes them down.
extern std::atomic<int> threads_kept;

/// Throws std::bad_alloc unless the system would give so many bytes now.
void require_bytes(std::size_t bytes);

}  // namespace sstpl
