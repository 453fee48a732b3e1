"""Bars of how alike layers and brain are in the regions of the layers' map (group figures of Lee et al.)."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from isocortex.data import Collected, StatMaps, Table
from isocortex.errors import DataError
from isocortex_rsa.inference.rois import roi_means
from isocortex_studies.code_bars import COLUMNS, CodeBars, bars_figure

NOWHERE = "No layer fits the brain significantly anywhere, so that there is no region to compare layers in."


def layer_region_bars(
    group: StatMaps,
    maps: Collected[StatMaps],
    regions: StatMaps,
    error: Literal["subjects", "lee2023_sd_by_root_n"] = "subjects",
    most: int = 12,
    independent: bool = False,
) -> CodeBars:
    """Average how well each layer fits over the regions of a map of layers, and draw it, a panel a region.

    Parameters
    ----------
    group : maps over subjects, such as t, one a layer.
    maps : similarities of each subject with the same layers.
    regions : label image, as ``find_clusters`` gives of the best layer's value.
    error : "subjects" averages the subjects' similarities, with the standard error over subjects (none for a
        single one). "lee2023_sd_by_root_n" averages the group's t with SD over voxels / root of their number,
        as the study does, although voxels are no independent observations.
    most : of the largest regions, how many are shown.
    independent : say true where the regions were found in other data. Otherwise a warning says that regions
        chosen by what is averaged here make it too large (circularity).
    """
    if len(regions) != 1:
        raise DataError(f"layer_region_bars: give one label image of regions, not {len(regions)}")
    labels = np.nan_to_num(np.asarray(regions.values, dtype=np.float64))
    count = len(np.unique(labels[labels > 0]))
    if not count:
        empty = Table({name: np.empty(0) for name in COLUMNS})
        return CodeBars(bars_figure([], NOWHERE, empty), empty)
    if not independent:
        warnings.warn(
            "layer_region_bars: regions found by the maps that are averaged here make the averages too large "
            "(circular analysis, Kriegeskorte et al. 2009); find them in other data and say independent: "
            "true, or do not test them",
            stacklevel=2,
        )
    largest = replace(regions, values=np.where(labels <= most, labels, 0), names=("region",))
    what = maps if error == "subjects" else group
    bars = [_bar(row) for row in roi_means(what, largest, error, independent=True).group.rows()]
    found = Table.from_rows(bars, COLUMNS)
    return CodeBars(bars_figure(bars, _caption(bars, error, count, most), found), found)


def _bar(row: dict[str, Any]) -> dict[str, Any]:
    return {"region" if name == "roi" else name: value for name, value in row.items()}


def _caption(bars: list[dict[str, Any]], error: str, count: int, most: int) -> str:
    which = f"the {most} largest of {count} regions" if count > most else "regions"
    text = f"Mean {bars[0]['measure']} of each layer in {which} where some layer fits best."
    if error != "subjects":
        return f"{text} Whiskers: SD over voxels by the root of their number (Lee et al. 2023)."
    several = max(bar["subjects"] for bar in bars) > 1
    return f"{text} Whiskers: standard error over subjects." if several else text
