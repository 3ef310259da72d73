// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/blas.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <vector>

#include "blas_call.hpp"
#include "sstpl/errors.hpp"

#ifdef SSTPL_BLAS_EIGEN
#include "blas_eigen.inc"
#else
#include "blas_lapack.inc"
#endif

namespace sstpl {

namespace {

// Rows and columns of op(A).
template <class T>
Index op_rows(const MatrixView<T>& A, Transpose op) {
  return op == Transpose::no ? A.rows() : A.cols();
}
template <class T>
Index op_cols(const MatrixView<T>& A, Transpose op) {
  return op == Transpose::no ? A.cols() : A.rows();
}

// LP64 libraries take 32-bit sizes, and a size that wraps is silent corruption.
void require_lp64(Index a, Index b, Index c) {
  constexpr Index limit = std::numeric_limits<int>::max();
  require(a <= limit && b <= limit && c <= limit, "a matrix dimension exceeds 2^31 - 1");
}

// OpenBLAS keeps a buffer for every thread that was ever in it at once, of 32 MiB in this version, and a stack for
// every thread of its own.
#ifdef SSTPL_BLAS_IS_OPENBLAS
constexpr bool has_buffers = true;
#else
constexpr bool has_buffers = false;
#endif
constexpr std::size_t buffer_bytes = std::size_t{32} << 20;
constexpr std::size_t thread_bytes = buffer_bytes + (std::size_t{8} << 20);

// A call with the buffers that it needs. The first call with more threads than any before it makes OpenBLAS map them,
// by a product that is threaded, after asking whether there is memory for them: without it OpenBLAS ends the process.
class ReadyCall {
 public:
  ReadyCall() {
    const int wanted = call_.under_way() - 1 + num_threads();
    int before = mapped.load();
    if (!has_buffers || wanted <= before) return;
    constexpr Index rows = 256, cols = 300;
    Matrix<float> H = Matrix<float>::Zero(rows, cols), G(cols, cols);
    require_bytes(buffer_bytes * static_cast<std::size_t>(wanted - before));
    MatrixSpan<float> target = span(G);
    backend_syrk(1.0F, view(H), 0.0F, target);
    while (before < wanted && !mapped.compare_exchange_weak(before, wanted)) {
    }
  }

 private:
  static std::atomic<int> mapped;
  BlasCall call_;
};
std::atomic<int> ReadyCall::mapped{0};

}  // namespace

template <class T>
void gemm(T alpha, const MatrixView<T>& A, Transpose op_a, const MatrixView<T>& B, Transpose op_b, T beta,
          MatrixSpan<T> C) {
  const Index inner = op_cols(A, op_a);
  require(op_rows(A, op_a) == C.rows() && op_cols(B, op_b) == C.cols() && op_rows(B, op_b) == inner,
          "gemm: shapes of A, B and C do not agree");
  require_lp64(std::max(A.outerStride(), C.rows()), std::max(B.outerStride(), inner), C.outerStride());
  if (C.size() == 0) return;
  if (inner == 0) {
    if (beta == T(0)) {
      C.setZero();
    } else {
      C *= beta;
    }
    return;
  }
  const ReadyCall call;
  backend_gemm(alpha, A, op_a == Transpose::yes, B, op_b == Transpose::yes, beta, C);
}

template <class T>
void syrk(T alpha, const MatrixView<T>& H, T beta, MatrixSpan<T> G) {
  require(G.rows() == H.cols() && G.cols() == H.cols(), "syrk: G must be (p, p) for H (n, p)");
  require_lp64(H.outerStride(), H.rows(), G.outerStride());
  if (G.size() == 0) return;
  if (H.rows() == 0) {
    for (Index i = 0; i < G.rows(); ++i) {
      if (beta == T(0)) {
        G.row(i).tail(G.cols() - i).setZero();
      } else {
        G.row(i).tail(G.cols() - i) *= beta;
      }
    }
    return;
  }
  const ReadyCall call;
  backend_syrk(alpha, H, beta, G);
}

CholeskyResult cholesky(MatrixSpan<double> G, bool estimate_condition) {
  require(G.rows() == G.cols(), "cholesky: the matrix must be square");
  require_lp64(G.outerStride(), G.rows(), 0);
  CholeskyResult result;
  if (G.rows() == 0) {
    result.rcond = result.min_pivot = 1;
    return result;
  }
  const ReadyCall call;
  backend_cholesky(G, estimate_condition, result);
  if (result.failed_at == 0) result.min_pivot = G.diagonal().array().square().minCoeff();
  return result;
}

void solve_triangular(const MatrixView<double>& U, Transpose op, MatrixSpan<double> B) {
  require(U.rows() == U.cols() && U.rows() == B.rows(), "solve_triangular: U must be (p, p) for B (p, c)");
  require_lp64(U.outerStride(), B.rows(), B.outerStride());
  if (B.size() == 0) return;
  const ReadyCall call;
  backend_trsm(U, op == Transpose::yes, true, B);
}

template <class T>
void solve_triangular_right(const MatrixView<T>& U, MatrixSpan<T> B) {
  require(U.rows() == U.cols() && U.rows() == B.cols(), "solve_triangular_right: U must be (p, p) for B (n, p)");
  require_lp64(U.outerStride(), B.rows(), B.outerStride());
  if (B.size() == 0) return;
  const ReadyCall call;
  backend_trsm(U, false, false, B);
}

void symmetric_eigen(MatrixSpan<double> G, Vector<double>& eigenvalues, Matrix<double>& V) {
  require(G.rows() == G.cols(), "symmetric_eigen: the matrix must be square");
  require_lp64(G.outerStride(), G.rows(), 0);
  eigenvalues.resize(G.rows());
  V.resize(G.rows(), G.rows());
  if (G.rows() == 0) return;
  const ReadyCall call;
  backend_eigen(G, eigenvalues, V);
}

int num_threads() { return backend_num_threads(); }

void set_num_threads(int n_threads) {
  require(n_threads >= 1, "n_threads must be at least 1, got " + std::to_string(n_threads));
  // Even an unchanged setting rebuilds OpenBLAS's threads.
  if (n_threads == num_threads()) return;
  const BlasCall call;
  const int kept = std::max(threads_kept.load(), num_threads());
  if (has_buffers && n_threads > kept) require_bytes(thread_bytes * static_cast<std::size_t>(n_threads - kept));
  backend_set_num_threads(n_threads);
  threads_kept = std::max(kept, n_threads);
}

std::string blas_backend() { return backend_name; }
std::string blas_description() { return backend_description(); }
bool blas_is_expected() { return backend_is_expected(); }

template void gemm<float>(float, const MatrixView<float>&, Transpose, const MatrixView<float>&, Transpose, float,
                          MatrixSpan<float>);
template void gemm<double>(double, const MatrixView<double>&, Transpose, const MatrixView<double>&, Transpose, double,
                           MatrixSpan<double>);
template void syrk<float>(float, const MatrixView<float>&, float, MatrixSpan<float>);
template void syrk<double>(double, const MatrixView<double>&, double, MatrixSpan<double>);
template void solve_triangular_right<float>(const MatrixView<float>&, MatrixSpan<float>);
template void solve_triangular_right<double>(const MatrixView<double>&, MatrixSpan<double>);

}  // namespace sstpl
