"""Study A's ``vgg16_weights.txt``: despite its suffix a pickled list of arrays, kernel and bias in turn.

Source: Lee, Jung, Lustig & Lee 2023, notebook 01: the first 26 arrays are VGG16's thirteen convolutions,
kernels (height, width, in, out), as Keras lists them. Arrays behind them are fully connected layers of the
original VGG16 (inputs in the order height, width, channel). The study itself does not use those: they are
kept where the network has exactly as many fully connected layers, and left out otherwise, since they are of
another head.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError
from isocortex.formats.safe_pickle import read_pickle
from isocortex_vision.weights.layers import CAFFE, Reader, checked, in_order, numbered, origin, slots
from isocortex_vision.weights.stored import Slot, StoredWeights

_CONVOLUTIONS = tuple(
    f"conv{block}_{i}" for block, n in enumerate((2, 2, 3, 3, 3), 1) for i in range(1, n + 1)
)


def open_lee2023(path: Path, order: Sequence[Slot]) -> StoredWeights:
    """Open the study's pickle of VGG16; arrays only, nothing in it is run."""
    where = origin(path, "study A's list of arrays")
    arrays = _arrays(read_pickle(path), where)
    others = [
        name for name in numbered(order, "conv") if name.startswith("conv") and name not in _CONVOLUTIONS
    ]
    if others:
        raise DataError(f"{where}: holds VGG16, and the network has {', '.join(map(repr, others))} as well")
    pairs = dict(zip(_CONVOLUTIONS, zip(arrays[:26:2], arrays[1:26:2], strict=True), strict=True))
    head, rest = numbered(order, "dense"), arrays[26:]
    if rest and rest[0].shape[:2] == (3, 3):
        raise DataError(
            f"{where}: holds more than VGG16's thirteen convolutions; they are of another network"
        )
    if len(rest) == 2 * len(head):
        pairs |= dict(zip(head, zip(rest[::2], rest[1::2], strict=True), strict=True))
    readers: dict[str, Reader] = {}
    for name, slot in slots(order).items():
        if name in pairs:
            pair = checked(*pairs[name], slot, "tensorflow", where)
            readers[name] = lambda pair=pair: pair  # type: ignore[misc]
    return StoredWeights(in_order(readers, order, _CONVOLUTIONS, where), "tensorflow", CAFFE, where)


def _arrays(content: Any, where: str) -> list[Array]:
    """Check that the pickle is a list of at least 26 arrays (or an array of such objects)."""
    if isinstance(content, np.ndarray) and content.dtype == object and content.ndim == 1:
        content = list(content)
    if not isinstance(content, (list, tuple)) or not all(isinstance(item, np.ndarray) for item in content):
        raise DamagedFile(f"{where}: a list of arrays is expected, this is {type(content).__name__!r}")
    if len(content) < 26:
        raise DamagedFile(f"{where}: {len(content)} arrays where VGG16's thirteen convolutions have 26")
    return list(content)
