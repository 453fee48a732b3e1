"""How well model RDMs agree with RDMs of brains or of other models."""

from __future__ import annotations

from typing import Any, Literal

from isocortex.contracts import Similarity
from isocortex.data import Collected, RDMs, Table
from isocortex.errors import DataError
from isocortex_rsa._components import similarity_handle
from isocortex_rsa._items import items_of

_OWN_COLUMNS = ("rdm", "model", "similarity", "measure")


def compare_rdms(
    rdms: RDMs | Collected[RDMs],
    models: RDMs | Collected[RDMs],
    similarity: Similarity = "spearman",
    nan: Literal["raise", "omit"] = "raise",
) -> Table:
    """Compare every RDM with every model RDM, aligned by condition label.

    Where both come from several axis values, they are matched on the axes that both have (each subject with
    the models of that subject) and every combination is made of the others.

    Parameters
    ----------
    similarity : the measure, larger is more alike.
    nan : "raise" where an RDM holds NaN, or "omit" the pairs of conditions where either does.

    Returns
    -------
    Table with a column for each axis, then ``rdm``, ``model``, ``similarity`` and ``measure`` (its name).
    A comparison that is undefined (a constant RDM) is NaN.
    """
    handle = similarity_handle(similarity)
    rows: list[dict[str, Any]] = []
    for own, brain in items_of(rdms):
        matches = [(other, model) for other, model in items_of(models) if _agree(own, other)]
        if not matches:
            raise DataError(f"compare_rdms: there are no models for {_text(own)}")
        for other, model in matches:
            axes = {**own, **other}
            taken = [axis for axis in axes if axis in _OWN_COLUMNS]
            if taken:
                raise DataError(
                    f"compare_rdms: no axis can be called {taken[0]!r}: a column of the result is"
                )
            values = handle.compare(brain, model, nan=nan)
            rows += [
                {**axes, "rdm": rdm, "model": name, "similarity": float(value), "measure": handle.name}
                for rdm, line in zip(brain.names, values, strict=True)
                for name, value in zip(model.names, line, strict=True)
            ]
    return Table.from_rows(rows)


def _agree(first: dict[str, str], second: dict[str, str]) -> bool:
    return all(second[axis] == value for axis, value in first.items() if axis in second)


def _text(axes: dict[str, str]) -> str:
    return ", ".join(f"{axis} {value}" for axis, value in axes.items()) or "these RDMs"
