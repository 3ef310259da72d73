"""The compiled core.

Arrays are borrowed for the length of a call and never kept or changed. A matrix is 2-D and C-ordered (slices of rows
and of leading columns are fine), a vector 1-D and contiguous; all floating arrays of a call have one dtype, float32 or
float64. Anything else raises TypeError or ValueError naming the argument. The GIL is released during long calls.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

_Floats: TypeAlias = npt.NDArray[np.floating[Any]]
_Float64: TypeAlias = npt.NDArray[np.float64]
_Int64: TypeAlias = npt.NDArray[np.int64]
_Tick: TypeAlias = Callable[[], None] | None

class LinAlgError(np.linalg.LinAlgError): ...

def build_info() -> dict[str, Any]: ...
def num_threads() -> int: ...
def set_num_threads(n_threads: int) -> None: ...
def apply_activation(activation: str, Z: _Floats) -> _Floats: ...
def invert_activation(activation: str, margin: float, D: _Floats) -> _Floats: ...
def has_inverse(activation: str) -> bool: ...
def draw_hidden(
    weights: str,
    X: _Floats,
    n_hidden: int,
    seed: int,
    stream: int,
    labels: _Int64 | None = None,
    fold_starts: _Int64 | None = None,
    fields: tuple[int, int, int, int] | None = None,
    groups: _Int64 | None = None,
    row_weights: _Float64 | None = None,
    n_landmarks: int = 0,
) -> tuple[_Floats, _Floats]: ...
def draw_pairs(
    n_rows: int,
    seed: int,
    stream: int,
    attempts: _Int64,
    labels: _Int64 | None = None,
    fold_starts: _Int64 | None = None,
    row_weights: _Float64 | None = None,
    n_landmarks: int = 0,
) -> _Int64: ...
def draw_centers(n_rows: int, n_hidden: int, seed: int, stream: int, row_weights: _Float64 | None = None) -> _Int64: ...
def center_layer(centers: _Floats, n_different: int) -> tuple[_Floats, _Floats]: ...
def pair_layer(
    first: _Floats,
    second: _Floats,
    seed: int,
    stream: int,
    fields: tuple[int, int, int, int] | None = None,
    groups: _Int64 | None = None,
) -> tuple[_Floats, _Floats]: ...
def hash_rows(X: _Floats, seed: int) -> npt.NDArray[np.uint64]: ...
def random_matrix(normal: bool, seed: int, stream: int, rows: int, cols: int) -> _Float64: ...
def sample_rows(seed: int, stream: int, labels: _Int64 | None, n_rows: int, fraction: float) -> _Int64: ...
def deal_folds(seed: int, stream: int, labels: _Int64 | None, n_rows: int, n_folds: int) -> _Int64: ...

class Sums:
    def __init__(self, n_features: int, n_outputs: int) -> None: ...
    def add_rows(self, H: _Floats, Y: _Floats, weights: _Float64 | None = None) -> None: ...
    def merge(self, other: Sums) -> None: ...
    def subtract(self, other: Sums) -> None: ...
    def with_outputs(self, sources: _Int64, value: float) -> Sums: ...
    def __getstate__(self) -> tuple[Any, ...]: ...
    def __setstate__(self, state: tuple[Any, ...]) -> None: ...
    @property
    def gram(self) -> _Float64: ...
    @property
    def cross(self) -> _Float64: ...
    @property
    def feature_sums(self) -> _Float64: ...
    @property
    def target_sums(self) -> _Float64: ...
    @property
    def target_squares(self) -> _Float64: ...
    @property
    def squares(self) -> _Float64: ...
    @property
    def removed(self) -> _Float64: ...
    @property
    def weight(self) -> float: ...
    @property
    def n_samples(self) -> int: ...
    @property
    def roundoff(self) -> float: ...

def solve_ridge(
    parts: Sequence[Sums],
    alpha: float,
    intercept: bool,
    n_features: int = -1,
    allow_fallback: bool = True,
    keep_factor: bool = False,
    left_out: _Int64 | None = None,
) -> dict[str, Any]: ...
def solve_ridge_dual(
    H: _Float64, Y: _Float64, alpha: float, intercept: bool, skip_from: int = 0, skip_to: int = 0
) -> dict[str, Any]: ...
def heldout_errors(
    folds: Sequence[Sums],
    alphas: Sequence[float],
    intercept: bool,
    n_features: int = -1,
    left_out: Sequence[_Int64] = [],
) -> list[float]: ...
def solve_lasso(G: _Float64, B: _Float64, alpha: float, max_iter: int, tolerance: float) -> dict[str, Any]: ...
def fit_crossfit(
    X: _Floats,
    Y: _Floats,
    alphas: Sequence[float],
    fold_starts: _Int64 | None = None,
    intercept: bool = True,
    hidden: tuple[_Floats, _Floats] | None = None,
    activation: str = "tanh",
    weights: _Float64 | None = None,
    path_width: int = 1024,
    block_rows: int = 4096,
    hold_bytes: int = 1073741824,
    selection: str = "kfold",
    leave_one_out: bool = False,
    at_prediction: _Floats | None = None,
    tick: _Tick = None,
) -> dict[str, Any]: ...
def add_hidden_rows(
    sums: Sums,
    X: _Floats,
    Y: _Floats,
    layer: tuple[_Floats, _Floats, _Floats],
    activation: str,
    weights: _Float64 | None = None,
) -> None: ...
def hidden_leverages(
    X: _Floats,
    layer: tuple[_Floats, _Floats, _Floats],
    activation: str,
    factor: tuple[_Floats, _Floats, _Floats],
    share: float,
    at_prediction: _Floats | None = None,
    weights: _Float64 | None = None,
) -> tuple[_Float64, _Float64]: ...
def hidden_features(X: _Floats, layer: tuple[_Floats, _Floats, _Floats], activation: str) -> _Floats: ...
def logistic_sums(
    H: _Floats,
    labels: _Int64,
    folds: _Int64,
    n_folds: int,
    W: _Floats,
    intercept: _Floats,
    weights: _Float64 | None = None,
) -> tuple[_Float64, _Float64, _Float64]: ...
def solve_by_factor(factor: _Float64, scale: _Float64, B: _Float64) -> _Float64: ...
def widened(sums: Sums, X: _Floats, Y: _Floats, layer: tuple[_Floats, _Floats, _Floats], activation: str) -> Sums: ...
def apply_ramps(
    X: _Floats,
    columns: _Int64,
    low: _Float64,
    high: _Float64,
    center: _Float64,
    spread: _Float64,
    single: bool,
) -> _Floats: ...
def add_shares(
    X: _Floats,
    columns: _Int64,
    low: _Float64,
    high: _Float64,
    mean: _Float64 | None,
    weights: _Float64 | None,
    sums: _Float64,
) -> _Float64: ...
def fit_encoder(
    F: _Floats,
    code_weights: _Floats,
    code_bias: _Floats,
    activation: str,
    penalty: str,
    alpha: float,
    max_iter: int = 50,
    tolerance: float = 1e-4,
    row_weights: _Float64 | None = None,
    tick: _Tick = None,
) -> dict[str, Any]: ...
def propagate_targets(
    weights: Sequence[_Floats], targets: _Floats, activation: str, margin: float
) -> list[_Floats]: ...
def fit_backward(
    X: _Floats,
    targets: _Floats,
    codes: _Floats | None,
    weights: Sequence[_Floats],
    activation: str,
    margin: float,
    alphas: Sequence[float],
    fold_starts: _Int64 | None = None,
    path_width: int = 1024,
    selection: str = "kfold",
    row_weights: _Float64 | None = None,
    tick: _Tick = None,
) -> list[dict[str, Any]]: ...
def fit_fusion(
    blocks: Sequence[tuple[_Floats, _Floats | None]],
    Y: _Floats,
    hidden_weights: str,
    n_hidden: int,
    activation: str,
    seed: int,
    stream: int,
    labels: _Int64 | None,
    alphas: Sequence[float],
    fold_starts: _Int64 | None = None,
    path_width: int = 1024,
    selection: str = "kfold",
    row_weights: _Float64 | None = None,
    tick: _Tick = None,
) -> dict[str, Any]: ...
def predict_subsystem(
    X: _Floats,
    encoders: Sequence[tuple[_Floats, _Floats, _Floats]],
    backward: Sequence[tuple[_Floats, _Floats, _Floats]],
    fusion: tuple[_Floats, _Floats, _Floats, _Floats, _Floats, _Floats],
    forward_blocks: Sequence[int],
    backward_blocks: Sequence[int],
    activation: str,
    block_rows: int = 2048,
) -> _Floats: ...
def sample_patches(
    images: _Floats, shape: tuple[int, int, int], patch: int, contrast: float, seed: int, stream: int, count: int
) -> _Floats: ...
def make_filters(patches: _Floats, kind: str, n_filters: int, whitening: float = 0.0) -> _Floats: ...
def apply_conv(
    images: _Floats,
    filters: _Floats,
    shape: tuple[int, int, int],
    patch: int,
    stride: int = 1,
    grid: int = 7,
    overlap: float = 0.0,
    contrast: float = 0.0,
    threshold: float = 0.0,
    tick: _Tick = None,
) -> _Floats: ...
def fit_level(
    blocks: Sequence[_Floats],
    Y: _Floats,
    hidden_weights: str,
    n_hidden: int,
    activation: str,
    seed: int,
    stream: int,
    labels: _Int64 | None,
    alphas: Sequence[float],
    fold_starts: _Int64 | None = None,
    fields: tuple[int, int, int, int] | None = None,
    groups: _Int64 | None = None,
    n_landmarks: int = 0,
    path_width: int = 1024,
    selection: str = "kfold",
    leave_one_out: bool = False,
    at_prediction: Sequence[_Floats] | None = None,
    row_weights: _Float64 | None = None,
    search: bool = True,
    oof_scores: _Floats | None = None,
    loo_scores: _Floats | None = None,
    tick: _Tick = None,
) -> dict[str, Any]: ...
def predict_stack(
    X: _Floats,
    levels: Sequence[tuple[_Floats, _Floats, _Floats, _Floats]],
    gain: float,
    activation: str,
    block_rows: int = 2048,
    out: _Floats | None = None,
    landmarks: Sequence[tuple[_Floats, _Int64, _Floats] | None] | None = None,
) -> _Floats: ...
