"""Work side by side: in its order, with one thread of the core each, and with the same outcome."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from sstpl import SSTPLRegressor, _core
from sstpl._images import LayerPlan, fit_image_map
from sstpl._parallel import side_by_side, workers_for


def test_results_come_in_the_order_of_the_tasks_and_each_has_one_thread():
    before = _core.num_threads()
    tasks = [lambda k=k: (k, _core.num_threads()) for k in range(7)]
    assert side_by_side(tasks, 3) == [(k, 1) for k in range(7)]
    assert _core.num_threads() == before
    assert side_by_side(tasks, 1) == [(k, before) for k in range(7)]


def test_an_error_of_a_task_is_raised_and_threads_are_put_back():
    before = _core.num_threads()
    with pytest.raises(ZeroDivisionError):
        side_by_side([lambda: 1, lambda: 1 // 0], 2)
    assert _core.num_threads() == before


def test_maps_of_images_are_given_up_when_the_task_beside_them_fails():
    images = np.random.default_rng(0).random((4000, 256), dtype=np.float32)
    plans = (LayerPlan(5, 7, 0.0, 24),)
    fitted = fit_image_map(images[:200], shape=(16, 16, 1), plans=plans, seed=0, dtype=images.dtype)
    begun, finished = threading.Event(), []

    def fail():
        assert begun.wait(60)
        raise ZeroDivisionError

    def make_maps():
        begun.set()
        for _ in range(50):  # a tenth of a second or more each
            fitted.layers[0].apply(images)
        finished.append(True)

    with pytest.raises(ZeroDivisionError):
        side_by_side([make_maps, fail], 2)
    assert not finished


def test_wide_layers_are_fitted_one_by_one():
    assert workers_for(1000, 500, 4) == 4
    assert workers_for(60_000, 4000, 4) == 1


def test_a_system_is_the_same_one_by_one_and_side_by_side(small_stack):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 5))
    y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2]
    one, two = (SSTPLRegressor(**small_stack | {"n_threads": n, "n_subsystems": 5}).fit(X, y) for n in (1, 2))
    assert [len(r.steps) for r in one.report_.subsystems] == [len(r.steps) for r in two.report_.subsystems]
    np.testing.assert_allclose(two.predict(X), one.predict(X), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(two.oof_prediction_, one.oof_prediction_, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("chosen", [None, "20"])
def test_loading_the_core_leaves_the_environment_as_it_was(chosen):
    name = "OPENBLAS_THREAD_TIMEOUT"
    environment = {k: v for k, v in os.environ.items() if k != name} | ({name: chosen} if chosen else {})
    program = f"import os, sstpl; print(os.environ.get({name!r}))"
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(chosen)
