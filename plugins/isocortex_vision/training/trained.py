"""A trained network as data: its weights, its layers and the classes that it tells apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np

from isocortex.data.base import Array, Data, read_only
from isocortex.data.labels import Labels, as_labels, require_unique
from isocortex.errors import DataError
from isocortex_vision.models.vgg import VGG
from isocortex_vision.networks.architecture import Architecture, WithWeights
from isocortex_vision.networks.parameters import Parameters
from isocortex_vision.networks.precision import Precision
from isocortex_vision.networks.vgg import Depth, Head, vgg
from isocortex_vision.weights.stored import Preprocessing, StoredWeights


@dataclass(frozen=True)
class Form:
    """What has to be said to build a VGG's table of layers (see ``networks.vgg.vgg``)."""

    depth: Depth = 16
    image_size: int = 224
    width: float = 1.0
    head: Head = "lee2023"

    def architecture(self, n_classes: int) -> Architecture:
        """The table of layers, with one unit a class at the end."""
        if self.image_size < 32 or self.width <= 0:
            raise DataError("training: image_size has to be 32 or more, and width above 0")
        if self.head == "none":
            raise DataError(
                'training: a network without head tells nothing apart; say head "lee2023" or "fc"'
            )
        return vgg(
            self.depth, image_size=self.image_size, width=self.width, head=self.head, classes=n_classes
        )


@dataclass(frozen=True, eq=False, repr=False)
class TrainedNetwork(Data):
    """A network that a training has left.

    On disk: ``weights.npz``, which ``VGG16(weights=..., head=..., classes=..., image_size=..., width=...)``
    reads as well, and ``network.json`` with all of these settings.

    Parameters
    ----------
    form : which VGG.
    classes : label of each unit of the last layer.
    layers : layer -> kernel and bias, float32, in TensorFlow's order.
    preprocessing : how images are brought to it.
    origins : where each layer's first weights came from: a file, or how they were drawn.
    """

    kind: ClassVar[str] = "network"

    form: Form
    classes: Labels
    layers: Mapping[str, tuple[Array, Array]] = field(repr=False)
    preprocessing: Preprocessing
    origins: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        classes = as_labels(self.classes, "network: classes")
        require_unique(classes, "network: classes")
        object.__setattr__(self, "classes", classes)
        wanted = [layer.name for layer in self.architecture.layers if isinstance(layer, WithWeights)]
        if sorted(wanted) != sorted(self.layers):
            raise DataError(f"network: weights of {', '.join(self.layers)}, expected {', '.join(wanted)}")
        checked = {name: _pair(name, self.layers[name]) for name in wanted}
        object.__setattr__(self, "layers", MappingProxyType(checked))
        list(self.parameters.items())  # raises where a shape does not fit

    @cached_property
    def architecture(self) -> Architecture:
        """Its table of layers."""
        return self.form.architecture(len(self.classes))

    @cached_property
    def parameters(self) -> Parameters:
        """Its weights as a model wants them."""
        stored = StoredWeights(dict(self.layers), "tensorflow", self.preprocessing, "trained network")
        return Parameters(self.architecture, stored)

    def model(self, precision: Precision = "float32", batch_size: int = 32) -> VGG:
        """Give it as a model (``isocortex.contracts.Model``)."""
        return TrainedVGG(self, precision, batch_size)

    def save(self, folder: Path) -> None:
        """Write ``weights.npz`` and ``network.json``."""
        from isocortex.formats import arrays
        from isocortex_vision.weights.npz import save_weights

        save_weights(folder / "weights.npz", self.layers, self.preprocessing)
        info = {"form": asdict(self.form), "classes": self.classes, "origins": dict(self.origins)}
        arrays.write_json(folder / "network.json", {**info, "preprocessing": self.preprocessing._asdict()})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        from isocortex.formats import arrays
        from isocortex_vision.weights.npz import open_npz

        with arrays.described(folder / "network.json") as info:
            form, classes, kept = Form(**info["form"]), tuple(info["classes"]), info["preprocessing"]
            channels, mean, scale = kept["channels"], tuple(kept["mean"]), tuple(kept["scale"])
            stored = open_npz(folder / "weights.npz", form.architecture(len(classes)).slots)
            layers: Any = dict(stored.layers.items())
            return cls(form, classes, layers, Preprocessing(channels, mean, scale), info["origins"])

    def summary(self) -> str:
        """Say in one line what is in here."""
        form = self.form
        return f"VGG{form.depth} of {len(self.classes)} classes at {form.image_size} pixels" + (
            f", width {form.width:g}" * (form.width != 1)
        )


class TrainedVGG(VGG):
    """A ``TrainedNetwork`` as a model; ``classes`` labels the units of its last layer."""

    def __init__(
        self, network: TrainedNetwork, precision: Precision = "float32", batch_size: int = 32
    ) -> None:
        if batch_size < 1:
            raise DataError("network: batch_size has to be above zero")
        self.name = f"trained vgg{network.form.depth}"
        self.depth = network.form.depth  # type: ignore[misc]
        self.image_size = (network.form.image_size, network.form.image_size)
        self.precision = precision
        self.resampling = "bilinear"
        self.batch_size = batch_size
        self.architecture = network.architecture
        self.parameters = network.parameters
        self.preprocessing = network.preprocessing
        self.layers = network.architecture.addresses
        self.classes = network.classes


def _pair(name: str, pair: tuple[Array, Array]) -> tuple[Array, Array]:
    kernel, bias = pair
    for array in (kernel, bias):
        if array is None or array.dtype != np.float32 or not np.isfinite(array).all():
            raise DataError(f"network: the weights of layer {name!r} are not finite float32 numbers")
    return read_only(kernel), read_only(bias)
