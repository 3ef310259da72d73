"""Rows in other processes, on any engine that runs functions there: `sstpl.dask` is made of this.

An estimator's ``fit`` takes `PartitionedRows` for X. Rows never come to this process, but for the few that a layer is
drawn from and at most 131,072 that input maps are chosen and ranked on; targets, scores and row numbers do. A level is
two passes over the partitions: sums are made where the rows are, added as a tree, solved in one place, and rows scored
where they are. The model is that of ``fit`` on all rows in one array, to the rounding of sums that are added in another
order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sstpl import _partition_tasks as tasks
from sstpl._engines import Engine, HereEngine, Ref
from sstpl._partitions import GivenElsewhere, Partitioned

__all__ = ["Engine", "HereEngine", "PartitionedRows"]


class PartitionedRows:
    """Rows to fit, in partitions that an engine holds.

    Parameters
    ----------
    engine : Engine
        What runs functions where the partitions are. It has three methods: ``put(value)`` returns what stands for a
        value in arguments of tasks; ``map(function, *columns, alone=False)`` begins ``function(*row)`` for every row of
        the columns and returns what stands for the results; ``get(refs)`` returns values, or raises the error of one.
        All functions are pure: it may run a task again, elsewhere, or twice.
    partitions : sequence
        What stands for arrays of shape (n_i, n_features), of real numbers, NaN for a missing value; some may be empty.
    columns : sequence of str, optional
        Names of the columns, which become ``feature_names_in_``.

    Attributes
    ----------
    shape : tuple of int
        Number of rows and of columns.
    dtype : numpy dtype
        Of all rows: the narrowest that holds the types of all partitions.

    Raises
    ------
    ValueError
        Where a partition is not 2-D, holds infinity or no numbers, or has another number of columns than the first.

    Notes
    -----
    Cost: a pass over the rows, which looks for what is missing or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sstpl import SSTPLClassifier
    >>> from sstpl.distributed import HereEngine, PartitionedRows
    >>> X, y = load_iris(return_X_y=True)
    >>> rows = PartitionedRows(HereEngine(), np.split(X, [20, 20, 90]))
    >>> model = SSTPLClassifier(random_state=0).fit(rows, y)
    >>> bool(np.mean(model.predict(X) == y) > 0.95)
    True
    """

    def __init__(self, engine: Engine, partitions: Sequence[Ref], columns: Sequence[str] | None = None) -> None:
        if not len(partitions):
            raise ValueError("partitions must hold at least one")
        checked = engine.map(tasks.checked, list(partitions), list(range(len(partitions))))
        facts = engine.get(engine.map(tasks.facts, checked))
        widths = [fact.shape[1] for fact in facts]
        if len(set(widths)) > 1:
            other = next(i for i, width in enumerate(widths) if width != widths[0])
            raise ValueError(
                f"partition {other} of X must have {widths[0]} columns as the first has, got {widths[other]}"
            )
        starts = np.concatenate([[0], np.cumsum([fact.shape[0] for fact in facts])]).astype(np.int64)
        filled = [fact for fact in facts if fact.shape[0]] or facts
        self.dtype: np.dtype[Any] = np.result_type(*(fact.dtype for fact in filled))
        self.columns = None if columns is None else list(columns)
        rows = Partitioned(engine, checked, starts, None, widths[0], self.dtype)
        self._given = GivenElsewhere(rows, any(fact.has_missing for fact in facts))

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""
        return self._given.X.shape

    def __len__(self) -> int:
        return self.shape[0]

    def given(self) -> GivenElsewhere:
        """Return the checked rows."""
        return self._given
