"""Reports of fitted estimators: they say what the fit knows, are safe to open, and leave nothing behind."""

import base64
import re
import subprocess
import sys
from html import escape
from html.parser import HTMLParser
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib._pylab_helpers import Gcf
from matplotlib.figure import Figure
from scipy.linalg import LinAlgWarning
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.metrics import confusion_matrix, r2_score

from sstpl import SSTPLClassifier, SSTPLRegressor, report
from sstpl._measure import Model, measure_calibration

VOID = {"meta", "img", "br"}
OF_FIT = {"recursive": {"levels"}, "paper": {"pairs"}}
OF_EVERY_FIT = {"alpha", "system", "conditioning"}


class Reader(HTMLParser):
    """Checks that tags are closed in order, and collects what the tests look for."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.attributes, self.text, self.cells = [], set(), [], [], []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text.append(data)
        if self.open[-1:] == ["td"]:
            self.cells.append(data)

    def drawings(self):
        """Return the embedded figures as text."""
        sources = [value for name, value in self.attributes if name == "src"]
        assert all(source.startswith("data:image/svg+xml;base64,") for source in sources)
        drawings = [base64.b64decode(source.split(",", 1)[1]).decode() for source in sources]
        for drawing in drawings:
            ElementTree.fromstring(drawing)
        return drawings


@pytest.fixture(scope="module")
def classifier(small, digits):
    X, y = digits
    return SSTPLClassifier(**small).fit(X[:500], y[:500])


@pytest.fixture(scope="module")
def regressor(small, diabetes):
    X, y = diabetes
    return SSTPLRegressor(**small).fit(X[:300], y[:300])


@pytest.fixture(scope="module")
def of_new_rows(classifier, digits):
    X, y = digits
    return report(classifier, X[500:900], y[500:900])


def test_a_fit_alone_shows_what_it_tried(classifier, small):
    found = set(report(classifier).figures)
    assert found >= OF_EVERY_FIT | OF_FIT[small["architecture"]]
    assert not found & {"confusion", "importance", "contribution"}


def test_labelled_rows_add_what_the_model_does_with_them(of_new_rows, regressor, diabetes):
    X, y = diabetes
    assert set(of_new_rows.figures) >= {"confusion", "contribution", "importance"}
    assert set(report(regressor, X[300:], y[300:]).figures) >= {"residuals", "contribution", "importance"}


def test_html_is_well_formed_and_fetches_nothing(of_new_rows):
    html = of_new_rows.to_html()
    read = Reader(html)
    assert not read.tags & {"script", "link", "iframe", "object", "form"}
    assert not re.search(r"https?://|url\(|@import|javascript:", html)
    assert not any(name.startswith("on") for name, _ in read.attributes)
    for drawing in read.drawings():
        assert drawing.count("<svg") == 1
        assert "<script" not in drawing
        assert set(re.findall(r"https?://([\w.]+)", drawing)) <= {"www.w3.org"}


def test_every_figure_has_a_text_that_stands_for_it(of_new_rows):
    texts = [value for name, value in Reader(of_new_rows.to_html()).attributes if name == "alt"]
    assert len(texts) == len(of_new_rows.figures)
    assert all(len(text) > 40 for text in texts)


def test_numbers_are_those_of_the_fit(classifier):
    read = Reader(report(classifier).to_html())
    text, cells = " ".join(read.text), set(read.cells)
    assert f"{classifier.report_.score.value:.4f}" in text
    for subsystem in classifier.report_.subsystems:
        assert f"{-subsystem.system_score.fit:.4g}" in cells
        for step in subsystem.steps:
            assert step.rcond is None or f"{step.rcond:.4g}" in cells
            assert step.score is None or f"{-step.score.fit:.4g}" in cells
            assert {f"{error:.4g}" for error in step.detail.get("path_errors", [])} <= cells


def test_the_recorded_score_is_that_of_the_scores_returned(classifier, regressor, digits, diabetes):
    guessed = classifier.oof_decision_function_.argmax(axis=1)
    assert classifier.report_.score.value == np.mean(guessed == digits[1][:500])
    explained = r2_score(diabetes[1][:300], regressor.oof_prediction_)
    assert regressor.report_.score.value == pytest.approx(explained, abs=1e-9)


def test_the_chosen_penalty_is_marked(classifier):
    axes = report(classifier).figures["alpha"].axes[0]
    marked = {line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 1}
    used = {
        step.alpha
        for subsystem in classifier.report_.subsystems
        for step in subsystem.steps
        if step.accepted and len(step.detail.get("path_errors", [])) > 1
    }
    assert marked == used


def test_the_rule_of_depth_is_told_in_numbers(small_stack, digits):
    X, y = digits
    model = SSTPLClassifier(**small_stack).fit(X[:500], y[:500])
    for subsystem in model.report_.subsystems:
        below = None
        for step in subsystem.steps:
            held = step.detail["left_out"]
            if below is not None:
                assert held["gain"] == pytest.approx(below - held["error"], rel=1e-6, abs=1e-9)
                assert held["error"] == pytest.approx(-step.score.fit, rel=1e-6)
                assert step.accepted == (held["gain"] > held["standard_errors_needed"] * held["standard_error"])
            below = held["error"]
    cells = Reader(report(model).to_html()).cells
    assert f"{model.report_.subsystems[0].steps[1].detail['left_out']['gain']:.4g}" in cells


def test_the_rule_of_pairs_is_told_in_numbers(small_paper, digits):
    X, y = digits
    model = SSTPLClassifier(**small_paper).fit(X[:500], y[:500])
    pairs = [step for step in model.report_.subsystems[0].steps if step.stage == "pair"]
    alone = max(step.score.value for step in pairs if not step.detail["backward"])
    for step in pairs:
        if step.detail["backward"]:
            assert step.detail["gain"] == pytest.approx(step.score.value - alone)
    assert sum(step.accepted for step in pairs) == 1


def test_targets_of_the_training_rows_show_the_out_of_fold_scores(classifier, digits):
    X, y = digits[0][:500], digits[1][:500]
    counts = confusion_matrix(y, classifier.oof_decision_function_.argmax(axis=1))
    for shown in (report(classifier, y=y), report(classifier, X, y)):
        numbers = {int(text.get_text()) for text in shown.figures["confusion"].axes[0].texts}
        assert numbers == set(counts[counts > 0])
    assert f"In-fold accuracy: {classifier.score(X, y):.4f}" in shown.to_html()


def test_training_rows_are_known_again_in_every_coding(small, diabetes):
    X, y = diabetes
    for targets, estimator in ((y > 140, SSTPLClassifier), (np.column_stack([y, 3 * y + X[:, 0]]), SSTPLRegressor)):
        for rows in (X, X.astype(np.float32)):
            model = Model(estimator(**small).fit(rows[:200], targets[:200]))
            assert model.are_training_targets(targets[:200])
            assert not model.are_training_targets(targets[200:400])
            assert not model.are_training_targets(targets[:199])


def test_new_rows_are_not_taken_for_the_training_rows(classifier, digits):
    X, y = digits[0][500:1000], digits[1][500:1000]
    html = report(classifier, X, y).to_html()
    assert "In-fold" not in html
    assert f"{classifier.score(X, y):.4f}" in html


def test_the_whole_system_is_the_last_of_its_parts(classifier, regressor, digits, diabetes):
    for model, X, y in ((classifier, digits[0][500:], digits[1][500:]), (regressor, *(a[300:] for a in diabetes))):
        axes = report(model, X, y).figures["contribution"].axes
        ends = [a.lines[0].get_ydata()[-1] for a in axes if a.get_ylabel() in ("accuracy", "R²")]
        assert ends == pytest.approx([model.score(X, y)] * len(ends), abs=1e-6)


def test_importance_finds_the_only_column_that_matters(small_stack):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 40))
    y = X[:, 17]
    names = [f"noise {i}" for i in range(40)]
    names[17] = "signal"
    model = SSTPLRegressor(**small_stack).fit(pd.DataFrame(X[:300], columns=names), y[:300])
    axes = report(model, pd.DataFrame(X[300:], columns=names), y[300:]).figures["importance"].axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert len(labels) == 15
    assert labels[-1] == "signal"


def test_hostile_names_are_text(small_stack):
    rng = np.random.default_rng(0)
    evil = "<script>alert('$x_1$ & \"quoted\"')</script>"
    names = [evil, "a\x00b\n" * 50, "\N{SNOWMAN} 列", "$\\frac{"]
    X = pd.DataFrame(rng.normal(size=(200, 4)), columns=names)
    y = np.where(X[evil] > 0, evil, "</svg><img src=x onerror=alert(1)>")
    model = SSTPLClassifier(**small_stack).fit(X[:150], y[:150])
    html = report(model, X[150:], y[150:]).to_html()
    read = Reader(html)
    assert "script" not in read.tags
    assert not any(name.startswith("on") for name, _ in read.attributes)
    assert escape(evil) in html
    for drawing in read.drawings():
        assert "<script" not in drawing
        assert "<img" not in drawing
        assert "\x00" not in drawing


def test_the_same_model_gives_the_same_bytes(classifier, digits):
    X, y = digits
    with mpl.rc_context({"font.size": 20, "axes.grid": False, "text.color": "red"}):
        first = report(classifier, X[500:700], y[500:700]).to_html()
    assert report(classifier, X[500:700], y[500:700]).to_html() == first
    assert len(first) < 3e6


def test_drawing_leaves_no_state_behind(classifier):
    before = dict(mpl.rcParams)
    shown = report(classifier)
    shown.to_html()
    assert all(type(figure) is Figure for figure in shown.figures.values())
    assert not Gcf.figs
    assert dict(mpl.rcParams) == before


def test_a_report_needs_neither_pyplot_nor_a_display():
    code = (
        "import sys, numpy as np, sstpl\n"
        "assert 'matplotlib' not in sys.modules\n"
        "X = np.random.default_rng(0).normal(size=(60, 3))\n"
        "sstpl.report(sstpl.SSTPLRegressor(hidden_width=10, random_state=0).fit(X, X[:, 0])).to_html()\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_matplotlib_the_extra_is_named(classifier, monkeypatch):
    monkeypatch.setattr("sstpl.model_report.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"sstpl\[report\]"):
        report(classifier)


def test_images_show_filters_fields_and_hidden_weights(small_stack, digits):
    X, y = digits
    for n_filters, expected in (("auto", {"filters", "fields", "hidden"}), (0, {"fields", "hidden"})):
        model = SSTPLClassifier(**small_stack, image_shape=(8, 8), image_filters=n_filters).fit(X[:300], y[:300])
        found = set(report(model, X[300:400], y[300:400]).figures)
        assert found & {"filters", "fields", "hidden", "importance"} == expected


def test_colour_images_are_drawn(small_stack):
    rng = np.random.default_rng(0)
    X, y = rng.uniform(size=(120, 8 * 8 * 3)), np.arange(120) % 2
    model = SSTPLClassifier(**small_stack, image_shape=(8, 8, 3), image_filters=4).fit(X, y)
    assert {"filters", "fields", "hidden"} <= set(report(model).figures)


def test_a_searched_width_is_shown(small_stack, digits):
    X, y = digits
    chosen = small_stack | {"hidden_width": "auto", "n_subsystems": 1}
    model = SSTPLClassifier(**chosen).fit(X, y)
    widths = [s.detail["width"] for s in model.report_.subsystems[0].steps if s.level == 1]
    shown = report(model)
    assert ("width" in shown.figures) == (len(widths) > 1)
    assert "system" not in shown.figures
    Reader(shown.to_html())


@pytest.mark.parametrize("n_classes", [2, 100])
def test_any_number_of_classes_with_strings_as_labels(small, n_classes):
    rng = np.random.default_rng(0)
    labels = np.arange(800) % n_classes
    X = rng.normal(size=(800, 6)) + 3 * rng.normal(size=(n_classes, 6))[labels]
    y = np.array([f"class {label}" for label in labels])
    model = SSTPLClassifier(**small).fit(X[:600], y[:600])
    shown = report(model, X[600:], y[600:])
    counts = confusion_matrix(y[600:], model.predict(X[600:]), labels=model.classes_)
    image = shown.figures["confusion"].axes[0].images[0].get_array()
    assert np.allclose(image, counts / counts.sum(axis=1, keepdims=True))
    read = Reader(shown.to_html())
    assert "class 1" in read.cells
    assert len(shown.to_html()) < 3e6


@pytest.mark.parametrize(
    "options",
    [
        {"alpha": 0.1, "n_subsystems": 1, "max_depth": 1},
        {"n_subsystems": "auto", "max_subsystems": 3, "selection": "gcv"},
        {"subsystem_fraction": 1.0, "selection": "loo"},
        {"fusion": "all", "encoder_penalty": "lasso", "scaling": "sample"},
        {"time_limit": 0.0},
    ],
)
def test_any_choice_of_options_is_shown(small, diabetes, options):
    X, y = diabetes
    model = SSTPLRegressor(**small | options).fit(X, y)
    shown = report(model)
    assert ("alpha" in shown.figures) == ("alpha" not in options)
    text = " ".join(Reader(shown.to_html()).text)
    assert f"{model.n_subsystems_} kept of {len(model.report_.subsystems)} tried" in text
    assert ("no rows were left out" in text) == (model.architecture == "recursive" and "subsystem_fraction" in options)


def test_a_warning_of_the_fit_is_repeated_in_words_alone(small_stack, diabetes):
    X, y = diabetes
    X = np.hstack([X, X])
    with pytest.warns(LinAlgWarning) as raised:
        model = SSTPLRegressor(**small_stack | {"alpha": 0.0, "activation": "identity"}).fit(X, y)
    shown = report(model)
    assert escape(str(raised[0].message)) in shown.to_html()
    assert "eigen" in Reader(shown.to_html()).cells


def test_several_outputs_have_a_plot_and_numbers_each(small, diabetes):
    X, y = diabetes
    Y = np.column_stack([y, -y, X[:, 0], X[:, 1], np.ones(len(y))])
    model = SSTPLRegressor(**small).fit(X[:300], Y[:300])
    shown = report(model, X[300:], Y[300:])
    assert len(shown.figures["residuals"].axes) == 8
    explained = r2_score(Y[300:, :4], model.predict(X[300:])[:, :4], multioutput="raw_values")
    assert {f"{value:.4g}" for value in explained} <= set(Reader(shown.to_html()).cells)
    assert "In-fold" in report(model, X[:300], Y[:300]).to_html()


def test_one_column_and_few_rows_are_enough(small):
    X, y = np.arange(12.0)[:, None], np.arange(12.0)
    shown = report(SSTPLRegressor(**small).fit(X, y), X[:1] + 0.5, y[:1])
    Reader(shown.to_html())
    assert "residuals" in shown.figures


def test_probabilities_are_compared_with_what_came_true():
    rng = np.random.default_rng(0)
    p = rng.uniform(size=20_000)
    labels = (rng.uniform(size=20_000) < p).astype(np.int64)
    honest = measure_calibration(np.column_stack([1 - p, p]), labels)
    assert np.allclose(honest.confidence, honest.accuracy, atol=0.04)
    assert honest.counts.sum() == 20_000
    assert honest.error < 0.02
    boastful = measure_calibration(np.column_stack([p < 0.5, p >= 0.5]).astype(float), labels)
    assert boastful.error == pytest.approx(0.25, abs=0.02)


class WithProbabilities(SSTPLClassifier):
    def predict_proba(self, X):
        scores = np.exp(4 * self.decision_function(X))
        return scores / scores.sum(axis=1, keepdims=True)


def test_a_classifier_with_probabilities_shows_their_calibration(small, digits):
    X, y = digits
    model = WithProbabilities(**small).fit(X[:500], y[:500])
    assert "reliability" in report(model, X[500:], y[500:]).figures
    assert "reliability" not in report(model, X[:500], y[:500]).figures


def test_save_writes_the_document_whole(of_new_rows, tmp_path):
    path = tmp_path / "report.html"
    path.write_text("before")
    of_new_rows.save(path)
    assert path.read_text(encoding="utf-8") == of_new_rows.to_html()
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(OSError, match="missing"):
        of_new_rows.save(tmp_path / "missing" / "report.html")


def test_notebooks_and_terminals_have_something_to_show(of_new_rows, classifier):
    assert of_new_rows._repr_html_() in of_new_rows.to_html()
    assert "out-of-fold accuracy" in str(of_new_rows)
    assert "<ModelReport" in repr(of_new_rows)
    summary = classifier.report_.summary().splitlines()
    steps = [step for subsystem in classifier.report_.subsystems for step in subsystem.steps]
    assert len(summary) == 1 + len(classifier.report_.preparation) + len(steps)
    assert len(repr(classifier.report_)) < 200
    assert "SSTPLClassifier" in classifier._repr_html_()


def test_what_does_not_fit_the_model_is_named(classifier, regressor, digits, diabetes):
    X, y = digits
    with pytest.raises(NotFittedError):
        report(SSTPLClassifier())
    with pytest.raises(TypeError, match="got Ridge"):
        report(Ridge())
    with pytest.raises(ValueError, match="y must be given"):
        report(classifier, X)
    with pytest.raises(ValueError, match="y must hold classes that were fitted, got 77"):
        report(classifier, X[:2], [1, 77])
    with pytest.raises(ValueError, match="y must have as many rows as X, 3, got 2"):
        report(classifier, X[:3], y[:2])
    with pytest.raises(ValueError, match="y without X must have as many rows as fit was given, 500, got 2"):
        report(classifier, y=y[:2])
    with pytest.raises(ValueError, match="y must have 1 columns, as it had in fit, got 2"):
        report(regressor, diabetes[0], np.column_stack([diabetes[1]] * 2))
