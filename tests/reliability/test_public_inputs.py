"""Public methods take rows in any form, with the same result, or refuse them by ValueError or TypeError."""

from collections import Counter

import pytest

from reliability import public_inputs
from sstpl import SSTPLClassifier, SSTPLRegressor, SSTPLTransformer

ELSEWHERE = {  # models, files and exports have tests of their own, and what scikit-learn adds has its own
    "merge",
    "save",
    "to_onnx",
    "get_feature_names_out",
    "get_metadata_routing",
    "get_params",
    "set_params",
    "set_callbacks",
    "set_output",
    "set_fit_request",
    "set_partial_fit_request",
    "set_predict_request",
    "set_predict_interval_request",
    "set_predict_set_request",
    "set_score_request",
    "set_transform_request",
}


@pytest.mark.parametrize("estimator", [SSTPLClassifier, SSTPLRegressor, SSTPLTransformer])
def test_every_public_method_is_tried(estimator):
    public = {name for name in dir(estimator) if not name.startswith("_") and callable(getattr(estimator, name))}
    assert public <= public_inputs.METHODS.keys() | ELSEWHERE


def test_spoiled_calls_are_refused_or_give_what_a_clean_copy_gives():
    found = Counter(public_inputs.try_call(seed)[1] for seed in range(250))
    assert found["worked"] > 50
    assert found["refused"] > 50


@pytest.mark.parametrize("value", [float("inf"), "loud", None, -1, 0.5])
def test_a_verbosity_that_is_no_whole_number_is_named(value):
    X, y = public_inputs.rows()
    with pytest.raises(ValueError, match="verbose"):
        SSTPLRegressor(verbose=value).fit(X, y)
