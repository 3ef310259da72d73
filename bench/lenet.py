"""LeNet-5 (LeCun et al. 1998, with ReLU and max-pooling) in PyTorch: the gradient-trained anchor on images."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator
from torch import nn

Array = npt.NDArray[Any]


def lenet5(image: tuple[int, int], n_classes: int) -> nn.Sequential:
    """Return the untrained network for images (height, width) of one channel."""
    height, width = ((side // 2 - 4) // 2 for side in image)  # after both poolings
    return nn.Sequential(
        *(nn.Unflatten(1, (1, *image)), nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(16 * height * width, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, n_classes)),
    )


class LeNet(BaseEstimator):
    """LeNet-5 trained by Adam for a given time.

    Parameters
    ----------
    image_shape : (int, int)
    seconds : float
        Of the whole fit. The learning rate falls linearly from its start to zero over that time, so that every budget
        ends with a settled network; the result depends on the speed of the machine.
    batch_size : int
    learning_rate : float
    random_state : int
    n_threads : int
    """

    def __init__(
        self,
        image_shape: tuple[int, int] = (28, 28),
        seconds: float = 60.0,
        batch_size: int = 128,
        learning_rate: float = 1e-3,
        random_state: int = 0,
        n_threads: int = 1,
    ) -> None:
        self.image_shape = image_shape
        self.seconds = seconds
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state
        self.n_threads = n_threads

    def fit(self, X: Array, y: Array) -> LeNet:
        """Train on rows X (n, height * width) of pixels and class labels y (n,)."""
        start = perf_counter()
        torch.set_num_threads(self.n_threads)
        torch.manual_seed(self.random_state)
        rng = np.random.default_rng(self.random_state)
        self.classes_, labels = np.unique(y, return_inverse=True)
        self.mean_, self.scale_ = float(np.mean(X)), float(np.std(X)) or 1.0
        rows, targets = self._tensor(X), torch.from_numpy(labels.astype(np.int64))
        self.network_ = lenet5(self.image_shape, len(self.classes_))
        optimizer = torch.optim.Adam(self.network_.parameters(), lr=self.learning_rate)
        self.network_.train()
        self.n_steps_ = 0
        while True:
            for batch in torch.from_numpy(rng.permutation(len(rows))).split(self.batch_size):
                left = 1 - (perf_counter() - start) / self.seconds
                if left <= 0:
                    return self
                optimizer.param_groups[0]["lr"] = self.learning_rate * left
                optimizer.zero_grad()
                nn.functional.cross_entropy(self.network_(rows[batch]), targets[batch]).backward()
                optimizer.step()
                self.n_steps_ += 1

    def predict(self, X: Array) -> Array:
        """Return the class with the largest score for every row."""
        self.network_.eval()
        with torch.no_grad():
            best = [self.network_(rows).argmax(dim=1).numpy() for rows in self._tensor(X).split(1000)]
        return self.classes_[np.concatenate(best)]

    def _tensor(self, X: Array) -> torch.Tensor:
        return torch.from_numpy(((X - self.mean_) / self.scale_).astype(np.float32))
