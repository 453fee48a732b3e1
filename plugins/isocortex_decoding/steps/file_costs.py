"""What loading the Kamitani lab's files takes of memory and disk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isocortex.formats import mat
from isocortex.pipeline import outlines
from isocortex.pipeline.costs import Cost, Unknown
from isocortex_decoding.files import feature_folders as folders
from isocortex_decoding.files.bdata import BData
from isocortex_decoding.files.feature_dirs import KEY
from isocortex_decoding.files.stimulus_labels import MISSING

IN_MEMORY = 2**29
"""Bytes of files up to which features are loaded into memory."""


def bdata(
    file: Path,
    select: str,
    label_key: str,
    category_key: str | None,
    where: dict[str, list[float]] | None,
    missing: str,
    order: str,
    precision: str,
) -> Cost:
    """``load_bdata``: the metadata and labels are read, no voxel."""
    with BData(Path(file)) as opened:
        stimuli = np.array(opened.labels(label_key))
        conditions = stimuli if category_key is None else np.array(opened.labels(category_key))
        kept = np.ones(len(stimuli), dtype=bool) if where is None else opened.where(where)
        if missing == "drop":
            kept &= (stimuli != MISSING) & (conditions != MISSING)
        dtype = np.float32 if precision == "float32" else None
        copied = where is not None or missing == "drop"
        labels = stimuli[kept].tolist(), conditions[kept].tolist()
        return opened.cost(opened.columns(select), *labels, dtype, order == "space", copied)


def feature_folders(
    folder: Path,
    more_folders: list[Any] | None,
    layers: list[str] | None,
    labels: list[str] | None,
    axes: str,
    index_file: Path | None,
) -> Cost:
    """``load_feature_folders``: a layer's first file tells its shape."""
    if index_file is not None:
        raise Unknown("with index_file it depends on the units that this file lists")
    roots = [Path(folder), *map(Path, more_folders or [])]
    return _of_files(folders.true_features(roots, layers), labels, axes, roots)


def decoded_folders(
    folder: Path,
    subject: str,
    roi: str,
    layers: list[str] | None,
    labels: list[str] | None,
    fold: str | None,
    convention: folders.Convention,
    axes: str,
) -> Cost:
    """``load_decoded_folders``: a layer's first file tells its shape."""
    files = folders.decoded_features(Path(folder), subject, roi, layers, fold, convention)
    return _of_files(files, labels, axes, [Path(folder)])


def mapped(roots: Sequence[Path]) -> bool:
    """Whether the files of these folders are too large for memory, and features become memory maps."""
    return sum(path.stat().st_size for root in roots for path in root.rglob("*.mat")) > IN_MEMORY


def _of_files(files: folders.Files, labels: Sequence[str] | None, axes: str, roots: Sequence[Path]) -> Cost:
    """All samples of all layers, and two more of the largest layer: as it is read, and as it is turned.

    Of memory maps, which the system takes back from memory when it is short, no more counts than is loaded
    without them.
    """
    number = len(labels if labels is not None else next(iter(files.values())))
    forms = {layer: _form(next(iter(found.values())), axes) for layer, found in files.items()}
    width = max(size for _, size in forms.values())
    made = outlines.features(number, {layer: shape for layer, (shape, _) in forms.items()}, width)
    whole = [math.prod(shape) * size for shape, size in forms.values()]
    held = number * sum(whole)
    held = IN_MEMORY if held > IN_MEMORY and mapped(roots) else held
    return Cost(held + 2 * max(whole), {"result": made})


def _form(path: Path, axes: str) -> tuple[tuple[int, ...], int]:
    """Shape of a sample and bytes of a number."""
    kind, shape = mat.describe(path).get(KEY, ("", ()))
    if kind[:1] not in tuple("fiu") or not kind[1:].isdecimal() or not shape:
        raise Unknown(f"{path} does not say its shape beforehand")
    shape = shape[1:] if len(shape) > 1 and shape[0] == 1 else shape
    if axes == "channels_last" and len(shape) == 3:
        shape = (*shape[1:], shape[0])
    return shape, 4 if kind == "f4" else 8  # whole numbers become float64
