"""scikit-learn's own checks of every estimator, without exemption."""

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
