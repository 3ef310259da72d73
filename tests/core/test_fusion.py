"""Feature fusion: blocks side by side, scaled on the training rows, and a cross-fitted readout on drawn features."""

import numpy as np
import pytest

from reference import activation, constrained, crossfit, fusion, hidden, path, problems
from sstpl import _core

each_dtype = pytest.mark.parametrize("dtype", problems.DTYPES)
PATH = [0.01, 0.1, 1.0]


def blocks_of(n, dtype=np.float64):
    """Two arrays and the backward features of scores."""
    shapes = [(n, 4), (n, 3), (n, 7)]
    F, scores, G = (problems.normal(*shape, seed=i, dtype=dtype) for i, shape in enumerate(shapes))
    return [(F, None), (scores, problems.normal(3, 6, dtype=dtype)), (G, None)]


def fit(blocks, Y, kind="constrained", n_hidden=20, name="tanh", **options):
    settings = {"seed": 3, "stream": 2, "labels": None, "alphas": PATH, "fold_starts": None} | options
    return _core.fit_fusion(blocks, Y, kind, n_hidden, name, **settings)


@each_dtype
@pytest.mark.parametrize("kind", ["orthogonal", "uniform", "normal", "constrained"])
@pytest.mark.parametrize("n", [17, 100])
@pytest.mark.parametrize("name", ["tanh", "gelu"])
def test_a_fusion_equals_the_twin(n, kind, name, dtype):
    blocks, Y = blocks_of(n, dtype), problems.normal(n, 3, dtype=dtype)
    names, starts = problems.labels(n, 3), problems.fold_starts(n, 4)
    found = fit(blocks, Y, kind, name=name, labels=names, fold_starts=starts)
    Z = fusion.side_by_side(blocks, name)
    low, scale = fusion.column_range(Z)
    problems.assert_close(found["low"], low, dtype)
    problems.assert_close(found["scale"], scale, dtype)
    A, b = found["hidden_weights"].astype(float), found["hidden_bias"].astype(float)
    expected = fusion.readout((Z - low) * scale, Y, A, b, name, [found["report"]["alpha"]], starts)
    for part in ("weights", "intercept", "oof_scores"):
        assert found[part].dtype == dtype
        problems.assert_close(found[part], expected[part], dtype, 10)
    errors = crossfit.path_errors(hidden.features((Z - low) * scale, A, b, name), Y, PATH, starts)
    path.assert_searched(found["report"]["path_errors"], PATH, errors, dtype, 10)
    assert found["report"]["alpha"] == PATH[np.nanargmin(path.looked_at(PATH, errors))]


def test_constrained_units_are_drawn_from_the_scaled_rows():
    blocks, names, starts = blocks_of(60), problems.labels(60, 3), problems.fold_starts(60, 3)
    found = fit(blocks, problems.normal(60, 2), labels=names, fold_starts=starts)
    Z = fusion.side_by_side(blocks, "tanh")
    low, scale = fusion.column_range(Z)
    A, b = constrained.draw_constrained((Z - low) * scale, 20, 3, 2, names, starts)
    problems.assert_close(found["hidden_weights"], A)
    problems.assert_close(found["hidden_bias"], b)


@each_dtype
@pytest.mark.parametrize("n", [1, 2, 5])
def test_few_rows_are_fused(n, dtype):
    found = fit(blocks_of(n, dtype), problems.normal(n, 2, dtype=dtype), "uniform", alphas=[0.1])
    assert found["weights"].shape == (20, 2)
    assert np.isfinite(found["weights"]).all()


def test_constant_columns_are_scaled_to_zero():
    F = problems.normal(30, 4)
    F[:, 2] = 7.0
    found = fit([(F, None)], problems.normal(30, 2), "normal", alphas=[0.1])
    assert found["scale"][2] == 0.0
    assert found["low"][2] == 7.0


def test_prototypes_stand_for_their_dense_features():
    blocks, Y = blocks_of(60), problems.normal(60, 2)
    scores, P = blocks[1]
    dense = [blocks[0], (activation.apply("tanh", scores @ P), None), blocks[2]]
    for part in ("hidden_weights", "weights", "scale"):
        problems.assert_close(fit(dense, Y, alphas=[0.1])[part], fit(blocks, Y, alphas=[0.1])[part])


def test_shifted_and_scaled_inputs_give_the_same_fusion():
    blocks, Y = [blocks_of(60)[0]], problems.normal(60, 2)
    moved = [(1000 * blocks[0][0] - 7, None)]
    problems.assert_close(fit(moved, Y, alphas=[0.1])["weights"], fit(blocks, Y, alphas=[0.1])["weights"])


def test_a_range_over_more_rows_than_a_block_is_that_of_all_rows():
    F = problems.normal(5000, 3)
    found = fit([(F, None)], problems.normal(5000, 1), "normal", 4, alphas=[0.1])
    np.testing.assert_array_equal(found["low"], F.min(axis=0))
    np.testing.assert_allclose(found["scale"], 1 / np.ptp(F, axis=0), rtol=1e-14)


@pytest.mark.parametrize("block", [0, 1])
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("row", [0, 7, 29])
def test_features_that_are_not_finite_are_refused_or_come_out_as_nan(row, value, block):
    blocks = blocks_of(30)
    blocks[block][0][row, 1] = value
    if block == 1 and value == np.inf:
        return  # tanh of infinity is one, and one is a number
    try:
        found = fit(blocks, problems.normal(30, 2), "normal", alphas=[0.1])
    except ValueError:
        return
    assert np.isnan(found["weights"]).any()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"hidden_weights": "random"}, "hidden_weights must be"),
        ({"activation": "nope"}, "activation must be"),
        ({"n_hidden": 0}, "at least one unit"),
        ({"alphas": []}, "at least one alpha"),
        ({"alphas": [-1.0]}, "alpha must be"),
        ({"alphas": [0.1, 1.0]}, "path of alphas needs folds"),
        ({"labels": np.zeros(8, np.int64)}, "one label per row"),
        ({"fold_starts": np.array([0, 4, 8])}, "fold_starts"),
        ({"blocks": []}, "input|row|column|block"),
        ({"blocks": [(np.ones((9, 2)), None), (np.ones((8, 2)), None)]}, "same number of rows"),
        ({"blocks": [(np.ones((9, 2)), np.ones((3, 4)))]}, "prototypes must have one row per column"),
        ({"Y": np.ones((8, 2))}, "as many rows"),
    ],
)
def test_bad_settings_are_refused_by_name(change, words):
    settings = {"blocks": [(problems.normal(9, 3), None)], "Y": problems.normal(9, 2), "n_hidden": 4}
    settings |= {"hidden_weights": "constrained", "activation": "tanh", "seed": 0, "stream": 0, "labels": None}
    with pytest.raises(ValueError, match=words):
        _core.fit_fusion(**settings | {"alphas": [0.1]} | change)


@pytest.mark.parametrize("blocks", [None, [None], [(np.ones((9, 2)),)], [(None, None)], np.ones((9, 2)), "blocks"])
def test_blocks_that_are_no_pairs_of_arrays_are_type_errors(blocks):
    with pytest.raises(TypeError):
        fit(blocks, np.ones((9, 2)), alphas=[0.1])


@each_dtype
def test_whole_row_weights_are_copies_of_rows(dtype):
    blocks, Y, starts = blocks_of(60, dtype), problems.normal(60, 2, dtype=dtype), problems.fold_starts(60, 3)
    counts = 1 + np.arange(60) % 3
    found = fit(blocks, Y, "normal", fold_starts=starts, row_weights=counts.astype(float))
    ends = np.concatenate([[0], np.cumsum(counts)])[starts]
    repeated = [(block.repeat(counts, axis=0), prototypes) for block, prototypes in blocks]
    copies = fit(repeated, Y.repeat(counts, axis=0), "normal", fold_starts=ends)
    for part in ("low", "scale", "weights", "intercept"):
        problems.assert_close(found[part], copies[part], dtype, 10)
    problems.assert_close(found["oof_scores"].repeat(counts, axis=0), copies["oof_scores"], dtype, 10)


def test_heavy_rows_are_drawn_more_often():
    blocks, names, starts = blocks_of(60), problems.labels(60, 3), problems.fold_starts(60, 3)
    weights = 1.0 + np.arange(60) % 5
    found = fit(blocks, problems.normal(60, 2), labels=names, fold_starts=starts, row_weights=weights)
    Z = fusion.side_by_side(blocks, "tanh")
    low, scale = fusion.column_range(Z)
    A, b = constrained.draw_constrained((Z - low) * scale, 20, 3, 2, names, starts, weights=weights)
    problems.assert_close(found["hidden_weights"], A)
    problems.assert_close(found["hidden_bias"], b)
