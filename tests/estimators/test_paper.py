"""The paper's architecture: what is tried, what is chosen, what is reported."""

import numpy as np
import pytest

from sstpl import SSTPLClassifier, presets
from sstpl._paper import _choose_pair
from sstpl._selection import Score


@pytest.fixture(scope="module")
def fitted(small_paper, digits):
    X, y = digits
    return SSTPLClassifier(**small_paper).fit(X[:1200], y[:1200])


def test_report_tells_what_was_tried(fitted):
    assert len(fitted.report_.subsystems) == fitted.n_subsystems_ == len(fitted.subsystems_) == 2
    for report, subsystem in zip(fitted.report_.subsystems, fitted.subsystems_, strict=True):
        accepted = [s for s in report.steps if s.stage == "encoder" and s.accepted]
        assert len(accepted) == subsystem.depth <= fitted.depth_
        fusion = report.steps[-1]
        assert fusion.stage == "fusion"
        assert fusion.solver == "cholesky"
        assert fusion.rank == 150
        assert 0 < fusion.rcond <= 1
        assert fusion.seconds > 0
        assert fusion.alpha in (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)
        assert len(fusion.detail["fold_solves"]) == 5
        pairs = [s for s in report.steps if s.stage == "pair"]
        assert len(pairs) == subsystem.depth * (subsystem.depth + 2)
        assert report.n_samples == pytest.approx(0.8 * 1200, abs=5)


def test_accepted_depth_is_where_the_score_stops_improving(fitted):
    for report in fitted.report_.subsystems:
        readouts = [s for s in report.steps if s.stage == "readout"]
        scores = [s.score for s in readouts]
        for step, score, before in zip(readouts[1:], scores[1:], scores, strict=False):
            assert step.accepted == (score > before)


def test_chosen_blocks_are_the_best_forward_level_or_better(fitted):
    for report, subsystem in zip(fitted.report_.subsystems, fitted.subsystems_, strict=True):
        pairs = [s for s in report.steps if s.stage == "pair"]
        (chosen,) = [s for s in pairs if s.accepted]
        alone = [s.score for s in pairs if not s.detail["backward"]]
        assert chosen.score == max(alone) if not chosen.detail["backward"] else chosen.score > max(alone)
        assert subsystem.forward_blocks == (chosen.detail["forward"],)
        assert subsystem.backward_blocks == ((chosen.detail["backward"],) if chosen.detail["backward"] else ())


@pytest.mark.parametrize(("n_gained", "expected"), [(0, (2, 0)), (3, (2, 0)), (30, (1, 1))])
def test_a_backward_partner_must_be_clearly_better_than_none(n_gained, expected):
    alone, other, partner = np.zeros(400), np.zeros(400), np.zeros(400)
    alone[:40] = other[:50] = 1
    partner[n_gained:40] = 1
    losses = {(2, 0): alone, (1, 0): other, (1, 1): partner}
    scores = {blocks: Score(1 - np.mean(loss), 0.0) for blocks, loss in losses.items()}
    assert _choose_pair(scores, losses) == expected


def test_fusing_all_levels_uses_all(small_paper, digits):
    X, y = digits
    model = SSTPLClassifier(**small_paper | {"fusion": "all"}).fit(X[:500], y[:500])
    for subsystem in model.subsystems_:
        assert subsystem.forward_blocks == tuple(range(1, subsystem.depth + 1))
        assert subsystem.backward_blocks == tuple(range(1, subsystem.depth + 2))


def test_lasso_encoders_report_their_iterations(small_paper, digits):
    X, y = digits
    model = SSTPLClassifier(**small_paper | {"encoder_penalty": "lasso", "encoder_alpha": 0.03}).fit(X[:500], y[:500])
    encoders = [s for s in model.report_.subsystems[0].steps if s.stage == "encoder"]
    assert all(1 <= s.detail["n_iter"] <= 50 for s in encoders)
    assert all(s.solver == "fista" for s in encoders)


def test_presets_are_constructor_arguments():
    for name in ("mnist", "fashion_mnist", "norb"):
        SSTPLClassifier(**presets.paper(name))._check_parameters()
    with pytest.raises(ValueError, match="dataset must be one of"):
        presets.paper("cifar")


@pytest.mark.parametrize("hidden_weights", ["constrained", "orthogonal"])
@pytest.mark.parametrize("fraction", [0.8, 1.0])
def test_random_labels_are_at_chance_with_backward_features_forced(small_paper, hidden_weights, fraction):
    """The fusion of all levels always holds backward features, which know the labels of other folds."""
    out_of_fold = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        X, y = rng.normal(size=(400, 60)), rng.integers(0, 2, size=400)
        chosen = small_paper | {"fusion": "all", "hidden_weights": hidden_weights, "subsystem_fraction": fraction}
        model = SSTPLClassifier(**chosen | {"random_state": seed, "n_subsystems": 1, "alpha": 1e-2}).fit(X, y)
        out_of_fold.append(np.mean((model.oof_decision_function_ > 0) == y))
    assert np.mean(out_of_fold) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(3200))
