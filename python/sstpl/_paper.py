"""One subsystem of the paper (arXiv 2406.18931): forward layers, backward network, fusion.

Native calls do the work; this module decides, from out-of-fold scores alone, how deep the forward stack goes and
which pair of features is fused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from sstpl import _core
from sstpl._blind import OwnScores
from sstpl._callbacks import Tell, nobody
from sstpl._config import threads_for
from sstpl._progress import Progress
from sstpl._report import Step, step
from sstpl._rows import Rows
from sstpl._selection import Score, alpha_path, clearly_less, gain_detail, path_detail, row_losses
from sstpl._subsystem import BackwardLayer, Encoder, Readout, Subsystem
from sstpl._system import Fitted
from sstpl._typing import Floats, Reals, Weights

# Streams of random numbers by use; a subsystem has a seed of its own. 0 and 1 are the row sample and the folds.
_STANDARD_ERRORS = 2  # by which a pair must be better than a forward level alone
_LEAST_ROWS_FOR_BACKWARD = 8  # so that each half of the blind scores has folds of its own
_STREAM_CODE, _STREAM_READOUT, _STREAM_PAIR, _STREAM_FUSION = 100, 200, 1000, 10


@dataclass(frozen=True)
class PaperOptions:
    """The choices of `SSTPLClassifier` and `SSTPLRegressor` that a subsystem needs, resolved."""

    hidden_widths: tuple[int, ...]
    readout_width: int
    fusion_width: int
    activation: str
    hidden_weights: str
    encoder_penalty: str
    encoder_alpha: float
    alpha: float | None  # None: chosen on a path
    selection: str  # what scores the path
    fusion: str
    inverse_margin: float

    @property
    def code_weights(self) -> str:
        """How the random code of an encoder is drawn.

        A code must keep what its input holds. Differences of samples do not: they see the classes apart and little
        else, and the layers above them lose the rest.
        """
        return "orthogonal" if self.hidden_weights == "constrained" else self.hidden_weights


def _best_alone(scores: dict[tuple[int, int], Score]) -> tuple[int, int]:
    """Return the best forward level without a backward partner."""
    return max((blocks for blocks in scores if blocks[1] == 0), key=lambda blocks: scores[blocks])


def _choose_pair(
    scores: dict[tuple[int, int], Score], losses: dict[tuple[int, int], Reals], weights: Weights = None
) -> tuple[int, int]:
    """Return the best forward level alone, or the best pair that is clearly better than it.

    Narrow readouts gain more from a partner than the wide one that follows, so a small lead is not worth its cost.
    """
    alone = _best_alone(scores)
    better = [
        blocks
        for blocks in scores
        if blocks[1] and clearly_less(losses[blocks], losses[alone], _STANDARD_ERRORS, weights)
    ]
    return max(better, key=lambda blocks: scores[blocks], default=alone)


class PaperFit:
    """The fit of one subsystem; `run` returns the model and honest scores of its rows.

    Backward features are learnt from labels, so features of a row that are blind to its own fold are still not blind
    to another: a readout beside them can compare what they know of each other, and its out-of-fold scores are too
    good, above chance on random labels (tests/estimators/test_leakage.py). Choices between pairs are therefore made
    on `held` rows, which the subsystem never saw, and scores of a fusion with backward features come from
    `_blind_scores`.
    """

    def __init__(
        self, rows: Rows, options: PaperOptions, seed: int, progress: Progress, held: Rows | None = None
    ) -> None:
        self.rows = rows
        self.held = held
        self.options = options
        self.seed = seed
        self.progress = progress
        self.alphas = alpha_path(options.alpha, rows.X.dtype)
        self.costs = self._costs()
        self.steps: list[Step] = []
        self.tell: Tell = nobody
        self.encoders: list[Encoder] = []
        self.readouts: list[Readout] = []  # of F_1 .. F_depth
        self.readout_scores: list[Floats] = []
        self.features: list[Floats] = [rows.X]  # F_0 .. F_depth
        self.backward: list[BackwardLayer] = []
        self.backward_scores: list[Floats] = []

    def run(self, tell: Tell = nobody) -> Fitted:
        """Fit the subsystem, telling of every step."""
        self.tell = tell
        with threads_for(sum(self.costs.values())):
            return self._run()

    def _run(self) -> Fitted:
        self.progress.plan(sum(self.costs.values()))
        self._grow_forward()
        for level in range(len(self.encoders) + 2, len(self.options.hidden_widths) + 1):
            self.progress.drop(self.costs[f"forward {level}"])
        if len(self.rows.targets) >= _LEAST_ROWS_FOR_BACKWARD:
            self._fit_backward()
            self.progress.done(self.costs["backward"])
        else:
            self.progress.drop(self.costs["backward"])
        forward, backward = self._choose_blocks()
        blind = self._blind_scores(forward, backward, self.options.fusion_width, _STREAM_FUSION) if backward else None
        self._release(forward, backward)
        fused, scores, native, seconds = self._fit_readout(
            forward, backward, self.options.fusion_width, _STREAM_FUSION, "fusion"
        )
        scores = scores if blind is None else blind
        self._record(step("fusion", 0, seconds, native, self.rows.score(scores)))
        self.progress.done(self.costs["fusion"])
        subsystem = self._subsystem(forward, backward, fused)
        return Fitted(subsystem, subsystem, OwnScores(scores))

    def _record(self, one: Step) -> None:
        self.steps.append(one)
        self.tell(one)

    def _subsystem(self, forward: tuple[int, ...], backward: tuple[int, ...], readout: Readout) -> Subsystem:
        return Subsystem(
            self.options.activation,
            tuple(self.encoders[: max(forward)]),
            tuple(self.backward[: max(backward, default=0)]),
            forward,
            backward,
            readout,
            len(self.encoders),
        )

    def _grow_forward(self) -> None:
        """Add encoders while their readout's selection score improves."""
        best: Score | None = None
        for level, width in enumerate(self.options.hidden_widths, start=1):
            self.progress.stage(f"forward layer {level}")
            encoder, features, encoder_step = self._fit_encoder(level, width)
            self.encoders.append(encoder)
            self.features.append(features)
            readout, scores, native, seconds = self._fit_readout(
                (level,), (), self.options.readout_width, _STREAM_READOUT + level, f"readout {level}"
            )
            score = self.rows.score(scores)
            readout_step = step("readout", level, seconds, native, score)
            encoder_step.accepted = readout_step.accepted = best is None or score > best
            self._record(encoder_step)
            self._record(readout_step)
            self.progress.done(self.costs[f"forward {level}"])
            if not readout_step.accepted:
                self.encoders.pop()
                self.features.pop()
                break
            best = score
            self.readouts.append(readout)
            self.readout_scores.append(scores)

    def _fit_encoder(self, level: int, width: int) -> tuple[Encoder, Floats, Step]:
        start = perf_counter()
        below = self.features[-1]
        options = self.options
        code, bias = _core.draw_hidden(
            options.code_weights,
            below,
            width,
            self.seed,
            _STREAM_CODE + level,
            self.rows.labels,
            self.rows.fold_starts,
            row_weights=self.rows.weights,
        )
        fit = _core.fit_encoder(
            below,
            code,
            bias,
            options.activation,
            options.encoder_penalty,
            options.encoder_alpha,
            row_weights=self.rows.weights,
            tick=self.progress.tick,
        )
        encoder = Encoder(fit["weights"], fit["low"], fit["scale"])
        return encoder, fit["encoded"], step("encoder", level, perf_counter() - start, fit["report"])

    def _fit_readout(
        self, forward: Sequence[int], backward: Sequence[int], width: int, stream: int, name: str
    ) -> tuple[Readout, Floats, dict[str, Any], float]:
        """Fit a hidden layer and its readout on the named blocks side by side."""
        self.progress.stage(name)
        start = perf_counter()
        blocks: list[tuple[Floats, Floats | None]] = [(self.features[i], None) for i in forward]
        blocks += [self._backward_block(j) for j in backward]
        fit = _core.fit_fusion(
            blocks,
            self.rows.targets,
            self.options.hidden_weights,
            width,
            self.options.activation,
            self.seed,
            stream,
            self.rows.labels,
            self.alphas,
            self.rows.fold_starts,
            selection=self.options.selection,
            row_weights=self.rows.weights,
            tick=self.progress.tick,
        )
        readout = Readout(
            fit["low"],
            fit["scale"],
            fit["hidden_weights"],
            fit["hidden_bias"],
            fit["weights"],
            fit["intercept"],
        )
        native = fit["report"] | path_detail(self.alphas, fit["report"]["path_errors"])
        return readout, fit["oof_scores"], native, perf_counter() - start

    def _backward_block(self, level: int) -> tuple[Floats, Floats | None]:
        layer, scores = self.backward[level - 1], self.backward_scores[level - 1]
        if layer.prototypes.size:
            return scores, layer.prototypes
        return _core.apply_activation(self.options.activation, scores), None

    def _fit_backward(self) -> None:
        """Re-solve the network of the encoders and the last readout, down from the targets and up again."""
        self.progress.stage("backward")
        start = perf_counter()
        dtype = self.rows.X.dtype
        readout = self.readouts[-1]
        chain = [encoder.weights for encoder in self.encoders]
        chain += [readout.hidden_weights, np.ascontiguousarray(readout.weights.T)]
        codes = targets = None
        if self.rows.labels is None:
            targets = self.rows.targets
        else:
            n_classes = self.rows.targets.shape[1]
            codes = (2 * np.eye(n_classes) - 1).astype(dtype)
            targets = np.eye(n_classes, dtype=dtype)[self.rows.labels]
        layers = _core.fit_backward(
            self.rows.X,
            targets,
            codes,
            chain,
            self.options.activation,
            self.options.inverse_margin,
            self.alphas,
            self.rows.fold_starts,
            selection=self.options.selection,
            row_weights=self.rows.weights,
            tick=self.progress.tick,
        )
        seconds = (perf_counter() - start) / len(layers)
        for level, layer in enumerate(layers[:-1], start=1):  # the last one is linear: scores, not features
            self.backward.append(BackwardLayer(layer["weights"], layer["intercept"], layer["prototypes"]))
            self.backward_scores.append(layer["scores"])
            report = layer["report"] | path_detail(self.alphas, layer["report"]["path_errors"])
            self._record(step("backward", level, seconds, report))

    def _choose_blocks(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the forward and the backward levels to fuse."""
        forward = range(1, len(self.encoders) + 1)
        backward = range(1, len(self.backward) + 1)
        if self.options.fusion == "all":
            return tuple(forward), tuple(backward)
        tried: dict[tuple[int, int], Step] = {}
        losses: dict[tuple[int, int], npt.NDArray[np.float64]] = {}
        for i in forward:  # without a backward partner: the readouts of the forward walk
            start = perf_counter()
            score, losses[i, 0] = self._judge((i,), (), self.readouts[i - 1])
            tried[i, 0] = step("pair", 0, perf_counter() - start, {"forward": i, "backward": 0}, score)
            self._record(tried[i, 0])
        for i, j in product(forward, backward):
            stream = _STREAM_PAIR + 100 * i + j
            readout, _, native, seconds = self._fit_readout(
                (i,), (j,), self.options.readout_width, stream, f"pair {i}, {j}"
            )
            score, losses[i, j] = self._judge((i,), (j,), readout, stream)
            tried[i, j] = step("pair", 0, seconds, native | {"forward": i, "backward": j}, score)
            self._record(tried[i, j])
            self.progress.done(self.costs["pairs"] / (len(forward) * len(backward)))
        scores = {blocks: pair.score for blocks, pair in tried.items() if pair.score}
        weights = (self.rows if self.held is None else self.held).weights
        i, j = _choose_pair(scores, losses, weights)
        alone = _best_alone(scores)
        for blocks, pair in tried.items():
            pair.accepted = blocks == (i, j)
            if blocks[1]:
                pair.detail |= gain_detail(losses[blocks], losses[alone], _STANDARD_ERRORS, weights=weights)
        return (i,), (j,) if j else ()

    def _judge(
        self, forward: tuple[int, ...], backward: tuple[int, ...], readout: Readout, stream: int = 0
    ) -> tuple[Score, npt.NDArray[np.float64]]:
        """Score a narrow candidate on rows it never saw: the held ones, or blindly where there are none."""
        if self.held is not None:
            rows, scores = self.held, self._subsystem(forward, backward, readout).predict(self.held.X)
        elif backward:
            rows, scores = self.rows, self._blind_scores(forward, backward, self.options.readout_width, stream)
        else:
            rows, scores = self.rows, self.readout_scores[forward[0] - 1]
        return rows.score(scores), row_losses(scores, rows.targets, rows.labels)

    def _blind_scores(self, forward: tuple[int, ...], backward: tuple[int, ...], width: int, stream: int) -> Floats:
        """Score each half of the rows by backward network and readout of the other half alone.

        Encoders are kept: they never saw a label. Halves are whole folds, so that constrained draws, whose pairs lie
        within folds, stay within halves.
        """
        rows, starts = self.rows, self.rows.fold_starts
        middle = len(starts) // 2
        cut, n_rows = int(starts[middle]), int(starts[-1])
        scores = np.empty_like(rows.targets)
        halves = ((slice(0, cut), slice(cut, n_rows)), (slice(cut, n_rows), slice(0, cut)))
        for (train, test), folds in zip(halves, (starts[: middle + 1], starts[middle:] - cut), strict=True):
            if len(folds) < 3:
                folds = np.array([0, folds[-1] // 2, folds[-1]], dtype=np.int64)
            labels = None if rows.labels is None else rows.labels[train]
            weights = None if rows.weights is None else rows.weights[train]
            own = Rows(rows.X[train], rows.targets[train], labels, folds, weights)
            half = PaperFit(own, self.options, self.seed, self.progress)
            half.encoders, half.features = self.encoders, [f[train] for f in self.features]
            top = len(self.encoders)
            half.readouts = [
                half._fit_readout((top,), (), self.options.readout_width, _STREAM_READOUT + top, "blind scores")[0]
            ]
            half._fit_backward()
            fused = half._fit_readout(forward, backward, width, stream, "blind scores")[0]
            scores[test] = half._subsystem(forward, backward, fused).predict(rows.X[test])
        return scores

    def _release(self, forward: Sequence[int], backward: Sequence[int]) -> None:
        """Drop the training features that the fusion does not read: the wide solve needs the memory."""
        empty = np.empty((0, 0), dtype=self.rows.X.dtype)
        self.rows = replace(self.rows, X=empty)
        self.features = [f if i in forward else empty for i, f in enumerate(self.features)]
        self.backward_scores = [s if j in backward else empty for j, s in enumerate(self.backward_scores, start=1)]

    def _costs(self) -> dict[str, float]:
        """Return estimated flops of every stage at full depth, for the progress bar."""
        n, d = self.rows.X.shape
        folds = len(self.rows.fold_starts) - 1
        narrow, wide = self.options.readout_width, self.options.fusion_width
        widths = [d, *self.options.hidden_widths]

        def solve(p: int, inputs: int) -> float:
            return float(4 * n * inputs * p + n * p**2 + (folds + 1) * p**3)

        costs = {
            f"forward {i}": n * widths[i] * (widths[i] + 6 * widths[i - 1]) + solve(narrow, widths[i])
            for i in range(1, len(widths))
        }
        costs["backward"] = sum(solve(w, 0) for w in [*widths, narrow])
        mean_width = 2 * int(np.mean(widths[1:]))
        n_pairs = 0 if self.options.fusion == "all" else (len(widths) - 1) * len(widths)
        costs["pairs"] = n_pairs * solve(narrow, mean_width)
        costs["fusion"] = solve(wide, mean_width)
        return costs
