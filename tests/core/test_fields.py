"""Receptive fields: what every hidden unit sees of its inputs, rectangles of images and groups of columns."""

import numpy as np
import pytest

from reference import constrained, hidden, problems
from reference import fields as views
from sstpl import _core

each_dtype = pytest.mark.parametrize("dtype", problems.DTYPES)
each_kind = pytest.mark.parametrize("kind", ["orthogonal", "uniform", "normal", "constrained"])
# Rows, columns, channels and least side; and the groups of columns.
IMAGES = [(1, 1, 1, 1), (4, 6, 1, 1), (5, 3, 3, 2), (6, 6, 1, 5), (1, 9, 2, 1)]
GROUPS = [[0], [0, 1], [0, 0, 1, 1, 2], [2, 0, 1, 0, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]]
each_image = pytest.mark.parametrize("fields", IMAGES)
each_groups = pytest.mark.parametrize("groups", GROUPS)
each_field = pytest.mark.parametrize(
    "options", [{"fields": image} for image in IMAGES] + [{"groups": np.array(groups)} for groups in GROUPS]
)


def image_columns(A, fields):
    """Return the weights (p, rows, columns, channels) on the image, and those on the columns behind it."""
    rows, cols, channels, _ = fields
    return A[:, : rows * cols * channels].reshape(-1, rows, cols, channels), A[:, rows * cols * channels :]


def draw(kind, options, n, p, behind, dtype=np.float64):
    """Return X, the settings and the draw of a layer with receptive fields, and the mask of what its units see."""
    d = behind + (int(np.prod(options["fields"][:3])) if "fields" in options else len(options["groups"]))
    X, names, starts = problems.normal(n, d, dtype=dtype), problems.labels(n, 3), problems.fold_starts(n, 2)
    drawn = _core.draw_hidden(kind, X, p, 5, 3, names, starts, **options)
    return X, (p, 5, 3, names, starts), drawn, views.seen(p, d, 5, 3, **options)


@each_dtype
@each_field
@pytest.mark.parametrize("behind", [0, 3])
def test_constrained_weights_with_receptive_fields_equal_the_twin(options, behind, dtype):
    X, settings, found, mask = draw("constrained", options, 40, 50, behind, dtype)
    for actual, wanted in zip(found, constrained.draw_constrained(X, *settings, mask), strict=True):
        assert actual.dtype == dtype
        problems.assert_close(actual, wanted, dtype)


@each_dtype
@each_field
@pytest.mark.parametrize("kind", ["orthogonal", "uniform", "normal"])
@pytest.mark.parametrize("p", [4, 50])
def test_other_weights_with_receptive_fields_equal_the_twin(options, kind, p, dtype):
    X, _, (A, b), mask = draw(kind, options, 40, p, 3, dtype)
    d = X.shape[1]
    twin = hidden.draw_orthogonal(d, p, 5, 3) if kind == "orthogonal" else hidden.draw_iid(kind, d, p, 5, 3)
    steepness = 2 if "groups" in options and kind != "orthogonal" else 1
    problems.assert_close(A, steepness * views.masked(twin[0], mask), dtype, 100 if kind == "orthogonal" else 1)
    problems.assert_close(b, steepness * twin[1], dtype)


@each_kind
@each_image
def test_a_unit_sees_one_rectangle_of_the_image_and_all_columns_behind_it(kind, fields):
    A = draw(kind, {"fields": fields}, 40, 100, 3)[2][0]
    image, behind = image_columns(A != 0, fields)
    assert behind.all()
    for unit in image:
        places = unit.any(axis=2)
        assert (unit == places[:, :, None]).all()  # all channels of a place, or none
        for axis in (0, 1):
            (line,) = np.nonzero(places.any(axis=axis))
            assert line[-1] - line[0] + 1 == len(line) >= fields[3]
        assert places.sum() == places.any(axis=0).sum() * places.any(axis=1).sum()


@each_dtype
def test_the_two_samples_still_project_to_plus_and_minus_one_through_a_receptive_field(dtype):
    X, (_, _, _, names, starts), (A, b), _ = draw("constrained", {"fields": (5, 4, 2, 1)}, 60, 200, 2, dtype)
    projections = (X @ A.T + b).astype(np.float64)
    for unit in range(200):
        i, j = constrained.draw_pair(unit, 60, 5, 3, names, starts)
        assert projections[i, unit] == pytest.approx(1.0, abs=1e-3 if dtype == np.float32 else 1e-9)
        assert projections[j, unit] == pytest.approx(-1.0, abs=1e-3 if dtype == np.float32 else 1e-9)


def test_a_pair_that_agrees_on_what_a_unit_sees_is_drawn_again():
    # Of each image one place is lit: most pairs are equal within most small fields.
    X = np.eye(36)[np.arange(72) % 36]
    A, b = _core.draw_hidden("constrained", X, 100, 1, 0, fields=(6, 6, 1, 3))
    assert (A != 0).any(axis=1).all()
    projections = X @ A.T + b
    np.testing.assert_allclose(projections.max(axis=0), 1)
    np.testing.assert_allclose(projections.min(axis=0), -1)


@each_kind
def test_fields_of_no_less_than_the_image_are_no_mask(kind):
    X, names = problems.normal(30, 15), problems.labels(30, 3)
    plain, full = (_core.draw_hidden(kind, X, 20, 1, 0, names, None, fields) for fields in (None, (2, 2, 3, 2)))
    for without, with_fields in zip(plain, full, strict=True):
        np.testing.assert_array_equal(with_fields, without)


def test_every_size_and_place_of_a_field_is_equally_likely():
    fields, p = (3, 4, 1, 2), 6000
    A = _core.draw_hidden("normal", np.ones((2, 12)), p, 1, 0, fields=fields)[0]
    rows, columns = (image_columns(A != 0, fields)[0].any(axis=(axis, 3)) for axis in (2, 1))
    # Two heights, two places of the lower one; three widths, with three, two and one places.
    _, counts = np.unique(rows, axis=0, return_counts=True)
    np.testing.assert_allclose(sorted(counts / p), [1 / 4, 1 / 4, 1 / 2], atol=0.03)
    _, counts = np.unique(columns, axis=0, return_counts=True)
    np.testing.assert_allclose(sorted(counts / p), [1 / 9] * 3 + [1 / 6] * 2 + [1 / 3], atol=0.03)


@pytest.mark.parametrize("kind", ["uniform", "normal", "orthogonal"])
def test_a_smaller_field_has_larger_weights_so_that_units_answer_alike(kind):
    A = draw(kind, {"fields": (8, 8, 1, 1)}, 5, 3000, 0)[2][0]
    length, n_seen = (A**2).sum(axis=1), (A != 0).sum(axis=1)
    for some in (n_seen < 8, n_seen > 30):
        assert length[some].mean() == pytest.approx(1.0, abs=0.1 if kind != "orthogonal" else 0.15)


@each_kind
@each_groups
def test_a_unit_sees_all_or_nothing_of_a_group_and_all_columns_behind(kind, groups):
    A = draw(kind, {"groups": np.array(groups)}, 40, 100, 3)[2][0] != 0
    assert A[:, len(groups) :].all()
    for group in np.unique(groups):
        own = A[:, : len(groups)][:, np.array(groups) == group]
        assert (own == own[:, :1]).all()
    assert A[:, : len(groups)].any(axis=1).all()


def test_a_unit_sees_few_groups_as_often_as_many_by_ratio_and_all_groups_alike():
    n_groups, p = 9, 8000
    A = _core.draw_hidden("normal", np.ones((2, n_groups)), p, 1, 0, groups=np.arange(n_groups))[0] != 0
    sizes = np.bincount(A.sum(axis=1), minlength=n_groups + 1)[1:] / p
    # ceil(9^u) = m for u in (log_9(m - 1), log_9 m]; 1 for u = 0 alone, which random_unit does reach.
    expected = np.diff(np.log(np.arange(1, n_groups + 1)), prepend=0.0) / np.log(n_groups)
    np.testing.assert_allclose(sizes, expected, atol=0.02)
    np.testing.assert_allclose(A.mean(axis=0), A.mean(), atol=0.02)


@each_kind
@each_dtype
@pytest.mark.parametrize("options", [{"fields": (12, 8, 3, 2)}, {"groups": np.arange(300) % 70}])
def test_draws_with_fields_do_not_depend_on_the_number_of_threads(kind, dtype, options, with_threads):
    X = problems.normal(40, 300, dtype=dtype)
    options = options | {"labels": problems.labels(40, 3)}
    one, two = (with_threads(t, _core.draw_hidden, kind, X, 250, 3, 1, **options) for t in (1, 2))
    if kind == "orthogonal":
        np.testing.assert_allclose(one[0], two[0], rtol=0, atol=100 * np.finfo(dtype).eps)
    else:
        np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fields": (0, 3, 1, 1)}, "receptive fields need an image of at least one row"),
        ({"fields": (-1, 3, 1, 1)}, "receptive fields need an image of at least one row"),
        ({"fields": (1, 0, 1, 1)}, "receptive fields need an image of no more columns than the inputs"),
        ({"fields": (1, 3, 0, 1)}, "receptive fields need an image of no more columns than the inputs"),
        ({"fields": (1, 4, 1, 1)}, "receptive fields need an image of no more columns than the inputs"),
        ({"fields": (1, 1, 4, 1)}, "receptive fields need an image of no more columns than the inputs"),
        ({"fields": (1, 3, 1, 0)}, "least side of a receptive field"),
        ({"fields": (1, 3, 1, 2)}, "least side of a receptive field"),
        ({"fields": (1, 3, 1, -1), "weights": "normal"}, "least side of a receptive field"),
        ({"groups": np.array([0, -1])}, "groups must be numbered from 0"),
        ({"groups": np.array([0, 2])}, "groups must be numbered from 0"),
        ({"groups": np.array([0, 1, 2, 0])}, "groups must have no more entries"),
        ({"groups": np.array([0, 1]), "fields": (1, 3, 1, 1)}, "not of both"),
    ],
)
def test_bad_fields_are_refused_by_name(change, words):
    settings = {"weights": "constrained", "X": problems.normal(5, 3), "n_hidden": 4, "seed": 0, "stream": 0} | change
    with pytest.raises(ValueError, match=words):
        _core.draw_hidden(**settings)


@pytest.mark.parametrize("fields", [(1, 3, 1), (1.5, 2, 1, 1), "1311", 3])
def test_fields_that_are_not_four_whole_numbers_are_type_errors(fields):
    with pytest.raises(TypeError):
        _core.draw_hidden("normal", problems.normal(5, 3), 4, 0, 0, fields=fields)
