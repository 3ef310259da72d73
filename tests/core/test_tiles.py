"""Sums on matrix tiles: as exact as in float32, at every instruction set that the machine has."""

import os
import subprocess
import sys

import numpy as np
import pytest

from reference import problems, tiles
from sstpl import _core

LEVELS = ("base", "avx2", "avx512", "avx512vnni", "amx")

SUMS_AND_FIT = """
import sys
import numpy as np
from sstpl import SSTPLClassifier, _core
H, X, y = (np.load(path) for path in sys.argv[1:4])
sums = _core.Sums(H.shape[1], 1)
sums.add_rows(H, H[:, :1].copy())
model = SSTPLClassifier(hidden_width=800, n_subsystems=1, max_depth=2, random_state=0, dtype="float32").fit(X, y)
np.savez(sys.argv[4], gram=sums.gram, scores=model.decision_function(X), depth=model.depth_,
         alpha=model.report_.subsystems[0].steps[0].alpha)
"""


def levels_of_this_machine():
    return LEVELS[: LEVELS.index(_core.build_info()["simd"]) + 1]


def test_the_twin_splits_floats_exactly():
    x = problems.normal(200, 30, dtype=np.float32)
    np.testing.assert_array_equal(sum(part.astype(np.float64) for part in tiles.split(x)), x)


def test_the_products_that_the_twin_leaves_out_are_below_a_rounding():
    H = problems.normal(300, 40, dtype=np.float32).astype(np.float32)
    size = np.abs(H.astype(np.float64)).T @ np.abs(H.astype(np.float64))
    error = np.abs(tiles.gram(H) - H.astype(np.float64).T @ H.astype(np.float64))
    assert (error <= 2.0**-24 * size).all()


def test_wide_sums_of_float_rows_equal_the_twin_to_roundings_of_a_block():
    H = problems.normal(400, 900, dtype=np.float32)
    sums = _core.Sums(900, 1)
    sums.add_rows(H, H[:, :1].copy())
    size = np.abs(H.astype(np.float64)).T @ np.abs(H.astype(np.float64))
    assert (np.abs(sums.gram - tiles.gram(H)) <= 2.0**-24 * (4 + np.sqrt(400)) * size).all()


def test_every_instruction_set_makes_the_same_choices_and_scores_to_roundings(tmp_path):
    if len(levels_of_this_machine()) < 2:
        pytest.skip("this machine has one instruction set")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1200, 20)).astype(np.float32)
    y = (np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] > 0).astype(int)
    H = rng.normal(size=(300, 800)).astype(np.float32)
    for name, array in (("H", H), ("X", X), ("y", y)):
        np.save(tmp_path / name, array)
    found = {}
    for level in levels_of_this_machine():
        arguments = [str(tmp_path / f"{name}.npy") for name in "HXy"] + [str(tmp_path / f"{level}.npz")]
        done = subprocess.run(
            [sys.executable, "-c", SUMS_AND_FIT, *arguments],
            env={**os.environ, "SSTPL_SIMD": level, "OPENBLAS_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        with np.load(tmp_path / f"{level}.npz") as results:
            found[level] = dict(results)
    base = found["base"]
    size = np.abs(H.astype(np.float64)).T @ np.abs(H.astype(np.float64))
    for results in found.values():
        assert (np.abs(results["gram"] - base["gram"]) <= 2.0**-24 * (4 + np.sqrt(300)) * 2 * size).all()
        assert (results["depth"], results["alpha"]) == (base["depth"], base["alpha"])
        np.testing.assert_allclose(results["scores"], base["scores"], atol=2e-3)
