"""The prediction of one subsystem, and the rows it is trained on."""

import numpy as np

from reference import activation, autoencoder, fusion, random


def predict(X, encoders, backward, parts, forward_blocks, backward_blocks, name):
    """Rows go up the encoders and up the backward network, and the chosen levels meet in the fusion."""
    forward, back = [np.asarray(X, np.float64)], [np.asarray(X, np.float64)]
    for D, low, scale in encoders:
        forward.append(autoencoder.encode(forward[-1], D, name, low, scale))
    for W, intercept, prototypes in backward:
        scores = back[-1] @ W + intercept
        back.append(activation.apply(name, scores @ prototypes if prototypes.shape[1] else scores))
    blocks = [forward[i] for i in forward_blocks] + [back[j] for j in backward_blocks]
    return fusion.predict(parts, np.hstack(blocks), name)


def shuffled_classes(seed, stream, labels, n_rows):
    """Return the rows of every class, each class in the order of one random permutation."""
    order = random.permutation(seed, stream, n_rows)
    names = np.zeros(n_rows, int) if labels is None else np.asarray(labels)
    return [order[names[order] == name] for name in np.unique(names)]


def sample_rows(seed, stream, labels, n_rows, fraction):
    """Return the first round(fraction n) rows, at least one, of every shuffled class, ascending."""
    classes = shuffled_classes(seed, stream, labels, n_rows)
    kept = [rows[: max(1, int(np.floor(fraction * len(rows) + 0.5)))] for rows in classes]
    return np.sort(np.concatenate(kept))


def deal_folds(seed, stream, labels, n_rows, n_folds):
    """Shuffled classes one after the other, dealt to the folds in turn."""
    folds = np.empty(n_rows, int)
    folds[np.concatenate(shuffled_classes(seed, stream, labels, n_rows))] = np.arange(n_rows) % n_folds
    return folds
