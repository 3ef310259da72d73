"""The input map: every scaling against its twin, what each leaves unchanged, and columns that are awkward."""

import pickle

import numpy as np
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from reference import inputs, problems
from sstpl._inputs import fit_input_map

SCALINGS = ("feature", "quantile", "piecewise", "sample", "none")
BY_COLUMN = SCALINGS[:3]
LARGEST = np.finfo(np.float64).max

each_dtype = pytest.mark.parametrize("dtype", problems.DTYPES)
each_scaling = pytest.mark.parametrize("scaling", SCALINGS)
each_column_map = pytest.mark.parametrize("scaling", BY_COLUMN)


def table(n, seed=0, dtype=np.float64):
    """Columns as tables have them: normal, heavy-tailed, offset, mostly zero, few values, 0/1, rarely 1, constant."""
    Z = problems.normal(n, 5, seed=seed)
    columns = [Z[:, 0], np.exp(3 * Z[:, 1]), 1e4 + Z[:, 2], np.maximum(Z[:, 3] - 1, 0), np.arange(n) % 3]
    columns += [Z[:, 4] > 0, np.arange(n) == 1, np.full(n, 7.0)]
    return np.stack(columns, axis=1).astype(dtype)


def fit(X, scaling, dtype=np.float64):
    return fit_input_map(X, scaling, np.dtype(dtype))


def mapped(X, scaling, new=None):
    return fit(X, scaling).transform(X if new is None else new)


def one(x, scaling, new=None):
    """Return what becomes of a single column."""
    column = np.asarray(x, np.float64)[:, None]
    return mapped(column, scaling, None if new is None else np.asarray(new, np.float64)[:, None])


def expected_ramps(train, x):
    """Return the twin's ramps, standardised on the training rows and clipped."""
    E, at = inputs.piecewise(train, train), inputs.piecewise(train, x)
    clip = inputs.CLIP if E.shape[1] == 1 else inputs.OUTER_CLIP
    Z, inner = (at - E.mean(axis=0)) / E.std(axis=0), slice(1, -1)
    return np.hstack([np.clip(Z[:, :1], -clip, clip), Z[:, inner], np.clip(Z[:, 1:][:, -1:], -clip, clip)])


def expected(train, X, scaling):
    """Return the twin's mapped rows."""
    pairs = [(t, x) for t, x in zip(train.T, X.T, strict=True) if np.ptp(t) > 0]
    if scaling == "none":
        return np.stack([x for _, x in pairs], axis=1)
    if scaling == "sample":
        return inputs.rows(np.stack([x for _, x in pairs], axis=1))
    if scaling == "piecewise":
        return np.hstack([expected_ramps(t, x) for t, x in pairs])
    scored = [inputs.normal_scores(t, x)[:, None] for t, x in pairs if len(np.unique(t)) >= 5]
    return np.hstack([inputs.standardised(train, X), *(scored if scaling == "quantile" else [])])


@each_dtype
@each_scaling
@pytest.mark.parametrize("n", [2, 5, 17, 100])
def test_mapped_rows_equal_the_twin(n, scaling, dtype):
    train, new = table(n, dtype=dtype), table(50, seed=1, dtype=dtype)
    fitted = fit(train, scaling, dtype)
    for X in (train, new):
        Z = fitted.transform(X)
        assert Z.shape == (len(X), fitted.n_columns_out)
        assert Z.dtype == fitted.dtype == dtype
        assert Z.flags.c_contiguous
        tolerance = 1e-6 if dtype == np.float32 else 1e-9
        np.testing.assert_allclose(Z, expected(train, X, scaling), rtol=1e-6, atol=tolerance)
    assert fitted.scaling == scaling


@each_column_map
def test_columns_have_mean_zero_and_deviation_one_where_nothing_is_clipped(scaling):
    X = np.hstack([problems.normal(200, 3), 1e6 + 1e-3 * problems.normal(200, 2, seed=1)])
    fitted = fit(X, scaling)
    Z = fitted.transform(X)[:, : len(fitted.ramps.columns)]
    np.testing.assert_allclose(Z.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(Z.std(axis=0), 1, atol=1e-6)


def test_normal_data_is_not_clipped():
    X = problems.normal(5000, 4)
    np.testing.assert_allclose(mapped(X, "feature"), (X - X.mean(axis=0)) / X.std(axis=0), atol=1e-12)
    ramps = fit(X, "piecewise").ramps
    first, last = ramps.low.reshape(4, 8)[:, 0], ramps.high.reshape(4, 8)[:, -1]
    assert np.all(first < X.min(axis=0))
    assert np.all(last > X.max(axis=0))


@each_column_map
def test_no_row_maps_further_than_the_clip(scaling):
    X = table(100)
    for far in (1e3, -1e30, LARGEST, -LARGEST):
        Z = mapped(X, scaling, np.full((2, 8), far))
        assert np.abs(Z).max() <= (inputs.OUTER_CLIP if scaling == "piecewise" else inputs.CLIP) * (1 + 1e-9)


@each_dtype
@each_scaling
def test_rows_do_not_depend_on_the_rows_beside_them(scaling, dtype):
    X = table(600, dtype=dtype)
    fitted = fit(X[:300], scaling, dtype)
    whole = fitted.transform(X)
    for step in (1, 7, 256):
        parts = [fitted.transform(X[i : i + step]) for i in range(0, len(X), step)]
        assert np.vstack(parts).tobytes() == whole.tobytes()


@each_scaling
def test_blocks_of_rows_do_not_show(scaling, monkeypatch):
    X = table(500)
    whole = mapped(X, scaling)
    monkeypatch.setattr("sstpl._blocks.BLOCK_VALUES", 64)
    np.testing.assert_allclose(mapped(X, scaling), whole, rtol=1e-12, atol=1e-12)
    fitted = fit(X, scaling)
    small = fitted.transform(X)
    monkeypatch.undo()
    assert fitted.transform(X).tobytes() == small.tobytes()


@each_scaling
def test_layout_does_not_change_a_bit(scaling):
    X = table(100)
    wide = np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)
    layouts = [np.asfortranarray(X), wide[::2, ::2], X[::-1][::-1], np.ascontiguousarray(X.T).T]
    for same in layouts:
        assert mapped(same, scaling).tobytes() == mapped(X, scaling).tobytes()
    X.flags.writeable = False
    assert mapped(X, scaling).tobytes() == mapped(layouts[0], scaling).tobytes()


@each_scaling
def test_training_rows_are_left_alone(scaling):
    X = table(50)
    before = X.copy()
    Z = mapped(X, scaling)
    Z += 1
    assert X.tobytes() == before.tobytes()


@each_scaling
def test_order_of_training_rows_does_not_matter(scaling):
    X = table(300)
    shuffled = np.random.default_rng(0).permutation(X)
    np.testing.assert_allclose(mapped(shuffled, scaling, X), mapped(X, scaling), rtol=1e-9, atol=1e-9)


@each_scaling
def test_float32_rows_map_like_their_float64_copies(scaling):
    X = table(300, dtype=np.float32)
    double = mapped(X.astype(np.float64), scaling)
    assert mapped(X, scaling).tobytes() == double.tobytes()
    np.testing.assert_array_equal(fit(X, scaling, np.float32).transform(X), double.astype(np.float32))


@each_scaling
def test_a_pickled_map_gives_the_same_bytes(scaling):
    X = table(60)
    fitted = fit(X, scaling)
    assert pickle.loads(pickle.dumps(fitted)).transform(X).tobytes() == fitted.transform(X).tobytes()


@each_column_map
@pytest.mark.parametrize("power", [-990, -60, 60, 990])
def test_powers_of_two_do_not_change_a_bit(power, scaling):
    X = table(100)
    assert mapped(np.ldexp(X, power), scaling).tobytes() == mapped(X, scaling).tobytes()


@pytest.mark.parametrize("scaling", SCALINGS[:4])
@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_huge_and_tiny_columns_map_like_others(scale, scaling):
    X = problems.normal(100, 4)
    np.testing.assert_allclose(mapped(scale * X, scaling), mapped(X, scaling), rtol=1e-9, atol=1e-9)


@each_scaling
def test_the_largest_and_smallest_numbers_stay_finite(scaling):
    tiny = np.finfo(np.float64).smallest_subnormal
    values = [LARGEST, -LARGEST, 1e300, -1e-300, tiny, -tiny, 0.0, 1.0]
    X = np.stack([np.random.default_rng(i).permutation(values) for i in range(9)], axis=1)
    X = np.hstack([X, np.arange(8)[:, None] * tiny, np.arange(8)[:, None] / 8 * LARGEST])
    fitted = fit(X, scaling)
    for rows in (X, -X, np.full((1, 11), LARGEST)):
        assert np.isfinite(fitted.transform(rows)).all()


@each_scaling
def test_constant_columns_are_left_out(scaling):
    X = table(50)
    fitted = fit(np.insert(X, 3, -1.5, axis=1), scaling)
    assert list(fitted.columns) == [0, 1, 2, 4, 5, 6, 7]
    assert fitted.transform(np.insert(X, 3, 99.0, axis=1)).tobytes() == mapped(X, scaling).tobytes()


@each_dtype
@each_scaling
def test_where_no_column_varies_one_column_of_zeros_is_kept(scaling, dtype):
    fitted = fit(np.full((5, 3), 0.1, dtype=dtype), scaling, dtype)
    assert fitted.n_columns_out == 1
    np.testing.assert_array_equal(fitted.transform(np.arange(12, dtype=dtype).reshape(4, 3)), np.zeros((4, 1)))


def test_rows_of_one_value_are_zero():
    X = np.full((4, 3), 0.1)
    X[0] = [1, 2, 4]
    np.testing.assert_array_equal(mapped(X, "sample")[1:], 0)


@pytest.mark.parametrize("n_ones", [1, 2, 50, 98])
def test_binary_columns_stay_binary_and_single(n_ones):
    x = np.arange(100) < n_ones
    feature = one(x, "feature")
    assert len(np.unique(feature)) == 2
    assert one(x, "quantile").tobytes() == feature.tobytes()
    assert one(x, "piecewise").tobytes() == feature.tobytes()


@pytest.mark.parametrize("n_values", [2, 3, 4, 5, 6])
def test_columns_of_few_values_have_no_scores(n_values):
    fitted = fit(np.arange(60.0)[:, None] % n_values, "quantile")
    assert fitted.n_columns_out == (1 if n_values < 5 else 2)


def test_quantile_is_the_features_and_the_scores_beside_them():
    X = table(100)
    both = mapped(X, "quantile")
    assert both[:, :7].tobytes() == mapped(X, "feature").tobytes()
    assert both.shape == (100, 7 + 4)  # scores of the first four columns alone


@pytest.mark.parametrize("increasing", [np.exp, np.cbrt, lambda x: 3 * x - 1e5])
def test_scores_of_training_values_are_unchanged_by_increasing_maps(increasing):
    x = np.repeat(problems.normal(300), 2)
    x[:100] = np.round(x[:100])
    np.testing.assert_array_equal(one(increasing(x), "quantile")[:, 1], one(x, "quantile")[:, 1])


def test_scores_are_odd_and_do_not_decrease():
    x, new = np.round(problems.normal(200), 1), np.linspace(-5, 5, 999)
    scores = one(x, "quantile", new)[:, 1]
    assert np.all(np.diff(scores) >= -1e-12)
    np.testing.assert_allclose(one(-x, "quantile", -new)[:, 1], -scores, atol=1e-9)


def test_ties_share_the_middle_of_their_ranks():
    x = np.array([0, 0, 0, 0, 1, 2, 3, 4])
    scores = one(x, "quantile")[:, 1]
    np.testing.assert_allclose(scores, inputs.normal_scores(x, x), atol=1e-9)
    assert scores[0] == scores[3] < scores[4]
    assert [scores.mean(), scores.std()] == pytest.approx([0, 1])


@pytest.mark.parametrize("n_zeros", [0, 4000])
def test_a_thousand_knots_stand_for_all_ranks(n_zeros):
    x = np.exp(problems.normal(6000))
    x[:n_zeros] = 0
    fitted = fit(x[:, None], "quantile")
    assert len(fitted.scores.knots) <= 1000
    some = x[::60]
    scores = fitted.transform(some[:, None])[:, 1]
    raw = np.clip(ndtri((rankdata(x) - 0.5) / len(x)), -inputs.SCORE_CLIP, inputs.SCORE_CLIP)
    ranks = ndtr(raw.mean() + raw.std() * scores)
    clipped = np.clip(inputs.ranks(x, some), 0.00135, 0.99865)
    np.testing.assert_allclose(ranks, clipped, atol=1e-3)


def test_ramps_before_standardising_add_up_to_the_column():
    x = problems.normal(100)
    fitted = fit(x[:, None], "piecewise")
    ramps = fitted.ramps
    assert fitted.n_columns_out == 8
    cut = fitted.transform(x[:, None]) * ramps.spread + ramps.center  # clip(x, b_t, b_{t+1})
    np.testing.assert_allclose(cut.sum(axis=1) - np.sum(inputs.edges(x)[1:-1]), x, atol=1e-12)


def test_ramps_are_monotone_and_linear_between_octiles():
    x = problems.normal(100)
    b = np.array(inputs.edges(x))
    new = np.sort(np.concatenate([b, (b[1:] + b[:-1]) / 2]))
    Z = one(x, "piecewise", new)
    assert np.all(np.diff(Z, axis=0) >= 0)
    np.testing.assert_allclose(Z[1::2], (Z[:-1:2] + Z[2::2]) / 2, atol=1e-12)
    moving = np.diff(Z[::2], axis=0) > 0
    np.testing.assert_array_equal(moving, np.eye(8, dtype=bool))  # one ramp in each of the eight pieces


def test_the_outer_ramps_go_on_up_to_the_clip():
    x = problems.normal(100)
    below, lowest, highest, above = one(x, "piecewise", [x.min() - 0.5, x.min(), x.max(), x.max() + 0.5])
    assert below[0] < lowest[0]
    assert above[-1] > highest[-1]
    np.testing.assert_array_equal(below[1:], lowest[1:])
    np.testing.assert_array_equal(above[:-1], highest[:-1])
    furthest = one(x, "piecewise", [-1e9, 1e9])[[0, 1], [0, -1]]
    np.testing.assert_allclose(furthest, [-inputs.OUTER_CLIP, inputs.OUTER_CLIP])


@pytest.mark.parametrize("n_zeros", [20, 60, 95])
def test_tied_octiles_make_fewer_ramps_and_none_is_constant(n_zeros):
    x = np.maximum(np.arange(100.0) - n_zeros + 1, 0)
    Z = one(x, "piecewise")
    assert Z.shape[1] == len(inputs.edges(x)) - 1 < 8
    assert np.all(np.ptp(Z, axis=0) > 0)
