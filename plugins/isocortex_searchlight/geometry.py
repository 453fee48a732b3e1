"""Which centres there are, which voxels count as members, and how both lie in a padded box."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError, suggestion
from isocortex.threads import over
from isocortex_searchlight import kernels
from isocortex_searchlight.compiling import announce
from isocortex_searchlight.shapes import Offsets, columns, sphere

Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Policy:
    """What a searchlight is.

    radius, unit, inclusive : see ``shapes.sphere``.
    min_voxels : a centre with fewer members has no result (status "few").
    edges : "truncate" cuts a sphere off where the volume ends; "drop" leaves out centres whose bounding cube
        does not lie within the volume.
    min_fraction : share of a sphere's voxels (those inside the volume) that must lie in the mask.
    members : "mask" takes only voxels of the mask into a searchlight; "volume" takes any voxel;
        "lee2023" takes any whose values do not sum to exactly zero, as study A's notebook does, which loses
        voxels once the mean pattern is removed.
    """

    radius: float = 3.0
    unit: Literal["voxels", "mm"] = "voxels"
    inclusive: bool = True
    min_voxels: int = 2
    edges: Literal["truncate", "drop"] = "truncate"
    min_fraction: float = 0.0
    members: Literal["mask", "volume", "lee2023"] = "mask"


PRESETS = {
    "default": Policy(),
    "lee2023": Policy(min_voxels=1, edges="drop", members="lee2023"),
    "rsatoolbox": Policy(inclusive=False, min_voxels=1, min_fraction=1.0, members="volume"),
}
"""Named policies. "lee2023" is notebook 03 of study A, "rsatoolbox" the defaults of rsatoolbox 0.3."""


def policy_of(preset: str, **settings: object) -> Policy:
    """Give a preset with some settings changed (those that are None stay)."""
    if preset not in PRESETS:
        raise DataError(f"there is no searchlight preset {preset!r}; there are {', '.join(PRESETS)}")
    given = {name: value for name, value in settings.items() if value is not None}
    for name in given:
        if name not in Policy.__dataclass_fields__:
            known = suggestion(name, Policy.__dataclass_fields__, "settings")
            raise DataError(f"a searchlight has no setting {name!r}; {known}")
    policy = replace(PRESETS[preset], **given)  # type: ignore[arg-type]
    if policy.min_voxels < 1 or not 0 <= policy.min_fraction <= 1:
        raise DataError("min_voxels must be 1 or more, and min_fraction from 0 to 1")
    return policy


@dataclass(frozen=True)
class Geometry:
    """Centres, members and shape on one grid.

    centres : (n, 3) voxel indices in C order.
    members : (x, y, z) voxels that count.
    offsets : (m, 3) the shape.
    """

    centres: Indices
    members: Mask
    offsets: Offsets

    @property
    def shape(self) -> tuple[int, ...]:
        """Grid size."""
        return self.members.shape


def geometry(
    data: Array, mask: Mask, policy: Policy, affine: npt.ArrayLike | None = None
) -> tuple[Geometry, dict[str, int]]:
    """Find centres and members of a searchlight over ``data`` (x, y, z, conditions).

    Voxels with a value that is not finite never count; under ``members="mask"`` voxels with one constant
    value for all conditions do not either (there is nothing measured in them). Gives also how many voxels
    of the mask were left out for each of the two reasons.
    """
    if data.ndim != 4 or data.shape[:3] != mask.shape:
        raise DataError(
            f"the data have shape {data.shape}, expected (x, y, z, conditions) on the grid {mask.shape}"
        )
    if not mask.any():
        raise DataError("the mask is empty: there is no searchlight to look through")
    offsets = sphere(policy.radius, policy.unit, affine, policy.inclusive)
    announce(kernels.sphere_sums)
    kind = np.zeros(mask.shape, dtype=np.uint8)
    over(mask.shape[0], lambda x0, x1: kernels.survey(data, x0, x1, kind), piece=8)
    dropped = {"not_finite": int(np.count_nonzero(mask & (kind == kernels.NOT_FINITE))), "constant": 0}
    members = kind != kernels.NOT_FINITE
    if policy.members == "mask":
        constant = kind == kernels.CONSTANT
        dropped["constant"] = int(np.count_nonzero(mask & constant))
        members &= mask & ~constant
    elif policy.members == "lee2023":
        # his sum of float32 or float64 values, in his order of adding
        members &= data.sum(axis=3) != 0
    return Geometry(_centres(mask, offsets, policy), members, offsets), dropped


def _centres(mask: Mask, offsets: Offsets, policy: Policy) -> Indices:
    centres = np.argwhere(mask)
    if policy.edges == "drop":
        low, high = centres + offsets.min(axis=0), centres + offsets.max(axis=0)
        centres = centres[np.all((low >= 0) & (high < mask.shape), axis=1)]
    if policy.min_fraction > 0:
        inside = count_in(mask, centres, offsets)
        within = count_in(np.ones_like(mask), centres, offsets)
        centres = centres[inside >= policy.min_fraction * within - 1e-9]
    return np.asarray(centres, dtype=np.int64)


def count_in(mask: Mask, centres: Indices, offsets: Offsets) -> Indices:
    """Number of voxels of a mask in the searchlight of each centre."""
    low, high = offsets.min(axis=0), offsets.max(axis=0)
    padding = [(int(-a), int(b)) for a, b in zip(np.minimum(low, 0), np.maximum(high, 0), strict=True)]
    padded = np.pad(mask, padding)
    origin = centres + np.array([before for before, _ in padding])
    counts = np.zeros(len(centres), dtype=np.int64)
    for offset in offsets:
        counts += padded[tuple((origin + offset).T)]
    return counts


@dataclass(frozen=True)
class Box:
    """The bounding box of centres and members, padded so that no run can leave it, and its lists of rows.

    A row is a line of centres along z. ``row_start[x]``: first row of plane x; ``rows``: its y; ``first_z``
    and ``last_z``: its extent; ``dense``: where its centres begin among all; ``inside``: z of each centre
    counted from ``first_z``. ``runs``: (dx, dy, dz, level), ``levels``: the run lengths there are.
    """

    low: tuple[int, int, int]
    high: tuple[int, int, int]
    pad: tuple[tuple[int, int], ...]
    shape: tuple[int, int, int]
    row_start: Indices
    rows: Indices
    first_z: Indices
    last_z: Indices
    dense: Indices
    inside: Indices
    runs: Indices
    levels: Indices


def box(geo: Geometry) -> Box:
    """Lay out centres and members for the running sums."""
    members = np.argwhere(geo.members) if geo.members.any() else geo.centres
    low = np.minimum(geo.centres.min(axis=0), members.min(axis=0))
    high = np.maximum(geo.centres.max(axis=0), members.max(axis=0)) + 1
    near = np.minimum(geo.offsets.min(axis=0), 0)
    far = np.maximum(geo.offsets.max(axis=0), 0)
    pad = tuple((int(-a), int(b)) for a, b in zip(near, far, strict=True))
    before = np.array([a for a, _ in pad])
    shape = tuple(int(n) for n in high - low + before + [b for _, b in pad])
    place = geo.centres - low + before
    key = place[:, 0] * shape[1] + place[:, 1]
    first = np.append(0, np.flatnonzero(np.diff(key)) + 1) if len(key) else np.zeros(0, dtype=np.int64)
    last = np.append(first[1:], len(key))
    runs = columns(geo.offsets)
    levels, level = np.unique(runs[:, 3], return_inverse=True)
    first_z = place[first, 2]
    return Box(
        tuple(int(n) for n in low),  # type: ignore[arg-type]
        tuple(int(n) for n in high),  # type: ignore[arg-type]
        pad,
        shape,  # type: ignore[arg-type]
        np.searchsorted(place[first, 0], np.arange(shape[0] + 1)).astype(np.int64),
        place[first, 1].astype(np.int64),
        first_z.astype(np.int64),
        (place[last - 1, 2] + 1).astype(np.int64),
        np.append(first, len(key)).astype(np.int64),
        (place[:, 2] - np.repeat(first_z, last - first)).astype(np.int64),
        np.column_stack([runs[:, :3], level]).astype(np.int64),
        levels.astype(np.int64),
    )
