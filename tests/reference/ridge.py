"""Ridge W, b = argmin sum_i w_i ||W'h_i + b - y_i||^2 + lambda ||W||^2, lambda = alpha tr(G_c) / p."""

import numpy as np


def centred(H, Y, intercept=True, weights=None):
    """Rows times sqrt(w) with their weighted means taken off, and those means."""
    H, Y = np.asarray(H, np.float64), np.asarray(Y, np.float64)
    w = np.ones(len(H)) if weights is None else np.asarray(weights, np.float64)
    share = w / w.sum() if intercept and w.sum() > 0 else np.zeros(len(H))
    h_mean, y_mean = share @ H, share @ Y
    root = np.sqrt(w)[:, None]
    return root * (H - h_mean), root * (Y - y_mean), h_mean, y_mean


def penalty(H, alpha, intercept=True, weights=None):
    """Lambda: alpha times the mean diagonal entry of the centred Gram matrix."""
    Hc = centred(H, np.zeros((len(H), 1)), intercept, weights)[0]
    return alpha * (Hc**2).sum() / max(1, Hc.shape[1])


def solve(H, Y, alpha, intercept=True, weights=None):
    """W (p, c) and b (c), by least squares on H with sqrt(lambda) I stacked below; minimum norm at alpha = 0."""
    Hc, Yc, h_mean, y_mean = centred(H, Y, intercept, weights)
    p = Hc.shape[1]
    root = np.sqrt(penalty(H, alpha, intercept, weights))
    stacked = np.vstack([Hc, root * np.eye(p)])
    targets = np.vstack([Yc, np.zeros((p, Yc.shape[1]))])
    W = np.linalg.lstsq(stacked, targets, rcond=None)[0]
    return W, y_mean - h_mean @ W


def objective(W, intercept, H, Y, strength):
    """||H W + 1 b' - Y||^2 + strength ||W||^2."""
    return ((H @ W + intercept - Y) ** 2).sum() + strength * (W**2).sum()


def transposed_pseudoinverse(A):
    """Return (A')^+ (m, k) of A (m, k), from the singular values."""
    return np.linalg.pinv(np.asarray(A, np.float64).T)
