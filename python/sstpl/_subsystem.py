"""A trained subsystem of the paper (arXiv 2406.18931), as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

from sstpl import _core
from sstpl._typing import Floats


@dataclass(frozen=True)
class Encoder:
    """A fitted forward layer: weights (p, d), and the range that scales its features to [0, 1]."""

    weights: Floats
    low: Floats
    scale: Floats


@dataclass(frozen=True)
class BackwardLayer:
    """A re-solved layer: weights (w, c) with prototypes (c, w'), or weights (w, w') with none (0, 0)."""

    weights: Floats
    intercept: Floats
    prototypes: Floats


@dataclass(frozen=True)
class Readout:
    """A hidden layer on scaled inputs and its ridge solution."""

    low: Floats
    scale: Floats
    hidden_weights: Floats
    hidden_bias: Floats
    weights: Floats
    intercept: Floats


@dataclass(frozen=True)
class Subsystem:
    """A trained subsystem: everything that prediction needs, as plain arrays."""

    activation: str
    encoders: tuple[Encoder, ...]
    backward: tuple[BackwardLayer, ...]
    forward_blocks: tuple[int, ...]
    backward_blocks: tuple[int, ...]
    readout: Readout
    depth: int

    def predict(self, X: Floats, n_rows: int | None = None) -> Floats:
        """Return scores (n, c) of mapped rows X (n, d) in the dtype of the weights, however many rows there are."""
        r = self.readout
        return _core.predict_subsystem(
            X,
            [(e.weights, e.low, e.scale) for e in self.encoders],
            [(b.weights, b.intercept, b.prototypes) for b in self.backward],
            (r.low, r.scale, r.hidden_weights, r.hidden_bias, r.weights, r.intercept),
            list(self.forward_blocks),
            list(self.backward_blocks),
            self.activation,
        )

    @property
    def width(self) -> int:
        """Number of hidden units of the fusion."""
        return len(self.readout.hidden_weights)
