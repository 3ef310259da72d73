"""sstpl: fast, gradient-free training of neural networks on CPU, by closed-form ridge solves alone."""

from sstpl import _loading  # noqa: F401, I001  (before anything else loads the core)
from sstpl import presets, sources
from sstpl._config import build_info, show_config
from sstpl._export import register_onnx
from sstpl._model_file import ModelFormatError
from sstpl._model_state import load
from sstpl.classifier import SSTPLClassifier
from sstpl.model_report import ModelReport, report
from sstpl.regressor import SSTPLRegressor
from sstpl.transformer import SSTPLTransformer

__version__ = build_info()["version"]

__all__ = [
    "ModelFormatError",
    "ModelReport",
    "SSTPLClassifier",
    "SSTPLRegressor",
    "SSTPLTransformer",
    "__version__",
    "build_info",
    "load",
    "presets",
    "register_onnx",
    "report",
    "show_config",
    "sources",
]
