"""Weights from whatever file a user holds: the content says which format it is, never the suffix."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from isocortex.errors import DamagedFile, DataError, suggestion
from isocortex.formats.safe_pickle import mapped
from isocortex_vision.weights.stored import Slot, StoredWeights

FORMATS = {
    "caffe": "caffe:open_caffe",
    "keras": "keras_h5:open_keras",
    "lee2023": "lee2023:open_lee2023",
    "tensorflow": "tf_checkpoint:open_checkpoint",
    "npz": "npz:open_npz",
    "torch": "torch_file:open_torch",
    "safetensors": "safetensors:open_safetensors",
}
"""Name of a format -> module and function that open it."""

_HDF5 = b"\x89HDF\r\n\x1a\n"
_SSTABLE = bytes.fromhex("57fb808b247547db")
_TORCH_LEGACY = bytes.fromhex("8a0a6cfc9c46f9206aa85019")  # the magic number of torch.save before 1.6
_SHARD = re.compile(r"\.data-[0-9]{5}-of-[0-9]{5}$")


def open_weights(path: Path, order: Sequence[Slot], format: str | None = None) -> StoredWeights:
    """Open a file of trained weights; layers are read when they are asked for.

    Parameters
    ----------
    path : the file; a TensorFlow checkpoint by its name, with or without ``.index``.
    order : all layers of the network in forward order, pooling included; they say which layers are wanted,
        and serve the formats that number layers instead of naming them.
    format : one of ``FORMATS``; recognised from the content where it is None.

    Raises
    ------
    DataError : no such file, or none of the network's layers is in it.
    DamagedFile : of no known format, cut, spoilt or unsafe.
    """
    path = Path(path)
    if format is None:
        format = recognise(path)
    elif format not in FORMATS:
        raise DataError(f"there is no format of weights {format!r}; {suggestion(format, FORMATS, 'formats')}")
    return _opener(format)(path, order)


def _opener(format: str) -> Callable[[Path, Sequence[Slot]], StoredWeights]:
    module, function = FORMATS[format].split(":")
    opener: Callable[[Path, Sequence[Slot]], StoredWeights] = getattr(
        import_module(f"isocortex_vision.weights.{module}"), function
    )
    return opener


def recognise(path: Path) -> str:
    """Name the format of a file by its content (a ``DamagedFile`` where it is none of ``FORMATS``)."""
    if not path.is_file() and path.with_name(path.name + ".index").is_file():
        return "tensorflow"
    with mapped(path) as content:
        start, end, size = content[:32], content[-8:], len(content)
    if end == _SSTABLE or _SHARD.search(path.name):
        return "tensorflow"
    if start[:4] == b"PK\x03\x04":
        return _zip_format(path)
    if _is_hdf5(path, size):
        return "keras"
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= size - 8:
        return "safetensors"
    if start[:1] == b"\x80" and start[2:14] == _TORCH_LEGACY:
        return "torch"
    if _is_pickle(start):
        return "lee2023"
    from isocortex_vision.weights.caffe import looks_like

    if looks_like(path):
        return "caffe"
    raise DamagedFile(
        f"{path}: not a file of weights that can be read ({', '.join(FORMATS)}); it begins with {start[:8]!r}"
    )


def _is_pickle(start: bytes) -> bool:
    return (start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")) or start[:2] in (
        b"(l",
        b"(d",
        b"]q",
        b"}q",
    )


def _is_hdf5(path: Path, size: int) -> bool:
    """Look for HDF5's signature, which may stand behind a block of the user's (at 512, 1024, 2048, ...)."""
    with path.open("rb") as file:
        at = 0
        while at < size:
            file.seek(at)
            if file.read(8) == _HDF5:
                return True
            at = max(512, 2 * at)
    return False


def _zip_format(path: Path) -> str:
    """Tell a ``.npz`` from PyTorch's zip files and from Keras's."""
    import zipfile

    try:
        with zipfile.ZipFile(path) as file:
            names = file.namelist()
    except Exception as error:  # zipfile has no common error for damage
        raise DamagedFile(f"{path}: a damaged zip file ({error})") from None
    if any(name.rsplit("/", 1)[-1] == "data.pkl" for name in names):
        return "torch"
    if "model.weights.h5" in names:
        raise DataError(f"{path}: a whole Keras model, not weights alone; name it as the model: keras:{path}")
    return "npz"
