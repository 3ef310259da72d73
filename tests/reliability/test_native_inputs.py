"""The functions of the core take anything: a result as for clean copies of the arguments, or an error that says why."""

import pytest

from reliability import isolation, native_inputs

BATCH = """
import resource, sys
import numpy as np
from collections import Counter
from reliability import native_inputs

first, count = map(int, sys.argv[1:3])
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))  # what asks for more is a MemoryError, and takes no time
np.seterr(all="ignore")
found = Counter()
for seed in range(first, first + count):
    print(seed, file=sys.stderr)
    try:
        function, outcome = native_inputs.try_call(seed)
        found[outcome] += 1
    except AssertionError as error:
        print(error)
print(sum(found.values()), found["worked"])
"""


def run_batch(first, count, seconds=120):
    """Try calls in a process of its own; return how many were right, how many of them worked, and what went wrong."""
    done = isolation.run(BATCH, first, count, seconds=seconds)
    lines = done.stdout.splitlines()
    if done.returncode:
        seeds = [line for line in done.stderr.splitlines() if line.isdigit()]
        return 0, 0, [*lines, f"ended by {done.returncode} at seed {seeds[-1:]}: {done.stderr[-1500:]}"]
    right, worked = map(int, lines[-1].split())
    return right, worked, lines[:-1]


def test_every_function_of_the_stub_has_a_valid_call():
    for dtype in ("float32", "float64"):
        assert set(native_inputs.valid_calls(dtype)) == set(native_inputs.stub())


@pytest.mark.skipif(not isolation.IS_LINUX, reason="limits on memory work on Linux alone")
def test_spoiled_calls_are_refused_or_give_what_clean_copies_give():
    right, worked, wrong = run_batch(0, 3000)
    assert wrong == []
    assert right == 3000
    assert worked > 800
