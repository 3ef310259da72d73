"""The convolutional first stage of images (algorithm, section 2a): label-free, closed form, fitted on training rows.

Filters are the leading eigenvectors of the covariance of normalised patches; positive and negative parts of their
responses are averaged over the cells of a grid, and square roots are taken. A second layer may treat these maps as an
image of many channels (PCANet, Chan et al. 2015). At the end the training mean is taken off, and every row scaled to
unit length.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sstpl import _core
from sstpl import _row_rules as row_rules
from sstpl._given import Given
from sstpl._parallel import stop_if_unwanted
from sstpl._spill import empty_beside
from sstpl._typing import Floats, Weights
from sstpl._weights import spread_evenly

_STREAM_PATCHES = 3
_N_PATCHES = 100_000
_CONTRAST = 0.25  # added to a patch's variance, in units of the mean variance: flat patches are not blown up
_BLOCK_ROWS = 4096
_MOST_ROWS_OF_MEAN = 8192

ImageShape = tuple[int, int, int]


@dataclass(frozen=True)
class LayerPlan:
    """A layer before it is fitted: sides of patch and grid, share of a cell that its neighbour sees, filters."""

    patch: int
    grid: int
    overlap: float
    n_filters: int


@dataclass(frozen=True)
class ConvLayer:
    """A fitted layer.

    Attributes
    ----------
    shape : (rows, cols, channels) of its images
    patch, grid : int
        Sides of a patch and of the grid.
    overlap : float
        Share of a cell's side that its neighbour sees too.
    contrast : float
        Added to the variance of every patch.
    filters : array of shape (n_filters, patch * patch * channels)
    """

    shape: ImageShape
    patch: int
    grid: int
    overlap: float
    contrast: float
    filters: Floats

    @property
    def map_shape(self) -> ImageShape:
        """Rows, columns and channels of the maps."""
        return self.grid, self.grid, 2 * len(self.filters)

    def apply(self, images: Floats) -> Floats:
        """Return maps (n, grid * grid * 2 * n_filters) of images (n, rows * cols * channels)."""
        return _core.apply_conv(
            images,
            self.filters,
            self.shape,
            self.patch,
            grid=self.grid,
            overlap=self.overlap,
            contrast=self.contrast,
            tick=stop_if_unwanted,
        )


@dataclass(frozen=True)
class ImageMap:
    """The input map of images: all pixels in one unit, then the layers, or pixels less their training mean.

    Attributes
    ----------
    shape : (rows, cols, channels)
    unit : float
        Largest magnitude of a training pixel.
    layers : tuple of ConvLayer
        Bottom up; none for pixels.
    mean : array of shape (n_columns_out,)
        Training mean of what is mapped.
    dtype : numpy dtype
    """

    shape: ImageShape
    unit: float
    layers: tuple[ConvLayer, ...]
    mean: Floats
    dtype: np.dtype[np.floating]

    @property
    def n_columns_out(self) -> int:
        """Number of columns of mapped rows."""
        return int(np.prod(self.map_shape))

    @property
    def map_shape(self) -> ImageShape:
        """Rows, columns and channels of mapped rows."""
        return self.layers[-1].map_shape if self.layers else self.shape

    def transform(self, X: Given | Floats) -> Floats:
        """Return the mapped rows as a new C-ordered array."""
        given = Given.of(X)
        row_rules.no_missing_pixels(given)
        out = empty_beside(given.X, (len(given), self.n_columns_out), self.dtype)
        for start in range(0, len(given), _BLOCK_ROWS):
            maps = self._maps(given[start : start + _BLOCK_ROWS].numbers())
            maps -= self.mean
            if self.layers:
                length = np.sqrt(np.einsum("ij,ij->i", maps, maps))[:, np.newaxis]
                maps /= np.where(length > 0, length, 1)
            out[start : start + _BLOCK_ROWS] = maps
        return out

    def _maps(self, X: Floats) -> Floats:
        maps: Floats = np.divide(X, self.unit, dtype=np.float64).astype(self.dtype)
        for layer in self.layers:
            maps = layer.apply(maps)
        return maps


def _fit_layer(images: Floats, shape: ImageShape, plan: LayerPlan, seed: int) -> ConvLayer:
    rows, cols, channels = shape
    patch = min(plan.patch, *(side - 1 + side % 2 for side in (rows, cols)))
    n_filters = min(plan.n_filters, patch * patch * channels)
    raw = _core.sample_patches(images, shape, patch, 0.0, seed, _STREAM_PATCHES, _N_PATCHES // 10)
    contrast = _CONTRAST * float(np.mean(np.square(raw, dtype=np.float64)))
    patches = _core.sample_patches(images, shape, patch, contrast, seed, _STREAM_PATCHES, _N_PATCHES)
    filters = _core.make_filters(patches, "eigen", n_filters)
    return ConvLayer(shape, patch, min(plan.grid, rows, cols), plan.overlap, contrast, filters)


def fit_image_map(
    X: Given | Floats,
    shape: ImageShape,
    plans: tuple[LayerPlan, ...],
    seed: int,
    dtype: np.dtype[np.floating],
    weights: Weights = None,
) -> ImageMap:
    """Fit the input map on images X (n_samples, rows * cols * channels), from at most 8192 of them, evenly spaced.

    Where they have weights, from as many at equal steps of the cumulated weight, heavy ones more than once.
    """
    given = Given.of(X)
    row_rules.no_missing_pixels(given)
    unit = float(max(abs(float(given.X.max())), abs(float(given.X.min())))) or 1.0
    n_some = -(-len(given) // -(-len(given) // _MOST_ROWS_OF_MEAN))
    step = slice(None, None, -(-len(given) // _MOST_ROWS_OF_MEAN))
    some = given[step if weights is None else spread_evenly(weights, n_some)].numbers()
    fitted = ImageMap(shape, unit, (), np.zeros(given.n_features, dtype=dtype), dtype)
    maps = fitted._maps(some)
    for plan in plans:
        layer = _fit_layer(maps, fitted.map_shape, plan, seed)
        fitted = replace(fitted, layers=(*fitted.layers, layer))
        maps = layer.apply(maps)
    return replace(fitted, mean=maps.mean(axis=0, dtype=np.float64).astype(dtype))
