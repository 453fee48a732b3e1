"""RDMs at the voxels of a space: what a click on a map shows beside the model RDMs.

Any data type that offers ``centres``, ``space`` and ``rdms(rows)`` serves; the report knows no step.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array, Data
from isocortex.data.rdms import RDMs
from isocortex.data.space import Space
from isocortex.data.spread import evenly
from isocortex.errors import LabelMismatch
from isocortex.report.encoding import base64_text, encoded_size, quantise
from isocortex.report.parts import Block, Context, Item
from isocortex.report.rdms import order_of

CENTRES = 5000
"""Centres whose RDMs are on the page at most; a click shows the nearest."""
CAP = 9_000_000
"""Characters that they may take."""
MODELS = 24


class VoxelRDMs(Protocol):
    """RDMs at voxels: ``centres`` (n, 3) on the grid of ``space``; ``rdms`` gives those of some rows."""

    centres: npt.NDArray[np.int64]
    space: Space | None

    def rdms(self, rows: npt.ArrayLike) -> RDMs:
        """Labelled RDMs of some centres, by number."""
        ...


def holds_voxel_rdms(kind: type[Data]) -> bool:
    """Whether a data type offers what ``VoxelRDMs`` says."""
    names = {name for part in kind.__mro__ for name in getattr(part, "__annotations__", {})}
    return callable(getattr(kind, "rdms", None)) and {"centres", "space"} <= names | set(dir(kind))


def add_voxel_rdms(blocks: list[Block], context: Context) -> None:
    """Give every viewer the RDMs of its grid, where the run has some: the mean over a step's instances."""
    sources = list(_sources(context))
    made: dict[str, Space] = {}
    for block in blocks:
        for view in block.content if block.shape == "maps" else ():
            for number, (step, items) in enumerate(sources):
                key = f"rdms-at-{number}"
                if key not in made:
                    _make(key, step, items, context, made, block)
                if key in made and made[key].same_grid(view["space"]):
                    context.payloads[view["key"]]["rdms"] = key
                    view["rdms"] = key
                    break


def _sources(context: Context) -> Iterator[tuple[str, list[Item]]]:
    for step in context.plan.document.steps:
        found: dict[str, list[Item]] = {}
        for item in context.items(step):
            if holds_voxel_rdms(item.kind):
                found.setdefault(item.name, []).append(item)
        for items in found.values():
            yield step, items


def _make(
    key: str, step: str, items: list[Item], context: Context, made: dict[str, Space], block: Block
) -> None:
    try:
        parts: list[Any] = [item.load() for item in items]
        space = parts[0].space
        if space is None:
            return
        centres, mean, counts = mean_rdms(parts)
    except Exception as error:
        block.notes.append(f"The RDMs of {step} cannot be shown: {type(error).__name__}: {error}")
        return
    found = quantise(mean.values, 8)
    if not context.budget.take(encoded_size(found.codes.nbytes) + encoded_size(centres.size * 2)):
        block.notes.append(f"There was no room for the RDMs of {step}.")
        return
    made[key] = space
    names = [item.label for item in items if item.label]
    context.payloads[key] = {
        "source": step,
        "of": names if len(items) > 1 else [],
        "counts": counts.tolist(),
        "conditions": mean.conditions,
        "order": order_of(mean.conditions, context),
        "metric": mean.metric,
        "centres": base64_text(centres.astype("<u2").tobytes()),
        **found.plain(),
        "models": list(_models(mean, context)),
    }


def mean_rdms(parts: list[Any]) -> tuple[Array, RDMs, Array]:
    """Average RDMs of several instances centre by centre, aligned by voxel and by condition label.

    Gives at most ``CENTRES`` voxels (n, 3), their mean RDMs, and of how many instances the mean of a pair
    that has one is at the least. A voxel belongs when at least one instance has an RDM there; NaN does
    not count.
    """
    space = parts[0].space
    for part in parts[1:]:
        space.require_same_grid(part.space, "searchlight RDMs")
    flat = [np.ravel_multi_index(tuple(np.asarray(part.centres).T), space.shape) for part in parts]
    first = parts[0].rdms([0])
    limit = min(CENTRES, CAP // max(encoded_size(first.values.shape[1]), 1))
    chosen = thinned(np.unique(np.concatenate(flat)), space, limit)
    total = np.zeros((len(chosen), first.values.shape[1]))
    count = np.zeros(total.shape, dtype=np.int64)
    for part, places in zip(parts, flat, strict=True):
        rows = np.flatnonzero(np.isin(places, chosen))
        target = np.searchsorted(chosen, places[rows])
        values = part.rdms(rows).align_to(first.conditions, "searchlight RDMs").values
        known = np.isfinite(values)
        total[target] += np.where(known, values, 0)
        count[target] += known
    with np.errstate(invalid="ignore"):
        mean = np.where(count > 0, total / count, np.nan)
    there = (count > 0).any(axis=1)
    centres = np.stack(np.unravel_index(chosen, space.shape), axis=1)[there]
    names = tuple(",".join(map(str, voxel)) for voxel in centres)
    fewest = np.where(count > 0, count, len(parts)).min(axis=1)
    return centres, RDMs(mean[there], first.conditions, names, first.metric), fewest[there]


def thinned(places: Array, space: Space, limit: int) -> Array:
    """Keep at most ``limit`` voxels (numbers in the grid), evenly spread."""
    voxels = np.stack(np.unravel_index(places, space.shape), axis=1)
    return np.asarray(places[evenly(voxels, limit)])


def _models(mean: RDMs, context: Context) -> Iterator[dict[str, Any]]:
    """RDMs of the run over the same conditions that are not along an axis: codes, layers, behaviour."""
    count = 0
    for step in context.plan.document.steps:
        for item in context.items(step):
            if item.instance.axes or not issubclass(item.kind, RDMs):
                continue
            try:
                rdms: Any = item.load()
                values = rdms.align_to(mean.conditions).values
            except LabelMismatch:
                continue
            except Exception:  # said where its own block is
                continue
            for name, row in zip(rdms.names, values, strict=True):
                coded = quantise(row, 16)
                if count < MODELS and context.budget.take(encoded_size(coded.codes.nbytes)):
                    yield {"name": f"{step}: {name}", "short": name, "metric": rdms.metric, **coded.plain()}
                count += 1
