"""Steps of study A's network: train it, or load the one that its authors trained, and look at its layers."""

from __future__ import annotations

import warnings
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import numpy as np

from isocortex.data import Features, Images, Table
from isocortex.errors import DataError
from isocortex.pipeline.settings import InputFile, WorkFolder
from isocortex_studies.network_layers import NetworkLayers
from isocortex_vision import TrainedNetwork, features_of
from isocortex_vision.training.classes import Names, class_order
from isocortex_vision.training.evaluation import confusion_table
from isocortex_vision.training.initial import starting_weights
from isocortex_vision.training.scoring import labelled_score
from isocortex_vision.training.settings import LearningSettings, NetworkSettings, PictureSettings, known
from isocortex_vision.training.steps import Training, train_network
from isocortex_vision.training.trained import Form


def study_network(
    digits: Images,
    objects: Images,
    validation: Images,
    rng: np.random.Generator,
    classes: list[str],
    digit_classes: list[str],
    trained: InputFile | None = None,
    weights: InputFile | None = None,
    network: NetworkSettings | None = None,
    learning: LearningSettings | None = None,
    pictures: PictureSettings | None = None,
    quirks: Literal["lee2023"] | None = None,
    checkpoints: WorkFolder | None = None,
) -> Training:
    """Train a network on digits and objects (``train_network``), or load one that is trained already.

    Parameters
    ----------
    digits, objects : training images with categories, of two sizes if need be; not used where ``trained`` is
        given.
    classes : categories in the order of the last layer's units.
    digit_classes : the categories that are augmented as digits (others: as objects).
    trained : a file of a trained network with all of its layers, such as ``net-55.ckpt.index``. Nothing is
        trained then: the history has one row, epoch 0, with the scores of the validation.
    weights : a file to start the training from, such as ``vgg16_weights.txt``.
    network, learning, pictures, quirks, checkpoints : as in ``train_network``.
    """
    if trained is None:
        names: Names = list(digit_classes)
        return train_network(
            digits, rng, names, validation, objects, list(classes), weights, network, learning, pictures,
            quirks, checkpoints,
        )  # fmt: skip
    loaded = load_trained(trained, classes, network)
    order = class_order(validation.categories or (), list(classes), "study_network: validation")
    model = loaded.model()
    last = model.layers[-1]

    def logits(values: Any) -> Any:
        return np.asarray(model.features(values, [last])[last]).reshape(len(values), len(order))

    score = labelled_score(logits, validation, order)
    row = {"epoch": 0, "step": 0, "learning_rate": 0.0, "step_loss": float("nan")}
    row |= {"training_loss": float("nan"), "training_accuracy": float("nan")}
    row |= {"validation_loss": score.loss, "validation_accuracy": score.accuracy}
    return Training(loaded, Table.from_rows([row]), confusion_table(score.confusion, order))


def load_trained(trained: Path, classes: list[str], network: NetworkSettings | None = None) -> TrainedNetwork:
    """Load a trained network; a file that lacks one of its layers is an error that names it."""
    options: dict[str, Any] = known(network, NetworkSettings, "network")
    form = Form(**{part.name: options.pop(part.name) for part in fields(Form) if part.name in options})
    if options.pop("new_layers", None) or options.pop("initialisation", None):
        warnings.warn("study_network: a trained network is loaded, so no layer is drawn anew", stacklevel=3)
    start = starting_weights(form.architecture(len(classes)), trained, 0, **options)
    drawn = [name for name, origin in start.origins.items() if origin == "he"]
    if drawn:
        raise DataError(
            f"{trained}: holds no layer {', '.join(drawn)}; a trained network has all of them. To train from "
            "this file, give it as weights"
        )
    return TrainedNetwork(form, tuple(classes), start.weights, start.preprocessing, start.origins)


def network_features(
    images: Images, network: TrainedNetwork, layers: NetworkLayers = "lee2023", batch: int | None = None
) -> Features:
    """Run a trained network over images and keep the activity of its layers (see ``extract_features``).

    Parameters
    ----------
    images : of any size.
    network : as ``train_network`` gives it.
    layers : ``lee2023`` are the study's 15 layers: 13 convolutions and fc6 after their rectifiers, and fc8.
        The study takes fc8 before its bias is added, which changes nothing once units are standardised.
    """
    return features_of(images, network.model(), layers, batch)
