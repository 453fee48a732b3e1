"""What decoding features takes of memory and disk."""

from __future__ import annotations

import math
from typing import Any

from isocortex.pipeline import outlines
from isocortex.pipeline.costs import Cost, Outline
from isocortex.threads import processors
from isocortex_decoding import VoxelSelectedRidge
from isocortex_decoding.decoders.ridge import matrices_of
from isocortex_decoding.decoders.shared import GRAM_BYTES
from isocortex_decoding.decoders.unit_blocks import blocks

LIBRARIES = 120 * 2**20
"""scikit-learn, scipy and numba with their compiled code (measured)."""


def decoding(
    patterns: Outline,
    test: Outline,
    features: Outline,
    decoder: Any,
    average_test: bool,
    layers: list[str] | None,
    precision: str | None,
) -> Cost:
    """``decode_features`` with a linear decoder of this package: flat in the number of units."""
    wide = {"float32": 4, "float64": 8, None: max(4, int(patterns["itemsize"]))}[precision]
    samples, voxels, rows = patterns["samples"], patterns["channels"], patterns["stimuli"]
    tested = test["stimuli"] if average_test else test["samples"]
    shapes = {name: features["layers"][name] for name in layers or features["layers"]}
    chosen = min(getattr(decoder, "n_voxels", None) or voxels, voxels)
    most = max((math.prod(shape) for shape in shapes.values()), default=0)
    width = next(iter(blocks(most, rows)), (0, 0))[1]
    shared = samples * voxels * (int(patterns["itemsize"]) + wide)  # as they are read, and as they are used
    shared += test["samples"] * voxels * int(test["itemsize"]) + 2 * tested * voxels * 8
    preparing = samples * voxels * (8 + 8 + wide)
    operator = chosen == voxels and isinstance(decoder, VoxelSelectedRidge)  # see ``decoders.operator``
    weights = rows * voxels * wide if operator else width * chosen * (wide + 4)
    units = _units(rows, tested, width, wide) + weights
    memory = shared + max(preparing, units + _system(samples, voxels, rows, chosen, wide))
    return Cost(LIBRARIES + memory, {"result": outlines.features(tested, shapes, wide)})


def _system(samples: int, voxels: int, rows: int, chosen: int, wide: int) -> int:
    """What all units share: products of voxels, and what they are solved in."""
    crossed = rows * voxels * wide if rows != samples else 0
    if chosen == voxels:
        return int(crossed + min(samples, voxels) ** 2 * wide)
    gram = voxels**2 * wide
    if chosen > samples or gram > GRAM_BYTES:
        return int(crossed)
    own = chosen**2 * wide
    return int(crossed + gram + processors() * own * matrices_of(own))


def _units(rows: int, tested: int, width: int, wide: int) -> int:
    """A block of units: as they are read, in float64 with what is made of them, predictions."""
    return int(width * (rows * (4 + 2 * 8 + wide) + tested * (wide + 16)))
