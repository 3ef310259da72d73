"""The penalty and the solutions of a level from the sums of its folds alone, wherever those were made.

As in `crossfit`: the penalty with the least held-out error on the leading features; where Cholesky refuses a solve with
it, the next larger one. Only the largest penalty, or a given one, may fall back to eigenvalues.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sstpl import _core
from sstpl._typing import Labels

PATH_WIDTH = 1024  # leading features that the penalties are scored on

Solution = dict[str, Any]


@dataclass(frozen=True)
class Solved:
    """Solutions with one penalty.

    Attributes
    ----------
    alpha : float
    errors : list of float
        Held-out error of every penalty of the path, NaN where the search did not come by; empty where there was nothing
        to choose.
    whole : dict
        Of `_core.solve_ridge` on all rows.
    without : list of dict
        Of it without each fold, where those were asked for.
    """

    alpha: float
    errors: list[float]
    whole: Solution
    without: list[Solution]


def solve_path(
    folds: list[_core.Sums],
    alphas: list[float],
    *,
    search: bool = True,
    without_folds: bool = False,
    keep_factor: bool = False,
    left_out: list[Labels] | None = None,
) -> Solved:
    """Choose a penalty of the path, and solve with it on all folds, and if wanted without each of them.

    Without a search it is the first. Rows of one fold alone tell no penalty from another: it is the largest. The
    solution without a fold does without the features that `left_out` has for it.
    """
    unused = left_out or []
    errors: list[float] = []
    best = max(alphas) if search else alphas[0]
    if search and len(alphas) > 1 and len(folds) > 1:
        errors = _core.heldout_errors(folds, alphas, True, min(folds[0].cross.shape[0], PATH_WIDTH), unused)
        best = alphas[int(np.nanargmin(errors))] if np.isfinite(errors).any() else best
    for alpha in sorted(alpha for alpha in alphas if alpha >= best):

        def solve(
            parts: list[_core.Sums], left_out: Labels | None = None, *, alpha: float = alpha, keep: bool = False
        ) -> Solution:
            last = alpha == max(alphas)
            return _core.solve_ridge(parts, alpha, True, allow_fallback=last, keep_factor=keep, left_out=left_out)

        whole = solve(folds, keep=keep_factor)
        without = _without_each(folds, solve, unused) if without_folds and whole["solved"] else []
        if whole["solved"] and all(one["solved"] for one in without):
            break
        if errors:
            errors[alphas.index(alpha)] = np.inf
    return Solved(alpha, errors, whole, without)


def _without_each(
    folds: list[_core.Sums], solve: Callable[[list[_core.Sums], Labels | None], Solution], left_out: list[Labels]
) -> list[Solution]:
    """Solve without each fold, up to the first that Cholesky refuses."""
    found: list[Solution] = []
    for k in range(len(folds)):
        found.append(solve(folds[:k] + folds[k + 1 :], left_out[k] if left_out else None))
        if not found[-1]["solved"]:
            break
    return found
