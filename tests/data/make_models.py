"""Write the golden model file of the present format version: ``python tests/data/make_models.py``.

Files of earlier versions are never written again: what they predict is what the reader must go on giving. Models
without centers are still written as version 3 if they have landmarks, as 2 if sums are kept, and as 1 if not.
"""

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from estimators.model_files import fitted, scores  # noqa: E402
from sstpl import _model_file  # noqa: E402

model, X = fitted("stack, centers")
path = HERE / f"model-v{_model_file.FORMAT_VERSION}-centers.safetensors"
model.save(path)
np.savez_compressed(path.with_suffix(".npz"), X=X[:20], scores=scores(model, X[:20]), predictions=model.predict(X[:20]))
