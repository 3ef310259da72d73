"""Random small levels, each drawn from a number, fitted by the core and by the twin in NumPy; not a test itself."""

import numpy as np

from reference import crossfit, hidden, problems, stack
from sstpl import _core

KINDS = ("orthogonal", "uniform", "normal", "constrained")
ACTIVATIONS = ("tanh", "relu", "sigmoid", "gelu", "leaky_relu", "identity")


def try_problem(seed):
    """Fit one or two levels of a problem and compare them with the twin; raise AssertionError where they differ."""
    rng = np.random.default_rng(seed)
    dtype = rng.choice(problems.DTYPES)
    n, d, c = int(rng.integers(8, 80)), int(rng.integers(1, 12)), int(rng.integers(1, 5))
    width, n_folds = int(rng.integers(1, 60)), int(rng.integers(2, 6))
    kind, name = str(rng.choice(KINDS)), str(rng.choice(ACTIVATIONS))
    classification = rng.random() < 0.5 and c > 1
    X = (rng.standard_normal((n, d)) * 10.0 ** rng.uniform(-1, 1)).astype(dtype)
    labels = problems.labels(n, c, seed) if classification else None
    Y = 2 * problems.one_hot(labels, c) - 1 if classification else np.tanh(X[:, :1] + rng.standard_normal((n, c)))
    Y, starts = np.ascontiguousarray(Y, dtype), problems.fold_starts(n, n_folds)
    alphas = sorted(10.0 ** rng.uniform(-2, 1, int(rng.integers(1, 4))))
    told = f"seed {seed}: n {n}, d {d}, c {c}, width {width}, {n_folds} folds, {kind}, {name}, {np.dtype(dtype).name}"
    loosen = 100 if dtype == np.float32 else 1e4
    scores = None
    levels, gain = [], 0.5
    try:
        for t in range(2):
            blocks = [X] if scores is None else [X, (dtype(gain) * scores).astype(dtype)]
            found = _core.fit_level(blocks, Y, kind, width, name, seed, t, labels, alphas, starts)
            A, b = found["hidden_weights"], found["hidden_bias"]
            if kind in ("uniform", "normal"):  # the twin draws every layer, these to the last digit
                drawn = hidden.draw_iid(kind, np.hstack(blocks).shape[1], width, seed, t)
                problems.assert_close(A, drawn[0], dtype)
            H = hidden.features(np.hstack(blocks), A, b, name)
            expected = crossfit.fit(H, Y, [found["report"]["alpha"]], starts)
            problems.assert_close(found["oof_scores"], expected["oof_scores"], dtype, loosen)
            fitted = H @ found["weights"] + found["intercept"]
            problems.assert_close(fitted, H @ expected["weights"] + expected["intercept"], dtype, loosen)
            if len(alphas) > 1:
                errors = crossfit.path_errors(H, Y, alphas, starts)
                own = errors[alphas.index(found["report"]["alpha"])]
                best = np.nanmin(np.where(np.isnan(found["report"]["path_errors"]), np.nan, errors))
                assert own <= best * (1 + (1e-2 if dtype == np.float32 else 1e-6)), "another penalty is better"
            levels.append((A, b, found["weights"], found["intercept"]))
            scores = found["oof_scores"]
        predicted = _core.predict_stack(X, levels, gain, name)
        problems.assert_close(predicted, stack.predict(X, levels, gain, name), dtype, loosen)
    except Exception as error:
        raise AssertionError(f"{told}: {error}") from error
