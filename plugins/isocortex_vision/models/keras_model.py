"""Any Keras network as a model: one of keras.applications, or a saved ``.keras`` file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from isocortex.errors import DamagedFile, DataError
from isocortex.pipeline.settings import InputFile
from isocortex_vision.models.base import TensorFlowModel
from isocortex_vision.models.keras_names import Scheme
from isocortex_vision.models.weights import on_disk
from isocortex_vision.weights.stored import Preprocessing

SCHEMES: Mapping[str, Preprocessing] = {
    "none": Preprocessing("RGB", (0.0, 0.0, 0.0)),
    "caffe": Preprocessing("BGR", (103.939, 116.779, 123.68)),
    "torch": Preprocessing("RGB", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "tf": Preprocessing("RGB", (127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
}
"""Keras's own names for how images of 0 to 255 are prepared; "none" hands them over as they are."""


_FACTOR, _ROOM = 60, 2**26
"""A file may become so many times its size when it is unpacked, plus so many bytes."""


class KerasModel(TensorFlowModel):
    """A saved Keras network (``.keras``), loaded with ``safe_mode=True``: no code of the file is run.

    Layers have Keras's names. Where a layer holds its activation function in itself, ``NAME`` is what comes
    out of it and ``NAME:pre`` what goes into the function. A layer that is used several times is
    ``NAME@1``, ``NAME@2``, ...; a network within the network is one layer.

    Parameters
    ----------
    file : the ``.keras`` file.
    preprocessing : how images are prepared, by Keras's names: "none" (the network does it itself), "caffe",
        "torch" or "tf". A wrong one gives features that look right and are not; the file does not say it.
    image_size : height and width, for a network that takes any.
    batch_size : images that are run at once.
    """

    def __init__(
        self,
        file: InputFile,
        preprocessing: Scheme,
        image_size: tuple[int, int] | None = None,
        batch_size: int = 32,
    ) -> None:
        path = on_disk(Path(file))
        self._set_up(load_keras(path), path.name, SCHEMES[preprocessing], image_size, batch_size)

    @classmethod
    def of(
        cls,
        network: Any,
        preprocessing: Scheme | Preprocessing,
        image_size: tuple[int, int] | None = None,
        batch_size: int = 32,
        name: str = "",
    ) -> Self:
        """Take a Keras network that your own code builds, as a plugin's function that makes a model.

        Parameters are those of the class; ``preprocessing`` may be a ``Preprocessing`` of your own. Layers
        are named as in ``network``: ``conv1`` there should be the side of the ReLU that it says.
        Raises ``DataError`` for a network whose input is not one RGB image.
        """
        if len(getattr(network, "inputs", None) or ()) != 1:
            raise DataError(f"{name or network}: the network must have one input, an image, and be built")
        model = cls.__new__(cls)
        scheme = preprocessing if isinstance(preprocessing, Preprocessing) else SCHEMES[preprocessing]
        model._set_up(network, name or str(network.name), scheme, image_size, batch_size)
        return model

    def _set_up(
        self,
        network: Any,
        name: str,
        preprocessing: Preprocessing,
        image_size: tuple[int, int] | None,
        batch_size: int,
    ) -> None:
        self.name, self.batch_size = name, batch_size
        self.image_size = _size(network, name, image_size)
        self.preprocessing = preprocessing
        self._network = network
        self._tensors = _tensors(network)
        self.layers = tuple(self._tensors)

    @cached_property
    def layer_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Layer -> shape of one image's activity."""
        import keras

        image = keras.KerasTensor((1, *self.image_size, 3))
        wanted = list(self._tensors)
        outputs = keras.Model(self._network.inputs, [self._tensors[name] for name in wanted])
        shapes = outputs.compute_output_spec(image)
        shapes = shapes if isinstance(shapes, (list, tuple)) else [shapes]
        return {name: tuple(item.shape[1:]) for name, item in zip(wanted, shapes, strict=True)}

    @cached_property
    def _forward(self) -> Any:
        from isocortex_vision.models.keras_graph import KerasGraph

        return KerasGraph(self._network, self._tensors, self.preprocessing, self.image_size)


def load_keras(path: Path) -> Any:
    """Load a ``.keras`` file without running any code of it; one clear error where that cannot be done."""
    import zipfile

    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    if not zipfile.is_zipfile(path):
        raise DamagedFile(f"{path}: not a .keras file (weights alone go to vgg16 or vgg19)")
    _check_members(path)
    from isocortex_vision._tensorflow import tf

    if path.suffix != ".keras":
        raise DataError(f"{path}: name the file with the ending .keras, which Keras goes by")
    try:
        network = tf.keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras has no common error for files that it does not load
        text = re.sub(r"\s+", " ", str(error))[:300]
        raise DamagedFile(f"{path}: Keras does not load it safely ({type(error).__name__}: {text})") from None
    if not getattr(network, "inputs", None) or len(network.inputs) != 1:
        raise DataError(f"{path}: the network must have one input, an image, and be built")
    return network


def _check_members(path: Path) -> None:
    """Refuse a file that becomes far too large when it is unpacked: Keras stores, it does not pack."""
    import zipfile

    try:
        with zipfile.ZipFile(path) as file:
            total = sum(member.file_size for member in file.infolist())
    except Exception as error:  # zipfile has no common error for damage
        raise DamagedFile(f"{path}: a damaged zip file ({error})") from None
    if total > _FACTOR * path.stat().st_size + _ROOM:
        raise DamagedFile(f"{path}: would become {total} bytes, out of all proportion to its size")


def _size(network: Any, name: str, wanted: tuple[int, int] | None) -> tuple[int, int]:
    shape = network.inputs[0].shape
    if len(shape) != 4 or shape[-1] != 3:
        raise DataError(
            f"{name}: its input is {tuple(shape)}; a model here takes (n, height, width, 3) in RGB"
        )
    own = tuple(shape[1:3])
    if None in own:
        if wanted is None:
            raise DataError(f"{name}: takes images of any size; say image_size: [height, width]")
        return wanted
    if wanted is not None and tuple(wanted) != own:
        raise DataError(f"{name}: takes images of {own[0]} x {own[1]}, not {wanted[0]} x {wanted[1]}")
    return own  # type: ignore[return-value]


def _tensors(network: Any) -> dict[str, Any]:
    """Address -> symbolic tensor, in forward order."""
    found: dict[str, Any] = {}
    graph = getattr(network, "_functional", None) or network
    inputs = {id(tensor) for tensor in graph.inputs}
    nodes = {id(node) for level in graph._nodes_by_depth.values() for node in level}
    for operation in graph.operations:
        # a layer, or a network within this one, may have been called elsewhere too
        calls = [node for node in operation._inbound_nodes if id(node) in nodes]
        for number, call in enumerate(calls, 1):
            outputs = call.output_tensors
            if len(outputs) != 1 or id(outputs[0]) in inputs:
                continue
            name = operation.name if len(calls) == 1 else f"{operation.name}@{number}"
            before = _before_activation(operation, call.input_tensors[0], f"before_{len(found)}")
            if before is not None:
                found[f"{name}:pre"] = before
            found[name] = outputs[0]
    return found


def _before_activation(layer: Any, given: Any, name: str) -> Any:
    """What goes into the activation function that a layer holds, as a symbolic tensor; None without one."""
    import keras

    function = getattr(layer, "activation", None)
    if function is None or function is keras.activations.linear or isinstance(layer, keras.layers.Activation):
        return None
    if not isinstance(layer, (keras.layers.Dense, keras.layers.Conv1D, keras.layers.Conv2D)):
        return None
    config = {**layer.get_config(), "activation": "linear", "name": f"isocortex_{name}"}
    twin = type(layer).from_config(config)
    before = twin(given)
    twin.set_weights(layer.get_weights())
    return before
