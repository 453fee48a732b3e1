"""Maps in a space for the slice viewer: the mask's bounding box, the voxels' values in few bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from isocortex.data.base import Array
from isocortex.data.maps import StatMaps
from isocortex.data.space import Space
from isocortex.data.table import Table
from isocortex.report.anatomy import anatomy_of
from isocortex.report.encoding import Bits, base64_text, encoded_size, quantise
from isocortex.report.parts import Block, Context, Item, loaded

CAP = 12_000_000
"""Characters that the maps of one block may take."""
N_LABELS = 12
"""A map of at most so many different whole numbers shows kinds (the best model, a region), not amounts."""
N_NAMED = 60
"""The same where a table names them, as the layers of a network."""


@dataclass(frozen=True)
class _Map:
    name: str
    values: Array
    statistic: str
    labels: dict[str, str]


def show_maps(block: Block, context: Context) -> None:
    """Put one viewer on the page for each space among the maps of a block."""
    spaces: list[tuple[Space, list[_Map]]] = []
    for item, maps in loaded(block, StatMaps):
        home = next((found for space, found in spaces if _same(space, maps.space)), None)
        if home is None:
            home = []
            spaces.append((maps.space, home))
        labels = _labels(item, context)
        for name, values in zip(maps.names, maps.values, strict=True):
            full = f"{item.label}: {name}" if item.label else name
            home.append(_Map(full, values, maps.statistic, labels))
    block.shape, block.content = "maps", []
    for number, (space, found) in enumerate(spaces):
        key = f"{block.id}-maps-{number}"
        viewer = _viewer(space, found, block, context)
        if viewer is not None:
            context.payloads[key] = viewer
            block.content.append({"key": key, "space": space})


def _same(first: Space, second: Space) -> bool:
    return first.same_grid(second) and np.array_equal(first.mask, second.mask)


def _viewer(space: Space, maps: list[_Map], block: Block, context: Context) -> dict[str, Any] | None:
    if not space.n_voxels:
        block.problems.append("the mask has no voxel")
        return None
    room = min(CAP, context.budget.left)
    bits: Bits = 16 if len(maps) * encoded_size(2 * space.n_voxels) <= room else 8
    size = encoded_size(space.n_voxels * bits // 8)
    fit = min(len(maps), room // size)
    if fit < len(maps):
        block.notes.append(f"The first {fit} of {len(maps)} maps are here; the files have them all.")
    if not fit or not context.budget.take(fit * size):
        return None
    coded = [_coded(item, bits, block) for item in maps[:fit]]
    if bits == 8:
        block.notes.append("Values are rounded to 255 levels here, so that the page stays small.")
    behind = anatomy_of(space, context)
    grid = _grid(space, behind[1] if behind else None)
    return {**grid, "title": block.title, "anatomy": behind[0] if behind else None, "maps": coded}


def _coded(item: _Map, bits: Bits, block: Block) -> dict[str, Any]:
    found = quantise(item.values, bits)
    if found.infinite:
        block.notes.append(f"{item.name}: {found.infinite} infinite values are at the end of the scale.")
    scale = _scale(item, found.low)
    labels = item.labels if scale == "labels" else {}
    about = {"name": item.name, "statistic": item.statistic, "scale": scale, "labels": labels}
    known = int(np.count_nonzero(~np.isnan(item.values)))
    return {**about, "known": known, **found.plain()}


def _scale(item: _Map, low: float) -> str:
    """What the colours have to show: p-values, kinds, amounts on both sides of zero or on one."""
    if item.statistic == "p" or item.statistic.startswith("p_"):
        return "p"
    finite = item.values[np.isfinite(item.values)]
    kinds = np.unique(finite)
    most = N_NAMED if item.labels else N_LABELS
    if 0 < len(kinds) <= most and low >= 0 and bool(np.all(kinds == np.rint(kinds))):
        return "labels"
    return "diverging" if low < 0 else "sequential"


def _grid(space: Space, more: Array | None) -> dict[str, Any]:
    """The box around the mask, and ``more`` voxels, as bits in C order; how its axes lie in the world."""
    voxels = space.voxels if more is None else np.concatenate([space.voxels, more])
    start, end = voxels.min(axis=0), voxels.max(axis=0) + 1
    box = space.mask[tuple(slice(a, b) for a, b in zip(start, end, strict=True))]
    axis, flip = world_axes(space.affine)
    return {
        "shape": list(box.shape),
        "start": start.tolist(),
        "mask": base64_text(np.packbits(box).tobytes()),
        "voxels": int(space.n_voxels),
        "affine": space.affine.tolist(),
        "sizes": space.voxel_sizes.tolist(),
        "axis": axis,
        "flip": flip,
    }


def world_axes(affine: Array) -> tuple[list[int], list[bool]]:
    """Voxel axis that runs nearest to left-right, back-front and down-up, and whether it runs backwards."""
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    left = np.abs(directions)
    axis = [0, 0, 0]
    for _ in range(3):  # the clearest pair of world axis (row) and voxel axis (column) first
        row, column = np.unravel_index(int(np.argmax(left)), left.shape)
        axis[int(row)] = int(column)
        left[row, :], left[:, column] = -1, -1
    return axis, [bool(directions[world, voxel] < 0) for world, voxel in enumerate(axis)]


def _labels(item: Item, context: Context) -> dict[str, str]:
    """Names of the whole numbers in a map: a table of the same result with ``number`` and a text column."""
    for other in context.items(item.instance.step):
        if other.instance.id != item.instance.id or not issubclass(other.kind, Table):
            continue
        try:
            table: Any = other.load()
        except Exception:  # it is shown, or said to be unreadable, where its own block is
            continue
        texts = [name for name, values in table.columns.items() if values.dtype.kind == "U"]
        if "number" in table.columns and texts:
            rows = zip(table["number"].tolist(), table[texts[0]].tolist(), strict=True)
            return {f"{number:g}": text for number, text in rows}
    return {}
