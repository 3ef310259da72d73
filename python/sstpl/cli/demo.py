"""``sstpl demo``: the estimators on digits, or on a file."""

from __future__ import annotations

import argparse
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.linear_model import RidgeClassifier, RidgeCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sstpl import datasets, presets
from sstpl.classifier import SSTPLClassifier
from sstpl.cli import _options as arguments
from sstpl.cli import _output as output
from sstpl.regressor import SSTPLRegressor


def add(commands: Any) -> None:
    """Add the command."""
    parser = arguments.add_command(
        commands,
        "demo",
        "train and test on digits, or on a file",
        "sstpl demo\nsstpl demo --data mnist.npz --image-shape 28 28",
        more="Trains on scikit-learn's digits or on an .npz file, and prints test score, depth and seconds beside a "
        "plain ridge model and a multilayer perceptron.",
    )
    parser.add_argument("--data", metavar="FILE.npz", help="X_train, y_train, X_test, y_test, or X, y")
    parser.add_argument("--preset", choices=("mnist", "fashion_mnist", "norb"), help="published settings to use")
    parser.add_argument(
        "--image-shape", type=int, nargs="+", metavar="N", help="rows, columns (and channels) of images, e.g. 28 28"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the split and of every model (default 0)")
    parser.add_argument("--no-references", action="store_true", help="train sstpl only")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Train, test and print."""
    _demo(options.data, options.preset, options.image_shape, options.seed, not options.no_references)


def _demo(path: str | None, preset: str | None, image_shape: list[int] | None, seed: int, references: bool) -> None:
    data = datasets.digits(seed) if path is None else datasets.load_npz(path, seed)
    chosen = {} if preset is None else presets.paper(preset)
    if image_shape is not None:
        chosen |= {"image_shape": tuple(image_shape)}
    classification = data.task == "classification"
    estimator = SSTPLClassifier if classification else SSTPLRegressor
    model = estimator(**chosen, random_state=seed, verbose=output.verbosity(quiet=False))
    n_train, n_features = data.X_train.shape
    print(f"{data.name}: {n_train} training rows, {len(data.X_test)} test rows, {n_features} features, seed {seed}")
    print(f"{'model':<24}{'test ' + ('accuracy' if classification else 'RMSE'):>16}{'fit seconds':>14}")
    _run("sstpl", model, data)
    if references:
        for name, reference in _references(classification, seed):
            _run(name, reference, data)
    print(f"sstpl kept {model.n_subsystems_} subsystems of depth {model.depth_} at most")


def _references(classification: bool, seed: int) -> list[tuple[str, Any]]:
    if classification:
        ridge: Any = RidgeClassifier()
        mlp: Any = MLPClassifier(early_stopping=True, random_state=seed)
    else:
        ridge = RidgeCV(np.logspace(-3, 3, 7))
        mlp = MLPRegressor(early_stopping=True, random_state=seed)
    return [
        ("ridge", make_pipeline(StandardScaler(), ridge)),
        ("multilayer perceptron", make_pipeline(StandardScaler(), mlp)),
    ]


def _run(name: str, model: Any, data: datasets.Dataset) -> None:
    start = perf_counter()
    model.fit(data.X_train, data.y_train)
    seconds = perf_counter() - start
    predictions = model.predict(data.X_test)
    if data.task == "classification":
        score = f"{np.mean(predictions == data.y_test):.4f}"
    else:
        score = f"{np.sqrt(np.mean(np.square(predictions - data.y_test))):.4g}"
    print(f"{name:<24}{score:>16}{seconds:>14.2f}", flush=True)
