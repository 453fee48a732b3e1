"""How well a network tells classes apart: loss, accuracy, confusions."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data import Table
from isocortex.data.base import Array
from isocortex.data.labels import Labels

_AT_ONCE = 64


class Score(NamedTuple):
    """Mean cross-entropy, share of right answers, and counts (true classes, answered classes)."""

    loss: float
    accuracy: float
    confusion: npt.NDArray[np.int64]


def evaluate(
    logits: Callable[[Array], Array], read: Callable[[slice], Array], classes: Array, n_classes: int
) -> Score:
    """Score a network on labelled pictures, some at a time.

    Parameters
    ----------
    logits : pictures -> (n, classes).
    read : gives the pictures of a slice.
    classes : (pictures,) the true class of each.
    """
    found = [
        logits(read(slice(start, min(start + _AT_ONCE, len(classes)))))
        for start in range(0, len(classes), _AT_ONCE)
    ]
    return score(np.concatenate(found), np.asarray(classes), n_classes)


def score(logits: Array, classes: Array, n_classes: int) -> Score:
    """Score logits (n, classes) against the true classes (n,), in float64."""
    chances = log_softmax(logits)
    answers = logits.argmax(axis=1)
    confusion = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(confusion, (classes, answers), 1)
    loss = -float(chances[np.arange(len(classes)), classes].mean())
    return Score(loss, float((answers == classes).mean()), confusion)


def log_softmax(logits: Array) -> npt.NDArray[np.float64]:
    """Logarithms of the probabilities of the classes (n, classes)."""
    shifted = logits.astype(np.float64)
    shifted = shifted - shifted.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def confusion_table(confusion: npt.NDArray[np.int64], classes: Labels) -> Table:
    """Write a confusion matrix as rows: category, answer, count, and share of the category's pictures.

    The share is NaN where a category has no pictures.
    """
    count = len(classes)
    totals = confusion.sum(axis=1, keepdims=True)
    shares = np.divide(confusion, totals, out=np.full(confusion.shape, np.nan), where=totals > 0)
    return Table(
        {
            "category": np.repeat(np.array(classes, dtype=np.str_), count),
            "answer": np.tile(np.array(classes, dtype=np.str_), count),
            "count": confusion.ravel(),
            "share": shares.ravel(),
        }
    )
