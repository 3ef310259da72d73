"""Class probabilities from out-of-fold scores."""

import pickle

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit, logsumexp
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_score, train_test_split

from sstpl import SSTPLClassifier
from sstpl._calibration import FLOORS, Calibration, fit_calibration


def draw(rng, n_rows, n_classes, concentration=0.5):
    """Return true probabilities and labels drawn by them."""
    q = rng.dirichlet(np.full(n_classes, concentration), size=n_rows)
    labels = (q.cumsum(axis=1) < rng.uniform(size=(n_rows, 1))).sum(axis=1)
    return q, np.minimum(labels, n_classes - 1)


def noisy(rng, n_rows, n_classes):
    q, labels = draw(rng, n_rows, n_classes)
    return 2 * q - 1 + 0.3 * rng.normal(size=q.shape), labels


def f(scores, floor):
    q = (1 + scores) / 2
    if floor > 0:
        return np.sqrt(1 + floor**2) * np.arcsinh(q / floor)
    return -floor * np.sinh(q / -floor) / np.cosh(1 / floor)


def smoothed(labels, n_classes):
    """Return the weights of the classes of each row when a row of every class in equal parts is added."""
    n_rows = len(labels)
    return (n_rows * np.eye(n_classes)[labels] + 1 / n_classes) / (n_rows + 1)


def calibration_error(probabilities, labels, n_bins=15):
    """Return the expected calibration error of the likeliest class, over bins of as many rows each."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bins = np.array_split(np.argsort(confidence, kind="stable"), n_bins)
    return sum(abs(np.sum(confidence[rows] - right[rows])) for rows in bins) / len(labels)


@pytest.mark.parametrize("n_classes", [2, 5])
def test_the_slope_has_the_least_smoothed_log_loss(n_classes):
    scores, labels = noisy(np.random.default_rng(0), 400, n_classes)
    found, report = fit_calibration(scores, labels)
    z, t = f(scores, found.floor), smoothed(labels, n_classes)

    def loss(slope):
        return np.mean(logsumexp(slope * z, axis=1) - slope * np.sum(t * z, axis=1))

    best = minimize_scalar(loss, bounds=(0.01, 100), method="bounded", options={"xatol": 1e-9})
    assert found.slope == pytest.approx(best.x, rel=1e-5)
    p = np.exp(found.slope * z - logsumexp(found.slope * z, axis=1)[:, None])
    assert np.mean(np.sum((p - t) * z, axis=1)) == pytest.approx(0, abs=1e-7)  # the gradient
    assert report.log_loss == pytest.approx(log_loss(labels, p))


def test_every_floor_was_tried_and_the_least_loss_taken():
    scores, labels = noisy(np.random.default_rng(0), 400, 3)
    found, report = fit_calibration(scores, labels)
    assert [floor for floor, _ in report.tried] == list(FLOORS)
    assert (report.slope, report.floor) == (found.slope, found.floor)
    assert (found.floor, report.log_loss) == min(report.tried, key=lambda pair: pair[1])


def test_temperature_scaling_of_two_classes_is_logistic_regression_without_intercept(monkeypatch):
    monkeypatch.setattr("sstpl._calibration.FLOORS", (1e2,))
    d = np.random.default_rng(0).normal(size=300)
    labels = (np.random.default_rng(1).uniform(size=300) < expit(3 * d)).astype(int)
    found, _ = fit_calibration(np.column_stack([-d, d]), labels)
    weights = smoothed(labels, 2)
    logistic = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-12, solver="newton-cholesky")
    logistic.fit(np.tile(d, 2)[:, None], np.repeat([0, 1], 300), sample_weight=weights.T.ravel())
    assert found.slope == pytest.approx(float(logistic.coef_[0, 0]), rel=1e-3)  # floor 100 is linear up to 1e-4


@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_least_squares_scores_that_are_probabilities_are_left_as_they_are(n_classes):
    q, labels = draw(np.random.default_rng(0), 20_000, n_classes)
    found, _ = fit_calibration(2 * q - 1, labels)
    p = found.probabilities(2 * q - 1)
    assert found.slope == pytest.approx(1, abs=0.05)
    assert np.mean(np.abs(p - q)) < 0.01
    assert calibration_error(p, labels) < 0.012


@pytest.mark.parametrize("temperature", [0.5, 4.0])
def test_scores_that_are_logits_get_the_true_probabilities(temperature):
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(20_000, 4)) * temperature
    p = np.exp(scores / temperature - logsumexp(scores / temperature, axis=1)[:, None])
    labels = np.array([rng.choice(4, p=row) for row in p])
    found, _ = fit_calibration(scores, labels)
    assert abs(found.floor) >= 1
    assert np.mean(np.abs(found.probabilities(scores) - p)) < 0.02


@pytest.mark.parametrize("n_classes", [2, 6])
def test_names_of_classes_do_not_matter(n_classes):
    rng = np.random.default_rng(0)
    scores, labels = noisy(rng, 500, n_classes)
    order = rng.permutation(n_classes)
    first, _ = fit_calibration(scores, labels)
    second, _ = fit_calibration(scores[:, order], np.argsort(order)[labels])
    assert second.floor == first.floor
    np.testing.assert_allclose(second.probabilities(scores[:, order]), first.probabilities(scores)[:, order], rtol=1e-6)


def test_probabilities_are_those_of_one_more_row_of_no_class():
    scores = np.array([[-1.0, 1.0], [0.5, -0.5]])
    q = expit(3 * (f(scores[:, 1], 0.1) - f(scores[:, 0], 0.1)))
    expected = (9 * np.column_stack([1 - q, q]) + 0.5) / 10
    np.testing.assert_allclose(Calibration(3.0, 0.1, 9).probabilities(scores), expected, rtol=1e-12)


def separable(n_rows, n_classes):
    labels = np.arange(n_rows) % n_classes
    return 2 * np.eye(n_classes)[labels] - 1, labels


HARD = {
    "separable": separable(1000, 3),
    "four rows": separable(4, 2),
    "two rows": separable(2, 2),
    "always wrong": (-separable(200, 2)[0], separable(200, 2)[1]),
    "constant": (np.full((60, 3), -1 / 3), separable(60, 3)[1]),
    "huge": (1e12 * np.random.default_rng(0).normal(size=(90, 3)), separable(90, 3)[1]),
    "largest float32": (np.finfo(np.float32).max * separable(90, 3)[0].astype(np.float32), separable(90, 3)[1]),
    "class of one row": (np.random.default_rng(0).normal(size=(50, 3)), np.array([2] + [0, 1] * 24 + [0])),
    "class of no row": (np.random.default_rng(0).normal(size=(50, 3)), np.arange(50) % 2),
    "100 classes of 5 rows": (np.random.default_rng(0).normal(size=(500, 100)), np.arange(500) % 100),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", HARD)
def test_hard_scores_give_finite_probabilities_in_the_order_of_the_scores(name, dtype):
    scores, labels = HARD[name][0].astype(dtype), HARD[name][1]
    found, report = fit_calibration(scores, labels)
    assert np.isfinite([found.slope, report.log_loss]).all()
    assert found.slope > 0
    p = found.probabilities(scores)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    assert p.min() > 0.99 / (scores.shape[1] * (len(scores) + 1))
    assert np.isfinite(np.log(p.astype(dtype))).all()
    assert np.array_equal(p.argmax(axis=1), scores.argmax(axis=1))


def test_scores_of_the_opposite_of_the_truth_tell_nothing():
    scores, labels = HARD["always wrong"]
    assert np.abs(fit_calibration(scores, labels)[0].probabilities(scores) - 0.5).max() < 0.05


@pytest.fixture(scope="module")
def fitted(small, digits):
    X, y = digits
    return SSTPLClassifier(**small).fit(X[:900], y[:900])


def test_probabilities_agree_with_the_predicted_class(fitted, digits):
    X = digits[0]
    p = fitted.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    assert np.array_equal(fitted.classes_[p.argmax(axis=1)], fitted.predict(X))
    np.testing.assert_allclose(np.exp(fitted.predict_log_proba(X)), p, rtol=1e-12)


def test_probabilities_of_digits_are_calibrated(fitted, digits):
    X, y = digits
    p = fitted.predict_proba(X[900:])
    assert calibration_error(p, y[900:]) < 0.04
    assert log_loss(y[900:], p) < 0.3


def test_precision_is_that_of_the_scores(small, digits):
    X, y = digits[0][:300].astype(np.float32), digits[1][:300]
    model = SSTPLClassifier(**small).fit(X, y)
    p = model.predict_proba(X)
    assert p.dtype == model.predict_log_proba(X).dtype == np.float32
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6)
    assert np.isfinite(model.predict_log_proba(X)).all()


def test_two_classes_have_the_probabilities_of_their_one_score(small, digits):
    X, y = digits[0], digits[1] >= 5
    model = SSTPLClassifier(**small).fit(X[:600], y[:600])
    p, d = model.predict_proba(X[600:]), model.decision_function(X[600:])
    assert p.shape == (len(d), 2)
    assert np.array_equal(p[:, 1] > 0.5, d > 0)
    assert np.all(np.diff(p[np.argsort(d), 1]) >= -1e-12)


def test_the_report_has_the_choice_and_its_losses(fitted):
    told = fitted.report_.to_dict()["calibration"]
    assert (told["slope"], told["floor"]) == (fitted._calibration.slope, fitted._calibration.floor)
    assert [floor for floor, _ in told["tried"]] == list(FLOORS)
    assert told["log_loss"] == pytest.approx(min(loss for _, loss in told["tried"]))


def test_a_pickled_model_gives_the_same_probabilities(fitted, digits):
    again = pickle.loads(pickle.dumps(fitted))
    assert again.predict_proba(digits[0]).tobytes() == fitted.predict_proba(digits[0]).tobytes()


def test_scorers_that_need_probabilities_work(small, digits):
    X, y = digits[0][:300], digits[1][:300]
    losses = cross_val_score(SSTPLClassifier(**small), X, y, cv=2, scoring="neg_log_loss")
    areas = cross_val_score(SSTPLClassifier(**small), X, y, cv=2, scoring="roc_auc_ovr")
    assert np.all(losses > -1.0)
    assert np.all(areas > 0.95)


def test_an_unfitted_model_has_no_probabilities(digits):
    with pytest.raises(NotFittedError):
        SSTPLClassifier().predict_proba(digits[0])


@pytest.mark.parametrize("fraction", [0.8, 1.0])
def test_random_labels_get_the_shares_of_the_classes(small, fraction):
    losses, shares = [], np.array([0.7, 0.2, 0.1])
    for seed in range(4):
        rng = np.random.default_rng(seed)
        X, y = rng.normal(size=(2, 400, 20)), rng.choice(3, p=shares, size=(2, 400))
        model = SSTPLClassifier(**small | {"random_state": seed, "subsystem_fraction": fraction}).fit(X[0], y[0])
        losses.append(log_loss(y[1], model.predict_proba(X[1]), labels=[0, 1, 2]))
    assert np.mean(losses) < -np.sum(shares * np.log(shares)) + 0.05


def test_many_classes_of_few_rows_have_finite_probabilities(small):
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(100), 5)
    X = rng.normal(size=(100, 8))[y] + 0.1 * rng.normal(size=(500, 8))
    log_p = SSTPLClassifier(**small).fit(X, y).predict_log_proba(X)
    assert log_p.shape == (500, 100)
    assert np.isfinite(log_p).all()


@pytest.mark.parametrize("name", ["spambase", "magic", "satimage"])
def test_the_map_of_training_rows_is_that_of_new_rows(real_data, name):
    """No slope and floor that were fitted to the new rows themselves have a much lower log-loss."""
    data = real_data(name)
    X, X_test, y, y_test = train_test_split(
        data["X"], data["y"], train_size=2500, test_size=1900, random_state=0, stratify=data["y"]
    )
    model = SSTPLClassifier(random_state=0, max_subsystems=3).fit(X, y)
    _, best = fit_calibration(model._scores(X_test), y_test)
    p = model.predict_proba(X_test).astype(np.float64)
    loss = -np.mean(np.log(p[np.arange(len(p)), y_test]))
    assert loss < 1.05 * best.log_loss
    assert calibration_error(p, y_test) < 0.035
