"""What this plugin offers, by name; nothing is imported until it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isocortex.plugins.markers import hookimpl
from isocortex_vision.models.keras_names import APPLICATIONS

if TYPE_CHECKING:
    from isocortex.plugins.spec import Register

papers = "isocortex_vision.papers:PAPERS"
"""Papers to cite, for reports."""

assets = "isocortex_vision.assets:ASSETS"
"""Public weights, for ``isocortex fetch``."""


STEPS = {
    "load_images": ("images.steps:load_images", "stimuli of a data source"),
    "images_from_folder": ("images.steps:images_from_folder", "pictures in a folder, in one size"),
    "extract_features": ("features.steps:extract_features", "activity of a network's layers for images"),
    "precision_error": ("features.steps:precision_error", "how far features in another precision are off"),
    "embed_layers": ("inspection.embedding:embed_layers", "layers in two dimensions: t-SNE, PCA, MDS"),
    "embedding_figure": (
        "inspection.embedding_figure:embedding_figure",
        "picture of layers in two dimensions",
    ),
    "train_network": ("training.steps:train_network", "train a VGG on digits and objects"),
    "classify_images": ("training.steps:classify_images", "what a trained network takes images for"),
    "training_figure": ("training.figures:training_figure", "loss and accuracy by epoch"),
    "image_confusion_figure": (
        "training.figures:confusion_figure",
        "which categories of images are taken for which",
    ),
    "maximise_activation": (
        "inspection.steps:maximise_activation",
        "images that units of a model respond to",
    ),
    "maximise_network_activation": (
        "inspection.steps:maximise_network_activation",
        "images that units of a trained network respond to",
    ),
    "image_sheet": ("inspection.contact_sheet:image_sheet", "many labelled pictures side by side"),
}
"""Step -> where its function is, and what it does."""


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
    for name, (place, summary) in STEPS.items():
        register(name, f"isocortex_vision.{place}", summary=summary)
