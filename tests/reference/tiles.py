"""A float as the sum of three bfloat16, and products by six of the nine products of their parts."""

import numpy as np


def nearest(x):
    """Return the bfloat16 nearest to float32 x, ties to even, as float32."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
    return rounded.view(np.float32)


def split(x):
    """Return the high, middle and low part of float32 x."""
    high = nearest(x)
    middle = nearest(x - high)
    return high, middle, nearest(x - high - middle)


def gram(H):
    """Return H'H of float32 H by the products of parts that tiles make, summed in double."""
    high, middle, low = (part.astype(np.float64) for part in split(H))
    mixed = high.T @ middle + high.T @ low
    return high.T @ high + middle.T @ middle + mixed + mixed.T
