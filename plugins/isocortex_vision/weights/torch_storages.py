"""What a file of PyTorch holds: the object, with stand-ins for tensors, and the storages of their values."""

from __future__ import annotations

import math
import mmap
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DamagedFile
from isocortex.formats.pickled_arrays import Failure
from isocortex.formats.safe_pickle import Standin, Unpickled, mapped, read_pickles
from isocortex_vision.weights.safetensors import widened

_TYPES = {
    "FloatStorage": "f4",
    "DoubleStorage": "f8",
    "HalfStorage": "f2",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "u1",
}
_MAGIC = 0x1950A86A20F9469CFC6C


class Storage(NamedTuple):
    """A storage as a pickle refers to it: its type, key and number of values; ``offset`` of a view of it."""

    type: str
    key: str
    n_values: int
    offset: int = 0


class Tensor(NamedTuple):
    """A tensor: a view of a storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class Storages(Protocol):
    """Gives the values of tensors."""

    def array(self, tensor: Tensor) -> Array:
        """Read a tensor."""
        ...


def open_storages(path: Path) -> tuple[Any, Storages]:
    """Read the object of a file; give it and what reads the values of its tensors."""
    with mapped(path) as content:
        is_zip = content[:4] == b"PK\x03\x04"
    return _open_zip(path) if is_zip else _open_legacy(path)


# the pickle


def _rebuild_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Tensor:
    """Stand for ``_rebuild_tensor_v2(storage, storage_offset, size, stride, requires_grad, hooks)``."""
    sound = isinstance(storage, Storage) and type(shape) is tuple and type(strides) is tuple
    sound = sound and len(shape) == len(strides) <= 32
    if not sound or not all(type(n) is int and n >= 0 for n in (offset, *shape, *strides)):
        raise Failure("a tensor of it is damaged")
    count = math.prod(shape)
    last = offset + storage.offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    if count and (last >= storage.n_values or count > storage.n_values):
        raise Failure(
            f"a tensor of shape {str(shape)[:80]} does not fit its storage of {storage.n_values} values"
        )
    return Tensor(storage, offset + storage.offset, shape, strides)


def _rebuild_parameter(tensor: Any, *_: Any) -> Tensor:
    if not isinstance(tensor, Tensor):
        raise Failure("a parameter of it is damaged")
    return tensor


def _size(sizes: Any = ()) -> tuple[Any, ...]:
    if type(sizes) not in (tuple, list):
        raise Failure("a shape of it is damaged")
    return tuple(sizes)


_ADMITTED = {
    "torch._utils._rebuild_tensor": Standin("_rebuild_tensor", _rebuild_tensor),
    "torch._utils._rebuild_tensor_v2": Standin("_rebuild_tensor_v2", _rebuild_tensor),
    "torch._utils._rebuild_parameter": Standin("_rebuild_parameter", _rebuild_parameter),
    "torch.Size": Standin("torch.Size", _size),
    **{f"torch.{name}": Standin(name) for name in _TYPES},
}


def _persistent(identity: Any) -> Storage:
    """Understand ("storage", type, key, device, count[, view]); a view is (key, offset, count), or None."""
    if type(identity) is not tuple or len(identity) not in (5, 6) or identity[0] != "storage":
        raise Failure("it refers to something else than a storage")
    _, kind, key, _, count, *view = identity
    if (
        not isinstance(kind, Standin)
        or kind.name not in _TYPES
        or type(key) is not str
        or type(count) is not int
    ):
        raise Failure("it refers to a storage of a type that weights do not have")
    offset = 0
    if view and view[0] is not None:
        if type(view[0]) is not tuple or len(view[0]) != 3 or type(view[0][1]) is not int or view[0][1] < 0:
            raise Failure("it refers to a damaged view of a storage")
        offset = view[0][1]
    if not 0 <= count < 2**48:
        raise Failure(f"a storage of {count} values")
    return Storage(kind.name, key, count, offset)


def _load(
    content: bytes | mmap.mmap, start: int, what: str, persistent: Callable[[Any], Storage] = _persistent
) -> Unpickled:
    try:
        return read_pickles(content, start, what, admit=_ADMITTED, persistent=persistent)
    except DamagedFile as error:
        if "could run code" in str(error):
            raise DamagedFile(f"{error}; save the network's state_dict() alone, not the network") from None
        raise


# its values


def _view(
    content: bytes | mmap.mmap, start: int, length: int, tensor: Tensor, order: str, what: str
) -> Array:
    """View a tensor in the bytes of its storage."""
    kind = _TYPES[tensor.storage.type]
    form = "u2" if kind == "bfloat16" else kind
    item = int(form[1])
    if length != tensor.storage.n_values * item:
        raise DamagedFile(
            f"{what}: a storage of {length} bytes where {tensor.storage.n_values * item} are announced"
        )
    flat = np.frombuffer(content, order + form, tensor.storage.n_values, start)
    strides = tuple(stride * item for stride in tensor.strides)
    array = np.lib.stride_tricks.as_strided(flat[tensor.offset :], tensor.shape, strides, writeable=False)
    return widened(array) if kind == "bfloat16" else array


@dataclass(frozen=True)
class _Zip:
    """Storages as members of a zip file."""

    path: Path
    members: Mapping[str, zipfile.ZipInfo]
    folder: str
    order: str

    def array(self, tensor: Tensor) -> Array:
        name = f"{self.folder}data/{tensor.storage.key}"
        content = _member(self.path, self.members, name)
        return _view(content, 0, len(content), tensor, self.order, f"{self.path}: {name!r}")


def _open_zip(path: Path) -> tuple[Any, Storages]:
    try:
        with zipfile.ZipFile(path) as file:
            members = {member.filename: member for member in file.infolist()}
            count = len(file.infolist())
    except Exception as error:  # zipfile has no common error for damage
        raise DamagedFile(f"{path}: a damaged zip file ({error})") from None
    if len(members) != count:
        raise DamagedFile(f"{path}: two of its members have one name")
    pickles = [name for name in members if name.rsplit("/", 1)[-1] == "data.pkl"]
    if len(pickles) != 1:
        raise DamagedFile(f"{path}: {len(pickles)} files data.pkl where PyTorch writes one")
    folder = pickles[0].removesuffix("data.pkl")
    if f"{folder}constants.pkl" in members:
        raise DamagedFile(f"{path}: a TorchScript program, not weights; save the network's state_dict()")
    order = b"little"
    if f"{folder}byteorder" in members:
        order = _member(path, members, f"{folder}byteorder").strip()
    if order not in (b"little", b"big"):
        raise DamagedFile(f"{path}: its byte order is {order[:20]!r}")
    content = _load(_member(path, members, pickles[0]), 0, str(path)).value
    return content, _Zip(path, members, folder, "<" if order == b"little" else ">")


def _member(path: Path, members: Mapping[str, zipfile.ZipInfo], name: str) -> bytes:
    """Read a member; it must not announce more than the file can hold, and its checksum must agree."""
    if name not in members:
        raise DamagedFile(f"{path}: lacks {name!r}, which its pickle refers to")
    member = members[name]
    packed = min(member.compress_size, path.stat().st_size)
    # deflate cannot shrink anything by more than a factor of about 1,032
    if member.file_size > packed * (1 if member.compress_type == zipfile.ZIP_STORED else 1040):
        raise DamagedFile(f"{path}: {name!r} announces {member.file_size} bytes in {packed}")
    try:
        with zipfile.ZipFile(path) as file:
            return file.read(member)
    except MemoryError:
        raise
    except Exception as error:  # zipfile and zlib have no common error for damage
        raise DamagedFile(f"{path}: {name!r} cannot be read ({error})") from None


@dataclass(frozen=True)
class _Legacy:
    """Storages one behind the other in a mapped file: key -> place and number of values."""

    path: Path
    buffer: mmap.mmap
    places: Mapping[str, tuple[int, int]]
    order: str

    def array(self, tensor: Tensor) -> Array:
        start, length = self.places[tensor.storage.key]
        return _view(self.buffer, start, length, tensor, self.order, str(self.path))


def _open_legacy(path: Path) -> tuple[Any, Storages]:
    buffer, what = mapped(path), str(path)
    magic = _load(buffer, 0, what)
    if magic.value != _MAGIC:
        raise DamagedFile(f"{path}: not a file of PyTorch")
    protocol = _load(buffer, magic.end, what)
    system = _load(buffer, protocol.end, what)
    if protocol.value != 1001 or not isinstance(system.value, dict):
        raise DamagedFile(f"{path}: of another version of PyTorch's old format ({str(protocol.value)[:20]})")
    types: dict[str, str] = {}
    content = _load(buffer, system.end, what, lambda identity: _noted(identity, types))
    keys = _load(buffer, content.end, what)
    little = system.value.get("little_endian", True)
    places = _places(buffer, keys.value, keys.end, types, "little" if little else "big", what)
    return content.value, _Legacy(path, buffer, places, "<" if little else ">")


def _noted(identity: Any, types: dict[str, str]) -> Storage:
    storage = _persistent(identity)
    types[storage.key] = storage.type
    return storage


def _places(
    buffer: mmap.mmap, keys: Any, at: int, types: Mapping[str, str], order: Any, what: str
) -> dict[str, tuple[int, int]]:
    """Find the storages: each is its number of values in 8 bytes, then the values."""
    if not isinstance(keys, list) or not all(isinstance(key, str) and key in types for key in keys):
        raise DamagedFile(f"{what}: its list of storages is damaged")
    places: dict[str, tuple[int, int]] = {}
    for key in keys:
        kind = _TYPES[types[key]]
        length = int.from_bytes(buffer[at : at + 8], order) * (2 if kind == "bfloat16" else int(kind[1]))
        if at + 8 + length > len(buffer):
            raise DamagedFile(f"{what}: cut off in storage {key[:40]!r}")
        places[key] = (at + 8, length)
        at += 8 + length
    if set(places) != set(types):
        raise DamagedFile(f"{what}: lacks some of its storages")
    return places
