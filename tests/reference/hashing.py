"""Hashes of rows: sums of multiples of the bits of their float64 values, mixed by the finaliser of SplitMix64."""

import numpy as np

_WORD = 2**64


def mix(word):
    """Return the finaliser of SplitMix64 (Steele, Lea, Flood 2014)."""
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % _WORD
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB % _WORD
    return word ^ (word >> 31)


def bits(value):
    """Return the bits of a number, the high half put on the low one too."""
    word = 0x7FF8000000000000 if value != value else int(np.float64(value + 0.0).view(np.uint64))
    return word ^ (word >> 32)


def row(values, seed):
    """Return the hash of a row."""
    keys = [mix((j * 0x9E3779B97F4A7C15 + seed) % _WORD) | 1 for j in range(len(values) + 1)]
    return mix((keys[0] + sum(k * bits(value) for value, k in zip(values, keys[1:], strict=True))) % _WORD)
