"""What each command says is true."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss, mean_absolute_error, r2_score
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score

import sstpl
from sstpl import cli
from sstpl.cli import bench, evaluate, fit, inspect, plan
from sstpl.cli._metrics import class_metrics, metrics_of
from sstpl.cli._output import verbosity

README = Path(__file__).resolve().parents[2] / "README.md"


KEYS = {"fit": fit.KEYS, "evaluate": evaluate.KEYS, "inspect": inspect.KEYS, "bench": bench.KEYS, "plan": plan.KEYS}


def nested(keys):
    """Return documented keys: those of the object, and those of what is nested in it."""
    return {key for key in keys if key == key.strip()}, {key.strip() for key in keys if key != key.strip()}


def test_scores_of_classes_are_those_of_scikit_learn(run_json, iris, classifier):
    found = run_json("evaluate", classifier, iris[1], "--target", "species", "--coverage", "0.8")
    keys, metrics = nested(evaluate.KEYS)
    assert set(found) == keys
    assert set(found["metrics"]) == metrics - {"r2", "rmse", "mae", "interval_coverage", "interval_width"}
    model, test = sstpl.load(classifier), pd.read_csv(iris[1])
    X, y = test[model.feature_names_in_], test["species"]
    chances, sets = model.predict_proba(X), model.predict_set(X, 0.8)
    own = sets[np.arange(len(y)), np.searchsorted(model.classes_, y)]
    assert found["metrics"]["accuracy"] == accuracy_score(y, model.predict(X))
    assert found["metrics"]["log_loss"] == pytest.approx(log_loss(y, chances))
    codes = np.asarray(y)[:, None] == model.classes_
    assert found["metrics"]["brier"] == pytest.approx(np.mean(np.sum((chances - codes) ** 2, axis=1)))
    assert (found["metrics"]["set_coverage"], found["metrics"]["set_size"]) == (own.mean(), sets.sum() / len(y))


def test_scores_of_two_classes_are_of_the_second():
    rng = np.random.default_rng(0)
    second, labels = rng.uniform(size=50), rng.integers(0, 2, 50)
    found = class_metrics(np.c_[1 - second, second], labels)
    assert found["brier"] == pytest.approx(brier_score_loss(labels, second))
    assert found["log_loss"] == pytest.approx(log_loss(labels, second))
    # In one bin, what is expected and what came true differ by the difference of their means.
    found = class_metrics(np.tile([0.35, 0.65], (50, 1)), labels)
    assert found["ece"] == pytest.approx(abs(labels.mean() - 0.65))


def test_scores_of_numbers_are_those_of_scikit_learn(run_json, diabetes, regressor):
    found = run_json("evaluate", regressor, diabetes[1], "--target", "target")["metrics"]
    model, test = sstpl.load(regressor), pd.read_parquet(diabetes[1])
    X, y = test[model.feature_names_in_], test["target"]
    low, high = model.predict_interval(X).T
    expected = {
        "r2": r2_score(y, model.predict(X)),
        "rmse": np.sqrt(np.mean((y - model.predict(X)) ** 2)),
        "mae": mean_absolute_error(y, model.predict(X)),
        "interval_coverage": np.mean((low <= y) & (y <= high)),
        "interval_width": np.mean(high - low),
    }
    assert found == pytest.approx(expected)


def test_numbers_that_json_lacks_are_null(run_json, write, run, tmp_path):
    data = write("t.csv", "a,y\n1,0.5\n2,1.5\n3,2.5\n4,4.5\n")
    run("fit", data, "--target", "y", "-o", tmp_path / "m", "--quiet", "--set", "hidden_width=2")
    assert run_json("evaluate", tmp_path / "m", data, "--target", "y")["metrics"]["interval_width"] is None


def test_scores_are_also_printed_for_people(run, iris, classifier):
    printed = run("evaluate", classifier, iris[1], "--target", "species")
    assert re.search(r"^accuracy +0\.9|^accuracy +1", printed, re.M)
    assert re.search(r"^log loss +0\.", printed, re.M)


def test_inspect_tells_what_is_in_the_file(run_json, run, classifier, regressor):
    for path in (classifier, regressor):
        model, found = sstpl.load(path), run_json("inspect", path)
        assert set(found) == set(inspect.KEYS)
        assert found["bytes"] == os.path.getsize(path)
        assert found["sstpl_version"] == sstpl.__version__
        assert found["class"] == type(model).__name__
        assert found["parameters"] == {"hidden_width": 40, "n_subsystems": 2, "random_state": 0}
        assert found["features"] == model.feature_names_in_.tolist()
        assert found["layers"] == [[list(v.hidden_weights.shape) for v in s.levels] for s in model.subsystems_]
        levels = [level for subsystem in model.subsystems_ for level in subsystem.levels]
        assert found["weights"] == sum(
            v.hidden_weights.size + v.hidden_bias.size + v.weights.size + v.intercept.size for v in levels
        )
        assert found["score"] == model.report_.score.value
        assert f"{found['weights']:,}" in run("inspect", path)


def test_inspect_shows_layers_of_the_paper(run_json, run, iris, tmp_path):
    options = ("architecture=paper", "hidden_widths=(20,10)", "readout_width=20", "fusion_width=40", "n_subsystems=1")
    run("fit", iris[0], "--target", "species", "-o", tmp_path / "m", "--quiet", "--set", *options)
    found, (subsystem,) = run_json("inspect", tmp_path / "m"), sstpl.load(tmp_path / "m").subsystems_
    *encoders, fusion = found["layers"][0]
    assert encoders == [list(encoder.weights.shape) for encoder in subsystem.encoders]
    assert fusion[0] == 40
    assert found["parameters"]["hidden_widths"] == [20, 10]


def test_bench_scores_models_on_the_folds_of_scikit_learn(run_json, diabetes, iris):
    small = ("--folds", "3", "--seed", "4", "--threads", "1", "--set", "hidden_width=40")
    found = run_json("bench", diabetes[0], "--target", "target", "--models", "sstpl", "boosting", *small)
    keys, of_models = nested(bench.KEYS)
    assert set(found) == keys
    assert all(set(model) == of_models for model in found["models"])
    frame = pd.read_csv(diabetes[0])
    X, y = frame.drop(columns="target"), frame["target"]
    folds = KFold(3, shuffle=True, random_state=4)
    own = sstpl.SSTPLRegressor(hidden_width=40, random_state=4)
    for model, shown in zip((own, HistGradientBoostingRegressor(random_state=4)), found["models"], strict=True):
        assert shown["scores"] == pytest.approx(cross_val_score(model, X, y, cv=folds))
        assert shown["score"] == pytest.approx(np.mean(shown["scores"]))

    found = run_json("bench", iris[0], "--target", "species", "--models", "forest", *small)
    frame = pd.read_csv(iris[0])
    X, y = frame.drop(columns="species"), frame["species"]
    folds = StratifiedKFold(3, shuffle=True, random_state=4)
    scores = cross_val_score(RandomForestClassifier(random_state=4), X, y, cv=folds)
    assert found["models"][0]["scores"] == pytest.approx(scores, abs=0.04)  # its columns are standardised here


def test_bench_prints_a_line_for_every_model(run, iris):
    printed = run("bench", iris[0], "--target", "species", "--folds", "2", "--set", "hidden_width=40")
    assert [line.split()[0] for line in printed.splitlines()[2:]] == list(bench.MODELS)


def test_references_take_text_and_missing_values(run_json, write):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"kind": rng.choice(["a", "b", "c"], 90), "size": rng.normal(size=90)})
    frame["y"] = frame["kind"].map({"a": 0.5, "b": 2.0, "c": 4.0}) + frame["size"]
    frame.loc[::10, "size"] = np.nan
    data = write("t.csv", frame.to_csv(index=False))
    found = run_json("bench", data, "--target", "y", "--models", "linear", "boosting", "--folds", "3")
    assert all(model["score"] > 0.5 for model in found["models"])


def test_metrics_of_a_perfect_classifier():
    class Perfect:
        classes_ = np.array(["a", "b"])

        def predict_proba(self, X):
            return np.asarray(X)

    found = metrics_of(Perfect(), np.eye(2), np.array(["a", "b"]))
    assert found == {"accuracy": 1.0, "log_loss": 0.0, "brier": 0.0, "ece": 0.0}


def actions():
    """Yield the name, parser and options of every command."""
    subparsers = next(action for action in cli.parser()._actions if action.dest == "command")
    return subparsers.choices.items()


def test_every_command_has_help_with_examples_that_parse(capsys):
    for name, _ in actions():
        with pytest.raises(SystemExit, match="0"):
            cli.main([name, "--help"])
        shown = capsys.readouterr().out
        examples = re.findall(r"^  (sstpl .*)$", shown.split("examples:\n")[1], re.M)
        assert examples, name
        for example in examples:
            arguments = shlex.split(example.split(" > ")[0], comments=True)
            assert cli.parser().parse_args(arguments[1:]).command == name
        for key in KEYS.get(name, ()):
            assert re.search(rf"^  {key}  ", shown, re.M), key


@pytest.mark.parametrize(("is_terminal", "quiet", "shown"), [(True, False, 1), (True, True, 0), (False, False, 0)])
def test_progress_is_shown_on_a_terminal_unless_quiet(monkeypatch, is_terminal, quiet, shown):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal, raising=False)
    assert verbosity(quiet) == shown


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ins"], {"inspect"}),
        (["fit", "--ta"], {"--target", "--task"}),
        (["fit", "--task", "r"], {"regression"}),
        (["completion", ""], {"bash", "zsh", "fish"}),
        (["bench", "--models", "f"], {"forest"}),
    ],
)
def test_bash_completes_commands_options_and_values(run, words, expected):
    script = run("completion", "bash")
    line = " ".join(map(shlex.quote, ["sstpl", *words]))
    script += f'COMP_WORDS=({line}) COMP_CWORD={len(words)}\n_sstpl\nprintf "%s\\n" "${{COMPREPLY[@]}}"\n'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert set(done.stdout.split()) == expected
    assert done.stderr == ""


def test_other_shells_know_every_option(run):
    zsh, fish = run("completion", "zsh"), run("completion", "fish")
    assert zsh.startswith("#compdef sstpl\n")
    for name, parser in actions():
        for flag in parser._option_string_actions:
            assert re.search(rf'"{name} -"\*\) .*(["\s]){flag}(["\s])', zsh)
            assert re.search(rf"_from {name}'.* -[ls] {flag.lstrip('-')} ", fish)


def test_command_lines_of_the_readme_run(run, capsys, tmp_path, monkeypatch, diabetes):
    block = re.search(r"<!-- command line -->\n```sh\n(.*?)```", README.read_text(), re.S).group(1)
    monkeypatch.chdir(tmp_path)
    train, test = pd.read_csv(diabetes[0])[:120], pd.read_parquet(diabetes[1])
    train.rename(columns={"target": "price"}).to_csv("train.csv", index=False)
    test.rename(columns={"target": "price"}).to_csv("new.csv", index=False)
    lines = block.strip().splitlines()
    assert len(lines) >= 4
    for line in lines:
        run(*shlex.split(line, comments=True)[1:])
    assert len(pd.read_csv("predictions.csv")) == len(test)
