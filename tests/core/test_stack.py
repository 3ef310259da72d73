"""The recursive stack: a level is a drawn hidden layer and its cross-fitted readout, and feeds the level above."""

import numpy as np
import pytest

from reference import activation, crossfit, hidden, path, problems, stack
from sstpl import _core

each_dtype = pytest.mark.parametrize("dtype", problems.DTYPES)
PATH = [0.01, 0.1, 1.0]
GAIN = 0.7


def fit(blocks, Y, kind="constrained", n_hidden=20, name="tanh", **options):
    settings = {"seed": 3, "stream": 2, "labels": None, "alphas": [0.1], "fold_starts": None} | options
    return _core.fit_level(blocks, Y, kind, n_hidden, name, **settings)


def level_of(found):
    return tuple(found[part] for part in ("hidden_weights", "hidden_bias", "weights", "intercept"))


def blocks_of(n, dtype=np.float64):
    """Return inputs whose first eight columns may be an image, and scores beside them."""
    return [problems.normal(n, 9, dtype=dtype), problems.normal(n, 3, seed=1, dtype=dtype)]


def levels_of(d, c, widths, dtype=np.float64):
    """Random levels that fit on each other."""
    levels = []
    for t, p in enumerate(widths):
        A = problems.normal(p, d + (c if t else 0), seed=t, dtype=dtype) / dtype(np.sqrt(d))
        b, v = (problems.normal(size, seed=10 + t, dtype=dtype) for size in (p, c))
        levels.append((A, b, problems.normal(p, c, seed=20 + t, dtype=dtype) / dtype(np.sqrt(p)), v))
    return levels


@each_dtype
@pytest.mark.parametrize("kind", ["orthogonal", "uniform", "normal", "constrained"])
@pytest.mark.parametrize("n", [17, 100])
@pytest.mark.parametrize("name", ["tanh", "relu"])
@pytest.mark.parametrize("fields", [None, (2, 4, 1, 1), (2, 2, 2, 2)])
def test_a_level_equals_the_twin(n, kind, name, fields, dtype):
    blocks, Y = blocks_of(n, dtype), problems.normal(n, 3, dtype=dtype)
    names, starts = problems.labels(n, 3), problems.fold_starts(n, 4)
    found = fit(blocks, Y, kind, name=name, labels=names, fold_starts=starts, alphas=PATH, fields=fields)
    drawn = _core.draw_hidden(kind, np.hstack(blocks), 20, 3, 2, names, starts, fields)
    np.testing.assert_array_equal(found["hidden_weights"], drawn[0])
    np.testing.assert_array_equal(found["hidden_bias"], drawn[1])
    expected = stack.readout(blocks, Y, *drawn, name, [found["report"]["alpha"]], starts)
    for part in ("weights", "intercept", "oof_scores"):
        assert found[part].dtype == dtype
        problems.assert_close(found[part], expected[part], dtype, 10)
    errors = crossfit.path_errors(hidden.features(np.hstack(blocks), *drawn, name), Y, PATH, starts)
    path.assert_searched(found["report"]["path_errors"], PATH, errors, dtype, 10)
    assert found["report"]["alpha"] == PATH[np.nanargmin(path.looked_at(PATH, errors))]


@each_dtype
@pytest.mark.parametrize("n_hidden", [5, 60])  # primal and dual
def test_out_of_fold_scores_are_those_of_refits_without_the_fold(n_hidden, dtype):
    blocks, Y, starts = blocks_of(30, dtype), problems.normal(30, 2, dtype=dtype), problems.fold_starts(30, 3)
    found = fit(blocks, Y, "normal", n_hidden, fold_starts=starts)
    for fold in crossfit.folds(starts):
        keep = np.r_[0 : fold.start, fold.stop : 30]
        refit = fit([np.ascontiguousarray(block[keep]) for block in blocks], Y[keep], "normal", n_hidden)
        rows = np.hstack(blocks)[fold]
        problems.assert_close(
            found["oof_scores"][fold], _core.predict_stack(rows, [level_of(refit)], GAIN, "tanh"), dtype
        )


@each_dtype
@pytest.mark.parametrize("kind", ["orthogonal", "uniform", "normal"])
@pytest.mark.parametrize("selection", ["kfold", "loo", "gcv"])
def test_whole_row_weights_are_copies_of_rows(kind, selection, dtype):
    blocks, Y, starts = blocks_of(90, dtype), problems.normal(90, 2, dtype=dtype), problems.fold_starts(90, 3)
    counts = np.arange(90) % 4
    copies = np.repeat(np.arange(90), counts)
    options = {"alphas": PATH, "selection": selection, "leave_one_out": True}
    found = fit(blocks, Y, kind, fold_starts=starts, row_weights=counts.astype(float), **options)
    ends = np.concatenate([[0], np.cumsum(counts)])[starts]
    expected = fit([block[copies] for block in blocks], Y[copies], kind, fold_starts=ends, **options)
    np.testing.assert_array_equal(found["hidden_weights"], expected["hidden_weights"])
    for part in ("weights", "intercept"):
        problems.assert_close(found[part], expected[part], dtype, 10)
    problems.assert_close(found["oof_scores"][copies], expected["oof_scores"], dtype, 10)
    problems.assert_close(found["report"]["path_errors"], expected["report"]["path_errors"], dtype, 10)
    # Left out is a row with all its weight: a copy of weight one is the row itself.
    single = counts == 1
    problems.assert_close(found["loo_scores"][single], expected["loo_scores"][single[copies]], dtype, 10)


def test_scores_of_a_fold_do_not_depend_on_its_own_targets():
    blocks, Y, starts = blocks_of(60), problems.normal(60, 2), problems.fold_starts(60, 3)
    before = fit(blocks, Y, "normal", fold_starts=starts)["oof_scores"]
    Y[20:40] = 1e6
    after = fit(blocks, Y, "normal", fold_starts=starts)["oof_scores"]
    problems.assert_close(after[20:40], before[20:40])
    assert np.abs(after[:20] - before[:20]).max() > 1


@each_dtype
@pytest.mark.parametrize("n", [17, 100])
def test_a_chain_of_levels_equals_the_twin(n, dtype):
    X, Y, starts = problems.normal(n, 6, dtype=dtype), problems.normal(n, 2, dtype=dtype), problems.fold_starts(n, 3)
    levels, S = [], None
    for t in range(3):
        blocks = [X] if S is None else [X, (dtype(GAIN) * S).astype(dtype)]
        found = fit(blocks, Y, "normal", 15, stream=t, fold_starts=starts)
        levels.append(level_of(found))
        S = found["oof_scores"]
    expected, scores = stack.fit(X, Y, [level[:2] for level in levels], GAIN, "tanh", 0.1, starts)
    problems.assert_close(S, scores, dtype, 10)
    new = problems.normal(40, 6, seed=5, dtype=dtype)
    predicted = _core.predict_stack(new, levels, GAIN, "tanh")
    problems.assert_close(predicted, stack.predict(new, expected, GAIN, "tanh"), dtype, 100)


@each_dtype
def test_blocks_side_by_side_are_one_array(dtype):
    blocks, Y, starts = blocks_of(60, dtype), problems.normal(60, 2, dtype=dtype), problems.fold_starts(60, 3)
    apart, together = (fit(rows, Y, fold_starts=starts) for rows in (blocks, [np.hstack(blocks)]))
    np.testing.assert_array_equal(apart["hidden_weights"], together["hidden_weights"])
    for part in ("weights", "intercept", "oof_scores"):
        problems.assert_close(apart[part], together[part], dtype)


@each_dtype
def test_rows_apart_in_memory_give_the_level_of_copied_rows(dtype):
    blocks, Y = blocks_of(60, dtype), problems.normal(60, 2, dtype=dtype)
    sliced = [np.hstack([block, block])[::2, : block.shape[1]] for block in blocks]
    assert not any(block.flags.c_contiguous for block in sliced)
    found, expected = fit(sliced, Y[::2]), fit([block.copy() for block in sliced], Y[::2].copy())
    for part in ("hidden_weights", "weights", "intercept"):
        np.testing.assert_array_equal(found[part], expected[part])


@each_dtype
@pytest.mark.parametrize("n", [1, 2, 5])
def test_few_rows_make_a_level(n, dtype):
    found = fit(blocks_of(n, dtype), problems.normal(n, 2, dtype=dtype))
    assert found["weights"].shape == (20, 2)
    assert np.isfinite(found["weights"]).all()
    assert found["oof_scores"].shape == (0, 0)


@each_dtype
@pytest.mark.parametrize("name", activation.NAMES)
@pytest.mark.parametrize(("n", "d", "c"), [(1, 1, 1), (2, 5, 1), (17, 1, 3), (100, 17, 2)])
@pytest.mark.parametrize("widths", [[9], [1, 5], [5, 17, 2]])
def test_scores_equal_the_twin(n, d, c, widths, name, dtype):
    X, levels = problems.normal(n, d, dtype=dtype), levels_of(d, c, widths, dtype)
    found = _core.predict_stack(X, levels, GAIN, name)
    assert found.dtype == dtype
    problems.assert_close(found, stack.predict(X, levels, GAIN, name), dtype)


@each_dtype
def test_a_single_level_is_its_readout_on_its_hidden_features(dtype):
    X, ((A, b, W, v),) = problems.normal(30, 5, dtype=dtype), levels_of(5, 2, [9], dtype)
    H = np.tanh(X.astype(float) @ A.T + b)
    problems.assert_close(_core.predict_stack(X, [(A, b, W, v)], GAIN, "tanh"), H @ W + v, dtype)


@pytest.mark.parametrize("gain", [0.0, 0.5, -2.0])
def test_the_second_level_sees_the_inputs_and_the_gain_times_the_scores(gain):
    X, (first, _) = problems.normal(30, 3), levels_of(3, 2, [9, 5])
    S = _core.predict_stack(X, [first], gain, "identity")
    # A level that hands its inputs on shows them.
    for column in range(5):
        A, W = np.eye(5)[[column]], np.ones((1, 2))
        shown = _core.predict_stack(X, [first, (A, np.zeros(1), W, np.zeros(2))], gain, "identity")
        expected = np.hstack([X, gain * S])[:, [column, column]]
        problems.assert_close(shown, expected)


def test_levels_that_do_not_look_at_the_scores_change_nothing_below_them():
    X, levels = problems.normal(30, 4), levels_of(4, 2, [9, 5])
    blind = levels[1][0].copy()
    blind[:, 4:] = 0
    stacked = _core.predict_stack(X, [levels[0], (blind, *levels[1][1:])], GAIN, "tanh")
    alone = _core.predict_stack(X, [(blind[:, :4].copy(), *levels[1][1:])], GAIN, "tanh")
    problems.assert_close(stacked, alone)


@each_dtype
@pytest.mark.parametrize("block_rows", [1, 7, 99, 100, 10_000, 2**62])
def test_the_size_of_the_row_blocks_does_not_matter(block_rows, dtype):
    X, levels = problems.normal(100, 5, dtype=dtype), levels_of(5, 3, [17, 9, 4], dtype)
    usual, other = (_core.predict_stack(X, levels, GAIN, "tanh", rows) for rows in (2048, block_rows))
    problems.assert_close(other, usual, dtype, 0.1 if dtype == np.float32 else 1e-4)


@each_dtype
def test_permuted_rows_and_rows_apart_in_memory_have_the_same_scores(dtype):
    X, levels = problems.normal(50, 5, dtype=dtype), levels_of(5, 3, [17, 9], dtype)
    usual, order = _core.predict_stack(X, levels, GAIN, "tanh"), np.random.default_rng(0).permutation(50)
    tolerance = 0.1 if dtype == np.float32 else 1e-4
    problems.assert_close(_core.predict_stack(X[order], levels, GAIN, "tanh"), usual[order], dtype, tolerance)
    wide = np.hstack([X, X])[::2, :5]
    problems.assert_close(_core.predict_stack(wide, levels, GAIN, "tanh"), usual[::2], dtype, tolerance)


@each_dtype
def test_no_rows_have_no_scores(dtype):
    found = _core.predict_stack(np.zeros((0, 5), dtype), levels_of(5, 3, [17, 9], dtype), GAIN, "tanh")
    assert found.shape == (0, 3)
    assert found.dtype == dtype


@each_dtype
def test_one_and_two_threads_agree(dtype, with_threads):
    blocks, Y = blocks_of(400, dtype), problems.normal(400, 2, dtype=dtype)
    names, starts = problems.labels(400, 3), problems.fold_starts(400, 3)
    options = {"labels": names, "fold_starts": starts, "fields": (2, 4, 1, 1)}
    one, two = (with_threads(t, fit, blocks, Y, **options) for t in (1, 2))
    np.testing.assert_array_equal(one["hidden_weights"], two["hidden_weights"])
    problems.assert_close(two["oof_scores"], one["oof_scores"], dtype)
    X, levels = np.hstack(blocks), [level_of(one)]
    one, two = (with_threads(t, _core.predict_stack, X, levels, GAIN, "tanh") for t in (1, 2))
    problems.assert_close(two, one, dtype)


def test_a_level_sees_nothing_of_other_rows_of_memory():
    X = np.full((30, 12), np.nan)
    X[::3, :5] = problems.normal(10, 5)
    level = levels_of(5, 2, [9])
    assert np.isfinite(_core.predict_stack(X[::3, :5], level, GAIN, "tanh")).all()


def test_what_a_tick_raises_ends_the_call():
    def tick():
        raise KeyError("stop")

    with pytest.raises(KeyError, match="stop"):
        fit([problems.normal(40_000, 20)], problems.normal(40_000, 2), "normal", 500, tick=tick)


@each_dtype
def test_without_a_search_the_first_penalty_is_taken_and_the_next_larger_one_where_cholesky_refuses(dtype):
    X, Y = problems.normal(100, 3, dtype=dtype), problems.normal(100, 2, seed=1, dtype=dtype)
    folds = {"fold_starts": problems.fold_starts(100, 4)}
    for name, alphas, taken in (("tanh", [0.1, 1.0], 0.1), ("identity", [0.0, 0.1, 1.0], 0.1)):  # of rank 3
        found = fit([X], Y, "normal", name=name, alphas=alphas, search=False, **folds)
        expected = fit([X], Y, "normal", name=name, alphas=[taken], **folds)
        assert found["report"]["alpha"] == taken
        assert found["report"]["path_errors"] == []
        assert found["report"]["solve"]["solver"] == "cholesky"
        for part in ("weights", "oof_scores"):
            np.testing.assert_array_equal(found[part], expected[part])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"hidden_weights": "random"}, "hidden_weights must be"),
        ({"activation": "nope"}, "activation must be"),
        ({"n_hidden": 0}, "at least one unit"),
        ({"alphas": []}, "at least one alpha"),
        ({"alphas": [-1.0]}, "alpha must be"),
        ({"alphas": [0.1, np.nan], "fold_starts": np.array([0, 4, 9])}, "alpha must be"),
        ({"alphas": [0.1, 1.0]}, "path of alphas needs folds"),
        ({"labels": np.zeros(8, np.int64)}, "one label per row"),
        ({"fold_starts": np.array([0, 4, 8])}, "fold_starts"),
        ({"fold_starts": np.array([0, 9])}, "fold_starts"),
        ({"fields": (2, 2, 1, 1)}, "receptive fields need an image of no more columns"),
        ({"fields": (0, 2, 1, 1)}, "receptive fields need an image of at least one row"),
        ({"fields": (1, 3, 1, 2)}, "least side of a receptive field"),
        ({"groups": np.array([0, 3])}, "groups must be numbered from 0"),
        ({"groups": np.array([0, 1, 2, 3])}, "groups must have no more entries"),
        ({"path_width": 0}, "path_width must be at least 1"),
        ({"blocks": []}, "input column"),
        ({"blocks": [np.ones((0, 3))], "Y": np.ones((0, 2))}, "at least one row"),
        ({"blocks": [np.ones((9, 2)), np.ones((8, 2))]}, "same number of rows"),
        ({"Y": np.ones((8, 2))}, "as many rows"),
    ],
)
def test_bad_settings_of_a_level_are_refused_by_name(change, words):
    settings = {"blocks": [problems.normal(9, 3)], "Y": problems.normal(9, 2), "n_hidden": 4}
    settings |= {"hidden_weights": "constrained", "activation": "tanh", "seed": 0, "stream": 0, "labels": None}
    with pytest.raises(ValueError, match=words):
        _core.fit_level(**settings | {"alphas": [0.1]} | change)


@each_dtype
def test_scores_by_landmarks_are_those_by_the_weights_that_they_make(dtype):
    X, R, scale = (problems.normal(*shape, seed=len(shape), dtype=dtype) for shape in ((700, 6), (8, 6), (30,)))
    pairs = np.stack([np.arange(30) % 8, np.arange(30) % 7], axis=1)
    level = (scale[:, None] * (R[pairs[:, 0]] - R[pairs[:, 1]]), *levels_of(6, 2, [30], dtype)[0][1:])
    expected = _core.predict_stack(X, [level], GAIN, "tanh")
    wrong = (np.zeros_like(level[0]), *level[1:])  # whose products are not taken
    for rows in (X, X[:1]):
        found = _core.predict_stack(rows, [wrong], GAIN, "tanh", landmarks=[(R, pairs, scale)])
        problems.assert_close(found, expected[: len(rows)], dtype, 10)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"landmarks": []}, "landmarks must have one entry per level"),
        ({"rows": np.ones((3, 5))}, "landmarks must be rows"),
        ({"pairs": np.zeros((4, 3), np.int64)}, "landmarks must be rows"),
        ({"pairs": np.zeros((3, 2), np.int64)}, "landmarks must be rows"),
        ({"scale": np.ones(3)}, "landmarks must be rows"),
        ({"pairs": np.full((4, 2), 3)}, "pairs of landmarks must be numbers of their rows"),
        ({"pairs": np.full((4, 2), -1)}, "pairs of landmarks must be numbers of their rows"),
    ],
)
def test_landmarks_that_do_not_fit_are_refused(change, words):
    given = {"rows": np.ones((3, 6)), "pairs": np.zeros((4, 2), np.int64), "scale": np.ones(4)} | change
    landmarks = given.pop("landmarks", None)
    with pytest.raises(ValueError, match=words):
        _core.predict_stack(
            np.ones((5, 6)),
            levels_of(6, 2, [4]),
            GAIN,
            "tanh",
            landmarks=[tuple(given.values())] if landmarks is None else landmarks,
        )


@each_dtype
@pytest.mark.parametrize("n", [12, 60])
def test_scores_go_to_arrays_of_the_callers(n, dtype):
    X, Y, starts = problems.normal(n, 6, dtype=dtype), problems.normal(n, 2, dtype=dtype), problems.fold_starts(n, 3)
    told = fit([X], Y, fold_starts=starts, leave_one_out=True)
    wide = np.full((2, n, 5), 7, dtype=dtype)  # of which they are some columns
    found = fit([X], Y, fold_starts=starts, leave_one_out=True, oof_scores=wide[0, :, 1:3], loo_scores=wide[1, :, 1:3])
    for index, part in enumerate(("oof_scores", "loo_scores")):
        assert np.shares_memory(found[part], wide[index])
        np.testing.assert_array_equal(wide[index, :, 1:3], told[part])
    assert (wide[:, :, [0, 3, 4]] == 7).all()
    out = np.empty_like(Y)
    assert _core.predict_stack(X, [level_of(told)], GAIN, "tanh", out=out) is out
    np.testing.assert_array_equal(out, _core.predict_stack(X, [level_of(told)], GAIN, "tanh"))


def read_only(array):
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.ones((8, 2)), "{name} must have the shape of the scores, 9 rows and 2 columns"),
        (np.ones((9, 3)), "{name} must have the shape of the scores, 9 rows and 2 columns"),
        (np.ones(9), "{name} must be 2-D"),
        (np.ones((9, 4))[:, ::2], "{name} must be C-ordered"),
        (read_only(np.ones((9, 2))), "{name} must be writeable"),
    ],
)
def test_arrays_that_scores_do_not_fit_in_are_refused_by_name(array, words):
    X, Y, starts = problems.normal(9, 5), problems.normal(9, 2), problems.fold_starts(9, 3)
    for name in ("oof_scores", "loo_scores"):
        with pytest.raises(ValueError, match=words.format(name=name)):
            fit([X], Y, fold_starts=starts, leave_one_out=True, **{name: array})
    with pytest.raises(ValueError, match=words.format(name="out")):
        _core.predict_stack(X, levels_of(5, 2, [9, 4]), GAIN, "tanh", out=array)
    with pytest.raises(TypeError):
        _core.predict_stack(X, levels_of(5, 2, [9, 4]), GAIN, "tanh", out=np.ones((9, 2), np.float32))


@pytest.mark.parametrize(
    ("change", "words"),
    [({"oof_scores": np.ones((9, 2))}, "need folds"), ({"loo_scores": np.ones((9, 2))}, "were not asked for")],
)
def test_scores_that_there_are_none_of_need_no_array(change, words):
    with pytest.raises(ValueError, match=words):
        fit([problems.normal(9, 5)], problems.normal(9, 2), fold_starts=None, **change)


def spoiled(t, part, array):
    levels = levels_of(5, 3, [9, 4])
    levels[t] = tuple(array if i == part else value for i, value in enumerate(levels[t]))
    return {"levels": levels}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"levels": []}, "at least one level"),
        ({"activation": "nope"}, "activation must be"),
        ({"block_rows": 0}, "block_rows must be at least 1"),
        ({"block_rows": -5}, "block_rows must be at least 1"),
        ({"X": np.ones((8, 4))}, "hidden layer expects another number of input columns"),
        ({"X": np.ones((0, 4))}, "hidden layer expects another number of input columns"),
        (spoiled(0, 0, np.ones((9, 6))), "hidden layer expects another number of input columns"),
        (spoiled(1, 0, np.ones((4, 5))), "hidden layer expects another number of input columns"),
        (spoiled(0, 1, np.ones(8)), "hidden bias needs one entry per hidden unit"),
        (spoiled(1, 2, np.ones((5, 3))), "weights do not fit the features"),
        (spoiled(0, 2, np.ones((9, 2))), "as many outputs as the scores"),
        (spoiled(1, 2, np.ones((4, 2))), "as many outputs as the scores"),
        (spoiled(0, 3, np.ones(2)), "weights do not fit the features"),
    ],
)
def test_bad_settings_of_predictions_are_refused_by_name(change, words):
    settings = {"X": problems.normal(8, 5), "levels": levels_of(5, 3, [9, 4]), "gain": 1.0, "activation": "tanh"}
    with pytest.raises(ValueError, match=words):
        _core.predict_stack(**settings | change)


@pytest.mark.parametrize("level", [None, (np.ones((4, 5)),), (np.ones((4, 5)), np.ones(4), np.ones((4, 3)), None), "A"])
def test_levels_that_are_not_four_arrays_are_type_errors(level):
    with pytest.raises(TypeError):
        _core.predict_stack(problems.normal(8, 5), [level], 1.0, "tanh")
