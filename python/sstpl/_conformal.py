"""Prediction intervals and prediction sets from what the training rows show when they are left out.

With n conformity values, sorted, the one of rank ceil((n + 1) coverage) is not exceeded by that of one more row of the
same distribution with at least this probability (Vovk et al. 2005): exactly so where the values of training rows and of
new rows are exchangeable. Values of training rows left out and of new rows by the whole model nearly are: the model for
a new row is fitted on a little more than those for training rows. That is the jackknife's and the cross-conformal
coverage, asymptotic for stable fits (Barber et al., Annals of Statistics 49, 2021), with no bound for finite n.

Weighted rows stand for a distribution in which they are as likely as their weights say. Their values are those of the
m rows of equal weight that tell as much (`order_statistics`), so that (n + 1) / n of the rule is (m + 1) / m.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sstpl._spill import made_beside, plain
from sstpl._typing import Floats, Weights
from sstpl._weights import order_statistics

_Reals = npt.NDArray[np.float64]
_ROUNDING = 1e-9  # of (n + 1) coverage, which is a whole number up to this


@dataclass(frozen=True)
class Conformity:
    """How far training rows are from what is predicted of them when they are left out.

    Attributes
    ----------
    values : float64 array of shape (n_rows, n_outputs)
        Every column sorted: absolute residuals in units of the standardised targets, or one column of
        1 - the probability of the row's class. Of weighted rows as many as their effective size.
    """

    values: _Reals

    def quantile(self, coverage: float) -> _Reals:
        """Return for every output what a new row's value exceeds with probability 1 - coverage at most.

        It is infinite where n_rows < coverage / (1 - coverage): so few rows cannot tell.
        """
        n_rows, n_outputs = self.values.shape
        rank = int(np.ceil((n_rows + 1) * coverage - _ROUNDING))
        quantile: _Reals = self.values[rank - 1] if rank <= n_rows else np.full(n_outputs, np.inf)
        return quantile


def residual_conformity(scores: Floats, targets: Floats, weights: Weights = None) -> Conformity:
    """Return absolute residuals of scores (n, c) against coded targets (n, c)."""
    residuals = made_beside(
        targets, lambda rows: np.abs(targets[rows].astype(np.float64) - scores[rows]), targets.shape, np.float64
    )
    return Conformity(plain(order_statistics(residuals, weights)))


def class_conformity(own: _Reals, weights: Weights = None) -> Conformity:
    """Return one minus the probability (n,) of the class that a row has."""
    return Conformity(order_statistics(1.0 - own[:, np.newaxis], weights))


def class_sets(probabilities: _Reals, quantile: float) -> npt.NDArray[np.bool_]:
    """Return which classes (n, c) conform, and the likeliest of every row whether it does or not."""
    sets: npt.NDArray[np.bool_] = 1.0 - probabilities <= quantile
    sets[np.arange(len(sets)), probabilities.argmax(axis=1)] = True
    return sets
