"""Real tables as files, and models fitted on them by the command line itself."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris

from sstpl import cli


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tables")


@pytest.fixture(scope="session")
def iris(folder):
    """Return the paths of 100 and of 50 labelled flowers."""
    frame, names = load_iris(as_frame=True).frame, load_iris().target_names
    frame["species"] = names[frame.pop("target")]
    frame = frame.sample(frac=1.0, random_state=0)
    paths = folder / "iris.csv", folder / "iris_test.csv"
    for path, part in zip(paths, (frame[:100], frame[100:]), strict=True):
        part.to_csv(path, index=False)
    return tuple(map(str, paths))


@pytest.fixture(scope="session")
def diabetes(folder):
    """Return the paths of 300 and of 142 patients, the latter in Parquet and with the columns in another order."""
    frame = load_diabetes(as_frame=True).frame
    paths = folder / "diabetes.csv", folder / "diabetes_test.parquet"
    frame[:300].to_csv(paths[0], index=False)
    frame[300:][frame.columns[::-1]].to_parquet(paths[1])
    return tuple(map(str, paths))


SMALL = ("--set", "hidden_width=40", "n_subsystems=2")


@pytest.fixture(scope="session")
def classifier(folder, iris):
    path = str(folder / "iris.safetensors")
    assert cli.main(["fit", iris[0], "--target", "species", "-o", path, "--quiet", *SMALL]) == 0
    return path


@pytest.fixture(scope="session")
def regressor(folder, diabetes):
    path = str(folder / "diabetes.safetensors")
    assert cli.main(["fit", diabetes[0], "--target", "target", "-o", path, "--quiet", *SMALL]) == 0
    return path


@pytest.fixture
def run(capsys):
    """Return a function that runs a command, which must succeed, and returns what it prints."""

    def run_command(*arguments):
        capsys.readouterr()
        code = cli.main([str(one) for one in arguments])
        printed = capsys.readouterr()
        assert (code, printed.err) == (0, "")
        return printed.out

    return run_command


@pytest.fixture
def run_json(run):
    return lambda *arguments: json.loads(run(*arguments, "--json"))


@pytest.fixture
def fail(capsys):
    """Return a function that runs a command, which must fail in one line, and returns exit code and line."""

    def run_command(*arguments):
        capsys.readouterr()
        try:
            code = cli.main([str(one) for one in arguments])
        except SystemExit as error:  # of argparse
            code = error.code
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.startswith("sstpl: ")
        assert printed.err.endswith("\n")
        assert printed.err.count("\n") == 1
        return code, printed.err

    return run_command


@pytest.fixture
def write(tmp_path):
    """Return a function that writes bytes, text, arrays or a frame to a file, and returns its path."""

    def write_file(name, content):
        path = tmp_path / name
        if isinstance(content, dict):
            np.savez(path, **content)
        elif isinstance(content, pd.DataFrame):
            content.to_parquet(path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write_file
