"""A number for every row that depends on its values alone, so that equal rows are found wherever they stand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sstpl._given import Given, blocks

Words = npt.NDArray[np.uint64]


def mixed(words: Words) -> Words:
    """Return the finaliser of SplitMix64 (Steele, Lea, Flood 2014): every bit depends on every bit."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def hashes(given: Given, seed: int) -> Words:
    """Return a hash (n,) of the float64 values of every row; those of other types agree where the values do."""
    counters = np.arange(given.n_features + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    keys = mixed(counters + np.uint64(seed)) | np.uint64(1)
    found = np.empty(len(given), dtype=np.uint64)
    for rows in blocks(len(given), given.n_features):
        values = given[rows].numbers().astype(np.float64) + 0.0  # -0.0 is 0.0
        if given.has_missing:
            values[np.isnan(values)] = np.nan  # there are many
        words = values.view(np.uint64)
        words ^= words >> np.uint64(32)  # the low bits of short numbers are zero, and would stay so in their sum
        found[rows] = mixed(words @ keys[1:] + keys[0])
    return found
