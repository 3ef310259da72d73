"""`register_onnx`."""

from __future__ import annotations


def register_onnx() -> None:
    """Teach skl2onnx to convert scikit-learn pipelines that hold sstpl's estimators.

    Call it once, before ``skl2onnx.to_onnx`` or ``convert_sklearn``. A classifier converts to "label" and "scores", a
    regressor to "prediction", as by `SSTPLClassifier.to_onnx`; but predictions are two-dimensional, as those of
    skl2onnx's own regressors, and there is no ZipMap, whatever the options say. The target opset must be 17 or newer.

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
    ['label', 'scores']
    """
    try:
        from sstpl._onnx_pipelines import register
    except ImportError as error:
        raise ImportError("register_onnx needs onnx and skl2onnx: pip install sstpl[onnx]") from error
    register()
