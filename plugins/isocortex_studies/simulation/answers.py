"""What was planted in a simulated study, beside what was found."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data import StatMaps, Table
from isocortex.data.labels import same_labels
from isocortex.errors import DataError, suggestion

Bools = npt.NDArray[np.bool_]


class Answers(NamedTuple):
    """A row a planted model, a row for where nothing is planted, and the planted models as a map."""

    models: Table
    empty: Table
    planted: StatMaps
    planted_models: Table


def planted_beside_found(
    regions: StatMaps,
    best: StatMaps,
    models: Table,
    p: StatMaps,
    p_fwe: StatMaps,
    radius: float,
    alpha: float = 0.05,
) -> Answers:
    """Say of each planted model where it was found, and how often something was found where nothing is.

    Parameters
    ----------
    regions : from ``planted_regions``.
    best, models : number and models of ``best_model_map``: the model that fits best where any is significant.
    p, p_fwe : of ``group_test``: for one voxel and model, and corrected for all of them.
    radius : of the searchlights, in voxels: a region is within reach of the voxels whose searchlight holds a
        voxel of it.
    alpha : level of both.

    Returns
    -------
    models : for every model of the map: voxels planted (0: it is planted nowhere); share of them where the
        model is significant (corrected); share where it also fits best of all models ("recovered"); and
        voxels where it fits best although its own region is out of reach: within reach of other models'
        regions ("elsewhere"), and of no region ("nowhere").
    empty : of the voxels that no region is in reach of: how many, how many with any model significant
        (corrected), and the share of voxels and models with p of at most alpha, which should be about alpha.
    planted, planted_models : what was planted, as ``best_model_map`` gives what fits best.
    """
    names = _checked(regions, best, models, p, p_fwe)
    order = same_labels(names, p_fwe.names, "planted_beside_found: models of the map and of p_fwe")
    significant = np.asarray(p_fwe.values)[order] <= alpha
    number = np.nan_to_num(np.asarray(best.values)[0]).astype(int)
    planted = np.asarray(regions.values) > 0
    near = np.stack([_within(regions, own, radius) for own in planted])
    free = ~near.any(axis=0)
    nowhere = np.zeros(regions.space.n_voxels, dtype=bool)
    place = {name: (planted[row], near[row]) for row, name in enumerate(regions.names)}
    rows = [
        _row(name, model, *place.get(name, (nowhere, nowhere)), free, number, significant)
        for model, name in enumerate(names)
    ]
    numbers = np.full((1, regions.space.n_voxels), np.nan, dtype=np.float32)
    for row, name in enumerate(regions.names):
        numbers[0, planted[row]] = names.index(name) + 1
    return Answers(
        Table.from_rows(rows),
        Table.from_rows([_empty(free, significant, np.asarray(p.values), alpha)]),
        StatMaps(numbers, ("planted",), regions.space, "model number"),
        _numbered(names, numbers),
    )


def _checked(
    regions: StatMaps, best: StatMaps, models: Table, p: StatMaps, p_fwe: StatMaps
) -> tuple[str, ...]:
    """Names of the map's models, after all maps are seen to be of one space and to know what was planted."""
    for other, what in ((best, "best models"), (p, "p"), (p_fwe, "p_fwe")):
        regions.space.require_same_voxels(other.space, f"planted_beside_found: regions and {what}")
    names = tuple(str(name) for name in models["model"])
    missing = [name for name in regions.names if name not in names]
    if missing:
        raise DataError(
            f"planted_beside_found: {missing[0]!r} was planted, but is no model of the map; "
            f"{suggestion(missing[0], names, 'models')}"
        )
    return names


def _empty(free: Bools, significant: Bools, p: npt.NDArray[Any], alpha: float) -> dict[str, Any]:
    """What was found where no region is in reach."""
    return {
        "voxels": int(free.sum()),
        "models": len(significant),
        "significant": int(significant[:, free].any(axis=0).sum()),
        "uncorrected": float((p[:, free] <= alpha).mean()) if free.any() else float("nan"),
        "alpha": alpha,
    }


def _numbered(names: tuple[str, ...], numbers: Any) -> Table:
    """The models of a map of numbers, with their numbers of voxels."""
    voxels = np.array([int(np.sum(numbers == place)) for place in range(1, len(names) + 1)])
    return Table({"number": np.arange(1, len(names) + 1), "model": np.array(names), "voxels": voxels})


def _within(regions: StatMaps, own: Bools, radius: float) -> Bools:
    """Voxels whose searchlight holds a voxel of a region."""
    from scipy.spatial import cKDTree

    voxels = regions.space.voxels
    found = cKDTree(voxels[own]).query(voxels, distance_upper_bound=radius + 1e-6)[0]
    return np.isfinite(found)


def _row(
    name: str, model: int, own: Bools, near: Bools, free: Bools, number: Any, significant: Bools
) -> dict[str, Any]:
    best = number == model + 1
    return {
        "model": name,
        "planted": int(own.sum()),
        "significant": float(significant[model, own].mean()) if own.any() else float("nan"),
        "recovered": float((significant[model] & best)[own].mean()) if own.any() else float("nan"),
        "elsewhere": int((best & ~near & ~free).sum()),
        "nowhere": int((best & free).sum()),
    }
