"""Prediction of a subsystem, and the rows and folds it is trained on."""

import numpy as np
import pytest

from reference import problems, subsystem
from sstpl import _core

each_dtype = pytest.mark.parametrize("dtype", problems.DTYPES)
each_seed = pytest.mark.parametrize(("seed", "stream"), [(0, 0), (7, 3), (2**63 + 11, 2**31)])
LABELS = {"none": None, "two": 2, "five": 5, "one": 1}


def parts(dtype=np.float64, dense=False, d=4):
    """Two encoders, two backward layers and a fusion of F_0, F_2, B_1 and B_2."""

    def draw(*shape):
        return problems.normal(*shape, seed=sum(shape), dtype=dtype)

    encoders = [(draw(6, d), draw(6), draw(6)), (draw(5, 6), draw(5), draw(5))]
    backward = [(draw(d, 3), draw(3), draw(3, 7)), (draw(7, 3), draw(3), draw(3, 3))]
    if dense:
        backward = [(draw(d, 7), draw(7), draw(7, 0)), (draw(7, 3), draw(3), draw(3, 0))]
    width = d + 5 + 7 + 3
    fused = (draw(width), draw(width), draw(11, width), draw(11), draw(11, 2), draw(2))
    return encoders, backward, fused, [0, 2], [1, 2]


@each_dtype
@pytest.mark.parametrize("n", problems.SIZES)
@pytest.mark.parametrize("name", ["identity", "tanh", "leaky_relu"])
@pytest.mark.parametrize("dense", [True, False])
def test_predictions_equal_the_twin(n, name, dense, dtype):
    X = problems.normal(n, 4, dtype=dtype)
    found = _core.predict_subsystem(X, *parts(dtype, dense), name)
    assert found.dtype == dtype
    problems.assert_close(found, subsystem.predict(X, *parts(dtype, dense), name), dtype, 10)


@pytest.mark.parametrize(("forward", "back"), [([0], []), ([], [1]), ([2], []), ([0, 1, 2], [1, 2]), ([2, 0], [2])])
def test_any_choice_of_levels_equals_the_twin(forward, back):
    encoders, backward, fused, _, _ = parts()
    width = sum([4, 6, 5][i] for i in forward) + sum([7, 3][j - 1] for j in back)
    low, scale, A = problems.normal(width), problems.normal(width, seed=1), problems.normal(11, width)
    arguments = encoders, backward, (low, scale, A, *fused[3:]), forward, back, "tanh"
    X = problems.normal(9, 4)
    problems.assert_close(_core.predict_subsystem(X, *arguments), subsystem.predict(X, *arguments))


@each_dtype
@pytest.mark.parametrize("block_rows", [1, 3, 99, 100, 10_000])
def test_the_size_of_row_blocks_does_not_change_the_scores(block_rows, dtype):
    X = problems.normal(100, 4, dtype=dtype)
    usual = _core.predict_subsystem(X, *parts(dtype), "tanh")
    problems.assert_close(_core.predict_subsystem(X, *parts(dtype), "tanh", block_rows), usual, dtype)


def test_permuted_samples_permute_the_predictions():
    X, order = problems.normal(50, 4), np.random.default_rng(0).permutation(50)
    straight, mixed = (_core.predict_subsystem(x, *parts(), "tanh") for x in (X, X[order]))
    problems.assert_close(mixed, straight[order])


def test_no_rows_give_no_scores():
    X = np.ones((3, 4))[:0].reshape(0, 4)
    assert _core.predict_subsystem(X, *parts(), "tanh").shape == (0, 2)


@pytest.mark.parametrize("name", ["tanh", "sigmoid"])
def test_a_fitted_fusion_predicts_its_own_readout(name):
    X, Y = problems.regression(60, 4)
    found = _core.fit_fusion([(X, None)], Y, "constrained", 12, name, 0, 0, None, [0.1])
    fused = tuple(found[part] for part in ("low", "scale", "hidden_weights", "hidden_bias", "weights", "intercept"))
    scores = _core.predict_subsystem(X, [], [], fused, [0], [], name)
    problems.assert_close(scores, subsystem.predict(X, [], [], fused, [0], [], name))
    assert np.mean((scores - Y) ** 2) < np.mean((Y - Y.mean(axis=0)) ** 2)


def test_fitted_layers_predict_the_features_they_were_fitted_with():
    X, Y = problems.regression(60, 4, c=3)
    chain = [problems.normal(5, 4), problems.normal(3, 5)]
    layers = _core.fit_backward(X, Y, None, chain, "tanh", 0.05, [0.1])
    coded = _core.fit_encoder(X, problems.normal(6, 4), problems.normal(6), "tanh", "ridge", 0.1)
    blocks = [(coded["encoded"], None), (np.tanh(layers[1]["scores"]), None)]
    found = _core.fit_fusion(blocks, Y, "normal", 12, "tanh", 0, 0, None, [0.1])
    fused = tuple(found[part] for part in ("low", "scale", "hidden_weights", "hidden_bias", "weights", "intercept"))
    encoder = coded["weights"], coded["low"], coded["scale"]
    back = [(layer["weights"], layer["intercept"], layer["prototypes"]) for layer in layers]
    scores = _core.predict_subsystem(X, [encoder], back, fused, [1], [2], "tanh")
    direct = _core.predict_subsystem(np.hstack([b for b, _ in blocks]), [], [], fused, [0], [], "tanh")
    problems.assert_close(scores, direct)


@each_seed
@pytest.mark.parametrize("names", LABELS)
@pytest.mark.parametrize("n", [1, 2, 5, 17, 100])
def test_row_samples_equal_the_twin(n, names, seed, stream):
    labels = None if LABELS[names] is None else problems.labels(n, LABELS[names])
    for fraction in (0.01, 0.5, 0.8, 1.0):
        found = _core.sample_rows(seed, stream, labels, n, fraction)
        np.testing.assert_array_equal(found, subsystem.sample_rows(seed, stream, labels, n, fraction))
        assert (np.diff(found) > 0).all()
        if labels is not None:
            assert set(labels[found]) == set(labels)


@each_seed
@pytest.mark.parametrize("names", LABELS)
@pytest.mark.parametrize("n", [2, 5, 17, 100])
def test_folds_equal_the_twin_and_are_even(n, names, seed, stream):
    labels = np.zeros(n, np.int64) if LABELS[names] is None else problems.labels(n, LABELS[names])
    for n_folds in {2, min(5, n), n}:
        found = _core.deal_folds(seed, stream, labels, n, n_folds)
        np.testing.assert_array_equal(found, subsystem.deal_folds(seed, stream, labels, n, n_folds))
        for rows in (slice(None), *(labels == name for name in set(labels))):
            counts = np.bincount(found[rows], minlength=n_folds)
            assert len(counts) == n_folds
            assert np.ptp(counts) <= 1
    assert not np.array_equal(
        _core.deal_folds(seed + 1, stream, None, 100, 5), _core.deal_folds(seed, stream, None, 100, 5)
    )


def test_labels_may_be_any_whole_numbers():
    labels = np.array([-(2**63), 2**63 - 1, 0] * 4)
    found = _core.deal_folds(0, 0, labels, 12, 4)
    for name in set(labels.tolist()):
        np.testing.assert_array_equal(np.sort(found[labels == name]), np.arange(4))


@pytest.mark.parametrize("fraction", [0.0, -0.5, 1.0001, np.nan, np.inf])
def test_bad_fractions_are_refused_by_name(fraction):
    with pytest.raises(ValueError, match="fraction"):
        _core.sample_rows(0, 0, None, 10, fraction)


@pytest.mark.parametrize(("n", "n_folds"), [(10, 1), (10, 0), (10, -2), (10, 11), (0, 2), (-5, 2), (1, 2)])
def test_bad_numbers_of_folds_are_refused_by_name(n, n_folds):
    with pytest.raises(ValueError, match="number of folds"):
        _core.deal_folds(0, 0, None, n, n_folds)


def test_labels_that_do_not_fit_the_rows_are_refused():
    labels = np.zeros(9, np.int64)
    for call in (lambda: _core.sample_rows(0, 0, labels, 10, 0.5), lambda: _core.deal_folds(0, 0, labels, 10, 2)):
        with pytest.raises(ValueError, match="one label per row"):
            call()
    with pytest.raises(ValueError, match="negative"):
        _core.sample_rows(0, 0, None, -1, 0.5)


def bad_settings():
    encoders, backward, fused, _, _ = parts()
    yield {"forward_blocks": [0, 3]}, "forward block"
    yield {"forward_blocks": [0, -1]}, "forward block"
    yield {"backward_blocks": [1, 3]}, "backward block"
    yield {"backward_blocks": [1, 0]}, "backward block"
    yield {"backward_blocks": [1]}, "range needs one entry"
    yield {"forward_blocks": [], "backward_blocks": []}, r"\w"
    yield {"block_rows": 0}, "block_rows"
    yield {"block_rows": -1}, "block_rows"
    yield {"activation": "nope"}, "activation must be"
    yield {"X": np.ones((5, 3))}, "input columns|features"
    yield {"encoders": encoders[::-1]}, "encoder expects"
    yield {"encoders": [(np.ones((6, 4)), np.ones(5), np.ones(6)), encoders[1]]}, "one low and one scale"
    yield {"backward": backward[::-1]}, "weights do not fit|scores"
    yield {"fusion": (*fused[:3], np.ones(3), *fused[4:])}, "bias"


@pytest.mark.parametrize(("change", "words"), list(bad_settings()))
def test_bad_settings_are_refused_by_name(change, words):
    names = ("encoders", "backward", "fusion", "forward_blocks", "backward_blocks")
    settings = dict(zip(names, parts(), strict=True)) | {"X": problems.normal(5, 4), "activation": "tanh"}
    with pytest.raises(ValueError, match=words):
        _core.predict_subsystem(**settings | change)
