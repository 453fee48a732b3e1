"""The weights that a user names: a file of any known format, what has been fetched, or random ones."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Literal

from isocortex.errors import DataError
from isocortex_vision.networks.architecture import Architecture
from isocortex_vision.networks.random_weights import random_weights
from isocortex_vision.weights.stored import Preprocessing, StoredWeights

PreprocessingName = Literal["as_stored", "caffe", "ilsvrc2012", "icnn", "slim", "torchvision"]

PREPROCESSING = MappingProxyType(
    {
        "caffe": Preprocessing("BGR", (103.939, 116.779, 123.68)),
        "ilsvrc2012": Preprocessing("BGR", (104.007, 116.669, 122.679)),
        "icnn": Preprocessing("BGR", (104.0, 117.0, 123.0)),
        "slim": Preprocessing("RGB", (123.68, 116.779, 103.939)),
        "torchvision": Preprocessing("RGB", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    }
)
"""How images are brought to a network: the VGG authors' mean; the channel means of ilsvrc_2012_mean.npy
(study B); those its icnn package falls back to; TensorFlow slim's order; torchvision's mean and deviation."""


def stored_weights(architecture: Architecture, weights: Path | None, seed: int) -> StoredWeights:
    """Open a file of weights, or draw random ones where there is none."""
    if weights is None:
        return random_weights(architecture, seed)
    from isocortex_vision.weights.opening import open_weights

    return open_weights(on_disk(weights), architecture.slots)


def on_disk(path: Path) -> Path:
    """Give the path itself, or where what was fetched under this name lies (``isocortex fetch``)."""
    path = Path(path)
    if path.exists() or path.with_name(f"{path.name}.index").exists():  # a TensorFlow checkpoint
        return path
    from isocortex.assets.locating import asset_instead
    from isocortex.plugins.manager import PluginManager

    found, hint = asset_instead(str(path), PluginManager())
    if found is None and hint:
        raise DataError(f"{path}: there is no such file{hint}")
    return found or path


def preprocessing_of(
    stored: StoredWeights, name: PreprocessingName, mean: tuple[float, float, float] | None
) -> Preprocessing:
    """What is done to images: as the file's format says, or as the user does.

    ``mean`` (in RGB, 0 to 255) replaces the mean. A file that does not say it needs a name, since with the
    wrong one every feature would look right and be wrong.
    """
    found = stored.preprocessing if name == "as_stored" else PREPROCESSING[name]
    if found is None:
        raise DataError(
            f"{stored.origin}: this format does not say how images have to be prepared; say preprocessing: "
            "torchvision (weights of torchvision) or caffe, ilsvrc2012, icnn (weights that come from Caffe)"
        )
    if mean is None:
        return found
    return found._replace(mean=mean if found.channels == "RGB" else mean[::-1])
