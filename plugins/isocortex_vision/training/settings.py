"""The settings of a training, as a pipeline gives them; each has a default."""

from __future__ import annotations

from typing_extensions import TypedDict

from isocortex.errors import DataError, suggestion
from isocortex_vision.models.weights import PreprocessingName
from isocortex_vision.networks.vgg import Depth, Head
from isocortex_vision.training.initial import Initialisation
from isocortex_vision.training.sampling import Shares


class NetworkSettings(TypedDict, total=False):
    """Which network, and what it starts from.

    ``depth`` (16), ``image_size`` (224), ``width`` (1.0) and ``head`` ("lee2023", or "fc") as in the models
    ``vgg16`` and ``vgg19``; ``preprocessing`` and ``mean`` too. ``new_layers``: drawn even if the file of
    weights has them. ``initialisation``: "he" or "xavier" (what study A's new layers start from).
    """

    depth: Depth
    image_size: int
    width: float
    head: Head
    preprocessing: PreprocessingName
    mean: tuple[float, float, float]
    new_layers: list[str]
    initialisation: Initialisation


class LearningSettings(TypedDict, total=False):
    """How long and how fast; the defaults are study A's.

    ``epochs`` (56); the rate is ``learning_rate`` (1e-5) times ``decay_rate`` (0.96) for each ``decay_steps``
    (8050) steps that are over. ``weight_decay`` (0): ``weight_decay * sum(kernel ** 2) / 2`` is added to the
    loss, really (study A declares 0.0005 and never adds it).
    """

    epochs: int
    learning_rate: float
    decay_rate: float
    decay_steps: int
    weight_decay: float


class PictureSettings(TypedDict, total=False):
    """What the network is shown.

    ``digits_per_batch`` (20) and ``objects_per_batch`` (12). Objects are resized to ``crop_from`` pixels
    (8/7 of image_size: 256 for 224) before they are cropped. ``fill`` (0): level (0 to 255) of what comes in
    beside a digit that was moved away from the edge.
    """

    digits_per_batch: int
    objects_per_batch: int
    crop_from: int
    fill: float


for _kind in (NetworkSettings, LearningSettings, PictureSettings):
    _kind.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[union-attr]  # a misspelt key is an error


def known(given: object, kind: type, what: str) -> dict[str, object]:
    """Give the settings as a dict; raises for a key that there is not (called from Python, say)."""
    settings: dict[str, object] = dict(given or {})  # type: ignore[call-overload]
    names = kind.__annotations__
    for name in settings:
        if name not in names:
            raise DataError(f"train_network: {what} has no {name!r}; {suggestion(name, names, 'settings')}")
    return settings


def shares_of(pictures: PictureSettings) -> Shares:
    """The pictures of each kind in a batch."""
    shares = Shares(pictures.get("digits_per_batch", 20), pictures.get("objects_per_batch", 12))
    if min(shares.digits, shares.objects) < 1:
        raise DataError("train_network: digits_per_batch and objects_per_batch have to be 1 or more")
    return shares
