"""Calls of every function of the core with spoiled arguments, each drawn from a number; not a test itself.

`try_call(seed)` spoils one to three arguments of a valid call. Whatever it makes of them, the core has to raise
ValueError, TypeError or MemoryError, or to return what it returns for clean copies of the same arrays; it changes no
array; and NaN that went in is refused or comes out. What breaks the process is for the caller to see.
"""

import ast
import copy
import random
from contextlib import suppress
from functools import cache, partial
from pathlib import Path

import numpy as np

import sstpl
from reference import calls
from sstpl import _core

REFUSALS = (ValueError, TypeError, MemoryError)  # LinAlgError is a ValueError

# Where a NaN may stay unseen: only the shape counts (of hidden weights with landmarks as well), a row that is not
# finite is never paired, a pixel is in none of the patches drawn, filters see no images, a triangle is all that is
# read, or results are whole numbers.
MAY_SWALLOW = {
    ("apply_conv", "filters"),
    ("hash_rows", "X"),
    ("sample_patches", "images"),
    ("propagate_targets", "weights"),
    ("fit_backward", "weights"),
    ("draw_hidden", "X"),
    ("hidden_leverages", "factor"),
    ("predict_stack", "levels"),
    ("Sums.__setstate__", "state"),
}
LARGEST_LOOP = {"max_iter": 50}  # a larger number is a longer run, which is what was asked for

INTEGERS = (-1, 0, 1, 2, 3, 7, 100, -(2**31), 2**31, 2**32 + 1, 2**53, 2**62, -(2**63), 2**63, 2**64, 2**70, True)
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-320, 1e-9, 1e9, 1e300, -1e300, np.nan, np.inf, -np.inf, 10**400, 3)
TEXTS = ("", "tanh", "gelu", "identity", "constrained", "normal", "orthogonal", "loo", "gcv", "nope", "x\0", "é" * 1000)
OBJECTS = (None, "text", 3.5, object(), [], (), {}, b"1", [[1.0]], True, np.float64(1.0), np.array(1.0), slice(3))
VALUES = (np.nan, np.inf, -np.inf, 1e300, -1e38, 1e-310, 0.0, -0.0, 1e20)
WHOLE_VALUES = (-1, 0, 1, 3, 11, 12, 13, 2**31, 2**62, -(2**63), 2**63 - 1)
DTYPES = ("f2", "f4", "f8", "g", "c16", "i4", "i8", "u8", "?", "O", "S3", "M8[s]", ">f8", ">f4", ">i8")


def _filled(n_features=4, n_outputs=3, seed=0):
    sums = _core.Sums(n_features, n_outputs)
    sums.add_rows(calls.normal(12, n_features, seed=seed), calls.normal(12, n_outputs, seed=seed + 1))
    return sums


def _state(sums):
    return {name: getattr(sums, name) for name in SUMS_FIELDS}


def _change(method, **arguments):
    sums = _filled()
    found = getattr(sums, method)(**arguments)
    return _state(found if isinstance(found, _core.Sums) else sums)


def _restored(state):
    sums = _core.Sums.__new__(_core.Sums)  # as pickle does
    sums.__setstate__(state)
    return _state(sums)


def _grown(sums, **arguments):
    _core.add_hidden_rows(sums, **arguments)
    return _state(sums)


def _widened(sums, **arguments):
    return _state(_core.widened(sums, **arguments))


def _state_of():
    return _filled().__getstate__()


def _empty_sums(n_features, n_outputs):
    return _state(_core.Sums(n_features, n_outputs))


@cache
def stub():
    """Return the functions of the core's stub, methods as "Sums.name", each with its arguments and their types."""
    found = {}
    tree = ast.parse((Path(sstpl.__file__).parent / "_core.pyi").read_text())
    classes = [(node.name + ".", node) for node in tree.body if isinstance(node, ast.ClassDef)]
    for prefix, place in [("", tree), *classes]:
        for node in place.body:
            if isinstance(node, ast.FunctionDef) and not node.decorator_list:
                arguments = {a.arg: ast.unparse(a.annotation) for a in node.args.args if a.annotation is not None}
                found[prefix + node.name] = arguments
    return found


def _fields():
    tree = ast.parse((Path(sstpl.__file__).parent / "_core.pyi").read_text())
    sums = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Sums")
    return tuple(node.name for node in sums.body if isinstance(node, ast.FunctionDef) and node.decorator_list)


SUMS_FIELDS = _fields()


@cache
def valid_calls(dtype):
    """Return for every function of the stub what to call, and valid arguments: all that this file knows of them."""
    given = calls.calls(np.dtype(dtype))
    # Sums are made from float64; float32 rows go into them as well.
    narrow = _core.Sums(4, 3), {**given["widened"], "layer": tuple(part[:4] for part in given["widened"]["layer"])}
    _core.add_hidden_rows(narrow[0], **narrow[1])
    known = {
        "build_info": (_core.build_info, {}),
        "num_threads": (_core.num_threads, {}),
        "has_inverse": (_core.has_inverse, {"activation": "tanh"}),
        "random_matrix": (_core.random_matrix, {"normal": True, "seed": 1, "stream": 0, "rows": 3, "cols": 4}),
        "solve_ridge": (_core.solve_ridge, {"parts": [_filled(), _filled(seed=5)], "alpha": 0.1, "intercept": True}),
        "heldout_errors": (
            _core.heldout_errors,
            {"folds": [_filled(), _filled(seed=5)], "alphas": [0.1, 1.0], "intercept": True},
        ),
        "set_num_threads": (_core.set_num_threads, {"n_threads": 1}),
        "add_hidden_rows": (_grown, {"sums": _filled(6), **given["add_hidden_rows"]}),
        "widened": (_widened, {"sums": narrow[0], **given["widened"]}),
        "Sums.__init__": (_empty_sums, {"n_features": 4, "n_outputs": 3}),
        "Sums.add_rows": (partial(_change, "add_rows"), given["add_rows"]),
        "Sums.merge": (partial(_change, "merge"), {"other": _filled(seed=9)}),
        "Sums.subtract": (partial(_change, "subtract"), {"other": _filled()}),
        "Sums.with_outputs": (
            partial(_change, "with_outputs"),
            {"sources": np.array([2, -1, 0], dtype=np.int64), "value": -1.0},
        ),
        "Sums.__getstate__": (_state_of, {}),
        "Sums.__setstate__": (_restored, {"state": _filled().__getstate__()}),
    }
    direct = {name: (getattr(_core, name), arguments) for name, arguments in given.items() if hasattr(_core, name)}
    return direct | known


class Spoiler:
    """Spoils the arguments of one call, and remembers what the result has to be like."""

    def __init__(self, rng, function, dtype):
        self.rng = rng
        self.function = function
        self.arguments = valid_calls(dtype)[function][1]
        self.types = stub()[function]
        self.notes = []

    def spoil(self):
        arrays = [path for path, _ in calls.arrays(self.arguments)]
        names = [n for n in self.types if n != "tick"]
        if arrays and self.rng.random() < 0.75:
            path = self.rng.choice(arrays)
            array = dict(calls.arrays(self.arguments))[path]
            how, spoiled = self._array(array, path)
        elif names:
            path = (self.rng.choice(names),)
            how, spoiled = self._argument(path[0])
        else:
            path, how, spoiled = (self.rng.choice(["extra", ""]),), "unknown name", 1
        if len(path) == 1:  # which may have been left out so far
            self.arguments = {**self.arguments, path[0]: spoiled}
        else:
            self.arguments = calls.replaced(self.arguments, path, spoiled)
        self.notes.append((path, how))

    def must_show_nan(self):
        """Whether NaN is among the arguments, where it has to come out again."""
        return any(
            array.dtype.kind == "f" and array.size < 10_000 and np.isnan(array).any()
            for path, array in calls.arrays(self.arguments)
            if not self._may_swallow(path[0], array)
        )

    def _may_swallow(self, name, array):
        is_flag = self.types[name].startswith("bool")  # any object is true or false
        one_pixel = self.function == "make_filters" and array.shape[1:] == (1,)  # of which every filter is zero
        return is_flag or one_pixel or (self.function, name) in MAY_SWALLOW

    def _argument(self, name):
        kind = self.types[name]
        rng = self.rng
        if rng.random() < 0.15:
            return "another object", rng.choice(OBJECTS)
        if kind.startswith("int"):
            return "integer", min(rng.choice(INTEGERS), LARGEST_LOOP.get(name, 2**80))
        if kind.startswith("float"):
            return "number", rng.choice(FLOATS)
        if kind.startswith("str"):
            return "text", rng.choice(TEXTS)
        if kind.startswith("bool"):
            return "flag", rng.choice([True, False, 0, 1, None, "yes"])
        if kind.startswith("Sequence[float]"):
            return "numbers", [rng.choice(FLOATS) for _ in range(rng.randrange(4))]
        if kind.startswith("tuple[int"):
            return "shape", tuple(rng.choice(INTEGERS) for _ in range(rng.choice([3, 4, 4, 4, 5])))
        if kind.startswith("Sequence[int]"):
            return "indices", [rng.choice(INTEGERS) for _ in range(rng.randrange(4))]
        if kind in ("Sums", "Sequence[Sums]"):
            others = [_filled(), _core.Sums(4, 3), _core.Sums(0, 0), _filled(6), _filled(4, 1), None, _core.Sums(6, 3)]
            drawn = [rng.choice(others) for _ in range(rng.randrange(4))]
            return "sums", rng.choice(others) if kind == "Sums" else drawn
        given = self.arguments.get(name)
        if isinstance(given, (list, tuple)):  # nested arrays, fewer or more of them
            longer = type(given)([*given, *given[:1]])
            return "sequence", rng.choice([given[:-1], longer, type(given)(), given[::-1], list(given), [None]])
        return "nothing", None

    def _array(self, array, path):
        rng, is_float = self.rng, array.dtype.kind == "f"
        how = rng.choice(
            ["value", "value", "view", "refused view", "type", "shape", "axis", "object", "all", "strange"]
        )
        if how == "value" and array.size:
            spoiled = array.copy()
            value = rng.choice(VALUES if is_float else WHOLE_VALUES)
            with np.errstate(over="ignore"):
                spoiled.flat[rng.randrange(array.size)] = value
            return f"value {value}", spoiled
        if how == "view" and array.ndim and array.size:
            return _one_of(rng, calls.views_accepted(array))
        if how == "refused view" and array.ndim in (1, 2) and array.size:
            return _one_of(rng, calls.strides_refused(array))
        if how == "type":
            name = rng.choice(DTYPES)
            with np.errstate(all="ignore"):
                return f"type {name}", (array.astype("i8") if name[0] == "M" else array).astype(name)
        if how == "shape":
            return _one_of(rng, _shapes(array))
        if how == "axis" and array.ndim and array.size:
            axis, size = rng.randrange(array.ndim), rng.choice([0, 1, 2, 5, 13])
            return f"axis {axis} of {size}", np.take(array, np.arange(size) % array.shape[axis], axis)
        if how == "object":
            other = rng.choice(OBJECTS)
            return f"object {other!r:.20}", other
        if how == "all":
            values = VALUES if is_float else WHOLE_VALUES
            value = rng.choice(values)
            with np.errstate(over="ignore"):
                spoiled = np.full_like(array, value)
            return f"all {value}", spoiled
        return _one_of(rng, _strange(array))


def _one_of(rng, choices):
    name = rng.choice(sorted(choices))
    return name, choices[name]


def _shapes(array):
    """Return arrays of sizes that no memory holds, but which NumPy lets one make, and of other dimensions."""
    return {
        "more dimensions": array[None],
        "no dimensions": np.array(1.0, array.dtype),
        "flat": array.reshape(-1),
        "no columns in 2^40 rows": np.empty((2**40, 0), array.dtype),
        "no rows of 2^40 columns": np.empty((0, 2**40), array.dtype),
        "2^40 rows that are one": np.broadcast_to(array[:1], (2**40, *array.shape[1:])) if len(array) else array,
        "nothing": np.empty((0,) * array.ndim, array.dtype),
        "transposed": array.T,
    }


class Subclass(np.ndarray):
    """An array of a user's own type."""


def _strange(array):
    return {
        "misaligned": calls.misaligned(array),
        "subclass": array.view(Subclass),
        "masked": np.ma.masked_array(array, np.zeros(array.shape, bool)),
        "list": array.tolist(),
        "memory view": memoryview(array),
        "structured": np.zeros(array.shape, [("a", array.dtype)]),
    }


def _cleaned(value):
    """Return the same arguments with arrays of their own, C-ordered and writable."""
    if isinstance(value, np.ndarray):
        return np.array(value, order="C", copy=True, subok=False)
    if isinstance(value, dict):
        return {key: _cleaned(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_cleaned(item) for item in value)
    if isinstance(value, _core.Sums):
        return copy.copy(value)
    return value


def _bytes(value):
    """Return the content of every small array; large ones are views of nothing."""
    return [array.tobytes() if array.size < 10_000 else None for _, array in calls.arrays(value)]


def _same(one, other):
    """Whether two results are one: arrays bit for bit but for the rounding of sums, seconds aside."""
    if isinstance(one, np.ndarray):
        tolerance = 1e-3 if one.dtype == np.float32 else 1e-6
        if one.shape != other.shape or one.dtype != other.dtype:
            return False
        with np.errstate(all="ignore"):
            scale = np.abs(other[np.isfinite(other)]).max(initial=1e-300) if other.dtype.kind == "f" else 1
        return bool(np.allclose(one, other, rtol=tolerance, atol=tolerance * scale, equal_nan=True))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one if k != "seconds")
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, float):
        return one == other or (one != one and other != other) or abs(one - other) <= 1e-6 * abs(other)
    return bool(one == other)


def _is_empty(result):
    return isinstance(result, np.ndarray) and result.size == 0


def _has_nan(value):
    found = (array for _, array in calls.arrays(value) if array.dtype.kind == "f")
    return any(not np.isfinite(array).all() for array in found) or _number_is_nan(value)


def _number_is_nan(value):
    if isinstance(value, dict):
        return any(map(_number_is_nan, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_number_is_nan, value))
    return isinstance(value, float) and not np.isfinite(value)


def try_call(seed):
    """Make the call of a number; return its function, and what became of it, or raise AssertionError."""
    rng = random.Random(seed)
    dtype = rng.choice(["float32", "float64"])
    function = rng.choice(sorted(valid_calls(dtype)))
    call = valid_calls(dtype)[function][0]
    spoiler = Spoiler(rng, function, dtype)
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
        with suppress(
            TypeError, ValueError, MemoryError, AttributeError, IndexError, OverflowError, RuntimeError
        ):  # NumPy cannot spoil it so, or not again
            spoiler.spoil()
    told = f"seed {seed}: {function}, {dtype}, {spoiler.notes}"
    given = spoiler.arguments if function != "add_hidden_rows" else _own_sums(spoiler.arguments)
    before = _bytes(given)
    threads = _core.num_threads()
    try:
        try:
            result = call(**given)
        finally:
            if threads != _core.num_threads():
                _core.set_num_threads(threads)
    except REFUSALS as error:
        result, refused = repr(error), True
    except Exception as error:
        raise AssertionError(f"{told}: {error!r}") from error
    else:
        refused = False
    assert _bytes(given) == before, f"{told}: an array changed"
    if refused:
        assert spoiler.notes, f"{told}: a valid call was refused: {result}"
        return function, "refused"
    shows = _has_nan(result) or _is_empty(result)  # no rows, no scores
    assert shows or not spoiler.must_show_nan(), f"{told}: NaN was swallowed"
    if function in ("build_info", "num_threads", "set_num_threads"):
        return function, "worked"
    clean = call(**_cleaned(spoiler.arguments))
    assert _same(result, clean), f"{told}: another result for clean copies"
    return function, "worked"


def _own_sums(arguments):
    """Return the arguments with a copy of the sums, to which the call adds."""
    return {k: _cleaned(v) if isinstance(v, _core.Sums) else v for k, v in arguments.items()}
