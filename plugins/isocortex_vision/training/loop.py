"""Training a network: epochs of balanced batches, scores after each, checkpoints to go on from."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isocortex.data import Images, Table
from isocortex.data.base import Array
from isocortex.data.labels import Labels
from isocortex.errors import DataError
from isocortex.pipeline.digests import digest_json
from isocortex_vision._tensorflow import tf
from isocortex_vision.training.batches import Batches
from isocortex_vision.training.checkpoints import (
    FORMAT,
    Checkpoint,
    held,
    read_checkpoint,
    write_checkpoint,
)
from isocortex_vision.training.evaluation import Score
from isocortex_vision.training.scoring import epoch_scores, last_score
from isocortex_vision.training.trainable import Trainable

Row = dict[str, Any]
_LOG = logging.getLogger("isocortex_vision.training")


@dataclass(frozen=True)
class Schedule:
    """How long and how fast a network learns; the defaults are study A's (Lee et al. 2023).

    The learning rate is ``learning_rate * decay_rate ** (step // decay_steps)``.
    """

    epochs: int = 56
    learning_rate: float = 1e-5
    decay_rate: float = 0.96
    decay_steps: int = 8050

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.decay_steps < 1:
            raise DataError("training: epochs and decay_steps have to be 1 or more")
        if not (0 < self.learning_rate < math.inf and 0 < self.decay_rate <= 1):
            raise DataError("training: learning_rate has to be above 0, and decay_rate above 0 and at most 1")

    def rate(self, step: int) -> float:
        """Learning rate of a step (from 0)."""
        return self.learning_rate * self.decay_rate ** (step // self.decay_steps)


class Trained(NamedTuple):
    """Scores by epoch, and the confusions after the last one: of the validation, else of the training."""

    history: Table
    score: Score
    scored: str


def train(
    network: Trainable,
    batches: Batches,
    classes: Labels,
    schedule: Schedule,
    validation: Images | None = None,
    checkpoints: Path | None = None,
    callback: Callable[[Row], None] | None = None,
) -> Trained:
    """Train a network in place.

    Scores are of the network as it is used (nothing dropped, pictures as they are), but for study A's quirk.

    Parameters
    ----------
    network : with its first weights; afterwards with the last.
    validation : labelled pictures that are only scored.
    checkpoints : folder of this training; what is there is taken up, and the weights come out the same to
        the last bit as without a break (on the same number of threads: TensorFlow adds up in another order
        on more, in ways that no setting of ours changes). It is none of the training's settings.
    callback : is given each row of the history as soon as it is there.
    """
    with held(checkpoints) if checkpoints is not None else nullcontext():
        digest = digest_of(network, batches, classes, schedule, validation) if checkpoints else ""
        done = _taken_up(network, checkpoints, digest, schedule.epochs)
        epochs, step, history = (done.epochs, done.step, done.history) if done else (0, 0, [])
        for number in range(epochs, schedule.epochs):
            losses = []
            for pictures, codes in batches(number):
                losses.append(network.learn(pictures, codes, step, schedule.rate(step)))
                step += 1
            _check(losses, number + 1)
            row = {"epoch": number + 1, "step": step, "learning_rate": schedule.rate(step - 1)}
            row |= {"step_loss": float(np.mean(losses))}
            row |= epoch_scores(network, batches, number, step, classes, validation)
            history = [*history, row]
            if checkpoints is not None:
                write_checkpoint(checkpoints, Checkpoint(number + 1, step, history, network.state()), digest)
            _LOG.info("epoch %d of %d: %s", number + 1, schedule.epochs, row)
            if callback is not None:
                callback(row)
    last, what = last_score(network, batches, schedule.epochs - 1, classes, validation)
    return Trained(_history(history), last, what)


def digest_of(
    network: Trainable, batches: Batches, classes: Labels, schedule: Schedule, validation: Images | None
) -> str:
    """Digest of all that decides the course of a training; how many epochs it lasts does not."""
    found = hashlib.sha256()
    for array in _deciding_arrays(network, batches, validation):
        found.update(f"{array.dtype.str} {array.shape} ".encode())
        for start in range(0, len(array), 256):
            found.update(np.ascontiguousarray(array[start : start + 256]))
    settings = {key: value for key, value in asdict(schedule).items() if key != "epochs"}
    content = {
        "format": FORMAT,
        "tensorflow": tf.__version__,
        "schedule": settings,
        "network": repr((network.architecture, network.preprocessing, *network.settings)),
        "classes": classes,
        "validation": None if validation is None else validation.categories,
        "batches": [*asdict(batches.shares).values(), batches.seed, batches.fill, batches.lee2023],
        "arrays": found.hexdigest(),
    }
    return digest_json(content)


def _deciding_arrays(network: Trainable, batches: Batches, validation: Images | None) -> Iterator[Array]:
    for pool in (batches.digits, batches.objects):
        yield from (pool.codes, pool.places, *pool.parts)
    if validation is not None:
        yield validation.values
    yield from (np.atleast_1d(variable.numpy()) for variable in network.variables.values())


def _taken_up(network: Trainable, folder: Path | None, digest: str, epochs: int) -> Checkpoint | None:
    """Read the checkpoint, if there is one, and bring the network to it."""
    if folder is None:
        return None
    shapes = {key: array.shape for key, array in network.state().items()}
    found = read_checkpoint(folder, digest, shapes)
    if found is not None and found.epochs > epochs:
        raise DataError(
            f"{folder}: the checkpoint is after {found.epochs} epochs, and {epochs} are asked for; give "
            f"another folder, delete this one, or ask for {found.epochs} epochs or more"
        )
    if found is not None:
        _LOG.info("going on after epoch %d of %d", found.epochs, epochs)
        network.restore(found.arrays)
    return found


def _check(losses: list[float], epoch: int) -> None:
    if not np.isfinite(losses).all():
        raise DataError(
            f"training: the loss became infinite or NaN in epoch {epoch}; give a smaller learning_rate"
        )


def _history(rows: list[Row]) -> Table:
    return Table({key: np.array([row[key] for row in rows]) for key in rows[0]})
