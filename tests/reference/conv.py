"""A convolutional stage: filters answer to normalised patches, both signs are averaged over cells, square roots."""

import math

import numpy as np

from reference import random


def patch_at(image, row, col, k, contrast=0.0):
    """Return the k x k patch centred at (row, col) of an image (rows, cols, channels): mean-free, normalised."""
    padded = np.pad(np.asarray(image, np.float64), ((k // 2, k // 2), (k // 2, k // 2), (0, 0)))
    q = padded[row : row + k, col : col + k].ravel()
    q = q - q.mean()
    return q if contrast == 0 else q / np.sqrt(q.var() + contrast)


def sample(images, shape, k, contrast, seed, stream, count):
    """Return patches (count, k k channels) at random places of random images."""
    rows, cols, _ = shape
    image, place = random.words(seed, stream, np.arange(count))
    chosen = zip(random.index(image, len(images)), random.index(place, rows * cols), strict=True)
    return np.array([patch_at(images[i].reshape(shape), at // cols, at % cols, k, contrast) for i, at in chosen])


def eigen_filters(patches, m):
    """Return the m leading eigenvectors of Q'Q as rows: right singular vectors of Q, of either sign."""
    return np.linalg.svd(np.asarray(patches, np.float64))[2][:m]


def whitened_filters(patches, m, whitening):
    """(C + whitening tr(C) / d I)^+ q of the first m patches, C = Q'Q / n, scaled to responses of mean square 1."""
    Q = np.asarray(patches, np.float64)
    C = Q.T @ Q / len(Q)
    raised = C + whitening * np.trace(C) / len(C) * np.eye(len(C))
    F = np.linalg.lstsq(raised, Q[:m].T, rcond=1e-8)[0].T
    return F / np.sqrt(np.mean((F @ Q.T) ** 2, axis=1, keepdims=True))


def cell(i, places, grid, overlap):
    """Return the places along one side that cell i sees: its share of the side, and overlap / 2 more at both ends."""
    side = places / grid
    low, high = (math.floor(side * at + 0.5) for at in (i - overlap / 2, i + 1 + overlap / 2))
    return slice(max(0, low), min(places, high))


def pooled(responses, grid, overlap, threshold):
    """Square roots of cell averages of max(r - threshold, 0), then max(-r - threshold, 0); (grid, grid, 2 m)."""
    down, across, m = responses.shape
    parts = np.maximum(np.concatenate([responses, -responses], axis=2) - threshold, 0)
    maps = np.empty((grid, grid, 2 * m))
    for i in range(grid):
        for j in range(grid):
            seen = parts[cell(i, down, grid, overlap), cell(j, across, grid, overlap)]
            maps[i, j] = np.sqrt(seen.mean(axis=(0, 1)))
    return maps


def apply(images, filters, shape, k, stride=1, grid=7, overlap=0.0, contrast=0.0, threshold=0.0):
    """Return the maps (n, grid grid 2 m) of images (n, rows cols channels) under filters (m, k k channels)."""
    F, (rows, cols, _) = np.asarray(filters, np.float64), shape
    maps = np.empty((len(images), grid * grid * 2 * len(F)))
    for image, row in zip(images, maps, strict=True):
        places = [[(y, x) for x in range(0, cols, stride)] for y in range(0, rows, stride)]
        R = [[F @ patch_at(image.reshape(shape), y, x, k, contrast) for y, x in line] for line in places]
        row[:] = pooled(np.array(R), grid, overlap, threshold).ravel()
    return maps
