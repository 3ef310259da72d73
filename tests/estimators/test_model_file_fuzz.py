"""Files with a right checksum and whatever else: `load` raises ModelFormatError, or returns a model that predicts."""

import copy
import math
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sstpl
from estimators.model_files import contents, forge, scores
from sstpl import ModelFormatError

KINDS = ("stack, quantile", "images, one layer", "paper, all blocks", "stack, several outputs", "stack, landmarks")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model"


def refuses_or_predicts(path):
    """Load a file; if it is a model after all, let it predict."""
    try:
        model = sstpl.load(path)
    except ModelFormatError:
        return
    if model.n_features_in_ > 10_000:
        return
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of absurd numbers
        X = np.random.default_rng(0).normal(size=(3, model.n_features_in_)) * 100
        assert scores(model, X).shape[0] == 3
        assert model.predict(X.astype(np.float32)).shape[0] == 3
        model.get_params()
        model.report_.to_dict()


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.integers(-3, 40)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["stack", "paper", "table", "images", "classes", "numbers", "quantile", "none", "gelu", "U3"])
)
VALUES = st.recursive(LEAVES, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v, max_size=3))


def places(value, where=()):
    """Yield the path to every value of a header, but those of the report, of which there are most, only once."""
    if where:
        yield where
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*where, key))
    elif isinstance(value, list) and "detail" not in where:
        for index in range(min(2, len(value))):
            yield from places(value[index], (*where, index))


HYPOTHESIS = settings(
    derandomize=True,
    deadline=None,
    max_examples=120,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("kind", KINDS)
@HYPOTHESIS
@given(data=st.data())
def test_a_header_of_a_hostile_author_does_no_harm(kind, data, path):
    header, arrays = contents(kind)
    serious = [where for where in places(header) if where[0] != "report"]
    for _ in range(data.draw(st.integers(1, 3))):
        where = data.draw(st.sampled_from(serious) | st.sampled_from(list(places(header))))
        *way, last = where
        place = header
        try:
            for key in way:
                place = place[key]
            how = data.draw(st.sampled_from(["replace", "delete", "repeat", "near"]))
            if how == "replace":
                place[last] = data.draw(VALUES)
            elif how == "delete":
                del place[last]
            elif how == "repeat" and isinstance(place, list):
                place.append(copy.deepcopy(place[last]))
            elif isinstance(place[last], (int, float)) and math.isfinite(place[last]):
                place[last] += data.draw(st.sampled_from([-1, 1, 2]))
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    forge(path, header, arrays)
    refuses_or_predicts(path)


@pytest.mark.parametrize("kind", KINDS)
@HYPOTHESIS
@given(data=st.data())
def test_arrays_of_a_hostile_author_do_no_harm(kind, data, path):
    header, arrays = contents(kind)
    arrays = dict(arrays)
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from(sorted(arrays)))
        array = arrays[name].copy()
        if array.size:
            at = data.draw(st.integers(0, array.size - 1))
            if array.dtype.kind == "i":
                array.flat[at] = data.draw(st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 200))
            else:
                array.flat[at] = data.draw(st.floats(width=64) | st.sampled_from([0.0, 1e300, -1e300, 5e-324]))
        arrays[name] = array
    forge(path, header, arrays)
    refuses_or_predicts(path)
