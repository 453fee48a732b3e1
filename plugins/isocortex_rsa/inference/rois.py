"""Maps averaged over regions of interest (ROIs), with the error over subjects."""

from __future__ import annotations

import warnings
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data import Collected, Space, StatMaps, Table
from isocortex.data.labels import unique
from isocortex.errors import DataError
from isocortex.formats import nifti
from isocortex.pipeline.settings import InputFile
from isocortex_rsa._items import items_of, name_of
from isocortex_rsa.inference.clusters import LABELS

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

COLUMNS = ("roi", "model", "similarity", "measure", "voxels", "left_out")
GROUP_COLUMNS = ("roi", "model", "mean", "error", "error_is", "subjects", "voxels", "measure")


class RoiMeans(NamedTuple):
    """A row for each subject, ROI and model, and a row for each ROI and model.

    ``voxels`` says how many were averaged, ``left_out`` how many more the ROI has: outside the mask of the
    maps, NaN, or not positive where only positive ones were asked for.
    """

    subjects: Table
    group: Table


def roi_means(
    maps: StatMaps | Collected[StatMaps],
    rois: StatMaps,
    error: Literal["subjects", "lee2023_sd_by_n", "lee2023_sd_by_root_n"] = "subjects",
    voxels: Literal["all", "lee2023_positive"] = "all",
    independent: bool = False,
) -> RoiMeans:
    """Average maps over the voxels of each ROI, then over subjects.

    Parameters
    ----------
    maps : one map a model, of one subject or group or of each of several subjects. NaN voxels are left out.
    rois : label images, as ``label_image`` and ``find_clusters`` give: each whole number above 0 is a ROI.
    error : "subjects" is the standard error of the mean over subjects (ddof 1), NaN for a single map. Voxels
        are no independent observations; Lee et al. 2023 nevertheless give, for a group map, SD over voxels /
        number of voxels ("lee2023_sd_by_n") or / its root ("lee2023_sd_by_root_n"), SD with ddof 0.
    voxels : "all", or only those above 0 as in Lee et al. 2023 (all where none is), which makes any mean
        positive.
    independent : say true when ROIs that came from ``find_clusters`` were found in other data than ``maps``;
        otherwise a warning says that the selection makes the means too large (circularity).
    """
    if rois.statistic == LABELS and not independent:
        warnings.warn(
            "roi_means: these ROIs are clusters of a map. If they were found in the data that are averaged "
            "here, the means are too large (circular analysis, Kriegeskorte et al. 2009): define the ROIs "
            "from other data and say independent: true, or do not test these means",
            stacklevel=2,
        )
    if error != "subjects" and not isinstance(maps, StatMaps):
        raise DataError(f"roi_means: error: {error} is over the voxels of one group map, not over subjects")
    if isinstance(maps, Collected) and len(maps.axes) > 1:
        raise DataError(
            f"roi_means: the maps are collected over {' x '.join(maps.axes)}; the subjects must be the only "
            f"axis: add over: [{', '.join(maps.axes[1:])}] to this step, say"
        )
    rows = [
        {**axes, **row}
        for axes, item in items_of(maps)
        for row in _means(item, rois, voxels, f"roi_means: {name_of(axes)}".rstrip(": "))
    ]
    columns = (*(maps.axes if isinstance(maps, Collected) else ()), *COLUMNS)
    subjects = [{name: row[name] for name in columns} for row in rows]
    return RoiMeans(Table.from_rows(subjects, columns), Table.from_rows(_group(rows, error), GROUP_COLUMNS))


def regions(rois: StatMaps) -> dict[str, Mask]:
    """Which voxels belong to each ROI of label images.

    A ROI has the name of its map where the map holds a single one, else that and its number: "V1", "codes 3".
    """
    found: dict[str, Mask] = {}
    for row, name in enumerate(rois.names):
        values = np.nan_to_num(np.asarray(rois.values[row], dtype=np.float64))
        numbers = np.unique(values[values != 0])
        if (numbers < 0).any() or (numbers % 1 != 0).any():
            raise DataError(f"ROIs: {name!r} is no label image: a voxel is {numbers[0]:g}; use whole numbers")
        for number in numbers:
            label = name if numbers.size == 1 else f"{name} {number:g}"
            if label in found:
                raise DataError(f"ROIs: {label!r} occurs twice; rename the label images")
            found[label] = values == number
    return found


def label_image(file: InputFile, names: dict[str, int] | None = None) -> StatMaps:
    """Load ROIs from a NIfTI file: a mask (0 and 1) or a label image (whole numbers).

    Parameters
    ----------
    file : three dimensions, or four of which the last is 1. Voxels of 0 or NaN belong to no ROI.
    names : ROI name -> number in the image, one map each; default: all numbers, in one map named by the file.
    """
    volume, affine = nifti.read_volume(file)
    if volume.ndim == 4 and volume.shape[3] == 1:
        volume = volume[..., 0]
    if volume.ndim != 3:
        raise DataError(f"{file}: a label image has three dimensions, this one has shape {volume.shape}")
    labels = np.nan_to_num(volume.astype(np.float64))
    mask = labels != 0
    if not mask.any():
        raise DataError(f"{file}: no voxel belongs to a ROI")
    values = labels[mask]
    if names is None:
        stem = file.name.removesuffix(".gz").removesuffix(".nii")
        found = StatMaps(values[None], (stem,), Space(mask, affine), "label")
        regions(found)
        return found
    absent = [name for name, number in names.items() if not (values == number).any()]
    if absent:
        raise DataError(f"{file}: no voxel has the number of {', '.join(absent)}; see names")
    rows = np.array([(values == number) for number in names.values()], dtype=np.float64)
    return StatMaps(rows, tuple(names), Space(mask, affine), "label")


def _means(maps: StatMaps, rois: StatMaps, voxels: str, what: str) -> list[dict[str, Any]]:
    """Mean, SD (ddof 0) and number of voxels of each ROI and model of one set of maps."""
    maps.space.require_same_grid(rois.space, f"{what}: maps and ROIs")
    rows = []
    for roi, inside in regions(rois).items():
        volume = rois.space.volume(inside, False)
        chosen = volume[maps.space.mask]
        if not chosen.any():
            raise DataError(f"{what}: no voxel of the ROI {roi!r} lies in the mask of the maps")
        for model, values in zip(maps.names, maps.values[:, chosen].astype(np.float64), strict=True):
            known = values[~np.isnan(values)]
            if voxels == "lee2023_positive" and (known > 0).any():
                known = known[known > 0]
            rows.append(
                {
                    "roi": roi,
                    "model": model,
                    "similarity": float(known.mean()) if known.size else float("nan"),
                    "sd": float(known.std()) if known.size else float("nan"),
                    "measure": maps.statistic,
                    "voxels": int(known.size),
                    "left_out": int(inside.sum()) - int(known.size),
                }
            )
    return rows


def _group(rows: list[dict[str, Any]], error: str) -> list[dict[str, Any]]:
    """Mean over subjects for each ROI and model; a subject without a value is left out and not counted."""
    found = []
    for roi, model in dict.fromkeys((row["roi"], row["model"]) for row in rows):
        own = [row for row in rows if (row["roi"], row["model"]) == (roi, model)]
        known = [row for row in own if not np.isnan(row["similarity"])]
        values = np.array([row["similarity"] for row in known])
        found.append(
            {
                "roi": roi,
                "model": model,
                "mean": float(values.mean()) if values.size else float("nan"),
                "error": _error(known, values, error),
                "error_is": error,
                "subjects": len(known),
                "voxels": float(np.mean([row["voxels"] for row in own])),
                "measure": ", ".join(unique([row["measure"] for row in own])),
            }
        )
    return found


def _error(known: list[dict[str, Any]], values: Floats, error: str) -> float:
    if error == "subjects":
        return float(values.std(ddof=1) / np.sqrt(values.size)) if values.size > 1 else float("nan")
    if not known:
        return float("nan")
    by = known[0]["voxels"] ** (1.0 if error == "lee2023_sd_by_n" else 0.5)
    return float(known[0]["sd"] / by)
