"""What this plugin offers, by name; nothing is imported until it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isocortex.plugins.markers import hookimpl
from isocortex_vision.models.keras_names import APPLICATIONS

if TYPE_CHECKING:
    from isocortex.plugins.spec import Register

assets = "isocortex_vision.assets:ASSETS"
"""Public weights, for ``isocortex fetch``."""


@hookimpl
def register_models(register: Register) -> None:
    register("vgg16", "isocortex_vision.models.vgg:VGG16", summary="13 convolutions, weights of any format")
    register("vgg19", "isocortex_vision.models.vgg:VGG19", summary="16 convolutions, weights of any format")
    register("keras", "isocortex_vision.models.keras_model:KerasModel", summary="a saved .keras network")
    for name in APPLICATIONS:
        place = f"isocortex_vision.models.keras_applications:{name}"
        register(f"keras:{name}", place, summary=f"{name} of keras.applications")


@hookimpl
def register_generators(register: Register) -> None:
    register(
        "dgn", "isocortex_vision.generators.dgn:DGN", summary="images from fc7 codes (Dosovitskiy & Brox)"
    )


@hookimpl
def register_steps(register: Register) -> None:
    register("load_images", "isocortex_vision.images.steps:load_images", summary="stimuli of a data source")
    register(
        "images_from_folder",
        "isocortex_vision.images.steps:images_from_folder",
        summary="pictures in a folder, in one size",
    )
    register(
        "extract_features",
        "isocortex_vision.features.steps:extract_features",
        summary="activity of a network's layers for images",
    )
    register(
        "precision_error",
        "isocortex_vision.features.steps:precision_error",
        summary="how far features in another precision are off",
    )
    register(
        "embed_layers",
        "isocortex_vision.inspection.embedding:embed_layers",
        summary="layers in two dimensions: t-SNE, PCA, MDS",
    )
    register(
        "embedding_figure",
        "isocortex_vision.inspection.embedding_figure:embedding_figure",
        summary="picture of layers in two dimensions",
    )
    register(
        "train_network",
        "isocortex_vision.training.steps:train_network",
        summary="train a VGG on digits and objects",
    )
    register(
        "classify_images",
        "isocortex_vision.training.steps:classify_images",
        summary="what a trained network takes images for",
    )
    register(
        "training_figure",
        "isocortex_vision.training.figures:training_figure",
        summary="loss and accuracy by epoch",
    )
    register(
        "image_confusion_figure",
        "isocortex_vision.training.figures:confusion_figure",
        summary="which categories of images are taken for which",
    )
    register(
        "maximise_activation",
        "isocortex_vision.inspection.steps:maximise_activation",
        summary="images that units of a model respond to",
    )
    register(
        "maximise_network_activation",
        "isocortex_vision.inspection.steps:maximise_network_activation",
        summary="images that units of a trained network respond to",
    )
    register(
        "image_sheet",
        "isocortex_vision.inspection.contact_sheet:image_sheet",
        summary="many labelled pictures side by side",
    )
