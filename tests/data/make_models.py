"""Write the golden model files of the present format version: ``python tests/data/make_models.py``.

Files of versions that were released are never written again: what they predict is what the reader must go on giving.
"""

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from estimators.model_files import fitted, scores  # noqa: E402
from sstpl import _model_file  # noqa: E402

MODELS = {
    "table": ("stack, quantile", "float64"),
    "outputs": ("stack, several outputs", "float64"),
    "images": ("images, one layer", "float32"),
    "paper": ("paper, all blocks", "float32"),
}

for name, kind in MODELS.items():
    model, X = fitted(*kind)
    path = HERE / f"model-v{_model_file.FORMAT_VERSION}-{name}.safetensors"
    model.save(path)
    np.savez_compressed(
        path.with_suffix(".npz"), X=X[:20], scores=scores(model, X[:20]), predictions=model.predict(X[:20])
    )
