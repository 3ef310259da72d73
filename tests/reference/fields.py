"""Receptive fields: the columns that every hidden unit sees."""

import numpy as np

from reference import random

USE = 3  # of a layer's stream


def rectangle(unit, fields, seed, stream):
    """Return the rows and the columns of the image (rows, cols, channels, least side) that a unit sees."""
    ranges = []
    for side, words in zip(fields[:2], random.words(seed, stream, [2 * unit, 2 * unit + 1], USE), strict=True):
        length = int(fields[3] + random.index(words[:1], side - fields[3] + 1)[0])
        start = int(random.index(words[1:], side - length + 1)[0])
        ranges.append(slice(start, start + length))
    return tuple(ranges)


def chosen_groups(unit, n_groups, seed, stream):
    """Return the ceil(F^u) groups of F that a unit sees, by selection sampling."""
    at = unit * (n_groups + 1)
    words = random.words(seed, stream, at + np.arange(n_groups + 1), USE)[0]
    wanted = int(np.ceil(n_groups ** random.unit(words[0])))
    chosen = []
    for group in range(n_groups):
        if random.index(words[1 + group], n_groups - group) < wanted - len(chosen):
            chosen.append(group)
    return chosen


def seen(p, d, seed, stream, fields=None, groups=None):
    """Return 1 for the columns (p, d) that every unit sees, 0 for the others."""
    mask = np.ones((p, d))
    for unit in range(p):
        if fields is not None:
            image = np.zeros(fields[:3])
            image[rectangle(unit, fields, seed, stream)] = 1
            mask[unit, : image.size] = image.ravel()
        if groups is not None:
            mask[unit, : len(groups)] = np.isin(groups, chosen_groups(unit, max(groups) + 1, seed, stream))
    return mask


def masked(A, mask):
    """Weights drawn without data on the columns that are seen, with the row's variance spread over them."""
    return A * mask * np.sqrt(mask.shape[1] / mask.sum(axis=1, keepdims=True))
