"""One forward layer: equal to its twin, exact where it can be, and in [0, 1] on the training rows."""

import numpy as np
import pytest

from reference import activation, autoencoder, hidden, lasso, problems, ridge
from sstpl import _core

each_dtype = pytest.mark.parametrize("dtype", problems.DTYPES)
ALPHA = {np.float32: 0.1, np.float64: 1e-3}


def random_code(p, d, dtype=np.float64):
    return problems.normal(p, d, seed=5, dtype=dtype), problems.normal(p, seed=6, dtype=dtype)


@each_dtype
@pytest.mark.parametrize("n", problems.SIZES)
@pytest.mark.parametrize(("d", "p"), [(1, 1), (5, 2), (2, 5), (17, 17), (17, 100)])
def test_a_ridge_encoder_equals_the_twin(n, d, p, dtype):
    F, code = problems.normal(n, d, dtype=dtype), random_code(p, d, dtype)
    found = _core.fit_encoder(F, *code, "tanh", "ridge", ALPHA[dtype])
    expected = autoencoder.fit(F, *code, "tanh", "ridge", ALPHA[dtype])
    problems.assert_close(found["weights"], expected["weights"], dtype, 10)
    problems.assert_close(found["low"], expected["low"], dtype, 10)
    if n >= 17:  # a range of few rows may be as small as rounding
        problems.assert_close(found["encoded"], expected["encoded"], dtype, 100)
    assert found["report"]["form"] == ("dual" if n < p else "primal")


@each_dtype
@pytest.mark.parametrize("name", activation.NAMES)
def test_every_activation_encodes_as_the_twin(name, dtype):
    F, code = problems.normal(40, 6, dtype=dtype), random_code(9, 6, dtype)
    found = _core.fit_encoder(F, *code, name, "ridge", ALPHA[dtype])
    expected = autoencoder.fit(F, *code, name, "ridge", ALPHA[dtype])
    problems.assert_close(found["encoded"], expected["encoded"], dtype, 10)


@each_dtype
@pytest.mark.parametrize(("n", "d", "p"), [(100, 5, 17), (100, 17, 5), (17, 5, 5), (2, 2, 2)])
def test_a_lasso_encoder_equals_the_twin(n, d, p, dtype):
    F, code = problems.normal(n, d, dtype=dtype), random_code(p, d, dtype)
    found = _core.fit_encoder(F, *code, "tanh", "lasso", 0.05, max_iter=20_000, tolerance=1e-11)
    D = autoencoder.lasso_decoder(F, *code, "tanh", 0.05)
    R = hidden.features(F, *code, "tanh")
    mu = lasso.penalty(R.T @ F, 0.05)
    reached, best = (lasso.objective(x, R.T @ R, R.T @ F, mu) for x in (found["weights"], D))
    assert reached == pytest.approx(best, rel=1e-4 if dtype == np.float32 else 1e-8)
    assert found["report"]["converged"]
    assert found["report"]["n_iter"] >= 1


@each_dtype
@pytest.mark.parametrize("penalty", ["ridge", "lasso"])
def test_training_rows_are_encoded_to_zero_to_one(penalty, dtype):
    found = _core.fit_encoder(problems.normal(200, 7, dtype=dtype), *random_code(11, 7, dtype), "tanh", penalty, 1e-2)
    encoded = found["encoded"]
    np.testing.assert_allclose(encoded.min(axis=0), np.zeros(11), atol=1e-6)
    np.testing.assert_allclose(encoded.max(axis=0), np.ones(11), atol=1e-6)
    assert encoded.dtype == dtype


def test_identity_and_a_square_orthogonal_code_reconstruct_exactly():
    F = problems.normal(60, 8)
    A, b = _core.draw_hidden("orthogonal", F, 8, 0, 0)
    D = _core.fit_encoder(F, A, b, "identity", "ridge", 1e-14)["weights"]
    problems.assert_close(F @ A.T @ D, F)
    problems.assert_close(D, A)


def test_the_penalised_objective_does_not_rise_with_the_width_of_nested_codes():
    F, strength, values = problems.normal(80, 6), 0.5, []
    A, b = random_code(30, 6)
    for p in (1, 3, 10, 20, 30):
        R = hidden.features(F, A[:p], b[:p], "tanh")
        alpha = strength / ridge.penalty(R, 1.0, intercept=False)
        found = _core.fit_encoder(F, A[:p].copy(), b[:p].copy(), "tanh", "ridge", alpha)
        assert found["report"]["solve"]["penalty"] == pytest.approx(strength)
        values.append(ridge.objective(found["weights"], 0.0, R, F, strength))
    assert (np.diff(values) <= 1e-9 * values[0]).all()


@pytest.mark.parametrize("penalty", ["ridge", "lasso"])
def test_permuted_rows_permute_the_encoding(penalty):
    F, code = problems.normal(50, 5), random_code(8, 5)
    order = np.random.default_rng(0).permutation(50)
    straight, mixed = (_core.fit_encoder(x, *code, "tanh", penalty, 0.01) for x in (F, F[order]))
    problems.assert_close(mixed["encoded"], straight["encoded"][order], loosen=1e3)


@pytest.mark.parametrize("n", [1, 5000])
def test_one_row_and_more_rows_than_a_block_are_encoded(n):
    F, code = problems.normal(n, 3), random_code(4, 3)
    for penalty in ("ridge", "lasso"):
        found = _core.fit_encoder(F, *code, "tanh", penalty, 0.01)
        assert found["encoded"].shape == (n, 4)
        assert np.isfinite(found["encoded"]).all()
    expected = autoencoder.fit(F, *code, "tanh", "ridge", 0.01)
    problems.assert_close(_core.fit_encoder(F, *code, "tanh", "ridge", 0.01)["encoded"], expected["encoded"])


def test_a_column_that_is_constant_after_the_activation_becomes_zero():
    found = _core.fit_encoder(problems.normal(1, 3), *random_code(4, 3), "tanh", "ridge", 0.01)
    np.testing.assert_array_equal(found["scale"], np.zeros(4))
    np.testing.assert_array_equal(found["encoded"], np.zeros((1, 4)))


@pytest.mark.parametrize("penalty", ["ridge", "lasso"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_not_finite_are_refused(value, penalty):
    F = problems.normal(20, 3)
    F[4, 1] = value
    with pytest.raises(np.linalg.LinAlgError, match="not finite"):
        _core.fit_encoder(F, *random_code(4, 3), "tanh", penalty, 0.01)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"penalty": "elastic"}, "penalty must be 'ridge' or 'lasso', got 'elastic'"),
        ({"activation": "swish"}, "activation must be identity"),
        ({"alpha": -1.0}, "alpha must be finite and not negative"),
        ({"alpha": np.nan}, "alpha must be finite and not negative"),
        ({"penalty": "lasso", "alpha": np.nan}, "alpha must be finite and not negative"),
        ({"penalty": "lasso", "max_iter": 0}, "max_iter must be at least 1"),
        ({"F": np.ones((1, 3))[:0].reshape(0, 3)}, "at least one row"),
        ({"F": np.ones((5, 4))}, "input columns"),
        ({"code_bias": np.ones(5)}, "code_bias needs one entry"),
    ],
)
def test_bad_settings_are_refused_by_name(change, words):
    A, b = random_code(4, 3)
    settings = {"F": problems.normal(9, 3), "code_weights": A, "code_bias": b, "activation": "tanh"}
    with pytest.raises(ValueError, match=words):
        _core.fit_encoder(**settings | {"penalty": "ridge", "alpha": 0.1} | change)


@each_dtype
@pytest.mark.parametrize("penalty", ["ridge", "lasso"])
def test_whole_row_weights_are_copies_of_rows(penalty, dtype):
    F, code, counts = problems.normal(60, 6, dtype=dtype), random_code(9, 6, dtype), 1 + np.arange(60) % 3
    options = {"max_iter": 5000, "tolerance": 1e-10}
    found = _core.fit_encoder(F, *code, "tanh", penalty, 0.1, row_weights=counts.astype(float), **options)
    copies = _core.fit_encoder(F.repeat(counts, axis=0), *code, "tanh", penalty, 0.1, **options)
    loosen = 10 if penalty == "ridge" else 1000  # FISTA stops short of the solution by more than rounding
    for part in ("weights", "low", "scale"):
        problems.assert_close(found[part], copies[part], dtype, loosen)
    problems.assert_close(found["encoded"].repeat(counts, axis=0), copies["encoded"], dtype, loosen)
