"""A process killed while it saves leaves the old file or the new one, whole."""

import itertools
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

import sstpl
from reliability import isolation

pytestmark = pytest.mark.skipif(os.name != "posix", reason="this system has no SIGKILL")

SAVER = """
import sys
import sstpl
models = [sstpl.load(path) for path in sys.argv[1:3]]
print("ready", flush=True)
while True:
    for model in models:
        model.save(sys.argv[3])
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Return paths of two models, and their predictions of the same rows."""
    X, y = load_diabetes(return_X_y=True)
    folder, found = tmp_path_factory.mktemp("models"), []
    for seed in range(2):
        model = sstpl.SSTPLRegressor(hidden_width=150, n_subsystems=2, scaling="feature", random_state=seed).fit(X, y)
        model.save(folder / f"model{seed}")
        found.append((folder / f"model{seed}", model.predict(X[:20])))
    return X[:20], found


def kill_while_saving(sources, target, delay):
    """Save two models in turn to one path, in another process, and kill it after a while."""
    process = subprocess.Popen([sys.executable, "-c", SAVER, *map(str, sources), str(target)], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"ready\n"
        time.sleep(delay)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()


@pytest.mark.skipif(not isolation.IS_LINUX, reason="starting so many processes is slow elsewhere")
def test_a_kill_at_any_moment_of_save_leaves_a_whole_file(models, tmp_path):
    X, found = models
    target = tmp_path / "model"
    target.write_bytes(found[0][0].read_bytes())
    for turn in range(4):
        kill_while_saving([path for path, _ in found], target, np.random.default_rng(turn).uniform(0, 0.05))
        predicted = sstpl.load(target).predict(X)
        assert any(np.array_equal(predicted, expected) for _, expected in found)
        others = [path.name for path in tmp_path.iterdir() if path != target]
        assert all(name.startswith(".sstpl-") and name.endswith(".tmp") for name in others)  # what a kill leaves


def test_a_kill_at_every_step_of_save_leaves_a_whole_file(models, tmp_path):
    """The process ends at the nth call of the system that `save` makes, for every n."""
    X, found = models
    program = """
import os, sys, sstpl
calls = int(sys.argv[3])
def counting(function):
    def call(*arguments, **options):
        global calls
        calls -= 1
        if calls == 0:
            os._exit(9)
        return function(*arguments, **options)
    return call
from sstpl import _model_file
import builtins
model = sstpl.load(sys.argv[1])
for owner, name in [(os, "fsync"), (os, "replace"), (_model_file.shutil, "copymode"), (_model_file, "read"),
                    (builtins, "open"), (_model_file, "_require_same")]:
    setattr(owner, name, counting(getattr(owner, name)))
model.save(sys.argv[2])
"""
    target = tmp_path / "model"
    for n in itertools.count(1):
        target.write_bytes(found[0][0].read_bytes())
        done = isolation.run(program, found[1][0], target, n)
        assert done.returncode in (0, 9), done.stderr
        predicted = sstpl.load(target).predict(X)
        if done.returncode == 0:
            assert np.array_equal(predicted, found[1][1])
            break
        assert np.array_equal(predicted, found[0][1])
    assert n > 4
