"""What takes fitted estimators elsewhere: files, and ONNX. The work is done by modules that are imported when asked."""

from __future__ import annotations

import os
from typing import Any


class Portable:
    """`save` and `to_onnx` of the estimators."""

    def save(self, path: str | os.PathLike[str], *, sums: bool = False) -> None:
        """Write the fitted estimator to a model file, which `sstpl.load` reads.

        The file holds what prediction needs, the parameters (without ``callback``, which is code), the report and the
        scores of the training rows; the sums of ``partial_fit`` if asked to. It is a safetensors file with a
        versioned header; files of this version stay readable by later ones. It replaces what is at the path when it is
        complete, on the disk and read back; if anything fails, what was there is left alone.

        Parameters
        ----------
        path : str or os.PathLike
            Any name; ".safetensors" is the custom of the container.
        sums : bool, default=False
            Whether to keep the sums that ``partial_fit`` adds to: the loaded model can go on with ``partial_fit``,
            ``forget``, ``grow`` and ``calibrate``, bit for bit as this one would. ``4 K p^2`` bytes more for K folds
            and width p.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``; with ``sums=True`` for a model that ``partial_fit`` has not made.
        ValueError
            For what a file cannot hold: a ``random_state`` that is a RandomState, classes that are neither strings nor
            bools nor numbers. NumPy scalars are written as Python's, arrays as tuples.
        TypeError
            For a subclass: a file holds `SSTPLClassifier` or `SSTPLRegressor` and nothing of anybody else's.
        OSError
            When the file cannot be written.

        Examples
        --------
        A long fit that can be stopped after every batch, and goes on where it stopped (see also `sstpl.load`):

        >>> import os, tempfile
        >>> import sstpl
        >>> from sklearn.datasets import load_digits
        >>> X, y = load_digits(return_X_y=True)
        >>> model = sstpl.SSTPLClassifier(hidden_width=100, random_state=0).partial_fit(X[:500], y[:500])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "digits.safetensors")
        ...     model.save(path, sums=True)
        ...     model = sstpl.load(path)
        >>> model.partial_fit(X[500:], y[500:]).report_.subsystems[0].n_samples
        1797
        """
        from sstpl._model_state import save  # which imports the estimators, which import this

        save(self, path, sums=sums)

    def to_onnx(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Return the fitted estimator as an ONNX model, which other runtimes and languages predict with.

        Its input "X" is float32 of shape ``(n, n_features_in_)``, n >= 1, NaN where a value is missing. A classifier's
        outputs are "label" (n,), "probabilities" (n, n_classes) and "scores", the decision function in its shape; a
        regressor's is "prediction".
        Inside, and in what it returns, it computes in the precision of the model.

        Parameters
        ----------
        path : str, os.PathLike or None, default=None
            Where to write it, beside returning it.

        Returns
        -------
        onnx.ModelProto
            Of operator set 17 and IR version 10, standard operators alone.

        Raises
        ------
        ImportError
            Without onnx: ``pip install sstpl[onnx]``.
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        ValueError
            For a model whose categories (``categorical_features``) are strings, or numbers that are no float32.

        Notes
        -----
        X of float64 is rounded to float32 on its way in, to 7 digits: columns whose values differ in later ones, such
        as timestamps, are best shifted and scaled before. On the same float32 rows scores differ from those of Python
        by rounding: about 1e-6 of the largest for float32 models, 1e-14 for float64 ones (1e-7 with "gelu"). Labels of
        integers are int64. What only `save` keeps, parameters and report, is not in there.

        With ``image_shape`` all patches of all rows are in memory at once, 80 kB per row of 28 by 28 pixels in float32:
        predict in batches. For pipelines, see `sstpl.register_onnx`.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sstpl import SSTPLClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> exported = SSTPLClassifier(hidden_width=20, random_state=0).fit(X, y).to_onnx()
        >>> [output.name for output in exported.graph.output]
        ['label', 'probabilities', 'scores']
        """
        try:
            from sstpl._onnx import to_onnx
        except ImportError as error:
            raise ImportError("to_onnx needs onnx: pip install sstpl[onnx]") from error
        return to_onnx(self, path)


def register_onnx() -> None:
    """Teach skl2onnx to convert scikit-learn pipelines that hold sstpl's estimators.

    Call it once, before ``skl2onnx.to_onnx`` or ``convert_sklearn``. Estimators have the outputs of
    `SSTPLClassifier.to_onnx`; but predictions of a regressor are two-dimensional, as those of skl2onnx's own, and there
    is no ZipMap, whatever the options say. The target opset must be 17 or newer.

    Raises
    ------
    ImportError
        Without skl2onnx: ``pip install sstpl[onnx]``.

    Examples
    --------
    >>> import numpy as np
    >>> import skl2onnx
    >>> import sstpl
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_iris(return_X_y=True)
    >>> pipeline = make_pipeline(StandardScaler(), sstpl.SSTPLClassifier(hidden_width=20, random_state=0)).fit(X, y)
    >>> sstpl.register_onnx()
    >>> exported = skl2onnx.to_onnx(pipeline, X[:1].astype(np.float32), target_opset=17)
    >>> [output.name for output in exported.graph.output]
    ['label', 'probabilities', 'scores']
    """
    try:
        from sstpl._onnx_pipelines import register
    except ImportError as error:
        raise ImportError("register_onnx needs onnx and skl2onnx: pip install sstpl[onnx]") from error
    register()
