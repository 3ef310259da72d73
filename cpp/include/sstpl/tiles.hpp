// SPDX-License-Identifier: BSD-3-Clause
// Products of float matrices on the matrix tiles of a processor (x86 AMX), which multiply bfloat16 sixteen times as
// fast as vectors multiply float: every float is the sum of three bfloat16 (Henry, Tang, Heinecke, "Leveraging the
// bfloat16 Artificial Intelligence Datatype For Higher-Precision Computations", arXiv:1904.06376), and six of the nine
// products of parts make a float product of the accuracy of SGEMM. Parts below 2^-126 are lost.
#pragma once

#include <functional>

#include "sstpl/types.hpp"

namespace sstpl {

/// Whether machine, build and SSTPL_SIMD have matrix tiles (see simd.hpp), without which the products below throw.
bool has_tiles();

/// Whether there are tiles, and products of these sizes are faster on them than by the BLAS: the Gram matrix of
/// (n, p), and (n, k) times (k, m).
bool tile_gram_pays(Index n, Index p);
bool tile_product_pays(Index n, Index k, Index m);

/// Blocks of the products start at multiples of this, or of a half or a quarter, and end before the next.
inline constexpr Index tile_block = 512;

/// Receives a block of a product when it is made, from several threads at once; must not throw.
using TakeBlock = std::function<void(Index row, Index column, const MatrixView<float>& C)>;

/// Makes the blocks of H'H (p, p) for H (n, p) that reach the diagonal or lie above it; entries below it are arbitrary.
/// n p^2 flops.
void tile_gram(const MatrixView<float>& H, const TakeBlock& take);

/// Makes the blocks of A B' for A (n, k) and B (m, k), or C := A B'. 2 n k m flops.
void tile_product(const MatrixView<float>& A, const MatrixView<float>& B, const TakeBlock& take);
void tile_product(const MatrixView<float>& A, const MatrixView<float>& B, MatrixSpan<float> C);

}  // namespace sstpl
