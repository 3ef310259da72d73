"""Whatever is wrong is said in one line, with the right exit code, and leaves files alone."""

import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pandas as pd
import pytest

from cli.conftest import SMALL
from sstpl import _base, cli
from sstpl.cli import _tables

TEXT = "price,size,kind,day\n1.5,1,a,2020-01-01\n2.5,2,b,2020-01-02\n3.5,,a,2020-01-03\n4.0,3,b,2020-01-04\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "required: COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
        (["fit"], "required: DATA"),
        (["fit", "{iris}", "-o", "{out}"], "needs --target"),
        (["fit", "{iris}", "--target", "species"], "required: -o"),
        (["fit", "{iris}", "--target", "species", "-o", "{out}", "--set", "wide=3"], "hidden_width, hidden_widths"),
        (["fit", "{iris}", "--target", "species", "-o", "{out}", "--set", "alpha"], "NAME=VALUE"),
        (["fit", "{iris}", "--target", "species", "-o", "{out}", "--tas", "auto"], "unrecognized"),
        (["fit", "{iris}", "--target", "species", "-o", "{out}", "--threads", "0"], "at least 1"),
        (["fit", "{iris}", "--target", "species", "-o", "{out}", "--test-size", "1"], "between 0 and 1"),
        (["fit", "{iris}", "--target", "s", "-o", "{out}", "--test-size", "0.2", "--test", "{iris}"], "not allowed"),
        (["predict", "{classifier}", "{iris}", "--interval", "0.9"], "--interval is not for the SSTPLClassifier"),
        (["predict", "{regressor}", "{iris}", "--proba"], "--proba is not for the SSTPLRegressor"),
        (["predict", "{regressor}", "{iris}", "--set-coverage", "0.9"], "--set-coverage is not for"),
        (["predict", "{regressor}", "{iris}", "--interval", "90%"], "--interval"),
        (["evaluate", "{classifier}", "{iris}"], "needs --target"),
        (["completion", "csh"], "invalid choice: 'csh'"),
    ],
)
def test_a_wrong_command_ends_with_2(fail, tmp_path, iris, classifier, regressor, arguments, said):
    names = {"iris": iris[0], "out": tmp_path / "out", "classifier": classifier, "regressor": regressor}
    code, error = fail(*(argument.format(**names) for argument in arguments))
    assert code == 2
    assert said in error
    assert "--help" in error
    assert not list(tmp_path.iterdir())


FIT = ["fit", "{text}", "--target", "price", "-o", "{out}"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fit", "{out}.csv", "--target", "a", "-o", "{out}"], "out.csv: No such file"),
        (["fit", "{text}", "--target", "cost", "-o", "{out}"], "no column 'cost'; it has 'price', 'size'"),
        (["fit", "{text}", "--target", "5", "-o", "{out}"], "no column '5'"),
        (["fit", "{text}", "--target", "0", "-o", "{out}"], "no column '0'"),
        (["fit", "{text}", "--target", "size", "-o", "{out}"], "target 'size' is missing in 1 of 4 rows"),
        (["fit", "{text}", "--target", "kind", "--task", "regression", "-o", "{out}"], "not of numbers"),
        ([*FIT, "--drop", "size", "day", "kind"], "no column beside the target"),
        (["fit", "{infinite}", "--target", "price", "-o", "{out}"], "infinity in column 0 ('size')"),
        ([*FIT, "--drop", "nothing"], "no column 'nothing'"),
        ([*FIT, "--test", "{iris}"], "no column 'price'"),
        (["fit", "{iris}", "--target", "species", "-o", "{out}", "--test", "{text}"], "no column 'species'"),
        (["fit", "{iris}", "--target", "species", "-o", "{iris}"], "cannot be written as well"),
        (["fit", "{iris}", "--target", "species", "-o", "{out}", "--report", "{out}"], "cannot be written as well"),
        (["fit", "{iris}", "--target", "species", "-o", "{out}/m"], "no such folder"),
        (["fit", "{iris}", "--target", "species", "-o", "/dev/null"], "no regular file"),
        (["fit", "{iris}", "--target", "species", "-o", "{out}", "--set", "alpha=-1"], "alpha must be"),
        (["fit", "{iris}", "--target", "species", "-o", "{out}", "--set", "alpha=low"], "alpha must be"),
        (["fit", "{iris}", "--target", "species", "-o", "{out}", "--image-shape", "3", "3"], "9 columns, X has 4"),
        (["fit", "{iris}", "--target", "species", "-o", "{out}", "--memory-limit", "0.0001"], "memory_limit"),
        (["fit", "{iris}", "--target", "species", "-o", "{out}", "--time-limit", "-1"], "time_limit"),
        (["predict", "{classifier}", "{text}"], "lacks columns that the model was fitted on: 'sepal length (cm)'"),
        (["predict", "{iris}", "{iris}"], "not a model file"),
        (["predict", "{out}", "{iris}"], "No such file"),
        (["predict", "{classifier}", "{iris}", "-o", "{out}.xlsx"], "a table ends in"),
        (["predict", "{classifier}", "{iris}", "-o", "{iris}"], "cannot be written as well"),
        (["evaluate", "{regressor}", "{iris}", "--target", "species"], "lacks columns"),
        (["inspect", "{text}"], "not a model file"),
        (["export", "{classifier}", "-o", "{classifier}"], "cannot be written as well"),
        (["bench", "{iris}", "--target", "species", "--folds", "1"], "n_splits"),
    ],
)
def test_bad_input_ends_with_1(fail, tmp_path, write, iris, classifier, regressor, arguments, said):
    names = {"iris": iris[0], "out": tmp_path / "out", "classifier": classifier, "regressor": regressor}
    names["text"] = write("text.csv", TEXT)
    names["infinite"] = write("infinite.csv", "price,size\n1.5,inf\n2.5,1\n3.5,2\n")
    before = {path: Path(path).read_bytes() for path in (iris[0], classifier)}
    if arguments[0] == "bench":
        arguments = [*arguments, "--models", "sstpl", "--json"]
    code, error = fail(*(argument.format(**names) for argument in arguments))
    assert code == 1
    assert said in error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["infinite.csv", "text.csv"]
    assert before == {path: Path(path).read_bytes() for path in before}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,y\n1,2\n2,2\n", "target 'y' is 2 in every row"),
        ("a,y\n1,b\n2,b\n", "target 'y' is b in every row"),
        (",a,y\n0,1,2.5\n1,2,3.5\n", "column 1 has no name; name it, or leave it out by --drop 1"),
    ],
)
def test_a_table_with_nothing_to_learn_is_refused(fail, write, tmp_path, text, said):
    code, error = fail("fit", write("t.csv", text), "--target", "y", "-o", tmp_path / "m")
    assert code == 1
    assert said in error


def test_dates_are_neither_numbers_nor_text(fail, write, tmp_path):
    frame = pd.DataFrame({"y": [1.5, 2.5], "when": pd.to_datetime(["2020-01-01", "2020-01-02"])})
    code, error = fail("fit", write("t.parquet", frame), "--target", "y", "-o", tmp_path / "m")
    assert code == 1
    assert "'when' (datetime64" in error


def test_classes_that_only_test_rows_have_are_found_before_the_fit(fail, write, tmp_path, monkeypatch):
    monkeypatch.setattr(_base, "fit_system", None)
    data, test = write("a.csv", "a,y\n1,u\n2,v\n3,u\n4,v\n"), write("b.csv", "a,y\n1,w\n")
    code, error = fail("fit", data, "--target", "y", "-o", tmp_path / "m", "--test", test, *SMALL)
    assert code == 1
    assert "'w'" in error


def test_a_model_that_knows_names_refuses_an_archive_and_one_that_knows_none_a_table_of_another_width(
    run, fail, write, tmp_path, iris, classifier
):
    archive = write("t.npz", {"X": [[0.0, 1.0], [2.0, 1.0], [3.0, 4.0], [5.0, 1.0]], "y": [0, 1, 0, 1]})
    code, error = fail("predict", classifier, archive)
    assert (code, "no column names" in error) == (1, True)
    run("fit", archive, "-o", tmp_path / "m", "--quiet", "--set", "hidden_width=2")
    code, error = fail("predict", tmp_path / "m", iris[0])
    assert (code, "has 5 columns" in error) == (1, True)
    assert run("predict", tmp_path / "m", write("t.csv", "a,b\n0,1\n")).startswith("prediction\n")
    code, error = fail("fit", archive, "--target", "y", "-o", tmp_path / "n")
    assert (code, "--target" in error) == (2, True)


@pytest.mark.parametrize(("name", "module"), [("pandas", "t.csv"), ("pyarrow", "t.parquet")])
def test_what_a_table_needs_is_named_with_its_extra(fail, monkeypatch, tmp_path, name, module):
    monkeypatch.setattr(_tables, "find_spec", lambda asked: None if asked == name else object())
    code, error = fail("fit", module, "--target", "y", "-o", tmp_path / "m")
    assert code == 1
    assert name in error
    assert "sstpl[cli]" in error


def test_an_interrupted_fit_leaves_no_file(fail, monkeypatch, tmp_path, iris):
    fit_system = _base.fit_system

    def interrupt(*arguments):
        fitted = fit_system(*arguments)
        os.kill(os.getpid(), signal.SIGINT)
        return fitted

    monkeypatch.setattr(_base, "fit_system", interrupt)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # which a test run in the background ignores
    try:
        code, error = fail("fit", iris[0], "--target", "species", "-o", tmp_path / "m", *SMALL)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (code, error) == (130, "sstpl: interrupted\n")
    assert not list(tmp_path.iterdir())


def test_warnings_are_one_line_each(capsys, tmp_path, write):
    rows = "".join(f"{i},{i},{i % 7 + 0.5}\n" for i in range(40))
    data = write("t.csv", "a,b,y\n" + rows)
    options = ("--set", "architecture=paper", "alpha=0", "n_subsystems=1", "activation=identity")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert cli.main(["fit", data, "--target", "y", "-o", str(tmp_path / "m"), "--quiet", *options]) == 0
    error = capsys.readouterr().err
    assert error.startswith("sstpl: warning: ")
    assert all(line.startswith("sstpl: warning: ") for line in error.splitlines())


def sstpl(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "sstpl", *arguments], capture_output=True, text=True, timeout=120, **options
    )


def test_exit_codes_and_streams_of_the_real_program(tmp_path, iris, classifier):
    done = sstpl("predict", classifier, iris[1])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("prediction\n")
    done = sstpl("predict", classifier, str(tmp_path / "none.csv"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    done = sstpl("predict", classifier)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


@pytest.mark.skipif(os.name == "nt", reason="pipes end otherwise there")
def test_a_reader_that_has_enough_is_no_error(iris, classifier):
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "sstpl", "predict", classifier, iris[1]],
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
        )
    assert (done.returncode, done.stderr) == (141, "")
