"""Backward learning: targets travel down, D_{l-1} = s^-1(D_l (A_l')^+), and weights are solved up again."""

import numpy as np

from reference import activation, crossfit, ridge


def propagate(weights, targets, name, margin):
    """D_1 .. D_L for the rows of D_L = targets."""
    D = [np.asarray(targets, np.float64)]
    for A in reversed(weights[1:]):
        D.insert(0, activation.invert(name, D[0] @ ridge.transposed_pseudoinverse(A), margin))
    return D


def solve_layer(B, targets, alpha, fold_starts):
    """V, intercept and honest scores of one layer; the scores of the one solution where there are no folds."""
    fit = crossfit.fit(B, targets, [alpha], fold_starts)
    if fit["oof_scores"] is None:
        fit["oof_scores"] = B @ fit["weights"] + fit["intercept"]
    return fit


def fit_dense(X, Y, weights, name, margin, alpha, fold_starts=None):
    """V_l = argmin ||B_{l-1} V - D_l||^2 + lambda ||V||^2, B_l = s(honest scores)."""
    B, layers = np.asarray(X, np.float64), []
    for D in propagate(weights, Y, name, margin):
        layers.append(solve_layer(B, D, alpha, fold_starts))
        B = activation.apply(name, layers[-1]["oof_scores"])
    return layers


def fit_prototypes(X, indicator, codes, weights, name, margin, alpha, fold_starts=None):
    """Return the same with D_l = E P_l: c right-hand sides per layer, B_l = s(honest scores P_l)."""
    B, layers = np.asarray(X, np.float64), []
    for P in propagate(weights, codes, name, margin):
        layers.append(solve_layer(B, indicator, alpha, fold_starts) | {"prototypes": P})
        B = activation.apply(name, layers[-1]["oof_scores"] @ P)
    return layers
