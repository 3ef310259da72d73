"""Callbacks: what they are told, and what they can do to a fit."""

import importlib.util
import sys
import threading
import time
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import sstpl
from sstpl import SSTPLClassifier, SSTPLRegressor, _callbacks, _recursive


def told(report):
    """Return what a report says was done, as a callback is told it; steps of a subsystem end with itself."""
    steps = [(0, s.name, s.score, s.seconds) for s in report.preparation]
    for number, one in enumerate(report.subsystems, start=1):
        steps += [(number, s.name, s.score, s.seconds) for s in one.steps]
        steps.append((number, "subsystem", one.system_score, one.seconds))
    return steps


def heard(steps):
    return [(s.subsystem, s.name, s.score, s.seconds) for s in steps]


def test_every_step_of_the_report_is_told_once_in_order(digits, small):
    X, y = digits
    steps = []
    model = SSTPLClassifier(**small, n_threads=1, callback=steps.append).fit(X[:300], y[:300])
    assert heard(steps) == told(model.report_)
    decided = [s for s in steps if s.stage not in ("map", "pair")]
    assert all(s.accepted is None for s in steps if s.stage in ("map", "pair"))
    assert all(isinstance(s.accepted, bool) for s in decided)


def test_steps_that_run_side_by_side_are_told_one_at_a_time(diabetes, small_stack):
    steps, inside, overlaps = [], threading.Lock(), []

    def listen(step):
        alone = inside.acquire(blocking=False)
        overlaps.append(not alone)
        steps.append(step)
        time.sleep(0.02)  # so that another call would come in between
        if alone:
            inside.release()

    settings = small_stack | {"n_subsystems": 4}
    model = SSTPLRegressor(**settings, n_threads=2, callback=listen).fit(*diabetes)
    assert not any(overlaps)
    assert sorted(heard(steps), key=str) == sorted(told(model.report_), key=str)


def test_a_callback_does_not_change_the_model(diabetes, small):
    X, y = diabetes
    quiet = SSTPLRegressor(**small).fit(X, y)
    watched = SSTPLRegressor(**small, callback=lambda step: False).fit(X, y)
    np.testing.assert_array_equal(watched.predict(X), quiet.predict(X))


def test_a_step_cannot_be_changed(digits, small_stack):
    steps = []
    SSTPLClassifier(**small_stack, callback=steps.append).fit(digits[0][:200], digits[1][:200])
    with pytest.raises(FrozenInstanceError):
        steps[0].level = 7


@pytest.mark.parametrize("answer", [True, np.True_])
def test_true_stops_the_search_for_levels_and_subsystems(digits, small_stack, answer):
    X, y = digits
    model = SSTPLClassifier(**small_stack, callback=lambda step: answer).fit(X[:300], y[:300])
    assert (model.depth_, model.n_subsystems_) == (1, 1)
    assert model.report_.stopped_by_time is False
    assert model.score(X[:300], y[:300]) > 0.9


@pytest.mark.parametrize(("answer", "widths"), [(False, [16, 32, 64]), (True, [16])])
def test_true_stops_the_search_for_the_width(diabetes, monkeypatch, answer, widths):
    monkeypatch.setattr(_recursive, "FIRST_WIDTH", 16)
    monkeypatch.setattr(_recursive, "_LEAST_GAIN", -np.inf)
    settings = {"max_depth": 1, "max_hidden_width": 64, "n_subsystems": 1, "scaling": "none", "hidden_columns": "all"}
    model = SSTPLRegressor(**settings, random_state=0, callback=lambda step: answer).fit(*diabetes)
    assert [step.detail["width"] for step in model.report_.subsystems[0].steps] == widths


def test_what_a_callback_raises_leaves_the_estimator_as_it_was(digits, small_stack):
    X, y = digits
    model = SSTPLClassifier(**small_stack).fit(X[:200], y[:200])
    before = dict(vars(model))

    def fail(step):
        raise KeyError(step.name)

    model.set_params(callback=fail)
    with pytest.raises(KeyError, match=r"feature, constrained, all|level 1"):
        model.fit(X[:100], y[:100])
    assert vars(model) == before | {"callback": fail}


@pytest.mark.parametrize("wrong", ["print", 1])
def test_what_cannot_be_called_is_refused(digits, small_stack, wrong):
    with pytest.raises(TypeError, match="callback must be callable or None"):
        SSTPLClassifier(**small_stack, callback=wrong).fit(*digits)


def test_an_answer_that_says_neither_yes_nor_no_is_refused(digits, small_stack):
    with pytest.raises(TypeError, match="callback must return True to stop the fit, or False or None to go on, got 12"):
        SSTPLClassifier(**small_stack, callback=lambda step: 12).fit(digits[0][:200], digits[1][:200])


def test_copies_share_a_function_and_tell_it(digits, small_stack):
    steps = []
    model = SSTPLClassifier(**small_stack, callback=steps.append)
    assert clone(model).callback == model.callback
    GridSearchCV(model, {"max_depth": [1]}, cv=2).fit(digits[0][:200], digits[1][:200])
    assert sum(s.stage == "subsystem" for s in steps) == 3 * 2  # two folds and all rows, two subsystems each


def test_a_model_file_holds_no_callback(digits, small_stack, tmp_path):
    X, y = digits
    model = SSTPLClassifier(**small_stack, callback=print).fit(X[:200], y[:200])
    model.save(tmp_path / "model")
    loaded = sstpl.load(tmp_path / "model")
    assert loaded.get_params() == model.get_params() | {"callback": None}


class Recorder:
    """A callback of scikit-learn that keeps what it is told."""

    def __init__(self, stop=False):
        self.stop, self.events = stop, []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.events.append(f"end {context.task_name}")
        if fitted_estimator is not None:
            self.events.append(fitted_estimator.score(X, y))
        return self.stop


needs_scikit_learn_callbacks = pytest.mark.skipif(
    importlib.util.find_spec("sklearn.callback") is None, reason="scikit-learn has callbacks from 1.9 on"
)


@needs_scikit_learn_callbacks
def test_callbacks_of_scikit_learn_are_told_every_step_and_given_the_fitted_estimator(digits, small_stack):
    X, y = digits[0][:300], digits[1][:300]
    recorder, steps = Recorder(), []
    model = SSTPLClassifier(**small_stack, callback=steps.append, n_threads=1).set_callbacks(recorder).fit(X, y)
    tasks = [f"{when} {step.name}" for step in steps for when in ("begin", "end")]
    assert recorder.events == ["setup", "begin fit", *tasks, "end fit", model.score(X, y), "teardown"]
    assert "_callback_fit_ctx" not in vars(model)


@needs_scikit_learn_callbacks
def test_callbacks_of_a_pipeline_are_told_every_step_of_the_model_in_it(digits, small_stack):
    recorder = Recorder()
    recorder.max_propagation_depth = None  # which makes it one that meta-estimators pass on
    steps = []
    model = SSTPLClassifier(**small_stack, callback=steps.append, n_threads=1)
    make_pipeline("passthrough", model).set_callbacks(recorder).fit(digits[0][:300], digits[1][:300])
    assert [event for event in recorder.events if event in {f"end {step.name}" for step in steps}] == [
        f"end {step.name}" for step in steps
    ]
    assert recorder.events.count("setup") == recorder.events.count("teardown") == 1


@needs_scikit_learn_callbacks
def test_callbacks_of_scikit_learn_can_stop_a_fit(digits, small_stack):
    model = SSTPLClassifier(**small_stack).set_callbacks(Recorder(stop=True)).fit(digits[0][:300], digits[1][:300])
    assert (model.depth_, model.n_subsystems_) == (1, 1)


@needs_scikit_learn_callbacks
def test_callbacks_of_scikit_learn_are_taken_down_when_a_fit_fails(digits, small_stack):
    recorder = Recorder()
    model = SSTPLClassifier(**small_stack).set_callbacks(recorder)
    before = dict(vars(model))
    with pytest.raises(ValueError, match="infinity"):
        model.fit(np.full((20, 2), np.inf), np.arange(20) % 2)
    assert recorder.events == ["setup", "begin fit", "teardown"]
    assert vars(model) == before


def test_without_callbacks_in_scikit_learn_there_is_a_stand_in(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.callback", None)
    spec = importlib.util.spec_from_file_location("sstpl._callbacks_before_1_9", _callbacks.__file__)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # where dataclasses look for it
    spec.loader.exec_module(module)
    steps = []
    estimator = type("Old", (module.CallbackSupportMixin,), {"callback": lambda self, step: steps.append(step)})()
    listeners = module.Listeners(estimator, None, None)
    listeners.teller(steps.clear)(1, sstpl._report.Step("level", 2, 0.5))
    listeners.end()
    assert [(s.subsystem, s.name, s.seconds) for s in steps] == [(1, "level 2", 0.5)]
    assert not hasattr(estimator, "set_callbacks")
    assert module.with_callbacks(len) is len
