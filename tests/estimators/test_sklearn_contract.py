"""scikit-learn's own checks of an estimator, with one exemption."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from sstpl import SSTPLClassifier, SSTPLRegressor, SSTPLTransformer

# Narrow layers and two subsystems: every stage runs, and the many fits stay short.
PAPER = {"architecture": "paper", "hidden_widths": (20, 10), "readout_width": 20, "fusion_width": 40, "n_subsystems": 2}
STACK = {"hidden_width": 40, "n_subsystems": 2}

# It compares whole numbers of copies with weights. Folds and rows left out are dealt by row, as by every estimator with
# cross-validation inside: copies would have to stay together, and then weights of 2 could not be both two copies of
# every row and the same as weights of 1. What is exact is in test_weights.py.
DEALT_BY_ROW = {
    f"check_sample_weight_equivalence_on_{kind}_data": "folds, samples and pairs are drawn by row"
    for kind in ("dense", "sparse")
}


@parametrize_with_checks(
    [estimator(**s) for s in (PAPER, STACK) for estimator in (SSTPLClassifier, SSTPLRegressor)],
    expected_failed_checks=lambda estimator: DEALT_BY_ROW,
)
def test_estimator_passes_the_check(estimator, check):
    check(estimator)


@parametrize_with_checks([SSTPLClassifier(), SSTPLRegressor()], expected_failed_checks=lambda estimator: DEALT_BY_ROW)
def test_estimator_with_default_parameters_passes_the_check(estimator, check):
    check(estimator)


# Training rows get scores that no row's own target has reached, and other rows those of the whole fit: that is what the
# transformer is for, and what these checks rule out.
OUT_OF_FOLD = dict.fromkeys(
    ("check_transformer_general", "check_transformer_data_not_an_array"), "fit_transform is out of fold"
)


@parametrize_with_checks(
    [SSTPLTransformer(SSTPLClassifier(**STACK, random_state=0))], expected_failed_checks=lambda estimator: OUT_OF_FOLD
)
def test_transformer_passes_the_check(estimator, check):
    check(estimator)
