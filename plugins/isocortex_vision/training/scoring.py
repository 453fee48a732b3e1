"""What a training says of its network after each epoch, and after the last."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from isocortex.data import Images
from isocortex.data.base import Array
from isocortex.data.labels import Labels
from isocortex_vision.training.batches import Batches
from isocortex_vision.training.evaluation import Score, evaluate, score
from isocortex_vision.training.pools import Pool
from isocortex_vision.training.trainable import Trainable


def epoch_scores(
    network: Trainable, batches: Batches, number: int, step: int, classes: Labels, validation: Images | None
) -> dict[str, float]:
    """Loss and accuracy on the epoch's pictures and on the validation (NaN where there is none)."""
    if batches.lee2023:
        training = _dropped_score(network, batches, number, step, len(classes))
    else:
        training = _training_score(network, batches, number, len(classes))
    row = {"training_loss": training.loss, "training_accuracy": training.accuracy}
    row |= {"validation_loss": math.nan, "validation_accuracy": math.nan}
    if validation is not None:
        scored = labelled_score(network.logits, validation, classes)
        row |= {"validation_loss": scored.loss, "validation_accuracy": scored.accuracy}
    return row


def last_score(
    network: Trainable, batches: Batches, number: int, classes: Labels, validation: Images | None
) -> tuple[Score, str]:
    """Confusions of the validation, else of the last epoch's pictures; and which of the two."""
    if validation is not None:
        return labelled_score(network.logits, validation, classes), "validation"
    return _training_score(network, batches, number, len(classes)), "training"


def labelled_score(logits: Callable[[Array], Array], images: Images, classes: Labels) -> Score:
    """Score labelled images; each category has to be one of the classes."""
    codes = np.array([classes.index(name) for name in images.categories or ()], dtype=np.intp)

    def read(part: slice) -> Array:
        return images.values[part].astype(np.float32, copy=False)

    return evaluate(logits, read, codes, len(classes))


def _training_score(network: Trainable, batches: Batches, number: int, n_classes: int) -> Score:
    """Score the pictures that an epoch has shown, as they are."""
    epoch = batches.epoch(number)
    shown = [(batches.digits, epoch.digits), (batches.objects, epoch.objects)]
    parts = [_pool_score(network, pool, rows, n_classes) for pool, rows in shown if len(rows)]
    counts = [len(rows) for _, rows in shown if len(rows)]
    loss, accuracy = (np.average([part[field] for part in parts], weights=counts) for field in (0, 1))
    confusion = np.sum([part.confusion for part in parts], axis=0)
    return Score(float(loss), float(accuracy), confusion)


def _pool_score(network: Trainable, pool: Pool, rows: Array, n_classes: int) -> Score:
    return evaluate(network.logits, lambda part: pool.take(rows[part]), pool.codes[rows], n_classes)


def _dropped_score(network: Trainable, batches: Batches, number: int, step: int, n_classes: int) -> Score:
    """Study A's quirk: the changed pictures again, with units dropped."""
    logits, classes = [], []
    for batch, (pictures, codes) in enumerate(batches(number)):
        logits.append(network.dropped_logits(pictures, step + batch))
        classes.append(codes.numpy())
    return score(np.concatenate(logits), np.concatenate(classes), n_classes)
