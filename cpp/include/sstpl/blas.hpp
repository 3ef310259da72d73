// SPDX-License-Identifier: BSD-3-Clause
// The one door to BLAS and LAPACK. Row-major in and out; whoever serves the call (bundled OpenBLAS, a system
// library, or Eigen) is decided at build time in blas.cpp and nowhere else.
#pragma once

#include <string>

#include "sstpl/types.hpp"

namespace sstpl {

enum class Transpose { no, yes };

/// C := alpha op(A) op(B) + beta C. Shapes are checked; beta = 0 overwrites C whatever it held.
template <class T>
void gemm(T alpha, const MatrixView<T>& A, Transpose op_a, const MatrixView<T>& B, Transpose op_b, T beta,
          MatrixSpan<T> C);

/// G := alpha H'H + beta G, upper triangle of G (p, p) only; H is (n, p).
template <class T>
void syrk(T alpha, const MatrixView<T>& H, T beta, MatrixSpan<T> G);

struct CholeskyResult {
  Index failed_at = 0;   // order of the leading block that is not positive definite (Eigen only says 1); 0 when all are
  double rcond = 0;      // estimate of 1 / cond_1 of the factored matrix; 0 when it failed, NaN when not asked for
  double min_pivot = 0;  // smallest squared diagonal entry of the factor; 0 when it failed
};

/// G = U'U in place: reads and overwrites the upper triangle of G (p, p), leaves the lower one. p^3 / 3 flops.
CholeskyResult cholesky(MatrixSpan<double> G, bool estimate_condition = true);

/// B := op(U)^-1 B for the upper triangular U (p, p) and B (p, c). p^2 c flops.
void solve_triangular(const MatrixView<double>& U, Transpose op, MatrixSpan<double> B);

/// B := B U^-1 for the upper triangular U (p, p) and B (n, p). n p^2 flops.
template <class T>
void solve_triangular_right(const MatrixView<T>& U, MatrixSpan<T> B);

/// Eigenvalues in ascending order, eigenvectors as the ROWS of V, of the symmetric matrix whose upper triangle
/// is in G (p, p); G is destroyed. About 9 p^3 flops, 8 p^2 bytes beyond its arguments. Throws LinAlgError.
void symmetric_eigen(MatrixSpan<double> G, Vector<double>& eigenvalues, Matrix<double>& V);

/// Threads of the BLAS, which parallel_for follows. Setting is for the whole process.
int num_threads();
void set_num_threads(int n_threads);

/// "openblas", "system" or "eigen"; and the library's own description of itself, version first.
std::string blas_backend();
std::string blas_description();
/// False when the bundled backend finds another OpenBLAS answering its calls than it was built with.
bool blas_is_expected();

}  // namespace sstpl
