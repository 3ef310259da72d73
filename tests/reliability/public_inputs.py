"""Calls of every public method with spoiled rows, targets and parameters, each drawn from a number; not a test itself.

`try_call(seed)` gives a method an input in another form, or a wrong one. It has to raise ValueError or TypeError and
leave the estimator as it was, or to return what it returns for a clean copy of the same values.
"""

import copy
import random
import warnings
from functools import cache

import numpy as np
import pandas as pd
import scipy.sparse

from sstpl import SSTPLClassifier, SSTPLRegressor, SSTPLTransformer

REFUSALS = (ValueError, TypeError, MemoryError)  # NotFittedError and LinAlgError are ValueErrors
SMALL = {"hidden_width": 8, "max_depth": 1, "n_subsystems": 1, "scaling": "feature", "random_state": 0}
N, D = 24, 4

FORMS = {
    "as it is": lambda X: X,
    "Fortran order": np.asfortranarray,
    "reversed twice": lambda X: X[::-1].copy()[::-1],
    "every second column": lambda X: np.repeat(X, 2, axis=-1)[..., ::2],
    "read-only": lambda X: _locked(X),
    "list": lambda X: X.tolist(),
    "frame": lambda X: pd.DataFrame(X) if X.ndim == 2 else pd.Series(X),
    "float32": lambda X: X.astype(np.float32),
    "big-endian": lambda X: X.astype(X.dtype.newbyteorder()),
    "objects": lambda X: X.astype(object),
    "long double": lambda X: X.astype(np.longdouble),
    "subclass": lambda X: X.view(type("Own", (np.ndarray,), {})),
    "masked": lambda X: np.ma.masked_array(X),
}
WRONG = {
    "sparse": lambda X: scipy.sparse.csr_matrix(np.atleast_2d(X)),
    "NaN": lambda X: _with(X, np.nan),
    "infinity": lambda X: _with(X, -np.inf),
    "None inside": lambda X: _with(X.astype(object), None),
    "complex": lambda X: X + 1j,
    "text": lambda X: X.astype(str).astype(object) + "x",
    "dates": lambda X: X.astype("i8").astype("M8[s]"),
    "too many dimensions": lambda X: X[..., None, None],
    "no dimensions": lambda X: X.flat[0],
    "no rows": lambda X: X[:0],
    "no columns": lambda X: X[..., :0],
    "other rows": lambda X: X[:-3],
    "other columns": lambda X: X[..., :2],
    "one row": lambda X: X[:1],
    "none": lambda X: None,
    "nothing": lambda X: [],
    "ragged": lambda X: [[1.0], [1.0, 2.0]],
    "a number": lambda X: 3,
    "a dictionary": lambda X: {"a": 1},
    "equal": lambda X: np.full_like(X, X.flat[0]),
    "enormous": lambda X: X * 1e300,
    "tiny": lambda X: X * 1e-320,
}
PARAMETERS = (
    None,
    -1,
    0,
    1,
    2,
    3,
    2**70,
    0.5,
    -0.5,
    1.5,
    np.nan,
    np.inf,
    "auto",
    "",
    "tanh",
    True,
    (),
    (3,),
    [],
    object(),
)

# Method: the estimators that have it, what it takes, whether it fits.
METHODS = {
    "fit": ("CRT", ("X", "y"), True),
    "fit_transform": ("T", ("X", "y"), True),
    "partial_fit": ("CR", ("X", "y"), True),
    "forget": ("CR", ("X", "y"), True),
    "grow": ("CR", ("X", "y", "number"), True),
    "calibrate": ("CR", ("X", "y"), True),
    "predict": ("CR", ("X",), False),
    "decision_function": ("C", ("X",), False),
    "predict_proba": ("C", ("X",), False),
    "predict_log_proba": ("C", ("X",), False),
    "predict_set": ("C", ("X", "number"), False),
    "predict_interval": ("R", ("X", "number"), False),
    "transform": ("T", ("X",), False),
    "score": ("CR", ("X", "y"), False),
}
ESTIMATORS = {"C": SSTPLClassifier, "R": SSTPLRegressor, "T": SSTPLTransformer}


def _locked(X):
    X = X.copy()
    X.setflags(write=False)
    return X


def _with(X, value):
    X = X.copy()
    X.flat[X.size // 2] = value
    return X


def rows():
    X = np.random.default_rng(0).standard_normal((N, D))
    return X, (X[:, 0] > 0).astype(float)


@cache
def _fitted(kind, growing):
    X, y = rows()
    if kind == "T":
        return SSTPLTransformer(SSTPLClassifier(**SMALL), random_state=0).fit(X, y)
    model = ESTIMATORS[kind](**SMALL)
    return model.partial_fit(X, y) if growing else model.fit(X, y)


def _outcome(estimator, method, arguments):
    found = getattr(estimator, method)(*arguments)
    if found is not estimator:
        return found
    X = rows()[0][:, : estimator.n_features_in_]
    return estimator.transform(X) if isinstance(estimator, SSTPLTransformer) else estimator.predict(X)


def _clean(value):
    """Return rows as scikit-learn reads them: a C-ordered float array of their own, in the precision they had."""
    array = value.toarray() if scipy.sparse.issparse(value) else np.asarray(value)
    keeps = array.dtype in (np.float32, np.float64) or array.dtype.kind in "OU"
    return np.array(array, order="C", dtype=array.dtype.newbyteorder("=") if keeps else None)


def try_call(seed):
    """Make the call of a number; return its method and what became of it, or raise AssertionError."""
    rng = random.Random(seed)
    method = rng.choice(sorted(METHODS))
    kinds, takes, fits = METHODS[method]
    kind = rng.choice(kinds)
    growing = method in ("partial_fit", "forget", "grow", "calibrate")
    estimator = copy.deepcopy(_fitted(kind, growing))
    told = [kind, method]
    if fits and kind != "T" and rng.random() < 0.3:
        name = rng.choice(sorted(estimator.get_params()))
        value = rng.choice(PARAMETERS)
        if (name, value) != ("n_subsystems", 2**70):  # which it would set out to fit
            estimator.set_params(**{name: value})
            told.append((name, value))
    X, y = rows()
    given = []
    for what in takes:
        if what == "number":
            given.append(rng.choice((*PARAMETERS, 2, 0.5, 0.9)))
            told.append(given[-1])
            continue
        array = X if what == "X" else y
        pool = FORMS if rng.random() < 0.6 else WRONG
        form = rng.choice(sorted(pool))
        with np.errstate(all="ignore"):
            given.append(pool[form](array))
        told.append(form)
    told = f"seed {seed}: {told}"
    before, twin = dict(vars(estimator)), copy.deepcopy(estimator)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            found = _outcome(estimator, method, given)
        except REFUSALS:
            after = dict(vars(estimator))
            same = all(after.get(key, key) is before[key] for key in before)  # a grown model is solved when asked
            same = same and (growing or after.keys() == before.keys())
            assert same, f"{told}: a call that failed changed the estimator"
            return method, "refused"
        except AttributeError:
            assert method == "partial_fit", told
            return method, "refused"
        except Exception as error:
            raise AssertionError(f"{told}: {error!r}") from error
        clean = [_clean(v) if what != "number" else v for what, v in zip(takes, given, strict=True)]
        expected = _outcome(twin, method, clean)
    if isinstance(found, np.ndarray) and found.dtype.kind == "f":
        scale = np.abs(expected).max(initial=1e-300)
        close = np.allclose(found, expected, rtol=1e-4, atol=1e-4 * scale, equal_nan=True)
        assert found.shape == expected.shape, told
        assert close, f"{told}: another result for a clean copy"
        assert np.isfinite(found).all() or method == "predict_log_proba", f"{told}: not finite"
    return method, "worked"
