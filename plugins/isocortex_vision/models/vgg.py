"""VGG16 and VGG19 with anybody's weights."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

from isocortex.errors import DataError
from isocortex.pipeline.settings import InputFile
from isocortex_vision.models.base import TensorFlowModel
from isocortex_vision.models.weights import PreprocessingName, preprocessing_of, stored_weights
from isocortex_vision.networks.architecture import Architecture
from isocortex_vision.networks.parameters import Parameters, fitted
from isocortex_vision.networks.precision import Precision, in_precision
from isocortex_vision.networks.resizing import Resampling
from isocortex_vision.networks.vgg import Depth, Head, vgg


class VGG(TensorFlowModel):
    """A VGG (Simonyan & Zisserman 2015); see ``VGG16`` and ``VGG19``.

    ``conv1_1`` is before the rectifier and ``relu1_1`` after it, likewise ``fc6`` and ``relu6``; ``pool1`` to
    ``pool5`` are the pools. Short names: ``all-conv-fc`` (what study B decodes), ``lee2023`` (the 15 layers
    of study A), ``layers-1to1``, ``layers-1to3``, ``layers-1to5``, ``layers-1to7`` (study B's sets).

    Parameters
    ----------
    weights : a file: ``.caffemodel``, Keras ``.h5`` or ``.weights.h5``, study A's ``vgg16_weights.txt``, a
        TensorFlow checkpoint, ``.npz``, ``.pt``, ``.safetensors``; or what ``isocortex fetch`` lists. Without
        it the weights are random.
    preprocessing : how images are prepared; by default as the format of the weights says.
    mean : mean of the training images in RGB (0 to 255), instead of that.
    image_size : height and width; the published nets have 224. At others give head "none".
    head : after pool5 "fc" (published), "lee2023" (study A's), or "none". A file without these layers gives a
        network without them.
    classes : units of fc8 (1,000; with "lee2023" 16).
    slope, pooling : 0.2 and "average" give study B's network for imagery.
    width : factor on the numbers of filters and units, for small machines.
    resampling : how images of another size are resized: Pillow's "bilinear", or "lanczos" (study A).
    precision : "float32", "bfloat16" or "float64".
    batch_size : images that are run at once.
    seed : of random weights.
    """

    depth: ClassVar[Depth]

    def __init__(
        self,
        weights: InputFile | None = None,
        preprocessing: PreprocessingName = "as_stored",
        mean: tuple[float, float, float] | None = None,
        image_size: int = 224,
        head: Head = "fc",
        classes: int | None = None,
        slope: float = 0.0,
        pooling: Literal["max", "average"] = "max",
        width: float = 1.0,
        resampling: Resampling = "bilinear",
        precision: Precision = "float32",
        batch_size: int = 32,
        seed: int = 0,
    ) -> None:
        self.name = f"vgg{self.depth}"
        if image_size < 32:
            raise DataError(f"{self.name}: image_size is {image_size}; five pools need 32 pixels or more")
        if width <= 0 or batch_size < 1:
            raise DataError(f"{self.name}: width and batch_size have to be above zero")
        self.image_size = (image_size, image_size)
        self.precision = precision
        self.resampling: Resampling = resampling
        self.batch_size = batch_size
        table = vgg(
            self.depth,
            image_size=image_size,
            width=width,
            head=head,
            classes=classes,
            slope=slope,
            pooling=pooling,
        )
        stored = stored_weights(table, weights, seed)
        self.architecture: Architecture = fitted(table, stored)
        self.parameters = Parameters(self.architecture, stored)
        self.preprocessing = preprocessing_of(stored, preprocessing, mean)
        self.layers = self.architecture.addresses

    @property
    def layer_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Layer -> shape of one image's activity, (height, width, channels) or (units,)."""
        return self.architecture.shapes()

    @property
    def layer_aliases(self) -> Mapping[str, tuple[str, ...]]:
        """Sets of layers by short name."""
        before = [name for name in self.layers if name.startswith(("conv", "fc"))]
        after = [name for name in self.layers if name.startswith("relu")]
        study_a = [name for name in after if not name.startswith("relu7")]
        upto = {
            f"layers-1to{last}": tuple(name for name in before if _block(name) <= last)
            for last in (1, 3, 5, 7)
        }
        return {**upto, "lee2023": (*study_a, *(name for name in before if name == "fc8"))}

    @property
    def image_mean(self) -> tuple[float, float, float]:
        """Mean of the images that it was trained on (RGB, 0 to 255), from which pixels are inverted."""
        return self.preprocessing.rgb_mean

    def with_precision(self, precision: Precision) -> Self:
        """Give this network, with the same weights, in another precision."""
        return in_precision(self, precision)

    @cached_property
    def _forward(self) -> Any:
        from isocortex_vision.models.image_graph import ImageGraph

        return ImageGraph(
            self.architecture,
            self.parameters,
            self.preprocessing,
            self.image_size,
            self.precision,
            self.resampling,
        )


def _block(name: str) -> int:
    """Number of a layer's block: 1 of conv1_2, 7 of fc7."""
    return int(name.removeprefix("conv").removeprefix("fc").partition("_")[0])


class VGG16(VGG):
    """VGG16, configuration D of Simonyan & Zisserman 2015: 13 convolutions. Settings: see ``VGG``."""

    depth = 16


class VGG19(VGG):
    """VGG19, configuration E of Simonyan & Zisserman 2015: 16 convolutions. Settings: see ``VGG``."""

    depth = 19
