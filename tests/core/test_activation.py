"""Activations and their inverses, on this machine's instruction set and on every lower one."""

import os
import pathlib
import platform
import subprocess
import sys

import numpy as np
import pytest

from reference import activation, problems
from sstpl import _core

each_dtype = pytest.mark.parametrize("dtype", problems.DTYPES)
each_name = pytest.mark.parametrize("name", activation.NAMES)
each_inverse = pytest.mark.parametrize("name", activation.INVERTIBLE)

# A float result is within 8 units in the last place, or 4e-7 (1e-15 in double) where the result is small.
ULPS, ABSOLUTE = 8, {np.float32: 4e-7, np.float64: 1e-15}

# What every level must agree on: a fine grid, the tails, and whatever is not an ordinary number.
GRID = np.concatenate(
    [np.linspace(-45, 45, 9001), [0.0, -0.0, 1e-300, 1e-30, -1e-30, 1e30, -1e30, np.inf, -np.inf, np.nan]]
)

EVERY_ACTIVATION = """
import sys
import numpy as np
from sstpl import _core
grid = np.load(sys.argv[1])
results = {}
for dtype in ("float32", "float64"):
    for name in ("identity", "tanh", "sigmoid", "relu", "leaky_relu", "gelu"):
        results[name + dtype] = _core.apply_activation(name, grid.astype(dtype)[None])[0]
np.savez(sys.argv[2], level=_core.build_info()["simd"], **results)
"""


def assert_accurate(actual, name, z, dtype):
    z = z.astype(dtype)
    with np.errstate(invalid="ignore"):  # the twin multiplies infinity by zero
        expected = activation.apply(name, z)
    if name == "gelu":
        expected = np.where(z == -np.inf, 0.0, expected)
    assert actual.dtype == dtype
    ordinary = np.isfinite(expected)
    np.testing.assert_array_equal(actual[~ordinary], expected[~ordinary].astype(dtype))
    actual, expected = actual[ordinary].astype(np.float64), expected[ordinary]
    tolerance = np.maximum(ULPS * np.finfo(dtype).eps * np.abs(expected), ABSOLUTE[dtype])
    assert (np.abs(actual - expected) <= tolerance).all()


def machine_has(level):
    if level == "base":
        return True
    try:
        flags = pathlib.Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    needed = {"avx2": {"avx2", "fma"}, "avx512": {"avx512f", "avx512dq", "avx512bw", "avx512vl"}}
    return needed[level] <= set(flags)


def run_at_level(level, grid, out):
    return subprocess.run(
        [sys.executable, "-c", EVERY_ACTIVATION, str(grid), str(out)],
        env={**os.environ, "SSTPL_SIMD": level, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@each_dtype
@each_name
@pytest.mark.parametrize(("n", "p"), problems.SHAPES)
def test_activations_equal_the_twin(n, p, name, dtype):
    Z = 3 * problems.normal(n, p, dtype=dtype)
    actual = _core.apply_activation(name, Z)
    assert actual.shape == (n, p)
    assert_accurate(actual, name, Z, dtype)


@pytest.mark.parametrize("level", ["base", "avx2", "avx512"])
def test_every_instruction_set_equals_the_twin(level, tmp_path):
    if not machine_has(level):
        pytest.skip(f"this machine ({platform.machine()}) does not say that it has {level}")
    np.save(tmp_path / "grid.npy", GRID)
    done = run_at_level(level, tmp_path / "grid.npy", tmp_path / "out.npz")
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "out.npz") as results:
        assert results["level"] == level
        for dtype in problems.DTYPES:
            for name in activation.NAMES:
                with np.errstate(over="ignore", under="ignore"):
                    assert_accurate(results[name + np.dtype(dtype).name], name, GRID, dtype)


@pytest.mark.parametrize("level", ["neon", ""])
def test_an_unknown_instruction_set_is_refused_by_name(level, tmp_path):
    np.save(tmp_path / "grid.npy", GRID)
    done = run_at_level(level, tmp_path / "grid.npy", tmp_path / "out.npz")
    assert done.returncode == 1
    assert "SSTPL_SIMD must name an instruction set of this machine" in done.stderr
    assert f"got '{level}'" in done.stderr


@each_dtype
@each_name
def test_nan_stays_nan_and_its_neighbours_stay_themselves(name, dtype):
    Z = problems.normal(3, 37, dtype=dtype)
    expected = _core.apply_activation(name, Z)
    Z[1, 20] = np.nan
    actual = _core.apply_activation(name, Z)
    assert np.isnan(actual[1, 20])
    actual[1, 20] = expected[1, 20]
    np.testing.assert_array_equal(actual, expected)


@each_dtype
@pytest.mark.parametrize("name", ["identity", "tanh", "sigmoid", "relu", "leaky_relu"])
def test_activations_are_monotone(name, dtype):
    z = np.linspace(-30, 30, 60001)[None].astype(dtype)
    steps = np.diff(_core.apply_activation(name, z)[0].astype(np.float64))
    assert steps.min() >= -2 * np.finfo(dtype).eps


@each_dtype
@pytest.mark.parametrize(("name", "low", "high"), [("tanh", -1.0, 1.0), ("sigmoid", 0.0, 1.0)])
def test_bounded_activations_keep_their_bounds_for_huge_arguments(name, low, high, dtype):
    z = np.array([[-np.inf, -1e38, -1e4, -100, 100, 1e4, 1e38, np.inf]], dtype)
    actual = _core.apply_activation(name, z)[0]
    np.testing.assert_array_equal(actual[4:], np.full(4, high))
    np.testing.assert_allclose(actual[:4], np.full(4, low), atol=1e-40)
    wide = _core.apply_activation(name, np.linspace(-50, 50, 10001)[None].astype(dtype))
    assert low <= wide.min() <= wide.max() <= high


@each_dtype
@pytest.mark.parametrize("name", ["identity", "tanh", "relu", "leaky_relu", "gelu"])
def test_denormal_numbers_are_kept(name, dtype):
    tiny = np.finfo(dtype).smallest_subnormal * 1000
    actual = _core.apply_activation(name, np.array([[tiny]], dtype))[0, 0]
    assert actual == pytest.approx(float(activation.apply(name, [tiny])[0]), rel=1e-2, abs=0)


@each_name
def test_float_agrees_with_double(name):
    Z = 5 * problems.normal(50, 40, dtype=np.float32)
    single, double = (_core.apply_activation(name, Z.astype(t)) for t in problems.DTYPES)
    np.testing.assert_allclose(single, double, rtol=1e-6, atol=4e-7)


@each_dtype
@each_inverse
@pytest.mark.parametrize("margin", [1e-3, 0.01, 0.3])
def test_inverses_equal_the_twin_in_and_beyond_the_domain(margin, name, dtype):
    D = problems.normal(17, 23, dtype=dtype)
    expected = activation.invert(name, D, margin)
    problems.assert_close(_core.invert_activation(name, margin, D), expected, dtype, 0.1)


@each_dtype
@each_inverse
def test_the_inverse_undoes_the_activation(name, dtype):
    z = np.linspace(-3, 3, 601)[None].astype(dtype)
    there = _core.apply_activation(name, z)
    problems.assert_close(_core.invert_activation(name, 1e-3, there), z, dtype, 1.0)


@each_dtype
@each_inverse
def test_the_activation_undoes_the_inverse_on_the_clamped_domain(name, dtype):
    D = np.linspace(-2, 2, 401)[None].astype(dtype)
    low, high = {"tanh": (-0.99, 0.99), "sigmoid": (0.01, 0.99)}.get(name, (-2, 2))
    back = _core.apply_activation(name, _core.invert_activation(name, 0.01, D))
    problems.assert_close(back, np.clip(D, low, high), dtype, 0.1)


@each_name
def test_has_inverse_says_which_activations_are_one_to_one(name):
    assert _core.has_inverse(name) == (name in activation.INVERTIBLE)
    if name not in activation.INVERTIBLE:
        with pytest.raises(ValueError, match="no inverse"):
            _core.invert_activation(name, 0.01, np.ones((2, 2)))


@pytest.mark.parametrize("margin", [0.0, 0.5, -0.1, 1.0, np.nan, np.inf])
def test_bad_margins_are_refused_by_name(margin):
    with pytest.raises(ValueError, match=r"margin .* must lie in \(0, 0.5\)"):
        _core.invert_activation("tanh", margin, np.ones((2, 2)))


@pytest.mark.parametrize("name", ["", "Tanh", "swish", "tanh\0"])
def test_unknown_names_are_refused_by_name(name):
    words = "activation must be identity, tanh, sigmoid, relu, leaky_relu, gelu or distance, got"
    for call in (
        lambda: _core.apply_activation(name, np.ones((2, 2))),
        lambda: _core.invert_activation(name, 0.1, np.ones((2, 2))),
        lambda: _core.has_inverse(name),
    ):
        with pytest.raises(ValueError, match=words):
            call()
    with pytest.raises(TypeError):
        _core.has_inverse(3)
