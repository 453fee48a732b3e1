"""How far a run of ``digits-objects`` under its preset lee2023 is from the notebooks, by quantity."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from notebooks import CLASSES, CODES, LAYERS, LOWER, UPPER, assigned, code_bar, code_matrices, significant
from notebooks import reordered as turned_rdm

import isocortex as ic
from isocortex.data import StatMaps, Table
from isocortex_searchlight import SearchlightRDMs


class Compared(NamedTuple):
    """A published quantity: how many numbers, the largest difference, how many are there in one only."""

    count: int
    largest: float
    disagree: int


def layer_rdms(results: Path) -> Any:
    """RDMs of the layers that a run found, (15, 16, 16) in the order of forward computation."""
    found = ic.RDMs.load(results / "layers")
    assert found.names == tuple(LAYERS) and found.conditions == tuple(CLASSES)
    return found.square().astype(np.float64)


def at(maps: StatMaps, centres: Any) -> Any:
    """Values of maps at centres."""
    return np.stack([maps.volume(name)[tuple(centres.T)] for name in maps.names])


def compare(results: Path, published: dict[str, Any]) -> dict[str, Compared]:
    """Compare all; ``published`` is ``notebooks.maps_of`` with the run's own layer RDMs."""
    found = {"searchlights": _searchlights(results, published)}
    for kind in ("layer", "code"):
        found[f"rho of {kind}s"] = _rho(results, published, kind)
        found[f"{kind}s where p <= .05"] = _thresholded(results, published, kind)
    found["map of layers"] = _layer_map(results, published)
    found["cosine of layers and codes"] = _cosines(results, published)
    found |= _bars(results, published)
    return found


def _searchlights(results: Path, published: dict[str, Any]) -> Compared:
    found = SearchlightRDMs.load(results / "neural" / "subject=Sample")
    assert found.conditions == tuple(CLASSES)
    maps = StatMaps.load(results / "layer_maps" / "subject=Sample" / "maps")
    known = maps.space.voxels[np.isfinite(maps.values).all(axis=0)]
    ours, theirs = ({tuple(row) for row in rows.tolist()} for rows in (known, published["centres"]))
    place = {tuple(centre): row for row, centre in enumerate(found.centres.tolist())}
    rows = [place[tuple(centre)] for centre in published["centres"].tolist()]
    largest = np.abs(found.values[rows] - published["neural"][:, *UPPER]).max()
    return Compared(len(theirs), float(largest), len(ours ^ theirs))


def _rho(results: Path, published: dict[str, Any], kind: str) -> Compared:
    maps = StatMaps.load(results / f"{kind}_maps" / "subject=Sample" / "maps")
    assert maps.names == (tuple(LAYERS) if kind == "layer" else CODES)
    theirs = published[f"{kind}_rho"]
    found = at(maps, published["centres"])
    elsewhere = int(np.isfinite(maps.values).sum()) - theirs.size
    return Compared(theirs.size, float(np.abs(found - theirs).max()), elsewhere)


def _thresholded(results: Path, published: dict[str, Any], kind: str) -> Compared:
    """The notebook sets what is not significant to 0; of what is left, maps show what is above 0."""
    maps = StatMaps.load(results / f"{kind}_test" / "thresholded")
    found = np.nan_to_num(at(maps, published["centres"]))
    rho = published[f"{kind}_rho"]
    theirs = np.where(significant(rho) & (rho > 0), rho, 0)
    elsewhere = int(np.isfinite(maps.values).sum()) - np.count_nonzero(found)
    disagree = int(((found > 0) != (theirs > 0)).sum()) + elsewhere
    return Compared(np.count_nonzero(theirs), float(np.abs(found - theirs).max()), disagree)


def _layer_map(results: Path, published: dict[str, Any]) -> Compared:
    theirs, tied = assigned(published["layer_rho"])
    whole = StatMaps.load(results / "layer_map" / "number")
    found = at(whole, published["centres"])[0]
    same = (found == theirs) | (np.isnan(found) & np.isnan(theirs)) | tied
    elsewhere = int(np.isfinite(whole.values).sum() - np.isfinite(found).sum())
    return Compared(int(np.isfinite(theirs).sum()), 0.0, int((~same).sum()) + elsewhere)


def _cosines(results: Path, published: dict[str, Any]) -> Compared:
    table = {
        (row["rdm"], row["model"]): row["similarity"] for row in Table.load(results / "layers_codes").rows()
    }
    differences = []
    for name, code in code_matrices().items():
        for layer, rdm in zip(LAYERS, published["layers"], strict=True):
            a, b = code[LOWER], turned_rdm(rdm)[LOWER]
            theirs = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
            differences.append(abs(table[name, layer] - theirs))
    return Compared(len(differences), max(differences), len(table) - len(differences))


def _bars(results: Path, published: dict[str, Any]) -> dict[str, Compared]:
    rows = Table.load(results / "region_bars" / "table").rows()
    table = {(row["region"], row["model"]): row for row in rows}
    means, errors, disagree = [], [], len(table) - len(CODES) * len(LAYERS)
    for name in CODES:
        for layer, rdm in zip(LAYERS, published["layers"], strict=True):
            theirs, bar = code_bar(name, published, rdm), table[name, layer]
            assert bar["error_is"] == "lee2023_sd_by_n"
            disagree += bar["voxels"] != len(theirs) or np.isnan(bar["mean"]) != (len(theirs) == 0)
            if len(theirs):
                means.append(abs(bar["mean"] - theirs.mean()))
                errors.append(abs(bar["error"] - theirs.std() / len(theirs)))
    return {
        "bars of the codes' regions": Compared(len(means), max(means), disagree),
        "their whiskers (SD / N)": Compared(len(errors), max(errors), disagree),
    }
