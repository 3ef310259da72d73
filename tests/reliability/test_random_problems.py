"""Random problems give the level that the twin in NumPy gives."""

import pytest

from reliability.random_problems import try_problem


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_random_problems_equal_the_twin(first):
    for seed in range(first, first + 10):
        try_problem(seed)
