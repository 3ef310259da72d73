"""Ctrl-C at chosen moments of a call: how soon it returns, and what it leaves behind; not a test itself."""

import os
import signal
import threading
import time
from contextlib import contextmanager
from functools import partial
from unittest import mock

import numpy as np

from sstpl import SSTPLClassifier, SSTPLRegressor, _base, _core, presets
from sstpl import classifier as _classifier

# What is entered when a stage begins: an object, and the name of a function of it.
STAGES = {
    "input map": (_base.SSTPLBase, "_choose_map"),
    "a level": (_core, "fit_level"),
    "encoder": (_core, "fit_encoder"),
    "backward": (_core, "fit_backward"),
    "fusion": (_core, "fit_fusion"),
    "images": (_core, "apply_conv"),
    "prediction of a stack": (_core, "predict_stack"),
    "prediction of a subsystem": (_core, "predict_subsystem"),
    "calibration": (_classifier, "fit_calibration"),
}


@contextmanager
def interrupted(stage, delay, nth=1):
    """Send an interrupt `delay` seconds after a stage begins for the nth time; yield what will hold the time of it."""
    owner, name = STAGES[stage]
    real, sent, calls = getattr(owner, name), [], []

    def send():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    def entered(*arguments, **options):
        calls.append(1)
        if len(calls) == nth:
            timer.start()
        return real(*arguments, **options)

    timer = threading.Timer(delay, send)  # made here: making one registers for good the thread that it is made in
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a process in the background ignores it
    with mock.patch.object(owner, name, entered):
        try:
            yield sent
        finally:
            timer.cancel()
            if timer.ident is not None:
                timer.join()
            signal.signal(signal.SIGINT, before)


def seconds_to_return(call, stage, delay, nth=1):
    """Return the seconds between an interrupt and the end of a call, or None where the call ended before it."""
    try:
        with interrupted(stage, delay, nth) as sent:
            try:
                call()
            except KeyboardInterrupt:
                return time.perf_counter() - sent[0]
            if sent:
                time.sleep(0.01)  # on its way
    except KeyboardInterrupt:
        pass
    return None


def rows(n, d, seed=0):
    """Return rows and two classes that a wide layer is needed for."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)).astype(np.float32)
    return X, (X[:, 0] * X[:, 1] + X[:, 2] > 0).astype(np.int64)


def calls(scale=1.0):
    """Return, by name, a call that takes long, the estimator that it may not change, and its stages."""
    X, y = rows(int(12_000 * scale), 30)
    wide = {"hidden_width": int(1500 * scale), "random_state": 0}
    stack = SSTPLClassifier(n_subsystems=2, max_depth=2, **wide)
    regressor = SSTPLRegressor(n_subsystems=2, max_depth=2, **wide)
    quick = SSTPLClassifier(n_subsystems=1, max_depth=1, hidden_width=100, scaling="feature", random_state=0)
    narrow = SSTPLRegressor(n_subsystems=5, max_depth=3, hidden_width=300, n_threads=2, random_state=0)
    exact = SSTPLRegressor(n_subsystems=1, max_depth=1, alpha=0.0, dtype="float64", **wide)
    pictures = SSTPLClassifier(n_subsystems=1, max_depth=1, image_shape=(16, 16), hidden_width=300, random_state=0)
    small = {"n_subsystems": 1, "hidden_widths": (400, 200), "readout_width": 400, "fusion_width": int(1500 * scale)}
    paper = SSTPLClassifier(**presets.paper("mnist") | small, random_state=0)
    fitted = SSTPLClassifier(n_subsystems=1, max_depth=1, hidden_width=int(2000 * scale), random_state=0)
    widest = SSTPLClassifier(n_subsystems=1, max_depth=1, hidden_width=4096, scaling="feature", random_state=0)
    many = rows(int(150_000 * scale), 30)[0]
    P, labels = rows(int(6_000 * scale), 256)
    return {
        "classifier": (partial(stack.fit, X, y), stack, ["input map", "a level"]),
        "width 4096": (partial(widest.fit, X, y), widest, ["a level"]),
        "narrow classifier": (partial(quick.fit, X, y), quick, ["calibration"]),
        "regressor": (partial(regressor.fit, X, X[:, 0] * X[:, 1]), regressor, ["a level"]),
        "subsystems side by side": (partial(narrow.fit, X[:3000], X[:3000, 0]), narrow, ["a level"]),
        "no penalty": (partial(exact.fit, np.repeat(X, 2, axis=1), X[:, 0]), exact, ["a level"]),
        "images": (partial(pictures.fit, P, labels), pictures, ["input map", "images", "a level"]),
        "paper": (partial(paper.fit, P, labels), paper, ["encoder", "backward", "fusion", "prediction of a subsystem"]),
        "prediction": (
            lambda: fitted.predict(many),
            fitted.fit(X[:500], y[:500]),
            ["prediction of a stack"],
        ),
    }
