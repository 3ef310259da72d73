"""Cross-fitted ridge: equal to refitting without every fold, in primal and dual form, whatever the block size."""

import numpy as np
import pytest

from reference import activation, crossfit, hidden, path, problems
from sstpl import _core

each_dtype = pytest.mark.parametrize("dtype", problems.DTYPES)
with_or_without_intercept = pytest.mark.parametrize("intercept", [True, False])
ALPHA = {np.float32: 0.1, np.float64: 1e-3}
PATH = [1e-3, 1e-2, 0.1, 1.0, 10.0]


def assert_fit(found, expected, dtype, loosen=1.0):
    assert found["report"]["alpha"] == expected["alpha"]
    for name in ("weights", "intercept", "oof_scores"):
        if expected[name] is None:
            assert found[name].shape == (0, 0)
        else:
            assert found[name].dtype == dtype
            problems.assert_close(found[name], expected[name], dtype, loosen)


@each_dtype
@with_or_without_intercept
@pytest.mark.parametrize(("n", "p"), problems.SHAPES)
def test_a_fit_equals_the_twin(n, p, intercept, dtype):
    H, Y = problems.regression(n, p, dtype=dtype)
    starts = problems.fold_starts(n, 5) if n >= 5 else None
    found = _core.fit_crossfit(H, Y, [ALPHA[dtype]], starts, intercept)
    assert_fit(found, crossfit.fit(H, Y, [ALPHA[dtype]], starts, intercept), dtype)
    assert found["report"]["form"] == ("dual" if n < p else "primal")
    assert len(found["report"]["fold_solves"]) == (0 if starts is None else 5)


@each_dtype
@pytest.mark.parametrize(("n", "d", "p"), [(5, 1, 2), (17, 5, 100), (100, 17, 5), (100, 5, 100)])
@pytest.mark.parametrize("name", activation.NAMES)
def test_a_fit_on_hidden_features_equals_the_twin(n, d, p, name, dtype):
    X, Y = problems.regression(n, d, dtype=dtype)
    A, b = problems.normal(p, d, dtype=dtype), problems.normal(p, seed=1, dtype=dtype)
    starts = problems.fold_starts(n, 2)
    found = _core.fit_crossfit(X, Y, [ALPHA[dtype]], starts, hidden=(A, b), activation=name)
    expected = crossfit.fit(hidden.features(X, A, b, name), Y, [ALPHA[dtype]], starts)
    assert_fit(found, expected, dtype, 10)


@each_dtype
@with_or_without_intercept
@pytest.mark.parametrize(("n", "p"), [(30, 4), (10, 25)])
@pytest.mark.parametrize("hold_bytes", [0, 100, 1500, 5000, 1 << 28])  # none, some rows, all
def test_a_weighted_fit_equals_the_twin(n, p, intercept, hold_bytes, dtype):
    H, Y = problems.regression(n, p, dtype=dtype)
    starts, w = problems.fold_starts(n, 3), np.random.default_rng(n).uniform(0, 2, n)
    w[1] = 0.0
    found = _core.fit_crossfit(H, Y, [0.1, 1.0], starts, intercept, weights=w, hold_bytes=hold_bytes)
    assert_fit(found, crossfit.fit(H, Y, [0.1, 1.0], starts, intercept, w), dtype)
    assert found["report"]["form"] == ("dual" if n < p else "primal")
    errors = crossfit.path_errors(H, Y, [0.1, 1.0], starts, intercept, w)
    path.assert_searched(found["report"]["path_errors"], [0.1, 1.0], errors, dtype)


@each_dtype
@with_or_without_intercept
@pytest.mark.parametrize(("n", "p"), [(100, 17), (100, 5), (17, 100), (60, 59)])
@pytest.mark.parametrize("seed", range(3))
def test_a_path_picks_the_alpha_of_an_explicit_k_fold(n, p, seed, intercept, dtype):
    H, Y = problems.regression(n, p, seed=seed, dtype=dtype)
    starts = problems.fold_starts(n, 5)
    found = _core.fit_crossfit(H, Y, PATH, starts, intercept)
    errors = crossfit.path_errors(H, Y, PATH, starts, intercept)
    path.assert_searched(found["report"]["path_errors"], PATH, errors, dtype, 10)
    assert found["report"]["alpha"] == PATH[np.nanargmin(path.looked_at(PATH, errors))]
    assert_fit(found, crossfit.fit(H, Y, [found["report"]["alpha"]], starts, intercept), dtype, 10)


def test_a_narrow_path_is_scored_on_the_leading_features():
    H, Y = problems.regression(100, 17)
    starts = problems.fold_starts(100, 4)
    found = _core.fit_crossfit(H, Y, PATH, starts, path_width=6)
    errors = crossfit.path_errors(H[:, :6], Y, PATH, starts)
    path.assert_searched(found["report"]["path_errors"], PATH, errors)
    alpha = PATH[np.nanargmin(path.looked_at(PATH, errors))]
    assert_fit(found, crossfit.fit(H, Y, [alpha], starts), np.float64)


@each_dtype
@pytest.mark.parametrize("block_rows", [1, 7, 64, 100, 10_000])
@pytest.mark.parametrize("hold_bytes", [0, 100, 1500, 5000, 1 << 28])  # none, some rows, all
def test_blocks_and_held_features_do_not_change_the_result(block_rows, hold_bytes, dtype):
    X, Y = problems.regression(100, 5, dtype=dtype)
    layer = problems.normal(17, 5, dtype=dtype), problems.normal(17, dtype=dtype)
    starts = problems.fold_starts(100, 3)
    usual = _core.fit_crossfit(X, Y, [0.01], starts, hidden=layer)
    other = _core.fit_crossfit(X, Y, [0.01], starts, hidden=layer, block_rows=block_rows, hold_bytes=hold_bytes)
    for name in ("weights", "intercept", "oof_scores"):
        problems.assert_close(other[name], usual[name], dtype, 10)


def test_scores_of_a_fold_do_not_depend_on_its_own_targets():
    H, Y = problems.regression(60, 8)
    starts = problems.fold_starts(60, 3)
    before = _core.fit_crossfit(H, Y, [0.1], starts)["oof_scores"]
    Y[20:40] = 1e6
    after = _core.fit_crossfit(H, Y, [0.1], starts)["oof_scores"]
    problems.assert_close(after[20:40], before[20:40])
    assert np.abs(after[:20] - before[:20]).max() > 1


@each_dtype
@pytest.mark.parametrize(("n", "p"), [(400, 5), (20, 30)])
def test_a_huge_mean_with_a_small_spread_costs_nothing(n, p, dtype):
    H, Y = problems.regression(n, p, dtype=dtype)
    H = (H + 1e6).astype(dtype)  # twin and core see the same rounded features
    starts = problems.fold_starts(n, 4)
    expected = crossfit.fit(H, Y, [0.01], starts)
    found = _core.fit_crossfit(H, Y, [0.01], starts)
    for name in ("weights", "oof_scores"):
        problems.assert_close(found[name], expected[name], dtype, 1 if dtype == np.float32 else 100)


@each_dtype
@pytest.mark.parametrize("alpha", [0.0, 1e-12, 1e-3])
def test_constant_and_duplicate_columns_do_no_harm(alpha, dtype):
    H, Y = problems.regression(300, 6, dtype=dtype)
    H[:, 1], H[:, 4] = 0.1, H[:, 2]
    starts = problems.fold_starts(300, 3)
    found = _core.fit_crossfit(H, Y, [alpha], starts)
    expected = (
        crossfit.fit(H[:, [0, 2, 3, 5]], Y, [alpha], starts) if alpha < 1e-6 else crossfit.fit(H, Y, [alpha], starts)
    )
    problems.assert_close(found["oof_scores"], expected["oof_scores"], np.float32, 10)
    problems.assert_close(found["weights"][1], np.zeros(2), np.float32)


@each_dtype
@pytest.mark.parametrize(("n", "p"), [(2, 1), (2, 2), (40, 3), (40, 50)])
def test_features_constant_outside_a_fold_predict_the_mean_of_the_others(n, p, dtype):
    H, Y = problems.regression(n, p, dtype=dtype)
    H[n // 2 :] = H[-1]  # nothing can be learned for the first fold
    found = _core.fit_crossfit(H, Y, [0.1], np.array([0, n // 2, n]))
    mean = np.repeat(Y[n // 2 :].mean(axis=0, keepdims=True), n // 2, axis=0)
    problems.assert_close(found["oof_scores"][: n // 2], mean, dtype)


@each_dtype
def test_features_that_differ_by_rounding_alone_predict_the_mean(dtype):
    flicker = np.random.default_rng(0).integers(-1, 2, (60, 1))
    H, Y = (dtype(0.3) + flicker * np.spacing(dtype(0.3))).astype(dtype), problems.normal(60, 1, dtype=dtype)
    found = _core.fit_crossfit(H, Y, [0.1])
    scores = H.astype(float) @ found["weights"] + found["intercept"]
    problems.assert_close(scores, np.full((60, 1), Y.mean()), np.float32)


@each_dtype
@pytest.mark.parametrize(("n", "p"), [(1500, 40), (60, 90)])
def test_one_and_two_threads_agree_and_each_repeats_its_bytes(n, p, dtype, with_threads):
    X, Y = problems.regression(n, 20, dtype=dtype)
    layer = problems.normal(p, 20, dtype=dtype), problems.normal(p, dtype=dtype)
    starts, results = problems.fold_starts(n, 3), []
    for threads in (1, 2):
        runs = [with_threads(threads, _core.fit_crossfit, X, Y, [0.1, 1.0], starts, hidden=layer) for _ in range(2)]
        assert runs[0]["oof_scores"].tobytes() == runs[1]["oof_scores"].tobytes()
        results.append(runs[0])
    for name in ("weights", "intercept", "oof_scores"):
        problems.assert_close(results[0][name], results[1][name], dtype)


@pytest.mark.parametrize(("n", "p"), [(60, 8), (20, 30)])
def test_rows_permuted_within_their_folds_permute_the_scores(n, p):
    H, Y = problems.regression(n, p)
    starts = problems.fold_starts(n, 4)
    order = np.concatenate([np.random.default_rng(0).permutation(np.arange(n)[f]) for f in crossfit.folds(starts)])
    straight = _core.fit_crossfit(H, Y, PATH, starts)
    mixed = _core.fit_crossfit(H[order], Y[order], PATH, starts)
    problems.assert_close(mixed["oof_scores"], straight["oof_scores"][order])
    problems.assert_close(mixed["weights"], straight["weights"])


@pytest.mark.parametrize(("n", "d", "c"), [(5, 0, 2), (5, 3, 0), (1, 1, 1), (1, 3, 2), (2, 3, 1)])
def test_degenerate_shapes_are_solved(n, d, c):
    found = _core.fit_crossfit(problems.normal(n, d), problems.normal(n, c), [0.1])
    assert found["weights"].shape == (d, c)
    assert found["intercept"].shape == (c,)
    assert np.isfinite(found["weights"]).all()


def test_the_same_call_gives_the_same_bytes():
    H, Y = problems.regression(100, 17)
    runs = [_core.fit_crossfit(H, Y, PATH, problems.fold_starts(100, 5)) for _ in range(3)]
    assert len({run["oof_scores"].tobytes() + run["weights"].tobytes() for run in runs}) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        *[({"alphas": [0.1, bad]}, "alpha must be finite and not negative") for bad in (-1.0, np.nan, np.inf)],
        ({"alphas": []}, "at least one alpha"),
        ({"fold_starts": None}, "path of alphas needs folds"),
        ({"fold_starts": np.array([0, 12])}, "fold_starts"),
        ({"fold_starts": np.array([0, 6, 6, 12])}, "fold_starts"),
        ({"fold_starts": np.array([0, 6, 13])}, "fold_starts"),
        ({"fold_starts": np.array([1, 6, 12])}, "fold_starts"),
        ({"fold_starts": np.array([0, 2**62, 12])}, "fold_starts"),
        ({"weights": -np.ones(12)}, "weights must be finite and not negative"),
        ({"weights": np.full(12, np.nan)}, "weights must be finite and not negative"),
        ({"hidden": (np.ones((4, 3)), np.ones(3))}, "hidden bias"),
        ({"hidden": (np.ones((4, 2)), np.ones(4))}, "hidden layer expects"),
        ({"hidden": (np.ones((4, 3)), np.ones(4)), "activation": "nope"}, "activation must be"),
        ({"path_width": 0}, "path_width"),
        ({"path_width": -1}, "path_width"),
        ({"block_rows": 0}, "block_rows"),
        ({"hold_bytes": -1}, "hold_bytes"),
        ({"hold_bytes": -(2**31)}, "hold_bytes"),
    ],
)
def test_bad_settings_are_refused_by_name(change, words):
    H, Y = problems.regression(12, 3)
    settings = {"X": H, "Y": Y, "alphas": [0.1, 1.0], "fold_starts": np.array([0, 6, 12])} | change
    with pytest.raises(ValueError, match=words):
        _core.fit_crossfit(**settings)
