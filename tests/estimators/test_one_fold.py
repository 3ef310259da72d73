"""``n_folds=1``: a level is one solve on all rows; nothing is left out, so nothing is chosen, scored or calibrated."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV

import sstpl
from reference import growing as twin
from reference import ridge
from sstpl import SSTPLClassifier, SSTPLRegressor, SSTPLTransformer, _overview
from sstpl.cli import _metrics
from sstpl.distributed import HereEngine, PartitionedRows

ONE = {"n_folds": 1, "max_depth": 1, "n_subsystems": 1, "subsystem_fraction": 1.0, "random_state": 0}
SMALL = ONE | {"hidden_width": 60, "scaling": "feature", "hidden_columns": "all", "alpha": 1e-3}
TOLERANCE = {np.float32: 2e-3, np.float64: 1e-9}
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def problem(n_rows=600, n_classes=3, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(n_classes, size=n_rows)
    X = rng.normal(size=(n_classes, 6))[y] + 0.7 * rng.normal(size=(n_rows, 6))
    return X.astype(dtype), y


def one_solve(model, X, Y, alpha, rows):
    """Return the scores of rows by least squares on all training rows, on the features of the model's layer."""
    layer = model.subsystems_[0].levels[0]
    H, H_rows = (
        twin.features(model._input_map.transform(Z), layer.hidden_weights, layer.hidden_bias, np.zeros(1))
        for Z in (X, rows)
    )
    W, b = ridge.solve(H, Y, alpha)
    return H_rows @ W + b


@each_dtype
@pytest.mark.parametrize("width", [60, 700])  # more units than rows: the dual form
def test_a_classifier_is_one_solve_on_all_rows(dtype, width):
    X, y = problem(dtype=dtype)
    model = SSTPLClassifier(**SMALL | {"hidden_width": width}).fit(X[:500], y[:500])
    codes = np.where(y[:500, None] == np.arange(3), 1.0, -1.0)
    expected = one_solve(model, X[:500], codes, 1e-3, X[500:])
    np.testing.assert_allclose(model.decision_function(X[500:]), expected, rtol=0, atol=TOLERANCE[dtype])
    assert model.report_.subsystems[0].steps[0].detail["fold_solves"] == []


@each_dtype
def test_a_regressor_is_one_solve_on_all_rows(dtype):
    X, _ = problem(dtype=dtype)
    Y = np.column_stack([np.sin(X[:, 0]), 1e2 + 5 * X[:, 1] * X[:, 2]]).astype(dtype)
    model = SSTPLRegressor(**SMALL).fit(X[:500], Y[:500])
    expected = one_solve(model, X[:500], Y[:500], 1e-3, X[500:])
    np.testing.assert_allclose(model.predict(X[500:]), expected, rtol=0, atol=100 * TOLERANCE[dtype])


def test_folds_beside_the_whole_do_not_change_the_whole():
    X, y = problem()
    drawn = SMALL | {"hidden_weights": "normal", "loss": "squared_error"}  # pairs of rows are drawn within folds
    one, five = SSTPLClassifier(**drawn).fit(X, y), SSTPLClassifier(**drawn | {"n_folds": 5}).fit(X, y)
    np.testing.assert_allclose(one.decision_function(X), five.decision_function(X), rtol=0, atol=1e-9)


@pytest.mark.parametrize("selection", ["loo", "gcv"])
@pytest.mark.parametrize("estimator", [SSTPLClassifier, SSTPLRegressor])
def test_the_penalty_may_be_chosen_by_what_needs_no_folds(estimator, selection):
    X, y = problem()
    chosen = SMALL | {"alpha": "auto", "selection": selection, "hidden_weights": "normal"}
    one, five = estimator(**chosen).fit(X, y), estimator(**chosen | {"n_folds": 5}).fit(X, y)
    found, expected = (model.report_.subsystems[0].steps[0] for model in (one, five))
    assert found.alpha == expected.alpha
    np.testing.assert_allclose(found.detail["path_errors"], expected.detail["path_errors"], rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("architecture", "paper", "architecture 'recursive', got 'paper'"),
        ("hidden_width", "auto", "hidden_width a number, got 'auto'"),
        ("max_depth", None, "max_depth 1, got None"),
        ("max_depth", 2, "max_depth 1, got 2"),
        ("n_subsystems", "auto", "n_subsystems a number, got 'auto'"),
        ("subsystem_fraction", 0.8, "subsystem_fraction 1, got 0.8"),
        ("alpha", "auto", "alpha a number, or selection 'loo' or 'gcv', got 'auto'"),
    ],
)
@pytest.mark.parametrize("estimator", [SSTPLClassifier, SSTPLRegressor])
def test_what_rows_left_out_choose_must_be_given(estimator, name, value, message):
    X, y = problem(60)
    with pytest.raises(ValueError, match=f"^n_folds=1 .*{message}$"):
        estimator(**SMALL | {name: value}).fit(X, y)


def test_everything_that_is_lacking_is_named_at_once():
    X, y = problem(60)
    with pytest.raises(
        ValueError, match=r"hidden_width .*; max_depth .*; n_subsystems .*; subsystem_fraction .*; alpha "
    ):
        SSTPLClassifier(n_folds=1).fit(X, y)


def test_input_map_and_units_may_be_chosen_by_trial():
    X, y = load_diabetes(return_X_y=True)
    free = ONE | {"hidden_width": 100, "alpha": 1e-2}
    model = SSTPLRegressor(**free).fit(X[:300], y[:300])
    tried = model.report_.preparation
    assert {step.detail["map"] for step in tried} == {"feature", "quantile", "piecewise"}
    assert sum(step.accepted for step in tried) == 1
    assert model.score(X[300:], y[300:]) > 0.35


def test_several_subsystems_are_averaged():
    X, y = problem()
    model = SSTPLClassifier(**SMALL | {"n_subsystems": 3}).fit(X, y)
    mapped = model._input_map.transform(X)
    scores = np.mean([subsystem.predict(mapped) for subsystem in model.subsystems_], axis=0)
    assert model.n_subsystems_ == 3
    np.testing.assert_allclose(model.decision_function(X), scores, rtol=0, atol=1e-12)
    assert not np.allclose(*(subsystem.predict(mapped) for subsystem in model.subsystems_[:2]))


def test_weights_are_copies():
    X, y = problem(200)
    copies = np.arange(200) % 3
    model = SSTPLClassifier(**SMALL | {"hidden_weights": "normal"})
    weighted = model.fit(X, y, copies).decision_function(X)
    model.fit(np.repeat(X, copies, axis=0), np.repeat(y, copies))
    np.testing.assert_allclose(model.decision_function(X), weighted, rtol=0, atol=1e-9)


def test_no_score_of_a_training_row_is_told():
    X, y = problem()
    model = SSTPLClassifier(**SMALL).fit(X, y)
    assert not hasattr(model, "oof_decision_function_")
    assert model.report_.score is None
    assert model.report_.calibration is None
    assert model.report_.subsystems[0].system_score is None
    assert "600 rows" in sstpl.report(model).to_html()
    assert "on 600 rows of 6 columns" in _overview.headline(model)
    for method in (model.predict_proba, model.predict_log_proba, model.predict_set):
        with pytest.raises(NotFittedError, match=r"n_folds=1.*calibrate"):
            method(X)
    with pytest.raises(NotFittedError, match=r"n_folds=1.*calibrate"):
        SSTPLRegressor(**SMALL).fit(X, y).predict_interval(X)


def test_fits_with_and_without_folds_begin_anew_after_each_other():
    X, y = problem()
    model = SSTPLClassifier(**SMALL)
    one = set(vars(model.fit(X, y)))
    five = vars(model.set_params(n_folds=5).fit(X, y)).keys() - one
    assert five == {"_calibration", "_conformity", "oof_decision_function_"}
    assert vars(model.set_params(n_folds=1).fit(X, y)).keys() == one


def test_other_rows_calibrate():
    X, y = problem(4000)
    fit, held, test = slice(500), slice(500, 2000), slice(2000, None)
    model = SSTPLClassifier(**SMALL).fit(X[fit], y[fit]).calibrate(X[held], y[held])
    p = model.predict_proba(X[test])
    five = SSTPLClassifier(**SMALL | {"n_folds": 5}).fit(X[fit], y[fit]).predict_proba(X[test])
    assert log_loss(y[test], p) < 1.02 * log_loss(y[test], five)
    assert model.report_.calibration.slope == model._calibration.slope
    sets = model.predict_set(X[test], coverage=0.95)
    assert 0.93 < sets[np.arange(2000), y[test]].mean() < 0.98

    reg = SSTPLRegressor(**SMALL).fit(X[fit], X[fit, 0] * X[fit, 1]).calibrate(X[held], X[held, 0] * X[held, 1])
    low, high = reg.predict_interval(X[test], coverage=0.8).T
    true = X[test, 0] * X[test, 1]
    assert 0.76 < np.mean((low <= true) & (true <= high)) < 0.84


def test_probabilities_of_weighted_classes_are_calibrated_to_weighted_rows():
    X, y = problem(6000, n_classes=2)
    y[:4000][y[:4000] == 1] = np.where(np.random.default_rng(0).random(np.sum(y[:4000] == 1)) < 0.9, 0, 1)
    even = (
        SSTPLClassifier(**SMALL, class_weight="balanced").fit(X[:2000], y[:2000]).calibrate(X[2000:4000], y[2000:4000])
    )
    plain = SSTPLClassifier(**SMALL).fit(X[:2000], y[:2000]).calibrate(X[2000:4000], y[2000:4000])
    assert plain.predict_proba(X[4000:])[:, 1].mean() < 0.15
    assert even.predict_proba(X[4000:])[:, 1].mean() > 0.3


def test_calibrate_replaces_what_fit_has_found():
    X, y = problem(3000)
    model = SSTPLClassifier(hidden_width=60, n_subsystems=1, random_state=0).fit(X[:500], y[:500])
    before = model.predict_proba(X[2000:])
    odd = (y + (np.random.default_rng(0).random(3000) < 0.5)) % 3  # labels here are worth less than those of the fit
    after = model.calibrate(X[500:2000], odd[500:2000]).predict_proba(X[2000:])
    assert log_loss(odd[2000:], after) < log_loss(odd[2000:], before) - 0.1
    labels = SSTPLClassifier(**SMALL).fit(X, np.column_stack([y == 0, y == 1]).astype(int))
    with pytest.raises(ValueError, match="calibrate takes one class per row, and the model has 2 labels"):
        labels.calibrate(X, y)
    with pytest.raises(NotFittedError):
        SSTPLClassifier().calibrate(X, y)


@pytest.mark.parametrize("calibrated", [False, True])
def test_a_model_file_holds_what_predicts(tmp_path, calibrated):
    X, y = problem()
    model = SSTPLClassifier(**SMALL).fit(X[:400], y[:400])
    if calibrated:
        model.calibrate(X[400:], y[400:])
    model.save(tmp_path / "model.safetensors")
    same = sstpl.load(tmp_path / "model.safetensors")
    assert same.n_folds == 1
    assert repr(same.report_) == repr(model.report_)
    assert _overview.headline(same) == _overview.headline(model)
    np.testing.assert_array_equal(same.decision_function(X), model.decision_function(X))
    if calibrated:
        np.testing.assert_array_equal(same.predict_proba(X), model.predict_proba(X))
    else:
        with pytest.raises(NotFittedError, match="calibrate"):
            same.predict_proba(X)


def test_a_search_over_a_grid_scores_it():
    X, y = problem()
    search = GridSearchCV(SSTPLClassifier(**SMALL), {"alpha": [1e-4, 1e-2, 1e2], "hidden_width": [5, 50]}, cv=3)
    search.fit(X, y)
    assert search.best_params_["hidden_width"] == 50
    assert search.best_score_ > 0.8


def test_rows_are_added_to_a_model_of_one_fold():
    X, y = problem()
    model = SSTPLClassifier(**SMALL).partial_fit(X[:300], y[:300]).partial_fit(X[300:], y[300:])
    codes = np.where(y[:, None] == np.arange(3), 1.0, -1.0)
    np.testing.assert_allclose(model.decision_function(X), one_solve(model, X, codes, 1e-3, X), rtol=0, atol=1e-9)


@pytest.mark.parametrize("width", [60, 400])
@pytest.mark.parametrize("estimator", [SSTPLClassifier, SSTPLRegressor])
def test_rows_in_partitions_give_the_same_model(estimator, width):
    X, y = problem(300)
    here = estimator(**SMALL | {"hidden_width": width}).fit(X, y)
    there = estimator(**SMALL | {"hidden_width": width})
    there.fit(PartitionedRows(HereEngine(), np.split(X, [0, 7, 150])), y)
    scores = "decision_function" if estimator is SSTPLClassifier else "predict"
    np.testing.assert_allclose(getattr(there, scores)(X), getattr(here, scores)(X), rtol=0, atol=1e-8)
    assert not hasattr(there, there._oof_name)


def test_features_of_a_transformer_need_folds():
    X, y = problem(60)
    with pytest.raises(ValueError, match="estimator must have n_folds of at least 2, got 1"):
        SSTPLTransformer(SSTPLClassifier(**SMALL)).fit(X, y)


def test_the_command_line_knows_no_probabilities(tmp_path, capsys):
    from sstpl.cli import main

    X, y = problem()
    frame = pd.DataFrame(X, columns=list("abcdef"))
    frame.assign(y=y).to_csv(tmp_path / "rows.csv", index=False)
    told = [f"{name}={value!r}" for name, value in SMALL.items() if name != "random_state"]
    files = [str(tmp_path / name) for name in ("rows.csv", "model.safetensors")]
    main(["fit", files[0], "--target", "y", "-o", files[1], "--test-size", "0.3", "--json", "--set", *told])
    found = capsys.readouterr().out
    assert '"out_of_fold": null' in found
    assert '"log_loss": null' in found
    report = str(tmp_path / "report.html")
    assert main(["fit", files[0], "--target", "y", "-o", files[1], "--report", report, "--quiet", "--set", *told]) == 0
    assert "600 rows" in (tmp_path / "report.html").read_text()
    main(["evaluate", files[1], files[0], "--target", "y"])
    assert "set coverage" in capsys.readouterr().out
    assert np.isnan(_metrics.metrics_of(sstpl.load(files[1]), frame, y)["brier"])
