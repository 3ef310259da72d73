"""The convolutional stage: patches, filters and maps equal to loops over places and cells, and what must not matter.

Maps are compared by their squares, the cell averages: a square root turns the rounding of an average of zero into
its root.
"""

from itertools import pairwise

import numpy as np
import pytest

from reference import conv, problems
from sstpl import _core

each_dtype = pytest.mark.parametrize("dtype", problems.DTYPES)
# Shape of the images, side of a patch, stride, cells per side, overlap.
CASES = [
    ((1, 1, 1), 1, 1, 1, 0.0),
    ((1, 1, 3), 1, 1, 1, 0.5),
    ((1, 1, 3), 5, 1, 1, 1.0),
    ((1, 6, 1), 3, 1, 1, 0.0),
    ((4, 7, 1), 3, 1, 2, 0.0),
    ((4, 7, 1), 3, 1, 4, 0.5),
    ((5, 3, 3), 5, 1, 3, 0.5),
    ((3, 4, 1), 9, 1, 2, 1.0),  # the patch is larger than the image
    ((8, 8, 3), 1, 2, 4, 0.5),
    ((9, 6, 1), 3, 2, 2, 1.0),
    ((7, 7, 1), 5, 3, 1, 0.5),
    ((6, 5, 3), 3, 9, 1, 0.0),  # one place
    ((10, 10, 1), 3, 1, 7, 0.0),  # cells of one and of two places
    ((10, 10, 1), 3, 1, 10, 1.0),
]
each_case = pytest.mark.parametrize(("shape", "patch", "stride", "grid", "overlap"), CASES)


def images_of(n, shape, seed=0, dtype=np.float64):
    return problems.normal(n, int(np.prod(shape)), seed=seed, dtype=dtype)


def filters_of(m, shape, patch, dtype=np.float64):
    return problems.normal(m, patch * patch * shape[2], seed=1, dtype=dtype)


def assert_maps(actual, expected, dtype=np.float64, loosen=1.0):
    problems.assert_close(np.square(actual, dtype=np.float64), np.square(expected, dtype=np.float64), dtype, loosen)


def patches_of(n, shape, patch, dtype=np.float64, rank=None):
    """Mean-free patches of random images, or of images that are mixtures of `rank` images."""
    images = images_of(40, shape, dtype=dtype)
    if rank is not None:
        images = (problems.normal(40, rank) @ images[:rank]).astype(dtype)
    return _core.sample_patches(images, shape, patch, 0.0, 3, 1, n)


@each_dtype
@each_case
@pytest.mark.parametrize("contrast", [0.0, 0.3])
@pytest.mark.parametrize("threshold", [0.0, 0.4])
def test_maps_equal_the_twin(shape, patch, stride, grid, overlap, contrast, threshold, dtype):
    images, filters = images_of(3, shape, dtype=dtype), filters_of(4, shape, patch, dtype)
    options = {"overlap": overlap, "contrast": contrast, "threshold": threshold}
    found = _core.apply_conv(images, filters, shape, patch, stride, grid, **options)
    assert found.dtype == dtype
    assert found.shape == (3, grid * grid * 8)
    assert_maps(found, conv.apply(images, filters, shape, patch, stride, grid, **options), dtype)


@each_dtype
def test_images_of_more_than_one_block_equal_the_twin(dtype):
    shape = (16, 16, 1)
    images, filters = images_of(70, shape, dtype=dtype), filters_of(40, shape, 3, dtype)
    found = _core.apply_conv(images, filters, shape, 3, 1, 4)  # about 50 and 100 images at a time
    assert_maps(found, conv.apply(images, filters, shape, 3, 1, 4), dtype)


@each_dtype
def test_the_maps_of_one_stage_are_the_images_of_the_next(dtype):
    images, first, second = images_of(3, (8, 6, 1), dtype=dtype), filters_of(2, (8, 6, 1), 3, dtype), (4, 4, 4)
    maps = _core.apply_conv(images, first, (8, 6, 1), 3, 1, 4)
    found = _core.apply_conv(maps, filters_of(3, second, 3, dtype), second, 3, 1, 2)
    assert_maps(found, conv.apply(maps, filters_of(3, second, 3, dtype), second, 3, 1, 2), dtype)


@each_dtype
def test_rows_apart_in_memory_give_the_maps_of_copied_rows(dtype):
    shape = (5, 4, 3)
    images, filters = images_of(9, shape, dtype=dtype), filters_of(4, shape, 3, dtype)
    wide = np.hstack([images, images + 1])[::2, : images.shape[1]]
    assert not wide.flags.c_contiguous
    expected = _core.apply_conv(images[::2].copy(), filters, shape, 3, 1, 2)
    np.testing.assert_array_equal(_core.apply_conv(wide, filters, shape, 3, 1, 2), expected)
    drawn = [_core.sample_patches(rows, shape, 3, 0.0, 1, 0, 20) for rows in (wide, images[::2].copy())]
    np.testing.assert_array_equal(*drawn)
    padded = np.hstack([filters, filters])[:, : filters.shape[1]]
    np.testing.assert_array_equal(_core.apply_conv(wide, padded, shape, 3, 1, 2), expected)


@each_dtype
def test_no_images_have_no_maps(dtype):
    found = _core.apply_conv(np.zeros((0, 16), dtype), np.ones((3, 9), dtype), (4, 4, 1), 3, 1, 2)
    assert found.shape == (0, 24)
    assert found.dtype == dtype


@each_dtype
@pytest.mark.parametrize("contrast", [0.0, 0.5])
def test_a_constant_image_is_zero_where_patches_do_not_reach_the_border(contrast, dtype):
    images = np.full((2, 9 * 8), 3, dtype)
    found = _core.apply_conv(images, filters_of(4, (9, 8, 1), 3, dtype), (9, 8, 1), 3, 1, 8, contrast=contrast)
    maps = found.reshape(2, 8, 8, 8)
    np.testing.assert_array_equal(maps[:, 1:-1, 1:-1], 0)
    assert (maps[:, 0] > 0).any()


@each_dtype
def test_a_patch_of_one_value_is_zero_without_its_mean(dtype):
    found = _core.apply_conv(images_of(3, (5, 6, 1), dtype=dtype), np.ones((2, 1), dtype), (5, 6, 1), 1, 1, 5)
    np.testing.assert_array_equal(found, np.zeros((3, 100)))


@each_dtype
@pytest.mark.parametrize("contrast", [0.0, 0.5])
def test_a_constant_added_to_an_image_changes_nothing_inside(contrast, dtype):
    shape = (9, 8, 3)
    images, filters = images_of(4, shape, dtype=dtype), filters_of(4, shape, 3, dtype)
    plain, moved = (
        _core.apply_conv(rows, filters, shape, 3, 1, 8, contrast=contrast).reshape(4, 8, 8, 8)
        for rows in (images, images + dtype(2))
    )
    assert_maps(moved[:, 1:-1, 1:-1], plain[:, 1:-1, 1:-1], dtype, 0.1)
    assert np.abs(moved[:, 0] - plain[:, 0]).max() > 0.1  # zeros beyond the border are not moved


@each_dtype
@each_case
def test_a_scaled_image_has_maps_scaled_by_the_square_root(shape, patch, stride, grid, overlap, dtype):
    images, filters = images_of(3, shape, dtype=dtype), filters_of(4, shape, patch, dtype)
    plain = _core.apply_conv(images, filters, shape, patch, stride, grid, overlap)
    larger = _core.apply_conv(images * dtype(16), filters, shape, patch, stride, grid, overlap)
    np.testing.assert_array_equal(larger, 4 * plain)  # powers of two are exact


def test_contrast_is_measured_against_the_variance_of_a_patch():
    images, filters = images_of(3, (6, 6, 1)), filters_of(4, (6, 6, 1), 3)
    plain = _core.apply_conv(images, filters, (6, 6, 1), 3, 1, 2, contrast=0.5)
    scaled = _core.apply_conv(10 * images, filters, (6, 6, 1), 3, 1, 2, contrast=50.0)
    assert_maps(scaled, plain)


def test_a_contrast_far_below_the_variance_makes_maps_blind_to_the_scale():
    images, filters = images_of(3, (6, 6, 1)), filters_of(4, (6, 6, 1), 3)
    plain, scaled = (_core.apply_conv(s * images, filters, (6, 6, 1), 3, 1, 2, contrast=1e-14) for s in (1.0, 100.0))
    assert_maps(scaled, plain)


@each_dtype
@pytest.mark.parametrize("contrast", [1e-12, 1e-60, 1e-300])
def test_flat_patches_stay_zero_under_the_least_contrast(contrast, dtype):
    images = np.repeat(problems.normal(5, 1, dtype=dtype), 12, axis=1)
    found = _core.apply_conv(images, np.ones((2, 1), dtype), (4, 3, 1), 1, 1, 2, contrast=contrast)
    np.testing.assert_array_equal(found, np.zeros((5, 16)))


@each_dtype
def test_filters_of_the_other_sign_swap_the_halves_of_the_channels(dtype):
    images, filters = images_of(3, (6, 5, 1), dtype=dtype), filters_of(4, (6, 5, 1), 3, dtype)
    plain, negated = (_core.apply_conv(images, s * filters, (6, 5, 1), 3, 1, 2) for s in (1, -1))
    np.testing.assert_array_equal(negated.reshape(-1, 2, 4)[:, ::-1], plain.reshape(-1, 2, 4))


@each_dtype
@pytest.mark.parametrize("batch", [1, 7, 29])
def test_a_batch_cut_in_pieces_has_the_same_maps(batch, dtype):
    shape = (7, 6, 3)
    images, filters = images_of(30, shape, dtype=dtype), filters_of(5, shape, 3, dtype)
    whole = _core.apply_conv(images, filters, shape, 3, 1, 3)
    pieces = [_core.apply_conv(images[i : i + batch], filters, shape, 3, 1, 3) for i in range(0, 30, batch)]
    assert_maps(np.vstack(pieces), whole, dtype, 0.01 if dtype == np.float32 else 1e-5)


@each_dtype
def test_permuted_images_and_filters_permute_the_maps(dtype):
    shape = (7, 6, 1)
    images, filters = images_of(30, shape, dtype=dtype), filters_of(5, shape, 3, dtype)
    plain = _core.apply_conv(images, filters, shape, 3, 1, 3)
    rows, order = (np.random.default_rng(0).permutation(n) for n in (30, 5))
    tolerance = 0.01 if dtype == np.float32 else 1e-5
    assert_maps(_core.apply_conv(images[rows], filters, shape, 3, 1, 3), plain[rows], dtype, tolerance)
    permuted = _core.apply_conv(images, filters[order], shape, 3, 1, 3).reshape(30, 9, 2, 5)
    assert_maps(permuted, plain.reshape(30, 9, 2, 5)[..., order], dtype, tolerance)


def test_a_longer_stride_sees_every_other_place():
    images, filters = images_of(3, (6, 6, 1)), filters_of(4, (6, 6, 1), 3)
    every = _core.apply_conv(images, filters, (6, 6, 1), 3, 1, 6).reshape(3, 6, 6, 8)
    other = _core.apply_conv(images, filters, (6, 6, 1), 3, 2, 3).reshape(3, 3, 3, 8)
    assert_maps(other, every[:, ::2, ::2])


@pytest.mark.parametrize("grid", [2, 3, 6])
def test_cells_of_one_size_average_to_the_single_cell(grid):
    images, filters = images_of(3, (6, 6, 1)), filters_of(4, (6, 6, 1), 3)
    cells = _core.apply_conv(images, filters, (6, 6, 1), 3, 1, grid).reshape(3, grid * grid, 8)
    single = _core.apply_conv(images, filters, (6, 6, 1), 3, 1, 1)
    problems.assert_close((cells**2).mean(axis=1), single**2)


@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize(("places", "grid"), [(1, 1), (7, 1), (7, 3), (10, 7), (28, 7), (13, 13)])
def test_cells_cover_all_places_and_neighbours_share_what_the_overlap_says(places, grid, overlap):
    lines = np.zeros((places, places, places, 2))
    lines[np.arange(places), np.arange(places), :, 0] = 1  # image y has one bright line, y
    images, shape, filters = lines.reshape(places, -1), (places, places, 2), np.array([[1.0, -1.0]])
    maps = _core.apply_conv(images, filters, shape, 1, 1, grid, overlap).reshape(places, grid, grid, 2)
    share = maps[:, :, 0, 0] ** 2  # of the lines of cell i that line y is
    np.testing.assert_allclose(share.sum(axis=0), 1)
    member = share > 0
    assert member.any(axis=1).all()
    shared = (member[:, 1:] & member[:, :-1]).sum(axis=0)
    assert (np.abs(shared - overlap * places / grid) <= 1).all()
    if overlap == 0:
        np.testing.assert_array_equal(member.sum(axis=1), 1)
        assert np.ptp(member.sum(axis=0)) <= 1


def test_a_higher_threshold_leaves_less_and_the_highest_nothing():
    images, filters = images_of(3, (6, 6, 1)), filters_of(4, (6, 6, 1), 3)
    maps = [_core.apply_conv(images, filters, (6, 6, 1), 3, 1, 2, threshold=t) for t in (0.0, 0.5, 1.0, 1e3)]
    for lower, higher in pairwise(maps):
        assert (higher <= lower).all()
        assert higher.sum() < lower.sum()
    np.testing.assert_array_equal(maps[-1], 0)


@each_dtype
def test_maps_and_patches_do_not_depend_on_the_number_of_threads(dtype, with_threads):
    shape = (12, 11, 3)
    images, filters = images_of(60, shape, dtype=dtype), filters_of(9, shape, 5, dtype)
    one, two = (with_threads(t, _core.apply_conv, images, filters, shape, 5, 1, 4, contrast=0.2) for t in (1, 2))
    assert_maps(two, one, dtype, 0.01 if dtype == np.float32 else 1e-5)  # to the rounding of the BLAS
    one, two = (with_threads(t, _core.sample_patches, images, shape, 5, 0.2, 1, 0, 500) for t in (1, 2))
    np.testing.assert_array_equal(one, two)


@each_dtype
@pytest.mark.parametrize(("shape", "patch"), [(case[0], case[1]) for case in CASES])
@pytest.mark.parametrize("contrast", [0.0, 0.3])
def test_sampled_patches_equal_the_twin(shape, patch, contrast, dtype):
    images = images_of(7, shape, dtype=dtype)
    found = _core.sample_patches(images, shape, patch, contrast, 5, 3, 30)
    assert found.dtype == dtype
    problems.assert_close(found, conv.sample(images, shape, patch, contrast, 5, 3, 30), dtype, 0.1)


def test_fewer_patches_are_the_first_of_more():
    images = images_of(7, (5, 5, 1))
    few, many = (_core.sample_patches(images, (5, 5, 1), 3, 0.0, 5, 3, count) for count in (10, 50))
    np.testing.assert_array_equal(few, many[:10])


def test_another_seed_or_stream_samples_other_patches():
    images = images_of(7, (9, 9, 1))
    drawn = [_core.sample_patches(images, (9, 9, 1), 3, 0.0, *at, 20) for at in [(5, 3), (6, 3), (5, 4)]]
    for other in drawn[1:]:
        assert not np.array_equal(drawn[0], other)


def test_patches_come_from_every_place_of_every_image_alike():
    shape, images = (3, 2, 1), images_of(4, (3, 2, 1))
    places = [(image, y, x) for image in images for y in range(3) for x in range(2)]
    expected = np.array([conv.patch_at(image.reshape(shape), y, x, 3) for image, y, x in places])
    found = _core.sample_patches(images, shape, 3, 0.0, 0, 0, 4800)
    distance = np.abs(found[:, None] - expected).max(axis=2)
    assert distance.min(axis=1).max() < 1e-12
    counts = np.bincount(distance.argmin(axis=1), minlength=24)
    assert 140 < counts.min() <= counts.max() < 260


@each_dtype
def test_patches_are_mean_free_and_of_the_variance_that_contrast_leaves(dtype):
    images = 5 * images_of(20, (8, 8, 3), dtype=dtype) + dtype(2)
    plain = _core.sample_patches(images, (8, 8, 3), 3, 0.0, 1, 0, 100).astype(float)
    normalised = _core.sample_patches(images, (8, 8, 3), 3, 4.0, 1, 0, 100).astype(float)
    for q in (plain, normalised):
        assert np.abs(q.mean(axis=1)).max() < (1e-5 if dtype == np.float32 else 1e-14)
    problems.assert_close(normalised.var(axis=1), plain.var(axis=1) / (plain.var(axis=1) + 4), dtype)


@each_dtype
@pytest.mark.parametrize(("shape", "patch", "n"), [((6, 6, 1), 1, 3), ((6, 6, 1), 3, 1), ((6, 5, 1), 3, 200)])
@pytest.mark.parametrize("m", [1, 4])
def test_eigen_filters_equal_the_twin_up_to_their_sign(shape, patch, n, m, dtype):
    patches = patches_of(n, shape, patch, dtype) if patch > 1 else problems.normal(n, 1, dtype=dtype)
    m = min(m, n, patches.shape[1])  # eigenvectors beyond the rank are any
    found, expected = _core.make_filters(patches, "eigen", m), conv.eigen_filters(patches, m)
    assert found.dtype == dtype
    signs = np.sign((found * expected).sum(axis=1, keepdims=True))
    problems.assert_close(found * signs, expected, dtype)


@each_dtype
@pytest.mark.parametrize("rank", [None, 2])
def test_eigen_filters_are_orthonormal_and_ordered_by_variance(rank, dtype):
    patches = patches_of(300, (7, 7, 3), 3, dtype, rank)
    found = _core.make_filters(patches, "eigen", 27).astype(float)
    problems.assert_close(found @ found.T, np.eye(27), dtype, 0.1)
    variance = np.mean((patches @ found.T) ** 2, axis=0)
    assert (np.diff(variance) <= 1e-6 * variance[0]).all()
    problems.assert_close(variance.sum(), np.mean(np.sum(patches.astype(float) ** 2, axis=1)), dtype)
    cross = (patches @ found.T).T @ (patches @ found.T) / 300
    problems.assert_close(cross, np.diag(variance), dtype)  # responses are uncorrelated


def test_fewer_eigen_filters_are_the_first_of_more():
    patches = patches_of(100, (6, 6, 1), 3)
    few, many = (_core.make_filters(patches, "eigen", m) for m in (3, 9))
    np.testing.assert_array_equal(few, many[:3])


@pytest.mark.parametrize("kind", ["eigen", "patches"])
def test_patches_given_twice_make_the_same_filters(kind):
    patches = patches_of(100, (6, 6, 1), 3)
    once, twice = (_core.make_filters(np.vstack(rows), kind, 5, 0.1) for rows in ([patches], [patches, patches]))
    problems.assert_close(np.abs(twice), np.abs(once))


@each_dtype
@pytest.mark.parametrize(("shape", "patch"), [((7, 7, 1), 3), ((7, 7, 3), 1), ((7, 7, 3), 3)])
@pytest.mark.parametrize("whitening", [0.0, 1e-3, 0.1, 10.0])
@pytest.mark.parametrize("m", [1, 6])
def test_whitened_filters_equal_the_twin(shape, patch, whitening, m, dtype):
    patches = patches_of(150, shape, patch, dtype)
    found = _core.make_filters(patches, "patches", m, whitening)
    assert found.dtype == dtype
    problems.assert_close(found, conv.whitened_filters(patches, m, whitening), dtype)


@each_dtype
@pytest.mark.parametrize("whitening", [0.0, 1e-6, 0.1])
@pytest.mark.parametrize("rank", [None, 1, 3])
@pytest.mark.parametrize("n", [1, 5, 200])
def test_whitened_filters_are_finite_with_responses_of_variance_one(n, rank, whitening, dtype):
    patches = patches_of(n, (6, 6, 1), 5, dtype, rank)
    found = _core.make_filters(patches, "patches", min(n, 4), whitening).astype(float)
    assert np.isfinite(found).all()
    problems.assert_close(np.mean((patches @ found.T) ** 2, axis=0), np.ones(len(found)), dtype)
    # Patches have no mean: filters that answered to one would answer to its rounding.
    assert np.abs(found.sum(axis=1)).max() < 1e-2 * np.abs(found).sum(axis=1).max()


@each_dtype
def test_a_large_whitening_leaves_the_patches_as_they_are(dtype):
    patches = patches_of(100, (8, 8, 1), 3, dtype)
    found = _core.make_filters(patches, "patches", 5, 1e9)
    cosines = [q @ f / np.linalg.norm(q) / np.linalg.norm(f) for q, f in zip(patches, found, strict=False)]
    np.testing.assert_allclose(cosines, 1, rtol=1e-6)


@pytest.mark.parametrize("kind", ["eigen", "patches"])
def test_patches_without_contrast_make_finite_filters(kind):
    found = _core.make_filters(np.zeros((5, 9)), kind, 2, 0.1)
    assert np.isfinite(found).all()


def test_what_a_tick_raises_ends_the_call():
    def tick():
        raise KeyError("stop")

    images, filters = images_of(3000, (32, 32, 1), dtype=np.float32), filters_of(32, (32, 32, 1), 5, np.float32)
    with pytest.raises(KeyError, match="stop"):
        _core.apply_conv(images, filters, (32, 32, 1), 5, tick=tick)


CONV_ERRORS = [
    ({"shape": (4, 5, 1)}, "images have 16 columns, their shape asks for 4 . 5 . 1"),
    ({"shape": (0, 16, 1)}, "image needs rows, columns and channels"),
    ({"shape": (-4, -4, 1)}, "image needs rows, columns and channels"),
    ({"shape": (16, 1, 0)}, "image needs rows, columns and channels"),
    ({"shape": (2**62, 2**62, 2**62)}, "shape asks for"),
    ({"images": np.ones((2, 15))}, "images have 15 columns"),
    ({"patch": 0}, "patch must be odd"),
    ({"patch": -3}, "patch must be odd"),
    ({"patch": 2}, "patch must be odd"),
    ({"patch": 2**32 + 1}, "patch is too large"),
    ({"contrast": -1e-9}, "contrast and threshold must be finite and not negative"),
    ({"contrast": np.nan}, "contrast and threshold must be finite and not negative"),
    ({"contrast": np.inf}, "contrast and threshold must be finite and not negative"),
]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        *CONV_ERRORS,
        ({"threshold": -1.0}, "contrast and threshold must be finite and not negative"),
        ({"threshold": np.nan}, "contrast and threshold must be finite and not negative"),
        ({"patch": 5}, "filters do not fit the patches"),
        ({"filters": np.ones((3, 8))}, "filters do not fit the patches"),
        ({"filters": np.ones((0, 9))}, "filters do not fit the patches"),
        ({"stride": 0}, "stride must be at least 1"),
        ({"stride": -1}, "stride must be at least 1"),
        ({"grid": 0}, "grid must have at least one cell"),
        ({"grid": -2}, "grid must have at least one cell"),
        ({"grid": 5}, "grid must have at least one cell per side, and no more than places"),
        ({"stride": 2, "grid": 3}, "grid must have at least one cell per side, and no more than places"),
        ({"overlap": -0.1}, "overlap must lie in"),
        ({"overlap": 1.1}, "overlap must lie in"),
        ({"overlap": np.nan}, "overlap must lie in"),
    ],
)
def test_bad_settings_of_maps_are_refused_by_name(change, words):
    settings = {"images": images_of(2, (4, 4, 1)), "filters": np.ones((3, 9)), "shape": (4, 4, 1), "patch": 3}
    with pytest.raises(ValueError, match=words):
        _core.apply_conv(**settings | {"grid": 2} | change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        *CONV_ERRORS,
        ({"count": 0}, "at least one image, and one patch"),
        ({"count": -1}, "at least one image, and one patch"),
        ({"images": np.ones((0, 16))}, "at least one image, and one patch"),
    ],
)
def test_bad_settings_of_samples_are_refused_by_name(change, words):
    settings = {"images": images_of(2, (4, 4, 1)), "shape": (4, 4, 1), "patch": 3, "contrast": 0.0, "count": 5}
    with pytest.raises(ValueError, match=words):
        _core.sample_patches(**settings | {"seed": 0, "stream": 0} | change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "pca"}, "unknown kind of filters: pca"),
        ({"n_filters": 0}, "at least one filter"),
        ({"n_filters": -1}, "at least one filter"),
        ({"n_filters": 10}, "fewer eigenvectors than filters"),
        ({"kind": "patches", "n_filters": 21}, "fewer patches than filters"),
        ({"patches": np.ones((0, 9))}, "at least one patch"),
        ({"patches": np.ones((20, 0))}, "at least one patch, of at least one value"),
        ({"patches": np.ones((20, 0)), "kind": "patches"}, "at least one patch, of at least one value"),
        *[({"kind": "patches", "whitening": bad}, "whitening must be finite") for bad in (-1.0, np.nan, np.inf)],
    ],
)
def test_bad_settings_of_filters_are_refused_by_name(change, words):
    with pytest.raises(ValueError, match=words):
        _core.make_filters(**{"patches": problems.normal(20, 9), "kind": "eigen", "n_filters": 2} | change)


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 1, 1), (4.0, 4, 1), None, "441"])
def test_a_shape_that_is_not_three_whole_numbers_is_a_type_error(shape):
    with pytest.raises(TypeError):
        _core.apply_conv(images_of(2, (4, 4, 1)), np.ones((3, 9)), shape, 3, 1, 2)
