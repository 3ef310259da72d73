"""What the classifier and the regressor share: parameters, the fit, and mapped prediction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sstpl import _validation as check
from sstpl._config import threads
from sstpl._inputs import InputMap
from sstpl._paper import PaperOptions, Subsystem
from sstpl._progress import Progress
from sstpl._report import Report
from sstpl._system import System, SystemOptions, fit_system
from sstpl._typing import Floats, Labels

# Clamp of the inverse activation: targets of the backward network stay this far inside the range of tanh or sigmoid.
_INVERSE_MARGIN = 1e-2


@contextmanager
def unchanged_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Put an estimator back as it was when the block raises, whatever was set on it on the way."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        estimator.__dict__.clear()
        estimator.__dict__.update(before)
        raise


class SSTPLBase(BaseEstimator):
    """Parameters and fitting of both estimators; see `SSTPLClassifier`."""

    report_: Report
    depth_: int
    n_subsystems_: int
    subsystems_: tuple[Subsystem, ...]
    _input_map: InputMap

    def __init__(
        self,
        *,
        architecture: str = "paper",
        hidden_widths: tuple[int, ...] = (300, 150),
        max_depth: int | None = None,
        n_subsystems: int | str = "auto",
        max_subsystems: int = 5,
        subsystem_fraction: float = 0.8,
        encoder_penalty: str = "ridge",
        encoder_alpha: float = 0.1,
        activation: str = "tanh",
        hidden_weights: str = "constrained",
        readout_width: int = 300,
        fusion_width: int = 1000,
        alpha: float | str = "auto",
        fusion: str = "pair",
        selection: str = "kfold",
        n_folds: int = 5,
        scaling: str = "feature",
        dtype: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        n_threads: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.architecture = architecture
        self.hidden_widths = hidden_widths
        self.max_depth = max_depth
        self.n_subsystems = n_subsystems
        self.max_subsystems = max_subsystems
        self.subsystem_fraction = subsystem_fraction
        self.encoder_penalty = encoder_penalty
        self.encoder_alpha = encoder_alpha
        self.activation = activation
        self.hidden_weights = hidden_weights
        self.readout_width = readout_width
        self.fusion_width = fusion_width
        self.alpha = alpha
        self.fusion = fusion
        self.selection = selection
        self.n_folds = n_folds
        self.scaling = scaling
        self.dtype = dtype
        self.random_state = random_state
        self.n_threads = n_threads
        self.verbose = verbose

    def _check_parameters(self) -> tuple[SystemOptions, PaperOptions]:
        check.choice("architecture", self.architecture, ("paper",))
        check.choice("selection", self.selection, ("kfold",))
        check.choice("scaling", self.scaling, ("feature", "sample", "none"))
        check.optional(check.integer, "n_threads", self.n_threads, 1)
        check.integer("verbose", int(self.verbose), 0)
        adaptive = self.n_subsystems == "auto"
        if not adaptive and isinstance(self.n_subsystems, str):
            raise ValueError(f"n_subsystems must be an integer of at least 1 or 'auto', got {self.n_subsystems!r}")
        cap = check.integer("max_subsystems", self.max_subsystems, 1)
        system = SystemOptions(
            n_subsystems=cap if adaptive else check.integer("n_subsystems", self.n_subsystems, 1),
            adaptive=adaptive,
            fraction=check.real("subsystem_fraction", self.subsystem_fraction, 0.0, 1.0, low_open=True),
            n_folds=check.integer("n_folds", self.n_folds, 2),
        )
        paper = PaperOptions(
            hidden_widths=check.widths("hidden_widths", self.hidden_widths, self.max_depth),
            readout_width=check.integer("readout_width", self.readout_width, 1),
            fusion_width=check.integer("fusion_width", self.fusion_width, 1),
            activation=check.check_activation(self.activation),
            hidden_weights=check.choice("hidden_weights", self.hidden_weights, check.HIDDEN_WEIGHTS),
            encoder_penalty=check.choice("encoder_penalty", self.encoder_penalty, ("ridge", "lasso")),
            encoder_alpha=check.real("encoder_alpha", self.encoder_alpha, 0.0, np.inf),
            alpha=check.float_or_auto("alpha", self.alpha),
            fusion=check.choice("fusion", self.fusion, ("pair", "all")),
            inverse_margin=_INVERSE_MARGIN,
        )
        return system, paper

    def _fit_system(
        self, input_map: InputMap, mapped: Floats, targets: Floats, labels: Labels | None
    ) -> tuple[dict[str, Any], Floats]:
        """Fit on mapped rows; return the fitted attributes, and the honest scores of the training rows."""
        options, paper = self._check_parameters()
        seed = check.seed_of(self.random_state)
        with threads(self.n_threads), Progress(self.verbose > 0, type(self).__name__) as progress:
            system, scores, report = fit_system(mapped, targets, labels, options, paper, seed, progress)
        report.warn()
        fitted = {
            "_input_map": input_map,
            "subsystems_": system.subsystems,
            "report_": report,
            "depth_": max(subsystem.depth for subsystem in system.subsystems),
            "n_subsystems_": len(system.subsystems),
        }
        return fitted, scores

    def _keep(self, fitted: dict[str, Any]) -> None:
        for name, value in fitted.items():
            setattr(self, name, value)

    def _scores(self, X: object) -> Floats:
        """Return the system's scores (n_samples, n_outputs) of rows to predict."""
        checked = check.prediction_rows(self, X)
        rows = self._input_map.transform(checked)
        with threads(self.n_threads):
            return System(self.subsystems_).predict(rows)
