"""Subsystems that alternate between two kinds of hidden units."""

import numpy as np
import onnxruntime
import pytest
from sklearn.datasets import load_breast_cancer

import sstpl
from sstpl import SSTPLClassifier, SSTPLRegressor
from sstpl._blind import OwnScores
from sstpl._budget import Budget
from sstpl._system import Fitted, SystemOptions, fit_system


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return X.astype(np.float32), y


def kinds_of(model):
    return [s for s in model.report_.preparation if s.accepted]


@pytest.fixture(scope="module")
def planes_and_centers():
    """Return rows, and sums of a smooth function of all columns and of steep ones of one column each."""
    rng = np.random.default_rng(3)
    X, centers = rng.normal(size=(700, 4)), rng.normal(size=(8, 4))
    smooth = sum(w * np.exp(-np.linalg.norm(X - a, axis=1)) for w, a in zip(rng.normal(size=8), centers, strict=True))
    y = smooth / smooth.std() + np.sign(X[:, 0]) + np.abs(X[:, 1])
    return X.astype(np.float32), y


def test_subsystems_take_turns(planes_and_centers):
    X, y = planes_and_centers
    model = SSTPLRegressor(n_subsystems=5, scaling="feature", random_state=0).fit(X, y)
    best, partner = sorted(kinds_of(model), key=lambda s: s.detail["relative_error"] != 1)
    assert best.detail["relative_error"] == best.detail["beside_best"] == 1
    assert partner.detail["beside_best"] < 1
    assert "centers" in {best.detail["hidden_weights"], partner.detail["hidden_weights"]}
    turns = [best, partner] * 3
    for subsystem, kind in zip(model.subsystems_, turns[:5], strict=True):
        assert (subsystem.activation == "distance") == (kind.detail["hidden_weights"] == "centers")
    # A width is looked for once for each kind.
    assert [len({s.detail["width"] for s in r.steps}) > 1 for r in model.report_.subsystems[2:]] == [False] * 3
    assert [s.width for s in model.subsystems_[2:]] == [s.width for s in (model.subsystems_ * 2)[:3]]


def test_the_partner_is_who_does_best_beside_the_best_and_better_than_the_best_beside_itself(cancer):
    for seed in range(4):
        model = SSTPLClassifier(hidden_width=60, n_subsystems=2, scaling="quantile", random_state=seed).fit(*cancer)
        others = [s for s in model.report_.preparation if s.detail["relative_error"] != 1]
        least = min(s.detail["beside_best"] for s in others)
        chosen = [s for s in others if s.accepted]
        assert [s.detail["beside_best"] for s in chosen] == ([least] if least < 1 else [])


def test_one_subsystem_has_one_kind(cancer):
    model = SSTPLClassifier(hidden_width=60, n_subsystems=1, scaling="quantile", random_state=0).fit(*cancer)
    assert len(kinds_of(model)) == 1
    assert {s.detail["beside_best"] for s in model.report_.preparation} == {None}


def test_the_same_model_whatever_the_threads(planes_and_centers):
    X, y = planes_and_centers
    one, two = (SSTPLRegressor(hidden_width=80, n_subsystems=5, n_threads=n, random_state=0).fit(X, y) for n in (1, 2))
    np.testing.assert_allclose(one.predict(X), two.predict(X), rtol=1e-4, atol=1e-4)
    assert [s.activation for s in one.subsystems_] == [s.activation for s in two.subsystems_]


def test_files_and_other_runtimes_hold_both_kinds(planes_and_centers, tmp_path):
    X, y = planes_and_centers
    model = SSTPLRegressor(n_subsystems=3, scaling="feature", random_state=0).fit(X, y)
    assert {s.activation for s in model.subsystems_} == {"tanh", "distance"}
    model.save(tmp_path / "kinds.safetensors")
    loaded = sstpl.load(tmp_path / "kinds.safetensors")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    session = onnxruntime.InferenceSession(loaded.to_onnx().SerializeToString())
    np.testing.assert_allclose(session.run(None, {"X": X})[0].ravel(), model.predict(X), rtol=1e-4, atol=1e-4)
    assert "centers" in str(sstpl.report(model))


class Fixed:
    """A subsystem that scores every row with its base, and one more for the whole."""

    depth = width = 1

    def __init__(self, rows, base):
        self.steps = []
        self.rows, self.base = rows, base

    def run(self, tell):
        own = np.full_like(self.rows.targets, self.base)
        return Fitted(self, self, OwnScores(own))

    def predict(self, X, n_rows=None):
        return np.full((len(X), 1), self.base)


def fixed_kind(bases):
    """Return what prepares subsystems of such bases, one after another."""
    left = iter(bases)
    return lambda rows, seed, held, before: Fixed(rows, next(left))


def kept(*kinds, most=6):
    """Return how many subsystems are kept of such kinds, on targets of zero."""
    X = np.zeros((50, 1))
    options = SystemOptions(most, True, 0.8, 5, True)
    report = fit_system(
        [X], np.zeros((50, 1)), None, options, kinds, 0, Budget(), 1, None, lambda subsystem, step: None
    )[2]
    return [s.accepted for s in report.subsystems]


def test_a_kind_whose_base_is_worse_does_not_end_the_system():
    good = fixed_kind([1.0, -1.0, 0.0])
    bad = fixed_kind([3.0, -3.0, 0.0])
    assert kept(good, bad) == [True] * 4 + [True, False]  # means of turns: 2, 0, 0


def test_what_makes_a_turn_worse_is_dropped():
    assert kept(fixed_kind([1.0, 1.0]), fixed_kind([-2.0, -2.5])) == [True] * 3 + [False]
    assert kept(fixed_kind([1.0, -0.5, 0.5, 5.0])) == [True] * 2 + [False]
