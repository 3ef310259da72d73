"""scikit-learn's own checks of an estimator, with no exemption."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from sstpl import SSTPLClassifier, SSTPLRegressor

# Narrow layers and two subsystems: every stage runs, and the many fits stay short.
SMALL = {"hidden_widths": (20, 10), "readout_width": 20, "fusion_width": 40, "n_subsystems": 2}


@parametrize_with_checks([SSTPLClassifier(**SMALL), SSTPLRegressor(**SMALL)])
def test_estimator_passes_the_check(estimator, check):
    check(estimator)


@parametrize_with_checks([SSTPLClassifier(), SSTPLRegressor()])
def test_estimator_with_default_parameters_passes_the_check(estimator, check):
    check(estimator)
