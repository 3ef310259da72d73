"""The native guards, without the Python layer in front: what is refused, by which error, under which name.

One valid call of every function is spoiled in one array at a time.
"""

import contextlib

import numpy as np
import pytest

from reference import calls
from sstpl import _core

ARRAYS = list(calls.every_array())
WITHOUT_ARRAYS = {"Sums", "build_info", "has_inverse", "heldout_errors", "num_threads", "random_matrix"}
WITHOUT_ARRAYS |= {"set_num_threads", "solve_ridge", "LinAlgError"}
INTEGERS = ("labels", "fold_starts", "folds", "columns", "attempts")
ANY_PRECISION = (("add_shares", "X"), ("apply_ramps", "X"), ("draw_hidden", "X"), ("hash_rows", "X"))
MAY_GROW = (
    ("add_shares", "X", 1),
    ("apply_ramps", "X", 1),
    ("center_layer", "centers", 0),
    ("predict_stack", "landmarks", 0, 0, 0),
)  # some of it is read
SAMPLE_WEIGHTS = tuple(
    (name, "weights") for name in ("add_rows", "add_hidden_rows", "fit_crossfit", "hidden_leverages", "logistic_sums")
)


def name_test(value):
    return ".".join(map(str, value)) if isinstance(value, tuple) else None


def invoke(function, arguments):
    if function == "add_rows":
        sums = _core.Sums(4, 3)
        sums.add_rows(**arguments)
    elif function == "add_hidden_rows":
        sums = _core.Sums(6, 3)
        _core.add_hidden_rows(sums, **arguments)
    elif function == "widened":  # from the leading units
        given = calls.calls(np.dtype(np.float64))["widened"]
        narrow = _core.Sums(4, 3)
        _core.add_hidden_rows(narrow, **given | {"layer": tuple(part[:4] for part in given["layer"])})
        sums = _core.widened(narrow, **arguments)
    else:
        return getattr(_core, function)(**arguments)
    return {"gram": sums.gram, "cross": sums.cross}


def valid(dtype, function, path):
    arguments = calls.calls(np.dtype(dtype))[function]
    return arguments, dict(calls.arrays(arguments))[path]


def is_converted(function, path):
    """Whether the bindings let NumPy convert this argument; test_nothing_is_converted_silently objects."""
    return path[0] in INTEGERS or path == ("row_weights",) or (function, *path) in SAMPLE_WEIGHTS or path[0] == "hidden"


each_array = pytest.mark.parametrize(("dtype", "function", "path"), ARRAYS, ids=name_test)


def test_sums_that_were_never_initialised_are_sums_of_nothing():
    sums = _core.Sums.__new__(_core.Sums)
    assert (sums.gram.shape, sums.cross.shape, sums.weight, sums.n_samples) == ((0, 0), (0, 0), 0.0, 0)
    sums.merge(_core.Sums.__new__(_core.Sums))
    with pytest.raises(ValueError, match="features"):
        sums.add_rows(np.ones((3, 2)), np.ones((3, 1)))
    sums.__init__(2, 1)
    sums.add_rows(np.ones((3, 2)), np.ones((3, 1)))
    assert sums.n_samples == 3


def test_every_function_is_covered():
    public = {name for name in dir(_core) if not name.startswith("_")}
    assert public == WITHOUT_ARRAYS | (calls.calls(np.float64).keys() - {"add_rows"})


@each_array
def test_unspoiled_calls_work_and_leave_their_inputs_alone(dtype, function, path):
    arguments, array = valid(dtype, function, path)
    before = array.tobytes()
    invoke(function, arguments)
    assert array.tobytes() == before


@each_array
def test_another_type_of_number_is_a_type_error(dtype, function, path):
    arguments, array = valid(dtype, function, path)
    others = [np.complex128, np.dtype(object)]
    if not is_converted(function, path):
        others += [
            np.int32 if array.dtype == np.int64 else np.int64,
            np.float16,
            np.longdouble,
            array.dtype.newbyteorder(),
        ]
        n_floats = sum(value.dtype.kind == "f" for _, value in calls.arrays(arguments))
        several = array.dtype.kind == "f" and n_floats > 1
        if several and (function, *path) not in ANY_PRECISION:
            others += [np.float32 if array.dtype == np.float64 else np.float64]  # precisions do not mix
    for other in others:
        with pytest.raises(TypeError):
            invoke(function, calls.replaced(arguments, path, array.astype(other)))


@each_array
def test_what_is_no_array_is_a_type_error(dtype, function, path):
    arguments, array = valid(dtype, function, path)
    spoiled = ["text", object(), 3.5]
    if not is_converted(function, path):
        spoiled += [array.tolist(), tuple(array), memoryview(array)]
    for value in spoiled:
        if is_converted(function, path) and value == 3.5:
            continue  # NumPy makes it an array without dimensions, which the next test refuses
        with pytest.raises(TypeError):
            invoke(function, calls.replaced(arguments, path, value))


@each_array
def test_another_number_of_dimensions_is_refused_by_name(dtype, function, path):
    arguments, array = valid(dtype, function, path)
    for spoiled in (array[0], array[None], array[..., None], array[:1, ..., None]):
        if np.ndim(spoiled) == array.ndim or not isinstance(spoiled, np.ndarray):
            continue
        with pytest.raises(ValueError, match=rf"{calls.name_of(function, path)} must be {array.ndim}-D"):
            invoke(function, calls.replaced(arguments, path, spoiled))


@each_array
def test_memory_that_is_not_rows_in_c_order_is_refused_by_name(dtype, function, path):
    arguments, array = valid(dtype, function, path)
    for spoiled in calls.strides_refused(array).values():
        assert spoiled.shape == array.shape
        with pytest.raises(ValueError, match=rf"{calls.name_of(function, path)} must be (C-ordered|contiguous)"):
            invoke(function, calls.replaced(arguments, path, spoiled))


@each_array
def test_numbers_that_begin_at_any_byte_are_refused_by_name(dtype, function, path):
    arguments, array = valid(dtype, function, path)
    with pytest.raises(ValueError, match=rf"{calls.name_of(function, path)} must be aligned"):
        invoke(function, calls.replaced(arguments, path, calls.misaligned(array)))


@each_array
def test_read_only_arrays_and_row_slices_work(dtype, function, path):
    arguments, array = valid(dtype, function, path)
    expected = list(calls.arrays(invoke(function, arguments)))
    for view in calls.views_accepted(array).values():
        result = list(calls.arrays(invoke(function, calls.replaced(arguments, path, view))))
        for (_, actual), (_, wanted) in zip(result, expected, strict=True):
            np.testing.assert_allclose(actual, wanted, rtol=1e-3, atol=1e-4)


@each_array
def test_sizes_that_do_not_fit_are_value_errors(dtype, function, path):
    arguments, array = valid(dtype, function, path)
    for axis in range(array.ndim):
        size = array.shape[axis]
        longer = np.take(array, [*range(size), size - 1], axis)
        for spoiled in (longer, np.take(array, range(size - 1), axis)):
            may_grow = (function, *path, axis) in MAY_GROW and spoiled.shape[axis] > size
            if axis in calls.FREE_AXES.get((function, *path), ()) or may_grow:
                invoke(function, calls.replaced(arguments, path, spoiled))
                continue
            with pytest.raises(ValueError, match=r"\w"):
                invoke(function, calls.replaced(arguments, path, spoiled))


@each_array
def test_empty_axes_work_or_are_value_errors(dtype, function, path):
    arguments, array = valid(dtype, function, path)
    for axis in range(array.ndim):
        spoiled = np.zeros(tuple(0 if i == axis else s for i, s in enumerate(array.shape)), array.dtype)
        with contextlib.suppress(ValueError):
            invoke(function, calls.replaced(arguments, path, spoiled))


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (0, 0), (0, 1), (1, 0)])
def test_empty_arrays_are_not_called_unordered(shape):
    Z = np.zeros(shape)  # NumPy gives arrays without entries any strides
    assert _core.apply_activation("tanh", Z).shape == shape


@each_array
def test_nan_is_refused_or_comes_out_as_nan(dtype, function, path):
    arguments, array = valid(dtype, function, path)
    unread = function in ("propagate_targets", "fit_backward") and path == ("weights", 0)  # only its shape counts
    unread = unread or (function == "predict_stack" and path == ("levels", 0, 0))  # there are landmarks for it
    unpaired = function == "draw_hidden"  # a row that is not finite is never paired
    hashed = function == "hash_rows"  # whole numbers, of a NaN as well
    missing = function == "add_shares" and path == ("X",)  # which adds nothing
    if array.dtype.kind != "f" or unread or unpaired or hashed or missing:
        return
    for place in (0, -1):
        spoiled = array.copy()
        spoiled.flat[place] = np.nan
        try:
            result = invoke(function, calls.replaced(arguments, path, spoiled))
        except ValueError:  # LinAlgError is one
            continue
        assert any(np.isnan(value).any() for _, value in calls.arrays(result) if value.dtype.kind == "f")


@pytest.mark.parametrize(
    ("function", "argument", "other"),
    [
        ("draw_hidden", "labels", np.int32),
        ("fit_crossfit", "fold_starts", np.int32),
        ("fit_crossfit", "weights", np.float32),
        ("fit_crossfit", "hidden", np.float32),
        ("add_rows", "weights", np.float32),
        ("fit_level", "labels", np.int32),
        ("fit_level", "row_weights", np.float32),
        ("predict_stack", "levels", np.float32),
    ],
)
def test_nothing_is_converted_silently(function, argument, other):
    arguments = calls.calls(np.float64)[function]
    for path, array in calls.arrays(arguments[argument], (argument,)):
        with pytest.raises(TypeError):
            invoke(function, calls.replaced(arguments, path, array.astype(other)))


def test_linalg_error_is_numpys():
    assert issubclass(_core.LinAlgError, np.linalg.LinAlgError)
    assert issubclass(_core.LinAlgError, ValueError)
    sums = _core.Sums(2, 1)
    sums.add_rows(np.full((3, 2), np.nan), np.ones((3, 1)))
    with pytest.raises(np.linalg.LinAlgError, match="not finite"):
        _core.solve_ridge([sums], 0.1, True)
