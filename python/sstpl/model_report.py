"""`report` and `ModelReport`: a fitted estimator to look at."""

from __future__ import annotations

import os
import uuid
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sstpl import _validation as check
from sstpl._base import SSTPLBase
from sstpl._targets import LabelTargets

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from matplotlib.figure import Figure

    from sstpl._html import Section


class ModelReport:
    """What a fitted estimator chose, why, and how well it does; see `report`.

    Notebooks show it as HTML; ``print`` shows one line and the table of steps. Figures are drawn when HTML is
    first asked for, as they then are.

    Attributes
    ----------
    figures : dict of str to matplotlib.figure.Figure
        By name, in the order of the report. Of the fit: "maps", "width", "alpha", "levels" ("recursive"), "pairs"
        ("paper"), "system", "conditioning", each where there was something to choose. Of images: "filters", "fields",
        "hidden". Of rows: "confusion" and "reliability", or "residuals"; "contribution", "importance".
    """

    figures: dict[str, Figure]

    def __init__(self, estimator: SSTPLBase, sections: Sequence[Section]) -> None:
        from sstpl import _html, _overview

        self._title = type(estimator).__name__
        self._headline = _overview.headline(estimator)
        self._facts = _overview.facts(estimator)
        self._steps = estimator.report_.summary()
        self._sections = sections
        self.figures = {part.name: part.figure for s in sections for part in s.parts if isinstance(part, _html.Plot)}

    def to_html(self) -> str:
        """Return one self-contained HTML document: no script, nothing fetched, the same bytes for the same model."""
        from sstpl import _html

        return _html.document(self._title, self._body)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write `to_html` to a file, whole or not at all.

        Parameters
        ----------
        path : str or path-like
            An existing file is replaced.

        Raises
        ------
        OSError
            Where the file cannot be written; an existing one is then as it was.
        """
        target = Path(path)
        partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
        try:
            partial.write_text(self.to_html(), encoding="utf-8")
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    def _repr_html_(self) -> str:
        return self._body

    @cached_property
    def _body(self) -> str:
        from sstpl import _html

        return _html.fragment(self._title, self._headline, self._facts, self._sections)

    def __str__(self) -> str:
        return f"{self._headline}\n{self._steps}"

    def __repr__(self) -> str:
        return f"<ModelReport: {self._headline}; figures: {', '.join(self.figures)}>"


def report(
    estimator: SSTPLBase,
    X: npt.ArrayLike | None = None,
    y: npt.ArrayLike | None = None,
    *,
    random_state: int | np.random.RandomState | None = 0,
) -> ModelReport:
    """Show what a fitted estimator chose, why, and how well it does, as HTML and as figures.

    Everything comes from the fitted estimator and from the rows given; nothing is fitted again. Without rows it shows
    the fit: input maps, widths, penalties, levels, subsystems and pairs that were tried, with their scores and the
    rule that decided, the conditioning of every solve, and what the units of an image model see.

    Parameters
    ----------
    estimator : SSTPLClassifier or SSTPLRegressor
        Fitted.
    X : array-like of shape (n_samples, n_features) or None, default=None
        Labelled rows, which show in addition: predictions against truth, a reliability curve where the classifier has
        ``predict_proba``, what every level and subsystem adds (at most 5000 rows), and permutation importance (at most
        500 rows, the 15 columns that move the scores of a few rows most, of at most 1000; not for images).
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), or None, default=None
        The targets of X. Without X, those of the training rows in the order of ``fit``: predictions are then the
        out-of-fold ones that the fit left. Where X comes with targets of that very order, X is taken to be the training
        rows, its score is called in-fold, and the predictions shown are the out-of-fold ones.
    random_state : int, RandomState or None, default=0
        Seed of the rows that are drawn where there are too many, and of the shuffles.

    Returns
    -------
    ModelReport
        With ``figures``, ``to_html()`` and ``save(path)``; shown as HTML in notebooks.

    Raises
    ------
    ImportError
        Without matplotlib, which ``pip install 'sstpl[report]'`` brings.
    sklearn.exceptions.NotFittedError
        When the estimator is not fitted.
    TypeError
        For another kind of estimator.
    ValueError
        For X without y, and for rows or targets that do not match the fit.

    Notes
    -----
    Cost: drawing takes one to three seconds; rows add their prediction, that of at most 5000 rows by every first part
    of the system, and that of about 35,000 rows for the importance. The size is some hundred kilobytes.

    It is a function, not a method of the estimators, so that they need no plotting, and no name beside ``report_``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sstpl import SSTPLClassifier, report
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SSTPLClassifier(hidden_width=50, n_subsystems=2, random_state=0).fit(X[::2], y[::2])
    >>> shown = report(model, X[1::2], y[1::2])
    >>> sorted(shown.figures)[:4]
    ['alpha', 'conditioning', 'confusion', 'contribution']
    """
    if not isinstance(estimator, SSTPLBase):
        raise TypeError(f"estimator must be an SSTPLClassifier or an SSTPLRegressor, got {type(estimator).__name__}")
    check.fitted(estimator)
    if y is not None and isinstance(estimator._targets, LabelTargets):
        raise ValueError("X and y must not be given: the report shows no rows of several labels")
    if X is not None and y is None:
        raise ValueError("y must be given with X, got None")
    if find_spec("matplotlib") is None:
        raise ImportError("report needs matplotlib, which comes with: pip install 'sstpl[report]'")
    from sstpl import _fit_sections, _row_sections

    random = check.random_of(random_state)
    sections = list(_row_sections.row_sections(estimator, X, y, random)) if y is not None else []
    sections += [*_fit_sections.fit_sections(estimator), *_row_sections.image_sections(estimator)]
    return ModelReport(estimator, sections)
