"""Column-wise input maps, fitted on training rows: standardised columns, normal scores of ranks, ramps."""

import math

import numpy as np

CLIP, OUTER_CLIP, SCORE_CLIP, RAMPS = 5.0, 17.0, 3.0, 8


def standardised(train, X):
    """(x - mean) / deviation of every column that varies, clipped."""
    train, X = np.asarray(train, np.float64), np.asarray(X, np.float64)
    varies = np.ptp(train, axis=0) > 0
    Z = (X[:, varies] - train[:, varies].mean(axis=0)) / train[:, varies].std(axis=0)
    return np.clip(Z, -CLIP, CLIP)


def rows(X):
    """Every row minus its mean, over its deviation."""
    X = np.asarray(X, np.float64)
    return (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)


def normal_quantile(p):
    """Return z with Phi(z) = (1 + erf(z / sqrt 2)) / 2 = p, by bisection."""
    low, high = -10.0, 10.0
    for _ in range(80):
        z = (low + high) / 2
        low, high = (z, high) if (1 + math.erf(z / math.sqrt(2))) / 2 < p else (low, z)
    return z


def ranks(train, x):
    """Mid-ranks ((training values below x) + (those equal to x) / 2) / n."""
    train, x = np.asarray(train, np.float64), np.asarray(x, np.float64)
    return np.array([(np.sum(train < v) + 0.5 * np.sum(train == v)) / len(train) for v in x])


def normal_scores(train, x):
    """Return normal quantiles of the mid-ranks of one training column, standardised; linear between its values."""
    knots = sorted({float(v) for v in train})
    scores = np.clip([normal_quantile(p) for p in ranks(train, knots)], -SCORE_CLIP, SCORE_CLIP)
    of_rows = np.interp(np.asarray(train, np.float64), knots, scores)
    scores = np.clip((scores - of_rows.mean()) / of_rows.std(), -CLIP, CLIP)
    return np.interp(np.asarray(x, np.float64), knots, scores)


def edges(train):
    """Return the different ones of the least values with k/8 of a column at or below them, k = 0 .. 8."""
    train = sorted(float(v) for v in train)
    return sorted({train[max(0, math.ceil(k * len(train) / RAMPS) - 1)] for k in range(RAMPS + 1)})


def piecewise(train, x):
    """Ramps (x - b_t) / (b_{t+1} - b_t) of one column, clipped to [0, 1] but open at both ends; (n, n_ramps)."""
    b, x = edges(train), np.asarray(x, np.float64)
    E = np.stack([(x - b[t]) / (b[t + 1] - b[t]) for t in range(len(b) - 1)], axis=1)
    E[:, 1:] = np.maximum(E[:, 1:], 0)
    E[:, :-1] = np.minimum(E[:, :-1], 1)
    return E
