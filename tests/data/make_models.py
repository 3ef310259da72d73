"""Write the golden model files of the present format version: ``python tests/data/make_models.py``.

Files of earlier versions are never written again: what they predict is what the reader must go on giving. Models
without sums are still written as version 1.
"""

import copy
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from estimators.model_files import grown, scores  # noqa: E402
from sstpl import _model_file  # noqa: E402

for kind in ("numbers", "classes"):
    model, X, y = grown(kind)
    path = HERE / f"model-v{_model_file.FORMAT_VERSION}-sums-of-{kind}.safetensors"
    model.save(path, sums=True)
    kept = {"X": X[:20], "scores": scores(model, X[:20]), "predictions": model.predict(X[:20])}
    more = copy.deepcopy(model).partial_fit(X[40:50], y[40:50])
    np.savez_compressed(path.with_suffix(".npz"), **kept, more=X[40:50], targets=y[40:50], after=scores(more, X[:20]))
