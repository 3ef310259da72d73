// SPDX-License-Identifier: BSD-3-Clause
#include "blas_call.hpp"

#include <new>

namespace sstpl {

std::atomic<int> threads_kept{0};

}  // namespace sstpl

#if defined(__unix__) || defined(__APPLE__)

#include <pthread.h>
#include <sys/mman.h>

#include <chrono>
#include <cstdint>
#include <thread>

namespace sstpl {

namespace {

// A number, and no lock: a lock that other threads waited for is of no use in the child, where they are gone.
constexpr std::int64_t forking = std::int64_t{1} << 62;
std::atomic<std::int64_t> state{0};  // calls under way, plus `forking` while a thread forks

void a_moment() { std::this_thread::sleep_for(std::chrono::microseconds(50)); }

// Adds to the state as soon as no thread forks; returns it.
std::int64_t add(std::int64_t what) {
  for (std::int64_t now = state.load();;) {
    if (now >= forking) {
      a_moment();
      now = state.load();
    } else if (state.compare_exchange_weak(now, now + what)) {
      return now + what;
    }
  }
}

void before_fork() {
  add(forking);
  while (state.load() != forking) a_moment();
  threads_kept = 0;
}
void after_fork_in_parent() { state.fetch_sub(forking); }
void after_fork_in_child() { state.store(0); }

// OpenBLAS registers its handlers when it is loaded, which is before this library; what is registered last runs first.
// It fails for lack of memory alone.
const bool registered = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) == 0;

}  // namespace

BlasCall::BlasCall() {
  if (!registered) throw std::bad_alloc();
  under_way_ = static_cast<int>(add(1));
}
BlasCall::~BlasCall() { state.fetch_sub(1); }

void require_bytes(std::size_t bytes) {
  void* room = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) throw std::bad_alloc();
  munmap(room, bytes);
}

}  // namespace sstpl

#else

namespace sstpl {

BlasCall::BlasCall() = default;
BlasCall::~BlasCall() = default;
void require_bytes(std::size_t bytes) { ::operator delete(::operator new(bytes)); }

}  // namespace sstpl

#endif
