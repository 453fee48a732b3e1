"""Files of weights as each tool writes them, from one dict: layer -> (kernel, bias), TensorFlow's layout.

Kernels are (height, width, in, out) for convolutions, (in, out) with inputs in the order height, width,
channel for fully connected layers, (height, width, out, in) for the transposed convolutions named in
``deconv``. ``flat`` gives, for a fully connected layer behind a grid, the grid: layer -> (height, width,
channels).
"""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isocortex_vision.weights.stored import Slot

Layers = Mapping[str, tuple[Any, Any]]
Flat = Mapping[str, tuple[int, int, int]]
VGG16_BLOCKS, VGG19_BLOCKS = (2, 2, 3, 3, 3), (2, 2, 4, 4, 4)


def vgg_order(blocks: Sequence[int] = VGG16_BLOCKS, dense: int = 3) -> list[Slot]:
    """The layers of a VGG as files number them."""
    order: list[Slot] = []
    for block, count in enumerate(blocks, 1):
        order += [Slot(f"conv{block}_{i}", "conv") for i in range(1, count + 1)]
        order.append(Slot(f"pool{block}", "pool"))
    return order + [Slot(f"fc{6 + i}", "dense") for i in range(dense)]


def small_vgg(
    seed: int = 0,
    blocks: Sequence[int] = VGG16_BLOCKS,
    grid: int = 2,
    widths: Sequence[int] = (2, 3, 4, 5, 6),
) -> tuple[dict[str, tuple[Any, Any]], dict[str, tuple[int, int, int]]]:
    """Random weights of a narrow VGG whose last pooling gives grid x grid; and ``flat`` for the writers."""
    rng = np.random.default_rng(seed)
    layers: dict[str, tuple[Any, Any]] = {}
    channels = 3
    for block, (count, width) in enumerate(zip(blocks, widths, strict=True), 1):
        for i in range(1, count + 1):
            layers[f"conv{block}_{i}"] = _random(rng, (3, 3, channels, width))
            channels = width
    inputs = grid * grid * channels
    for name, outputs in (("fc6", 7), ("fc7", 8), ("fc8", 9)):
        layers[name] = _random(rng, (inputs, outputs))
        inputs = outputs
    return layers, {"fc6": (grid, grid, channels)}


def _random(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Any, Any]:
    return rng.standard_normal(shape).astype(np.float32), rng.standard_normal(shape[-1]).astype(np.float32)


def as_caffe(layers: Layers, flat: Flat | None = None) -> dict[str, tuple[Any, Any]]:
    """Turn TensorFlow's layout into that of Caffe and PyTorch."""
    turned = {}
    for name, (kernel, bias) in layers.items():
        if kernel.ndim == 4:  # (h, w, in, out) -> (out, in, h, w), and (h, w, out, in) -> (in, out, h, w)
            kernel = kernel.transpose(3, 2, 0, 1)
        else:
            height, width, channels = (flat or {}).get(name, (1, 1, kernel.shape[0]))
            grid = kernel.reshape(height, width, channels, -1)
            kernel = grid.transpose(3, 2, 0, 1).reshape(kernel.shape[1], kernel.shape[0])
        turned[name] = (np.ascontiguousarray(kernel), bias)
    return turned


# Caffe


def _varint(value: int) -> bytes:
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def message(number: int, content: bytes) -> bytes:
    """One field of a protocol buffer that holds bytes."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def number(field: int, value: int) -> bytes:
    """One field of a protocol buffer that holds a whole number."""
    return _varint(field << 3) + _varint(value)


def _blob(array: Any, old: bool, double: bool) -> bytes:
    if old:
        dims = (1,) * (4 - array.ndim) + array.shape
        shape = b"".join(number(i, n) for i, n in enumerate(dims, 1))
    else:
        shape = message(7, message(1, b"".join(map(_varint, array.shape))))
    data = array.astype("<f8" if double else "<f4").tobytes()
    return message(8 if double else 5, data) + shape if old else shape + message(8 if double else 5, data)


def write_caffemodel(
    path: Path,
    layers: Layers,
    flat: Flat | None = None,
    version: str = "V1",
    double: bool = False,
    deconv: Collection[str] = (),
) -> Path:
    """Write a ``.caffemodel`` with V0, V1 or V2 layers, a layer without weights (ReLU) behind each."""
    parts = [message(1, b"small")]
    for name, (kernel, bias) in as_caffe(layers, flat).items():
        kind = "Deconvolution" if name in deconv else "Convolution" if kernel.ndim == 4 else "InnerProduct"
        arrays = [kernel] if bias is None else [kernel, bias]
        blobs = [_blob(array, version != "V2", double) for array in arrays]
        relu = f"relu_{name}".encode()
        if version == "V2":
            content = message(1, name.encode()) + message(2, kind.encode())
            parts.append(message(100, content + b"".join(message(7, blob) for blob in blobs)))
            parts.append(message(100, message(1, relu) + message(2, b"ReLU")))
            continue
        if version == "V1":
            types = {"Convolution": 4, "InnerProduct": 14, "Deconvolution": 39}
            content = message(2, b"below") + message(3, name.encode()) + message(4, name.encode())
            content += number(5, types[kind]) + b"".join(message(6, blob) for blob in blobs)
            parts += [message(2, content), message(2, message(4, relu) + number(5, 18))]
        else:
            types = {"Convolution": b"conv", "InnerProduct": b"innerproduct"}
            inner = message(1, name.encode()) + message(2, types[kind])
            parts.append(message(2, message(1, inner + b"".join(message(50, blob) for blob in blobs))))
    path.write_bytes(b"".join(parts))
    return path


# Keras

KERAS = {"fc6": "fc1", "fc7": "fc2", "fc8": "predictions"}


def keras_name(name: str) -> str:
    """The name that ``keras.applications`` gives a layer of VGG."""
    return KERAS.get(name) or f"block{name[4]}_conv{name[6:]}"


def write_keras_legacy(path: Path, layers: Layers, root: str = "", suffix: str = ":0") -> Path:
    """Write ``.h5`` weights as Keras 1 and 2 do (``root="model_weights"``: a whole model)."""
    import h5py

    with h5py.File(path, "w") as file:
        top = file.create_group(root) if root else file
        names = ["input_1", *map(keras_name, layers)]
        top.attrs["layer_names"] = np.array([name.encode() for name in names])
        top.attrs["backend"] = b"tensorflow"
        top.create_group("input_1").attrs["weight_names"] = np.array([], "S1")
        for name, arrays in layers.items():
            group = top.create_group(keras_name(name))
            inner = [f"{keras_name(name)}/{part}{suffix}" for part in ("kernel", "bias")]
            group.attrs["weight_names"] = np.array([key.encode() for key in inner])
            for key, array in zip(inner, arrays, strict=True):
                group.create_dataset(key, data=array)
    return path


def write_keras_3(path: Path, layers: Layers, named: bool = True) -> Path:
    """Write ``.weights.h5`` as Keras 3 does; not ``named``: as for a model whose layers have no names."""
    import h5py

    counts = {"conv2d": 0, "dense": 0}
    with h5py.File(path, "w") as file:
        for name, arrays in layers.items():
            kind = "conv2d" if arrays[0].ndim == 4 else "dense"
            group = f"layers/{kind}_{counts[kind]}" if counts[kind] else f"layers/{kind}"
            counts[kind] += 1
            parts = file.create_group(f"{group}/vars")
            parts.attrs["name"] = keras_name(name) if named else group.rsplit("/", 1)[1]
            for place, array in enumerate(arrays):
                parts.create_dataset(str(place), data=array)
    return path


# study A, TensorFlow


def write_lee2023(path: Path, layers: Layers, protocol: int = 3) -> Path:
    """Write study A's ``vgg16_weights.txt``: a pickled list of arrays."""
    path.write_bytes(pickle.dumps([array for pair in layers.values() for array in pair], protocol))
    return path


def write_checkpoint(
    path: Path, layers: Layers, flat: Flat | None = None, scope: str = "", version: int = 2
) -> Path:
    """Write a checkpoint with slim's names, through TensorFlow; fc layers are convolutions there."""
    import tensorflow as tf

    names, arrays = ["global_step"], [np.int64(5)]
    for name, (kernel, bias) in layers.items():
        group = f"{scope}{name[:5]}/{name}" if name.startswith("conv") else f"{scope}{name}"
        if kernel.ndim == 2:
            height, width, channels = (flat or {}).get(name, (1, 1, kernel.shape[0]))
            kernel = kernel.reshape(height, width, channels, -1)
        names += [f"{group}/weights", f"{group}/weights/Adam", f"{group}/biases"]
        arrays += [kernel, np.zeros_like(kernel), bias]
    if version == 1:
        tf.raw_ops.Save(filename=str(path), tensor_names=names, data=arrays)
    else:
        tf.raw_ops.SaveV2(
            prefix=str(path), tensor_names=names, shape_and_slices=[""] * len(names), tensors=arrays
        )
    return path


# names and numbers of PyTorch


def torchvision_names(order: Sequence[Slot]) -> dict[str, str]:
    """The names of torchvision's VGG16, written out; VGG19 likewise."""
    features = {13: (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)}
    features[16] = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
    convolutions = [slot.name for slot in order if slot.kind == "conv"]
    dense = [slot.name for slot in order if slot.kind == "dense"]
    names = dict(zip(convolutions, [f"features.{n}" for n in features[len(convolutions)]], strict=True))
    return names | dict(zip(dense, ["classifier.0", "classifier.3", "classifier.6"], strict=True))


def state_dict(
    layers: Layers, flat: Flat | None = None, names: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The arrays as a state dict of PyTorch holds them."""
    found: dict[str, Any] = {}
    for name, (kernel, bias) in as_caffe(layers, flat).items():
        found[f"{(names or {}).get(name, name)}.weight"] = kernel
        if bias is not None:
            found[f"{(names or {}).get(name, name)}.bias"] = bias
    return found


def write_npz(path: Path, state: Mapping[str, Any]) -> Path:
    """Write a state dict as ``.npz``."""
    np.savez(path, **state)
    return path


def write_safetensors(path: Path, state: Mapping[str, Any]) -> Path:
    """Write a state dict as ``.safetensors``."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for key, array in state.items():
        kind = {"float32": "F32", "float16": "F16", "float64": "F64", "uint16": "BF16"}[str(array.dtype)]
        header[key] = {"dtype": kind, "shape": array.shape, "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    text = json.dumps(header).encode()
    values = b"".join(array.tobytes() for array in state.values())
    path.write_bytes(struct.pack("<Q", len(text)) + text + values)
    return path


_STORAGES = {
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "float64": "DoubleStorage",
    "uint16": "BFloat16Storage",
}


def _item(value: Any) -> bytes:
    """The opcodes of a text, a whole number or a tuple of them."""
    if isinstance(value, str):
        return b"X" + struct.pack("<I", len(value.encode())) + value.encode()
    if isinstance(value, tuple):
        return b"(" + b"".join(map(_item, value)) + b"t"
    return b"J" + struct.pack("<i", value)


def _storage(key: str, array: Any, legacy: bool) -> bytes:
    kind = b"ctorch\n" + _STORAGES[str(array.dtype)].encode() + b"\n"
    view = b"N" if legacy else b""
    return b"(" + _item("storage") + kind + _item(key) + _item("cpu") + _item(array.size) + view + b"tQ"


def torch_pickle(state: Mapping[str, Any], legacy: bool = False, nested: bool = False) -> bytes:
    """The pickle in a file of ``torch.save``, opcode by opcode."""
    hooks = b"ccollections\nOrderedDict\n)R"
    content = b"\x80\x02" + (b"}" + _item("epoch") + _item(3) + b"s" + _item("state_dict") if nested else b"")
    content += hooks + b"("
    for place, (key, array) in enumerate(state.items()):
        strides = tuple(stride // array.itemsize for stride in np.ascontiguousarray(array).strides)
        tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + _storage(str(place), array, legacy)
        tensor += _item(0) + _item(array.shape) + _item(strides) + b"\x89" + hooks + b"tR"
        content += _item(key) + tensor
    content += b"u}" + _item("_metadata") + hooks + b"sb"  # as load_state_dict leaves it on the dict
    return content + (b"s." if nested else b".")


def write_torch(path: Path, state: Mapping[str, Any], nested: bool = False) -> Path:
    """Write a zip file as ``torch.save`` does."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        file.writestr(zipfile.ZipInfo("small/data.pkl"), torch_pickle(state, nested=nested))
        file.writestr(zipfile.ZipInfo("small/byteorder"), b"little")
        for place, array in enumerate(state.values()):
            file.writestr(zipfile.ZipInfo(f"small/data/{place}"), array.tobytes())
        file.writestr(zipfile.ZipInfo("small/version"), b"3\n")
    return path


def write_torch_legacy(path: Path, state: Mapping[str, Any]) -> Path:
    """Write a file as ``torch.save`` did before PyTorch 1.6."""
    system = {
        "protocol_version": 1001,
        "little_endian": True,
        "type_sizes": {"short": 2, "int": 4, "long": 4},
    }
    parts = [pickle.dumps(item, 2) for item in (0x1950A86A20F9469CFC6C, 1001, system)]
    parts.append(torch_pickle(state, legacy=True))
    parts.append(pickle.dumps([str(place) for place in range(len(state))], 2))
    parts += [struct.pack("<q", array.size) + array.tobytes() for array in state.values()]
    path.write_bytes(b"".join(parts))
    return path


# all of them

FORMATS = (
    "caffe V0",
    "caffe V1",
    "caffe V2",
    "keras legacy",
    "keras model",
    "keras 3",
    "keras 3 numbered",
    "lee2023",
    "checkpoint",
    "checkpoint V1",
    "npz",
    "npz ours",
    "torch",
    "torch nested",
    "torch legacy",
    "torchvision",
    "safetensors",
)


def write_weights(form: str, folder: Path, layers: Layers, flat: Flat) -> Path:
    """Write VGG16's weights in one of ``FORMATS``; give the path to open. The suffix says nothing."""
    from isocortex_vision.weights.layers import CAFFE
    from isocortex_vision.weights.npz import save_weights

    path, own = folder / "weights.bin", state_dict(layers, flat)
    if form.startswith("caffe"):
        return write_caffemodel(path, layers, flat, form.split()[1])
    if form == "npz ours":
        path = folder / "weights.npz"
        save_weights(path, layers, CAFFE)
        return path
    if form == "torchvision":
        return write_torch(path, state_dict(layers, flat, torchvision_names(vgg_order())))
    writers = {
        "keras legacy": lambda: write_keras_legacy(path, layers),
        "keras model": lambda: write_keras_legacy(path, layers, "model_weights"),
        "keras 3": lambda: write_keras_3(path, layers),
        "keras 3 numbered": lambda: write_keras_3(path, layers, named=False),
        "lee2023": lambda: write_lee2023(path, layers),
        "checkpoint": lambda: write_checkpoint(path, layers, flat),
        "checkpoint V1": lambda: write_checkpoint(path, layers, flat, version=1),
        "npz": lambda: write_npz(folder / "weights.npz", own),
        "torch": lambda: write_torch(path, own),
        "torch nested": lambda: write_torch(path, own, nested=True),
        "torch legacy": lambda: write_torch_legacy(path, own),
        "safetensors": lambda: write_safetensors(path, own),
    }
    return writers[form]()
