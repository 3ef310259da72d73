// SPDX-License-Identifier: BSD-3-Clause
// A convolutional stage for images in closed form (algorithm, section 2a): filters answer to patches, positive and
// negative parts are averaged apart over the cells of a grid, and square roots taken. Filters are eigenvectors of
// the patches' covariance (PCANet, Chan et al. 2015) or whitened patches (Coates and Ng 2011): no label is read.
// Images are rows (n, rows * cols * channels), channels last; the maps of one stage are the images of the next.
#pragma once

#include "sstpl/random.hpp"
#include "sstpl/types.hpp"

namespace sstpl {

struct ImageShape {
  Index rows = 0, cols = 0, channels = 1;

  Index size() const { return rows * cols * channels; }
};

/// Every patch (k, k, channels), zero beyond the border, is made mean-free and divided by sqrt(variance + contrast);
/// a response x counts as max(x - threshold, 0) and max(-x - threshold, 0).
struct ConvOptions {
  ImageShape image;
  Index patch = 5;      // k, odd
  Index stride = 1;     // pixels between neighbouring patches
  Index grid = 7;       // cells per side
  double overlap = 0;   // share of a cell's side that its neighbour sees too, in [0, 1]
  double contrast = 0;  // 0: patches keep their contrast
  double threshold = 0;

  Index patch_size() const { return patch * patch * image.channels; }
};

enum class FilterKind { eigen, patches };

/// Throws unless the options are in range and fit images of `columns` columns.
void check_conv(const ConvOptions& options, Index columns);

/// Patches (count, k k channels) at random places of random images, normalised as the options say.
template <class T>
Matrix<T> sample_patches(const ConvOptions& options, const MatrixView<T>& images, const RandomStream& stream,
                         Index count);

/// Filters (m, k k channels) from normalised patches: the m leading eigenvectors of their covariance C; or the m first
/// patches q, whitened to C^+ q (eigenvalues raised by `whitening` times their mean) and scaled so that responses
/// have variance 1. Throws where there are fewer eigenvectors, or patches, than filters.
template <class T>
Matrix<T> make_filters(FilterKind kind, const MatrixView<T>& patches, Index n_filters, double whitening);

/// M := maps (n, grid grid 2 m) of the images (n, image.size()) under filters (m, patch_size()), channels last: square
/// roots of cell averages, positive parts first. 2 m patch_size() flops per patch; holds a few images' patches.
template <class T>
void apply_conv(const ConvOptions& options, const MatrixView<T>& filters, const MatrixView<T>& images, MatrixSpan<T> M,
                const Checkpoint& checkpoint);

}  // namespace sstpl
