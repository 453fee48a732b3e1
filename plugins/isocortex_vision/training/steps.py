"""Steps: train a network on digits and objects, and see what a trained one takes images for."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from isocortex.data import Images, Table
from isocortex.pipeline.settings import InputFile, WorkFolder
from isocortex_vision.training.classes import Names, categories_of, class_order, digit_classes
from isocortex_vision.training.evaluation import confusion_table, log_softmax
from isocortex_vision.training.settings import (
    LearningSettings,
    NetworkSettings,
    PictureSettings,
    known,
    shares_of,
)
from isocortex_vision.training.trained import TrainedNetwork


class Training(NamedTuple):
    """What ``train_network`` gives."""

    network: TrainedNetwork
    history: Table
    confusion: Table


class Classified(NamedTuple):
    """What ``classify_images`` gives."""

    answers: Table
    confusion: Table


def train_network(
    images: Images,
    rng: np.random.Generator,
    digits: Names,
    validation: Images | None = None,
    more: Images | None = None,
    classes: Names | None = None,
    weights: InputFile | None = None,
    network: NetworkSettings | None = None,
    learning: LearningSettings | None = None,
    pictures: PictureSettings | None = None,
    quirks: Literal["lee2023"] | None = None,
    checkpoints: WorkFolder | None = None,
) -> Training:
    """Train a VGG to tell digits and objects apart, as Lee et al. 2023 do (see ``training.augmentation``).

    Each epoch draws its pictures anew: object classes down to the smallest, digits in the batches'
    proportion, classes equal. Loss: mean cross-entropy, minimised by Adam.

    Parameters
    ----------
    images : the training images, with categories.
    digits : the categories that are augmented as digits (others: as objects). ``lee2023``: Zero to Nine.
    validation : images that are only scored; they share no label with the training.
    more : further training images of another size (study A's digits have 224 pixels, its objects 256).
    classes : categories in the order of the last layer's units (default: of first appearance); ``lee2023``.
    weights : a file to start from. Layers that it lacks are drawn; without a file all are.
    network, learning, pictures : see ``training.settings``.
    quirks : ``lee2023`` repeats study A's code: digits are drawn whatever their class, the last digit and
        object of an epoch are left out, digits are shifted along the diagonal, the tint is close to none, and
        the training is scored on changed images with units dropped. Not by default: each makes the training
        worse or its scores wrong.
    checkpoints : a folder outside of the results, made where it is not there, for the state after each epoch.
        A run that was killed goes on from there; on the same number of processors the weights are the same to
        the last bit. Each training has its own folder in it, by its settings and images. Delete it
        afterwards.

    Returns
    -------
    network; history (a row an epoch); confusion (of the validation, else of the last epoch's images).
    """
    from isocortex_vision.training.session import Session

    sources = [images, *([more] if more is not None else [])]
    names = [name for source in sources for name in categories_of(source, "train_network")]
    order = class_order(names, classes, "train_network")
    options: dict[str, Any] = known(network, NetworkSettings, "network")
    shown: Any = known(pictures, PictureSettings, "pictures")
    session = Session.prepare(
        sources, order, digit_classes(order, digits, "train_network"), validation, shares_of(shown),
        seed=int(rng.integers(2**31)), weights=weights, network=options, crop_from=shown.get("crop_from"),
        fill=shown.get("fill", 0.0), lee2023=quirks == "lee2023",
    )  # fmt: skip
    done = session.run(known(learning, LearningSettings, "learning"), checkpoints)
    return Training(session.trained(), done.history, confusion_table(done.score.confusion, order))


def classify_images(images: Images, network: TrainedNetwork, batch_size: int = 32) -> Classified:
    """Ask a trained network what images show.

    Parameters
    ----------
    images : of any size; their categories, where there are any, have to be among the network's classes.
    network : as ``train_network`` gives it.
    batch_size : images that are run at once.

    Returns
    -------
    answers : a row an image: stimulus, answer, probability of the answer; with categories also category and
        correct. confusion : counts by category and answer (no rows without categories).
    """
    model = network.model(batch_size=batch_size)
    last = model.layers[-1]
    logits = model.features(images.values, [last])[last].reshape(len(images), len(network.classes))
    chances = np.exp(log_softmax(logits))
    codes = logits.argmax(axis=1)
    answers = np.array(network.classes)[codes]
    columns: dict[str, Any] = {"stimulus": np.array(images.stimuli, dtype=np.str_), "answer": answers}
    columns["probability"] = chances[np.arange(len(codes)), codes]
    counts = np.zeros((len(network.classes),) * 2, dtype=np.int64)
    if images.categories is None:
        return Classified(Table(columns), confusion_table(counts[:0, :0], ()))
    class_order(images.categories, list(network.classes), "classify_images")
    truth = np.array([network.classes.index(name) for name in images.categories], dtype=np.intp)
    np.add.at(counts, (truth, codes), 1)
    columns |= {"category": np.array(images.categories, dtype=np.str_), "correct": truth == codes}
    return Classified(Table(columns), confusion_table(counts, network.classes))
