"""Features in folders of MAT files, read into ``Features`` and ``Decoded`` and written again.

Networks of Caffe and PyTorch leave convolutional layers as (channels, height, width), those of TensorFlow as
(height, width, channels). ``axes="channels_last"`` brings the former into the form of the latter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from isocortex.data import Decoded, Features
from isocortex.data.base import Array
from isocortex.data.labels import positions
from isocortex.errors import DamagedFile, DataError, LabelMismatch, suggestion
from isocortex.formats import arrays, mat
from isocortex_decoding.files import feature_folders as folders
from isocortex_decoding.files.stored_arrays import read_stored, write_stored

Axes = Literal["as_stored", "channels_last"]
Index = Mapping[str, npt.NDArray[np.int64]]
KEY = "feat"


def read_features(
    roots: Path | Sequence[Path],
    layers: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    axes: Axes = "as_stored",
    index_file: Path | None = None,
    into: Path | None = None,
    model: str = "",
    synsets: bool = False,
) -> Features:
    """Read ``<root>/<layer>/<label>.mat`` [bdpy, dataform/features.py].

    Parameters
    ----------
    roots : one folder of layers, or several with the same layers and other labels.
    layers, labels : which, in which order; by default all by name, one root after the other.
    axes : "as_stored", or "channels_last" for (samples, height, width, channels).
    index_file : ``feature_index.mat`` with the unit numbers of each layer (from 0, C order, as stored);
        layers then have the shape (samples, units).
    into : a folder for one ``.npy`` a layer, filled file by file and opened as memory maps: for what memory
        does not hold.
    synsets : take the part of a label before the first ``_`` for its category (n01518878_5958).
    """
    roots = [Path(roots)] if isinstance(roots, (str, Path)) else [Path(root) for root in roots]
    files = folders.true_features(roots, layers)
    names = _chosen(files, labels, str(roots[0]))
    index = None if index_file is None else read_index(index_file)
    read = {layer: _layer(layer, files[layer], names, axes, index, into, False) for layer in files}
    categories = tuple(name.split("_")[0] for name in names) if synsets else None
    return Features(read, tuple(names), categories, model)


def read_decoded(
    root: Path,
    subject: str,
    roi: str,
    layers: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    fold: str | None = None,
    convention: folders.Convention = "auto",
    axes: Axes = "as_stored",
    into: Path | None = None,
    averaged: Sequence[int] | None = None,
    model: str = "",
) -> Decoded:
    """Read the decoded features of a subject and ROI; see ``feature_folders.decoded_features`` for where.

    Single trials (``sample000012-<label>``) keep these names, with the label as their category.
    ``averaged`` says how many repetitions were averaged for each label, which the files do not.
    """
    files = folders.decoded_features(Path(root), subject, roi, layers, fold, convention)
    names = _chosen(files, labels, str(root))
    read = {layer: _layer(layer, files[layer], names, axes, None, into, True) for layer in files}
    trials = [folders.trial_label(name) for name in names]
    categories = None if None in trials else tuple(str(trial) for trial in trials)
    if categories is not None and averaged is None:
        averaged = [1] * len(names)
    counts = None if averaged is None else tuple(averaged)
    return Decoded(read, tuple(names), categories, model, subject, roi, counts)


def write_features(
    root: Path, features: Features, axes: Axes = "as_stored", sparse: bool = False
) -> list[Path]:
    """Write ``<root>/<layer>/<label>.mat`` (MAT 7.3, first axis the sample), as bdpy reads them.

    ``axes`` says how the features are: "channels_last" ones are written channels first.
    """
    return [
        path
        for layer, values in features.layers.items()
        for path in _write(Path(root) / layer, values, features.stimuli, axes, "", sparse)
    ]


def write_decoded(
    root: Path,
    decoded: Decoded,
    convention: Literal["modern", "original"] = "modern",
    fold: str | None = None,
    prefix: str = "",
    axes: Axes = "as_stored",
) -> list[Path]:
    """Write decoded features for a subject and ROI, which they have to name.

    Parameters
    ----------
    convention : "modern" writes ``<layer>/<subject>/<roi>[/<fold>/decoded_features]/<label>.mat``; "original"
        ``<layer>/<subject>/<roi>/<prefix>-<layer>-<subject>-<roi>-<label>.mat`` (MAT 5).
    prefix : ``<type>-<net>`` of the original convention, ``natural-VGG19``.
    """
    if not decoded.subject or not decoded.roi:
        raise DataError(f"{root}: decoded features without subject and ROI have no place in these folders")
    if convention == "original" and (not prefix or fold is not None):
        raise DataError(f"{root}: the original convention has a prefix (natural-VGG19) and no folds")
    written = []
    for layer, values in decoded.layers.items():
        place = Path(root) / layer / decoded.subject / decoded.roi
        place = place / fold / "decoded_features" if fold is not None else place
        start = f"{prefix}-{layer}-{decoded.subject}-{decoded.roi}-" if convention == "original" else ""
        written += _write(place, values, decoded.stimuli, axes, start, False)
    return written


def read_index(path: Path) -> dict[str, npt.NDArray[np.int64]]:
    """Read ``feature_index.mat``: layer -> unit numbers, from 0, after flattening in C order."""
    found = mat.read_mat(path, ["index"])["index"]
    if not isinstance(found, Mapping):
        raise DamagedFile(f"{path}: index is not a structure of layers")
    index = {}
    for layer, values in found.items():
        if not isinstance(values, np.ndarray) or values.dtype.kind not in "iuf":
            raise DamagedFile(f"{path}: layer {layer!r} has no unit numbers")
        flat = values.ravel()
        whole = bool(np.isfinite(flat).all()) and not (flat != np.rint(flat)).any()
        if not whole or flat.min(initial=0) < 0 or flat.max(initial=0) >= 2**53:
            raise DamagedFile(f"{path}: layer {layer!r} has unit numbers that are not whole, or below 0")
        index[layer] = flat.astype(np.int64)
    return index


def read_statistics(path: Path) -> dict[tuple[str, ...], Array]:
    """Read ``statistics.pkl``: (statistic, layer[, subject, roi, fold]) -> array; nothing in it is executed.

    Statistics are "mean", "std, ddof=1" and "std, ddof=0"; a part that is None becomes "".
    """
    from isocortex.formats.safe_pickle import read_pickle

    found = read_pickle(Path(path))
    if not isinstance(found, Mapping):
        raise DamagedFile(f"{path}: holds no table of statistics")
    statistics = {}
    for key, value in found.items():
        if not isinstance(key, tuple) or not all(part is None or isinstance(part, str) for part in key):
            raise DamagedFile(f"{path}: {key!r} does not say which statistic of which layer it is")
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
            raise DamagedFile(f"{path}: {key!r} holds no numbers")
        statistics[tuple("" if part is None else part for part in key)] = value
    return statistics


def _chosen(files: folders.Files, labels: Sequence[str] | None, where: str) -> list[str]:
    have = list(next(iter(files.values())))
    if labels is None:
        return have
    return [have[place] for place in positions(list(labels), have, f"{where}: labels")]


def _layer(
    layer: str,
    files: Mapping[str, Path],
    names: Sequence[str],
    axes: Axes,
    index: Index | None,
    into: Path | None,
    bare: bool,
) -> Array:
    """Read a layer file by file into one array; each has to have the shape and type of the first."""
    if axes not in ("as_stored", "channels_last"):
        raise DataError(f"axes: as_stored or channels_last, not {axes!r}")
    units = None if index is None else _units(index, layer)
    out: Array | None = None
    for row, name in enumerate(names):
        values = _sample(files[name], axes, units, bare)
        if out is None:
            out = _empty(layer, (len(names), *values.shape), values.dtype, into)
        if values.shape != out.shape[1:] or values.dtype != out.dtype:
            raise LabelMismatch(
                f"{files[name]}: {values.dtype} of shape {values.shape}, but {files[names[0]].name} holds "
                f"{out.dtype} of shape {out.shape[1:]}"
            )
        out[row] = values
    if out is None:
        raise DataError(f"layer {layer!r}: no labels were asked for")
    if into is None:
        return out
    out.flush()  # type: ignore[attr-defined]
    return arrays.read_array(_npy(layer, into))


def _empty(layer: str, shape: tuple[int, ...], dtype: Any, into: Path | None) -> Array:
    if into is None:
        return np.empty(shape, dtype)
    into.mkdir(parents=True, exist_ok=True)
    path = _npy(layer, into)
    if path.exists():
        raise DataError(f"{path}: is there already; give an empty folder")
    return np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)


def _npy(layer: str, into: Path) -> Path:
    return into / f"{arrays.safe_name(layer)}.npy"


def _units(index: Index, layer: str) -> npt.NDArray[np.int64]:
    if layer not in index:
        raise DataError(f"feature index: no layer {layer!r}; {suggestion(layer, index, 'layers')}")
    return index[layer]


def _sample(path: Path, axes: Axes, units: npt.NDArray[np.int64] | None, bare: bool) -> Array:
    """Read one sample (units...); the axis of the sample, of length 1, may be absent where ``bare``."""
    values = read_stored(path, KEY)
    if values.dtype.kind != "f" or values.dtype.itemsize < 4:
        values = values.astype(np.float64)
    if values.ndim > 1 and values.shape[0] == 1:
        values = values[0]
    elif not (bare and values.ndim == 3):
        raise DamagedFile(f"{path}: shape {values.shape}; the first axis is the sample, of length 1")
    if units is not None:
        if units.size and units.max() >= values.size:
            raise DataError(f"{path}: there is no unit {units.max()} among {values.size}")
        return values.ravel()[units]
    if axes == "channels_last" and values.ndim == 3:
        return np.moveaxis(values, 0, -1)
    if axes == "channels_last" and values.ndim != 1:
        raise DataError(f"{path}: shape {values.shape} has no channels to bring last; read it as_stored")
    return values


def _write(
    folder: Path, values: Array, labels: Sequence[str], axes: Axes, start: str, sparse: bool
) -> list[Path]:
    if values.ndim == 4 and axes == "channels_last":
        values = np.moveaxis(values, -1, 1)
    paths = [folders.file_of(folder, start + label) for label in labels]
    folder.mkdir(parents=True, exist_ok=True)
    for path, sample in zip(paths, values, strict=True):
        if start:
            mat.write_mat(path, {KEY: np.asarray(sample)[None]}, "5")
        else:
            write_stored(path, KEY, np.asarray(sample)[None], sparse)
    return paths
