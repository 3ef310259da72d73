"""Counter-based random numbers: the published vectors, the twin, and independence of threads and order."""

import numpy as np
import pytest

from reference import random
from sstpl import _core

# Random123, kat_vectors: counter, key -> philox4x32, 10 rounds.
KNOWN = [
    ([0x00000000] * 4, [0x00000000] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]
SEEDS = [(0, 0), (1, 0), (0, 1), (2**64 - 1, 2**32 - 1), (2**32 + 5, 77)]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_the_twin_gives_the_published_vectors(counter, key, expected):
    np.testing.assert_array_equal(random.philox([counter], key)[0], expected)


def test_the_first_numbers_are_the_published_vector():
    first, second = _core.random_matrix(False, 0, 0, 1, 2)[0]
    assert first == (0xE169C58D6627E8D5 >> 11) * 2.0**-53
    assert second == (0x9B00DBD8BC57AC4C >> 11) * 2.0**-53


@pytest.mark.parametrize(("seed", "stream"), SEEDS)
@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (1, 2), (3, 3), (17, 5), (100, 17), (2, 12000)])
def test_numbers_equal_the_twin(rows, cols, seed, stream):
    uniform = _core.random_matrix(False, seed, stream, rows, cols)
    np.testing.assert_array_equal(uniform, random.uniform(seed, stream, rows, cols))
    normal = _core.random_matrix(True, seed, stream, rows, cols)
    np.testing.assert_allclose(normal, random.normal(seed, stream, rows, cols), rtol=1e-13, atol=1e-15)


def test_a_matrix_is_filled_row_by_row_whatever_its_width():
    flat = _core.random_matrix(True, 3, 1, 1, 60)
    np.testing.assert_array_equal(_core.random_matrix(True, 3, 1, 5, 12).ravel(), flat[0])
    np.testing.assert_array_equal(_core.random_matrix(True, 3, 1, 3, 7).ravel(), flat[0, :21])


@pytest.mark.parametrize("normal", [True, False])
def test_numbers_do_not_depend_on_the_number_of_threads(normal, with_threads):
    one = with_threads(1, _core.random_matrix, normal, 5, 2, 300, 211)
    two = with_threads(2, _core.random_matrix, normal, 5, 2, 300, 211)
    np.testing.assert_array_equal(one, two)


def test_streams_and_seeds_differ():
    drawn = [_core.random_matrix(False, seed, stream, 1, 50).tobytes() for seed, stream in SEEDS]
    assert len(set(drawn)) == len(SEEDS)


def test_moments_are_those_of_the_laws():
    uniform, normal = (_core.random_matrix(law, 11, 0, 500, 400) for law in (False, True))
    assert 0 <= uniform.min() < uniform.max() < 1
    for values, mean, variance in [(uniform, 0.5, 1 / 12), (normal, 0.0, 1.0)]:
        assert abs(values.mean() - mean) < 5 * np.sqrt(variance / values.size)
        assert values.var() == pytest.approx(variance, rel=0.01)
        assert abs(np.corrcoef(values[:, 0::2].ravel(), values[:, 1::2].ravel())[0, 1]) < 0.02
    assert np.mean(normal**4) == pytest.approx(3.0, rel=0.03)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_matrices_without_entries_are_drawn(shape):
    assert _core.random_matrix(True, 0, 0, *shape).shape == shape


def test_bad_arguments_are_refused():
    for shape in [(-1, 2), (2, -1)]:
        with pytest.raises(ValueError, match="shape of a random matrix must not be negative"):
            _core.random_matrix(True, 0, 0, *shape)
    for seed, stream in [(-1, 0), (2**64, 0), (0, -1), (0, 2**32), (0.5, 0), ("0", 0), (None, 0)]:
        with pytest.raises(TypeError):
            _core.random_matrix(True, seed, stream, 2, 2)


@pytest.mark.parametrize("n_threads", [0, -1])
def test_a_number_of_threads_below_one_is_refused_by_name(n_threads):
    before = _core.num_threads()
    with pytest.raises(ValueError, match="n_threads must be at least 1"):
        _core.set_num_threads(n_threads)
    assert _core.num_threads() == before


def test_the_number_of_threads_is_what_was_set(with_threads):
    assert with_threads(1, _core.num_threads) == 1
    assert with_threads(2, _core.num_threads) == 2
    assert _core.build_info()["n_threads"] == 2


def test_build_info_says_what_this_build_is():
    info = _core.build_info()
    assert set(info) >= {"version", "compiler", "blas", "blas_backend", "simd", "eigen", "n_threads", "openmp"}
    assert info["simd"] in {"base", "avx2", "avx512", "avx512vnni", "amx"}
    assert info["blas_backend"] in {"openblas", "system", "eigen"}
    assert all(value != "" for value in info.values())
