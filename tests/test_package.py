"""The package as a whole: version, build, command line, README, and what the core may not know."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import sstpl
from sstpl import _core, _progress, cli, datasets

ROOT = Path(__file__).resolve().parents[1]


def test_version_stands_in_one_place():
    text = (ROOT / "pyproject.toml").read_text()
    assert sstpl.__version__ == re.search(r'^version = "([^"]+)"', text, re.M).group(1)


def test_build_info_is_complete(capsys):
    info = sstpl.build_info()
    assert info["blas_backend"] in ("openblas", "system", "eigen")
    assert info["blas_is_expected"]
    assert info["simd"] in ("base", "avx2", "avx512", "avx512vnni", "amx")
    assert info["eigen"].count(".") == 2
    assert info["n_threads"] >= 1
    sstpl.show_config()
    assert f"version: {sstpl.__version__}" in capsys.readouterr().out


def test_threadpoolctl_sees_and_limits_the_core():
    if sstpl.build_info()["blas_backend"] != "openblas":
        pytest.skip("this build has no bundled OpenBLAS")
    ours = [lib for lib in threadpool_info() if "libscipy_openblas_sstpl" in lib["filepath"]]
    assert len(ours) == 1
    with threadpool_limits(1):
        assert _core.num_threads() == 1


def test_the_core_has_never_heard_of_python():
    for folder in ("include", "src", "tests", "bench"):
        for path in (ROOT / "cpp" / folder).rglob("*.?pp"):
            text = path.read_text()
            assert "pybind11" not in text, path
            assert "Python.h" not in text, path


EXAMPLES = ("classifier", "regressor", "model_report", "presets", "_config", "_export", "_model_state", "sources")


@pytest.mark.parametrize("module", [f"sstpl.{name}" for name in EXAMPLES])
def test_docstring_examples_run(module):
    __import__(module)
    result = doctest.testmod(sys.modules[module])
    assert result.attempted > 0
    assert result.failed == 0


def test_readme_example_runs(capsys):
    example = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S).group(1)
    exec(compile(example, "README.md", "exec"), {})
    assert "test accuracy 0.9" in capsys.readouterr().out


def test_demo_prints_scores_beside_references(capsys):
    assert cli.main(["demo"]) == 0
    out = capsys.readouterr().out
    rows = dict(re.findall(r"^(sstpl|ridge|multilayer perceptron) +(0\.\d+)", out, re.M))
    assert set(rows) == {"sstpl", "ridge", "multilayer perceptron"}
    assert float(rows["sstpl"]) > 0.95
    assert re.search(r"subsystems of depth \d", out)


def test_demo_runs_as_a_module_on_a_file(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5))
    np.savez(tmp_path / "plane.npz", X=X, y=X @ np.arange(5.0))
    command = [sys.executable, "-m", "sstpl", "demo", "--data", str(tmp_path / "plane.npz"), "--no-references"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "test RMSE" in done.stdout
    assert done.stderr == ""  # no bar where there is no terminal


def test_demo_says_in_one_line_what_is_wrong(tmp_path, capsys):
    np.savez(tmp_path / "other.npz", A=np.ones(3))
    for name in ("missing.npz", "other.npz", "table.csv"):
        assert cli.main(["demo", "--data", str(tmp_path / name)]) == 1
        error = capsys.readouterr().err
        assert error.startswith("sstpl: ")
        assert error.count("\n") == 1


def test_files_with_objects_are_not_loaded(tmp_path):
    np.savez(tmp_path / "objects.npz", X=np.array([{}], dtype=object), y=np.zeros(1))
    with pytest.raises(ValueError, match="allow_pickle"):
        datasets.load_npz(tmp_path / "objects.npz", 0)


def test_progress_is_silent_for_two_seconds_and_then_drawn(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr(_progress, "perf_counter", lambda: now[0])
    with _progress.Progress(True, "fit") as progress:
        progress.plan(4e9)
        progress.done(1e9)
        assert capsys.readouterr().err == ""
        now[0] += 3.0
        progress.stage("fusion")
        assert "25%" in capsys.readouterr().err
        for _ in range(100):
            progress.plan(1e9)
        assert capsys.readouterr().err == ""  # steps that come faster than anybody reads
    capsys.readouterr()
    with _progress.Progress(False, "fit") as progress:
        now[0] += 10.0
        progress.plan(1e9)
        assert capsys.readouterr().err == ""


def test_progress_tells_the_time_that_is_left_where_it_is_known(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr(_progress, "perf_counter", lambda: now[0])

    def shown(seconds):
        now[0] += seconds
        capsys.readouterr()
        progress.tick()
        told = re.findall(r"about (\d+:\d+) left of what is planned", capsys.readouterr().err)
        return told[-1] if told else None

    with _progress.Progress(True, "fit") as progress:
        progress.plan(4e9)
        assert shown(5.0) is None  # nothing is done yet, so nobody knows how fast
        progress.done(1e9)
        assert shown(0.6) == "00:15"  # 3 of 4 parts are left, and one took 5 seconds
        assert shown(4.4) == "00:10"
        progress.done(1e9)  # the second took as long
        assert shown(1.0) == "00:09"
        assert shown(10.0) is None  # overdue
        progress.done(2e9)
        assert shown(1.0) is None  # what comes next is not known
        now[0] += 100.0
        progress.plan(4e9)
        assert shown(1.0) == "00:20"  # at 4 parts in 21 seconds; a pause is no work
        progress.done(4e9)
        progress.plan(16e9)
        progress.drop(8e9)  # which takes no time, and tells none
        assert shown(1.0) == "00:01"  # 4 took one second, the last time
