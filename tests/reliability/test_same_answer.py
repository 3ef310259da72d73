"""The same seed gives the same model: byte for byte on repeat, and close under other threads, blocks and kernels.

What is stated, here and in the guide to reproducibility: on one machine with one setting a fit repeats its bytes.
Another number of threads, instruction set (``SSTPL_SIMD``) or kernel of the BLAS (``OPENBLAS_CORETYPE``) rounds in
another order: the draws are the same bits, choices (depth, width, penalty, input map) are the same unless two of them
score alike to rounding, and scores differ by at most TOLERANCE of their largest.
"""

import json
import platform

import numpy as np
import pytest

from reliability import isolation
from sstpl import SSTPLClassifier, SSTPLRegressor, _core

TOLERANCE = {"float32": 2e-3, "float64": 1e-6}

PROGRAM = """
import json, sys
import numpy as np
from sklearn.datasets import load_diabetes, load_digits
from sstpl import SSTPLClassifier, SSTPLRegressor, build_info

found = {"simd": build_info()["simd"], "blas": build_info()["blas"]}
for name, estimator, (X, y), more in [
    ("classifier", SSTPLClassifier, load_digits(return_X_y=True), {"hidden_width": 300}),
    ("regressor", SSTPLRegressor, load_diabetes(return_X_y=True), {"hidden_width": "auto", "max_hidden_width": 256}),
]:
    for dtype in ("float32", "float64"):
        model = estimator(max_depth=2, n_subsystems=2, dtype=dtype, random_state=0, **more).fit(X[:300], y[:300])
        scores = model.decision_function(X[300:340]) if name == "classifier" else model.predict(X[300:340])
        steps = [(n, s.name, s.alpha, s.accepted, s.detail.get("width")) for n, s in model.report_.numbered_steps()]
        first = model.subsystems_[0].levels[0].hidden_weights
        found[name + " " + dtype] = {"steps": steps, "scores": np.ravel(scores).tolist(), "drawn": float(first[0, 0])}
print(json.dumps(found))
"""


def answer(**environment):
    return json.loads(isolation.lines(PROGRAM, environment=environment)[-1])


@pytest.fixture(scope="module")
def usual():
    return answer()


def assert_same_answer(found, usual):
    for name, one in usual.items():
        if name in ("simd", "blas"):
            continue
        other = found[name]
        assert other["steps"] == one["steps"], name
        scores = np.array(one["scores"])
        allowed = TOLERANCE[name.split()[1]] * np.abs(scores).max()
        np.testing.assert_allclose(other["scores"], scores, rtol=0, atol=allowed, err_msg=name)


LEVELS = ("base", "avx2", "avx512", "avx512vnni", "amx")
CORES = ("Haswell", "Sandybridge", "SkylakeX", "Prescott")
ALL_LEVELS = pytest.mark.parametrize("level", LEVELS)


@ALL_LEVELS
def test_another_instruction_set_gives_the_same_choices_and_close_scores(level, usual):
    if LEVELS.index(level) > LEVELS.index(usual["simd"]):
        pytest.skip(f"this machine goes up to {usual['simd']}")
    found = answer(SSTPL_SIMD=level)
    assert found["simd"] == level
    assert_same_answer(found, usual)


@pytest.mark.parametrize("core", CORES)
def test_another_kernel_of_the_blas_gives_the_same_choices_and_close_scores(core, usual):
    if "DYNAMIC_ARCH" not in usual["blas"] or platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("this build has one kernel")
    if core == "SkylakeX" and LEVELS.index(usual["simd"]) < LEVELS.index("avx512"):
        pytest.skip("this machine has no AVX-512")
    found = answer(OPENBLAS_CORETYPE=core)
    assert {"Prescott": "Katmai"}.get(core, core).lower() in found["blas"].lower()  # its name for what it takes there
    assert_same_answer(found, usual)


@pytest.mark.parametrize("n_threads", ["2", "3"])
def test_another_number_of_threads_gives_the_same_choices_and_close_scores(n_threads, usual):
    assert_same_answer(answer(OPENBLAS_NUM_THREADS=n_threads), usual)


def test_another_process_gives_the_same_bytes(usual):
    assert answer() == usual


@pytest.mark.parametrize("estimator", [SSTPLClassifier, SSTPLRegressor])
@pytest.mark.parametrize("architecture", ["recursive", "paper"])
def test_a_fit_repeats_its_bytes_whatever_ran_before(estimator, architecture):
    X = np.random.default_rng(0).standard_normal((120, 6))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    small = {"hidden_widths": (20,), "readout_width": 20, "fusion_width": 40, "hidden_width": 50, "max_depth": 2}
    first, *others = (
        estimator(architecture=architecture, **small, n_subsystems=2, random_state=0).fit(X, y).predict(X).tobytes()
        for _ in range(3)
    )
    assert set(others) == {first}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_size_of_the_row_blocks_changes_no_choice(dtype):
    X = np.random.default_rng(0).standard_normal((300, 10)).astype(dtype)
    Y = np.tanh(X[:, :2] * X[:, 2:4])
    layer = _core.draw_hidden("normal", X, 60, 0, 0)
    found = [
        _core.fit_crossfit(X, Y, [1e-3, 0.1, 1.0], np.array([0, 100, 200, 300]), hidden=layer, block_rows=rows)
        for rows in (4096, 1, 7, 64)
    ]
    assert len({one["report"]["alpha"] for one in found}) == 1
    allowed = TOLERANCE[np.dtype(dtype).name] * np.abs(found[0]["oof_scores"]).max()
    for one in found[1:]:
        np.testing.assert_allclose(one["oof_scores"], found[0]["oof_scores"], rtol=0, atol=allowed)
