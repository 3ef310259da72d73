// SPDX-License-Identifier: BSD-3-Clause
// Gram matrices of float features in whole numbers, by instructions that multiply 16 bits twice as fast as float
// (x86 AVX512-VNNI): in every 128 rows a column is rounded to multiples of 1/4095 of its largest entry, and products
// are added exactly. What comes out is the Gram matrix of features that near, so it stays positive semidefinite: the
// rounding moves a column by 1e-4 of its norm where its entries are alike, and never by more than 1.4e-3 of it.
#pragma once

#include "sstpl/scratch.hpp"
#include "sstpl/tiles.hpp"
#include "sstpl/types.hpp"

namespace sstpl {

/// Whether machine, build and SSTPL_SIMD have such instructions (see simd.hpp), without which fixed_gram throws.
bool has_fixed_products();

/// Whether there are, and the Gram matrix of (n, p) is made faster with them than by the BLAS.
bool fixed_gram_pays(Index n, Index p);

/// Makes the blocks of H'H (p, p) for H (n, p) that reach the diagonal or lie above it, as tile_gram does. Columns with
/// entries that are not finite give NaN; of entries below 2^-100 in all of 128 rows nothing is left. n p^2 operations;
/// the rounded entries are kept in `words`, 2 n p bytes.
void fixed_gram(const MatrixView<float>& H, Scratch& words, const TakeBlock& take);

}  // namespace sstpl
