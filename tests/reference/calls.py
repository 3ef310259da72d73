"""One valid call of every function of the core that takes arrays, as data; `spoil` makes it invalid."""

import numpy as np

from reference.problems import labels, normal, one_hot

DOUBLE_ONLY = ("draw_centers", "draw_pairs", "sample_rows", "deal_folds", "solve_ridge_dual", "solve_lasso")
DOUBLE_ONLY += ("solve_by_factor",)

# What an error must call a nested array; every other array goes by the name of its argument.
NAMES = {
    ("fit_crossfit", "hidden", 0): "hidden weights",
    ("fit_crossfit", "hidden", 1): "hidden bias",
    ("fit_fusion", "blocks", 1, 1): "prototypes",
    ("add_hidden_rows", "layer", 0): "weights",
    ("add_hidden_rows", "layer", 1): "bias",
    ("add_hidden_rows", "layer", 2): "shift",
    ("hidden_leverages", "layer", 0): "weights",
    ("hidden_leverages", "layer", 1): "bias",
    ("hidden_leverages", "layer", 2): "shift",
    ("hidden_leverages", "factor", 0): "factor",
    ("hidden_leverages", "factor", 1): "scale",
    ("hidden_leverages", "factor", 2): "means",
    ("hidden_features", "layer", 0): "weights",
    ("hidden_features", "layer", 1): "bias",
    ("hidden_features", "layer", 2): "shift",
    ("widened", "layer", 0): "weights",
    ("widened", "layer", 1): "bias",
    ("widened", "layer", 2): "shift",
    ("predict_stack", "levels", 0, 0): "hidden weights",
    ("predict_stack", "levels", 0, 1): "hidden bias",
    ("predict_stack", "levels", 0, 2): "weights",
    ("predict_stack", "levels", 0, 3): "intercept",
    ("predict_stack", "levels", 1, 0): "hidden weights",
    ("predict_stack", "levels", 1, 1): "hidden bias",
    ("predict_stack", "levels", 1, 2): "weights",
    ("predict_stack", "levels", 1, 3): "intercept",
    ("predict_stack", "landmarks", 0, 0): "landmarks",
    ("predict_stack", "landmarks", 0, 1): "pairs of landmarks",
    ("predict_stack", "landmarks", 0, 2): "scale of landmarks",
    ("predict_subsystem", "encoders", 0, 0): "encoder weights",
    ("predict_subsystem", "encoders", 0, 1): "low",
    ("predict_subsystem", "encoders", 0, 2): "scale",
    ("predict_subsystem", "backward", 0, 0): "backward weights",
    ("predict_subsystem", "backward", 0, 1): "intercept",
    ("predict_subsystem", "backward", 0, 2): "prototypes",
    ("predict_subsystem", "fusion", 0): "low",
    ("predict_subsystem", "fusion", 1): "scale",
    ("predict_subsystem", "fusion", 2): "hidden weights",
    ("predict_subsystem", "fusion", 3): "hidden bias",
    ("predict_subsystem", "fusion", 4): "weights",
    ("predict_subsystem", "fusion", 5): "intercept",
}

# Axes whose size nothing else in the call depends on.
FREE_AXES = {
    ("apply_activation", "Z"): (0, 1),
    ("invert_activation", "D"): (0, 1),
    ("draw_hidden", "X"): (1,),
    ("draw_pairs", "attempts"): (0,),
    ("center_layer", "centers"): (1,),
    ("hidden_features", "X"): (0,),
    ("solve_by_factor", "B"): (1,),
    ("solve_ridge_dual", "H"): (1,),
    ("solve_ridge_dual", "Y"): (1,),
    ("solve_lasso", "B"): (1,),
    ("fit_crossfit", "Y"): (1,),
    ("propagate_targets", "targets"): (0,),
    ("propagate_targets", "weights", 0): (1,),
    ("fit_fusion", "blocks", 0, 0): (1,),
    ("fit_fusion", "blocks", 1, 1): (1,),
    ("fit_fusion", "Y"): (1,),
    ("predict_subsystem", "X"): (0,),
    ("sample_patches", "images"): (0,),
    ("make_filters", "patches"): (0, 1),
    ("apply_conv", "images"): (0,),
    ("apply_conv", "filters"): (0,),
    ("fit_level", "Y"): (1,),
    ("predict_stack", "X"): (0,),
    ("apply_ramps", "X"): (0,),
    ("hash_rows", "X"): (0, 1),
}


def calls(dtype):
    """Name -> keyword arguments; "add_rows" is the method of Sums(4, 3), and others lack their sums."""
    counter = iter(range(1000))

    def draw(*shape):
        return normal(*shape, seed=next(counter), dtype=dtype)

    X, Y, names = draw(12, 4), draw(12, 3), labels(12, 3)
    starts, w = np.array([0, 6, 12]), np.linspace(0.5, 2.0, 12)
    weighted = {"row_weights": w}
    chain = [draw(5, 4), draw(3, 5)]
    layer = normal(6, 4, seed=60, dtype=dtype), normal(6, seed=61, dtype=dtype), normal(6, seed=62, dtype=dtype)
    G = normal(9, 4, seed=50)
    inverse = {"activation": "tanh", "margin": 0.01}
    seeded = {"seed": 1, "stream": 0, "labels": names}
    solve = {"alphas": [0.1, 1.0], "fold_starts": starts}
    image = {"shape": (3, 2, 2), "patch": 5}
    return {
        "apply_activation": {"activation": "tanh", "Z": draw(12, 4)},
        "invert_activation": {**inverse, "D": draw(12, 4)},
        "draw_hidden": {"weights": "constrained", "X": X, "n_hidden": 6, **seeded, "fold_starts": starts, **weighted},
        "draw_pairs": {**seeded, "n_rows": 12, "attempts": np.arange(6), "fold_starts": starts, **weighted},
        "draw_centers": {"n_rows": 12, "n_hidden": 6, "seed": 1, "stream": 0, **weighted},
        "center_layer": {"centers": draw(6, 4), "n_different": 6},
        "pair_layer": {"first": draw(6, 4), "second": draw(6, 4), "seed": 1, "stream": 0},
        "sample_rows": {**seeded, "n_rows": 12, "fraction": 0.5},
        "deal_folds": {**seeded, "n_rows": 12, "n_folds": 3},
        "add_rows": {"H": X, "Y": Y, "weights": w},
        "add_hidden_rows": {"X": X, "Y": Y, "layer": layer, "activation": "tanh", "weights": w},
        "hidden_leverages": {
            "X": X,
            "layer": layer,
            "activation": "tanh",
            "factor": (np.triu(draw(6, 6)) + 4 * np.eye(6, dtype=dtype), draw(6), draw(6)),
            "share": 0.1,
            "at_prediction": draw(12, 4),
            "weights": w,
        },
        "hidden_features": {"X": X, "layer": layer, "activation": "tanh"},
        "logistic_sums": {
            "H": X,
            "labels": names,
            "folds": np.arange(12) % 2,
            "n_folds": 2,
            "W": draw(4, 9),
            "intercept": draw(9),
            "weights": w,
        },
        "solve_by_factor": {
            "factor": np.triu(normal(6, 6)) + 4 * np.eye(6),
            "scale": normal(6),
            "B": normal(6, 2),
        },
        "widened": {"X": X, "Y": Y, "layer": layer, "activation": "tanh"},
        "solve_ridge_dual": {"H": normal(5, 9), "Y": normal(5, 2), "alpha": 0.1, "intercept": True},
        "solve_lasso": {"G": G.T @ G, "B": normal(4, 3), "alpha": 0.1, "max_iter": 50, "tolerance": 1e-4},
        "fit_crossfit": {
            "X": X,
            "Y": Y,
            **solve,
            "hidden": (draw(6, 4), draw(6)),
            "weights": w,
            "leave_one_out": True,
            "at_prediction": draw(12, 4),
        },
        "fit_encoder": {
            "F": X,
            "code_weights": draw(6, 4),
            "code_bias": draw(6),
            "activation": "tanh",
            "penalty": "ridge",
            "alpha": 0.1,
            **weighted,
        },
        "propagate_targets": {"weights": chain, "targets": Y, **inverse},
        "fit_backward": {
            "X": X,
            "targets": one_hot(names, 3, dtype),
            "codes": draw(3, 3),
            "weights": chain,
            **inverse,
            **solve,
            **weighted,
        },
        "fit_fusion": {
            "blocks": [(X, None), (draw(12, 3), draw(3, 5))],
            "Y": Y,
            "hidden_weights": "constrained",
            "n_hidden": 6,
            "activation": "tanh",
            **seeded,
            **solve,
            **weighted,
        },
        "predict_subsystem": {
            "X": X,
            "encoders": [(draw(5, 4), draw(5), draw(5))],
            "backward": [(draw(4, 3), draw(3), draw(3, 6))],
            "fusion": (draw(15), draw(15), draw(7, 15), draw(7), draw(7, 2), draw(2)),
            "forward_blocks": [0, 1],
            "backward_blocks": [1],
            "activation": "tanh",
        },
        # Patches so large that every one of them sees the whole image.
        "sample_patches": {"images": draw(4, 12), **image, "contrast": 0.5, "seed": 1, "stream": 0, "count": 20},
        "make_filters": {"patches": draw(12, 9), "kind": "patches", "n_filters": 4, "whitening": 0.1},
        "apply_conv": {"images": draw(12, 12), "filters": draw(4, 50), **image, "stride": 1, "grid": 2},
        "hash_rows": {"X": X, "seed": 3},
        "apply_ramps": {
            "X": X[:, ::2].copy(),
            "columns": np.array([1, 0]),
            "low": -np.ones(2),
            "high": np.ones(2),
            "center": normal(2, seed=51),
            "spread": np.array([1.0, 2.0]),
            "single": dtype == np.float32,
        },
        "add_shares": {
            "X": X[:, ::2].copy(),
            "columns": np.array([1, 0]),
            "low": -np.ones(2),
            "high": np.ones(2),
            "mean": normal(2, seed=52),
            "weights": w,
            "sums": normal(2, seed=53),
        },
        "fit_level": {
            "blocks": [X, draw(12, 3)],
            "Y": Y,
            "hidden_weights": "constrained",
            "n_hidden": 6,
            "activation": "tanh",
            **seeded,
            **solve,
            **weighted,
            "fields": (2, 2, 1, 1),
            "leave_one_out": True,
            "at_prediction": [X, draw(12, 3)],
        },
        "predict_stack": {
            "X": X,
            "levels": [
                (draw(6, 4), draw(6), draw(6, 3), draw(3)),
                (draw(7, 7), draw(7), draw(7, 3), draw(3)),
            ],
            "gain": 0.5,
            "activation": "tanh",
            "landmarks": [(draw(5, 4), np.arange(12).reshape(6, 2) % 5, draw(6)), None],
        },
    }


def arrays(value, path=()):
    """Return the path and value of every array in nested arguments."""
    if isinstance(value, np.ndarray):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from arrays(item, (*path, key))
    elif isinstance(value, (list, tuple)):
        for key, item in enumerate(value):
            yield from arrays(item, (*path, key))


def replaced(value, path, new):
    """Nested arguments with the array at a path replaced."""
    if not path:
        return new
    if isinstance(value, dict):
        return {**value, path[0]: replaced(value[path[0]], path[1:], new)}
    items = [replaced(item, path[1:], new) if i == path[0] else item for i, item in enumerate(value)]
    return type(value)(items)


def name_of(function, path):
    """Return what an error must call the array at a path of a function's arguments."""
    return NAMES.get((function, *path), path[0])


def every_array():
    """Every (dtype name, function, path) of an array argument."""
    for dtype in ("float32", "float64"):
        for function, arguments in calls(np.dtype(dtype)).items():
            if dtype == "float32" and function in DOUBLE_ONLY:
                continue
            for path, _ in arrays(arguments):
                yield dtype, function, path


def strides_refused(array):
    """Return views of an array that are not C-ordered rows, by what is wrong with them."""
    if array.ndim == 1:
        return {"reversed": array[::-1], "strided": np.repeat(array, 2)[::2]}
    return {
        "Fortran order": np.asfortranarray(array),
        "reversed rows": array[::-1],
        "reversed columns": array[:, ::-1],
        "every second column": np.repeat(array, 2, axis=1)[:, ::2],
        "broadcast rows": np.broadcast_to(array[0], array.shape),
        "overlapping rows": np.lib.stride_tricks.sliding_window_view(
            np.resize(array, array.shape[0] + array.shape[1] - 1), array.shape[1]
        ),
    }


def misaligned(array):
    """Return a copy of an array that begins at an odd byte."""
    raw = np.zeros(array.nbytes + 1, np.uint8)
    raw[1:] = np.frombuffer(array.tobytes(), np.uint8)
    return np.frombuffer(raw, array.dtype, array.size, offset=1).reshape(array.shape)


def views_accepted(array):
    """Return views of an array that must work without a copy, by what is special about them."""
    locked = array.copy()
    locked.setflags(write=False)
    if array.ndim == 1:
        return {"read-only": locked, "slice": np.append(array, array[:1])[: len(array)]}
    return {
        "read-only": locked,
        "every second row": np.repeat(array, 2, axis=0)[::2],
        "leading columns": np.hstack([array, array])[:, : array.shape[1]],
        "last rows": np.vstack([array, array])[array.shape[0] :],
    }
