"""scikit-learn's own checks of every estimator, without exemption."""

import os
import subprocess
import sys

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from sstpl import SSTPLClassifier, SSTPLRegressor, SSTPLTransformer

# Narrow layers and two subsystems: every stage runs, and the many fits stay short.
PAPER = {"architecture": "paper", "hidden_widths": (20, 10), "readout_width": 20, "fusion_width": 40, "n_subsystems": 2}
STACK = {"hidden_width": 40, "n_subsystems": 2}


@parametrize_with_checks([estimator(**s) for s in (PAPER, STACK) for estimator in (SSTPLClassifier, SSTPLRegressor)])
def test_estimator_passes_the_check(estimator, check):
    check(estimator)


@parametrize_with_checks([SSTPLClassifier(), SSTPLRegressor()])
def test_estimator_with_default_parameters_passes_the_check(estimator, check):
    check(estimator)


@parametrize_with_checks([SSTPLTransformer(SSTPLClassifier(**STACK, random_state=0)), SSTPLTransformer()])
def test_transformer_passes_the_check(estimator, check):
    check(estimator)


@pytest.mark.skipif("SCIPY_ARRAY_API" in os.environ, reason="this process makes these checks itself")
def test_checks_that_need_a_process_of_their_own_pass():
    """SciPy reads SCIPY_ARRAY_API when it is imported; without it, scikit-learn skips its checks of array types."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "array_api", __file__]
    done = subprocess.run(
        command, env=os.environ | {"SCIPY_ARRAY_API": "1"}, capture_output=True, text=True, timeout=300
    )
    if done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED:
        pytest.skip("this version of scikit-learn has no such checks")
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout
