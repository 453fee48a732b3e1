"""The networks of keras.applications as models ``keras:NAME``, with weights from Keras's own files."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import numpy as np

from isocortex.errors import DamagedFile, DataError
from isocortex.pipeline.settings import InputFile
from isocortex_vision.models.keras_model import SCHEMES, KerasModel
from isocortex_vision.models.keras_names import APPLICATIONS
from isocortex_vision.models.weights import on_disk


class KerasApplication(KerasModel):
    """A network of keras.applications.

    Layers have Keras's names, with ``NAME:pre`` for what goes into a layer's activation function. Nothing
    is downloaded: weights come from a file (``isocortex fetch`` has the VGGs').

    Parameters
    ----------
    weights : ``.h5`` or ``.weights.h5`` that Keras publishes for this network; without it random ones.
    top : with the classifier at its end. It fixes the size of the images.
    image_size : height and width; default the network's own.
    batch_size : images that are run at once.
    seed : of random weights.
    """

    application: ClassVar[str]

    def __init__(
        self,
        weights: InputFile | None = None,
        top: bool = True,
        image_size: tuple[int, int] | None = None,
        batch_size: int = 32,
        seed: int = 0,
    ) -> None:
        from isocortex_vision._tensorflow import tf

        name = f"keras:{self.application}"
        make = getattr(tf.keras.applications, self.application)
        try:
            shape = None if image_size is None else (*image_size, 3)
            with _seeded(seed):
                network = make(weights=None, include_top=top, input_shape=shape)
        except ValueError as error:
            raise DataError(f"{name}: {error}") from None
        if weights is not None:
            _load(network, on_disk(Path(weights)), name)
        size = image_size or (None if top else _usual_size(make))
        self._set_up(network, name, SCHEMES[APPLICATIONS[self.application]], size, batch_size)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed what Keras draws weights from, and put the global generators back afterwards."""
    from isocortex_vision._tensorflow import tf

    before = random.getstate(), np.random.get_state()  # noqa: NPY002
    tf.keras.utils.set_random_seed(seed)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002


def _usual_size(make: object) -> tuple[int, int]:
    """The size of images that a network has with its classifier."""
    with_top = make(weights=None)  # type: ignore[operator]
    height, width = with_top.inputs[0].shape[1:3]
    return int(height), int(width)


def _load(network: object, path: Path, name: str) -> None:
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    if path.suffix not in (".h5", ".hdf5"):
        raise DataError(f"{path}: {name} takes Keras's .h5 or .weights.h5")
    try:
        network.load_weights(str(path))  # type: ignore[attr-defined]
    except Exception as error:  # Keras and HDF5 have no common error
        text = " ".join(str(error).split())[:300]
        raise DamagedFile(f"{path}: not weights of {name} ({type(error).__name__}: {text})") from None


for _name in APPLICATIONS:
    globals()[_name] = type(
        _name,
        (KerasApplication,),
        {"__doc__": KerasApplication.__doc__, "__module__": __name__, "application": _name},
    )
