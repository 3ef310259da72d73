"""Which penalties of a path the search for the least error looks at."""

import numpy as np

from reference import problems

USUAL, CLEARLY_MORE = 1e-3, 1.02


def looked_at(alphas, errors):
    """Return the errors (one of every alpha) with NaN for those that the search does not come by."""
    alphas, errors = np.asarray(alphas, float), np.asarray(errors, float)
    with np.errstate(divide="ignore"):
        start = alphas[np.argmin(np.abs(np.log(alphas) - np.log(USUAL)))]
    smaller = np.argsort(-alphas)[np.sort(-alphas) >= -start]
    larger = np.argsort(alphas)[np.sort(alphas) > start]
    down = _until_clear_rise(errors[smaller], np.inf)
    found = np.full(len(alphas), np.nan)
    found[smaller[:down]] = errors[smaller[:down]]
    least = np.nanmin(found)
    if not errors[smaller[0]] > CLEARLY_MORE * least:
        up = _until_clear_rise(errors[larger], least)
        found[larger[:up]] = errors[larger[:up]]
    return found


def _until_clear_rise(errors, least):
    for count, error in enumerate(errors, start=1):
        if error > CLEARLY_MORE * least:
            return count
        least = min(least, error)
    return len(errors)


def assert_searched(found, alphas, errors, dtype=np.float64, loosen=1.0):
    """Fail unless the errors found are those given where they are not NaN, and NaN where the search does not look."""
    found, errors = np.asarray(found, float), np.asarray(errors, float)
    known = ~np.isnan(found)
    problems.assert_close(found[known], errors[known], dtype, loosen)
    expected = looked_at(alphas, np.where(known, found, errors))  # a ratio of 1.02 may be rounded either way
    np.testing.assert_array_equal(known, ~np.isnan(expected))
