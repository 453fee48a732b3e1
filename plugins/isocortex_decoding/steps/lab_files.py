"""The Kamitani lab's files as steps: BData, feature directories, decoded features."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Literal

import numpy as np

from isocortex.data import Decoded, Features, Patterns
from isocortex.errors import DataError
from isocortex.pipeline.costs import costs
from isocortex.pipeline.settings import InputFile, InputFolder
from isocortex_decoding.files import feature_dirs
from isocortex_decoding.files.bdata import BData
from isocortex_decoding.files.feature_dirs import Axes
from isocortex_decoding.files.feature_folders import Convention
from isocortex_decoding.preprocessing.recipe import Series
from isocortex_decoding.steps import file_costs
from isocortex_decoding.steps.preprocess import Normalisation, Preprocessed, preprocessed, recipe_of

_DTYPES = {"stored": None, "float32": np.float32}
Where = dict[str, list[float]]
Precision = Literal["stored", "float32"]


@costs(file_costs.bdata, "select fewer voxels, or say precision: float32")
def load_bdata(
    file: InputFile,
    select: str,
    label_key: str = "stimulus_name",
    category_key: str | None = None,
    run_key: str | list[str] | None = None,
    where: Where | None = None,
    missing: Literal["error", "drop", "keep"] = "error",
    order: Literal["space", "file"] = "space",
    precision: Precision = "stored",
) -> Patterns:
    """Read voxels of a BData file whose rows are samples already, with stimuli, conditions, runs and space.

    Parameters
    ----------
    file : a BData file (HDF5) with a row a sample.
    select : which columns: ``ROI_VC = 1``, ``ROI_V1 + ROI_V2 - ROI_FFA``, ``Stat top 500 @ ROI_VC``,
        ``ROI_*``.
    label_key : column of the stimulus: through its table of names, as whole numbers, or as ImageNet ids
        (1518878.005958 becomes n01518878_5958).
    category_key : column of the condition; without it the stimulus is the condition.
    run_key : column or columns of the run; default: Session and Run, as far as they are there.
    where : only samples with these numbers: ``{DataType: [1]}``.
    missing : samples without a label are an error, dropped, or kept as ``n/a``.
    order : voxels in the order of the grid, where the file tells their coordinates, or of the file.
    precision : "float32" halves the memory that voxels take.
    """
    with BData(Path(file)) as opened:
        keep = None if where is None else opened.where(where)
        everything = missing if keep is None else "keep"
        patterns = opened.patterns(
            select, label_key, category_key, run_key, everything, order == "space", _DTYPES[precision]
        )
    if keep is None:
        return patterns
    patterns = patterns.take(keep)
    lacking = np.array(
        ["n/a" in (*pair,) for pair in zip(patterns.stimuli or (), patterns.conditions, strict=True)]
    )
    if lacking.any() and missing == "error":
        raise DataError(f"{file}: {int(lacking.sum())} of the samples have no label under {label_key!r}")
    return patterns.take(~lacking) if missing == "drop" else patterns


def preprocess_bdata(
    file: InputFile,
    select: str,
    label_key: str = "stimulus_name",
    category_key: str | None = None,
    run_key: str | list[str] | None = None,
    block_key: str = "Block",
    regressors: str = "MotionParameter",
    where: Where | None = None,
    shift: int = 2,
    linear_trend: bool = True,
    outliers: float = 3.0,
    normalise: Normalisation = "percent",
    baseline: list[str] | None = None,
    rest: list[str] | None = None,
    block_length: int | None = None,
    repeats: Literal["drop", "keep"] = "drop",
    average: Literal["block", "none"] = "block",
    order: Literal["space", "file"] = "space",
    precision: Precision = "stored",
) -> Preprocessed:
    """Read volumes of whole runs from a BData file and bring them to one sample a block, run by run.

    ``preprocess_runs`` says what is done and what the settings mean; ``load_bdata`` says the others.

    Parameters
    ----------
    file : a BData file (HDF5) with a row a volume, in order of time.
    block_key : column with the number of the block; "none" to go by successive samples of one stimulus.
    regressors : columns to regress out, in the language of ``select`` (``MotionParameter | Confounds_*``); or
        "none".
    where : only samples with these numbers are kept in the end (``{event_type: [2]}``); until then the runs
        are whole.
    """
    with BData(Path(file)) as opened:
        patterns = opened.patterns(
            select, label_key, category_key, run_key, "keep", order == "space", _DTYPES[precision]
        )
        if patterns.runs is None:
            raise DataError(f"{file}: there are no runs, and all of this is done run by run; name a run_key")
        nuisance = None if regressors == "none" else opened.select(regressors)
        keep = None if where is None else opened.where(where)
        blocks = None if block_key == "none" else _blocks(opened, block_key)
    series = Series(
        patterns.values, patterns.stimuli or (), patterns.conditions, patterns.runs, blocks, keep, nuisance
    )
    recipe = recipe_of(
        shift, linear_trend, outliers, normalise, baseline, rest, block_length, repeats, average
    )
    return preprocessed(patterns, series, recipe)


def _blocks(opened: BData, key: str) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    column = opened.column(key)
    if not np.isfinite(column).all() or (column != np.rint(column)).any():
        raise DataError(f"{opened.path}: the block numbers under {key!r} are not whole, or some are missing")
    return column.astype(np.intp)


@costs(file_costs.feature_folders, "give fewer layers or labels")
def load_feature_folders(
    folder: InputFolder,
    more_folders: list[InputFolder] | None = None,
    layers: list[str] | None = None,
    labels: list[str] | None = None,
    axes: Axes = "channels_last",
    index_file: InputFile | None = None,
    model: str = "",
    categories: Literal["none", "synset"] = "none",
) -> Features:
    """Read true features from ``<folder>/<layer>/<label>.mat``; every layer has to hold the same labels.

    Parameters
    ----------
    folder : holds ``<layer>/<label>.mat``.
    more_folders : with the same layers and other labels.
    layers, labels : which, in which order; default: all by name.
    axes : the files hold channels first; "channels_last" brings them into the form of this package's
        networks, "as_stored" leaves them.
    index_file : ``feature_index.mat``, to keep some units of each layer.
    model : what to call the network.
    categories : "synset" takes the part of a label before the first ``_``.
    """
    roots = [Path(folder), *map(Path, more_folders or [])]
    index = None if index_file is None else Path(index_file)
    with _room(roots) as into:
        return feature_dirs.read_features(
            roots, layers, labels, "as_stored" if index else axes, index, into, model, categories == "synset"
        )


@costs(file_costs.decoded_folders, "give fewer layers or labels")
def load_decoded_folders(
    folder: InputFolder,
    subject: str,
    roi: str,
    layers: list[str] | None = None,
    labels: list[str] | None = None,
    fold: str | None = None,
    convention: Convention = "auto",
    axes: Axes = "channels_last",
    averaged: int | None = None,
    model: str = "",
) -> Decoded:
    """Read decoded features of a subject and ROI, of either of the lab's conventions.

    Parameters
    ----------
    folder : holds ``<layer>/<subject>/<roi>``, with the files in it, in ``decoded_features``, or in
        ``<fold>/decoded_features``.
    subject, roi : names of their folders (``$subject`` and ``$roi`` along these axes).
    layers, labels : which, in which order; default: all by name.
    fold : of a cross-validation; default: all folds together.
    convention : "modern" ``<layer>/<subject>/<roi>/<label>.mat``, "original" with
        ``<type>-<net>-<layer>-<subject>-<roi>-`` before the label, or told by the names.
    axes : the files hold channels first; "channels_last" brings them into the form of this package's
        networks, "as_stored" leaves them.
    averaged : how many repetitions each label is the mean of; the files do not say.
    model : what to call the network.
    """
    with _room([Path(folder)]) as into:
        found = feature_dirs.read_decoded(
            Path(folder), subject, roi, layers, labels, fold, convention, axes, into, None, model
        )
    if averaged is None:
        return found
    return Decoded(
        found.layers, found.stimuli, found.categories, model, subject, roi, (averaged,) * found.n_samples
    )


class _room:
    """A folder for memory maps where the files are too many for memory, gone when the maps are opened."""

    def __init__(self, roots: list[Path]) -> None:
        large = file_costs.mapped(roots)
        self._folder = Path(tempfile.mkdtemp(prefix="isocortex-")) if large else None

    def __enter__(self) -> Path | None:
        return self._folder

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:  # a map keeps what it shows for as long as it is open
            shutil.rmtree(self._folder, ignore_errors=True)
