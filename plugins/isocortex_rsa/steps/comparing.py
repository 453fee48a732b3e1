"""How well model RDMs agree with RDMs of brains or of other models."""

from __future__ import annotations

from typing import Any, Literal

from isocortex.contracts import Similarity
from isocortex.data import Collected, RDMs, Table
from isocortex.data.base import Array
from isocortex.data.rdms import require_same_conditions
from isocortex.handles import SimilarityHandle
from isocortex_rsa._components import similarity_handle
from isocortex_rsa.similarities.partial import PartialCorrelation, SemipartialCorrelation
from isocortex_rsa.steps._matching import matched, one_of

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
    rdms : to be compared with the models, as ``compute_rdms`` gives them.
    models : model RDMs of the same conditions. A list of several steps makes an axis ``step``, and
        ``model_tests`` then tests each step's models alone: ``join_rdms`` makes one set of them.
    similarity : the measure, larger is more alike.
    nan : "raise" where an RDM holds NaN, or "omit" the pairs of conditions where either does.

    Returns
    -------
    Table with a column for each axis, then ``rdm``, ``model``, ``similarity`` and ``measure`` (its name).
    A comparison that is undefined (a constant RDM) is NaN.
    """
    handle = similarity_handle(similarity)
    rows: list[dict[str, Any]] = []
    for axes, brain, model in matched(rdms, models, "compare_rdms", _OWN_COLUMNS):
        rows += _rows(axes, brain, model, handle.compare(brain, model, nan=nan), handle.name)
    return Table.from_rows(rows)


def compare_beyond(
    rdms: RDMs | Collected[RDMs],
    models: RDMs | Collected[RDMs],
    controls: RDMs | Collected[RDMs],
    correlation: Literal["spearman", "pearson"] = "spearman",
    remove_from: Literal["both", "models"] = "both",
) -> Table:
    """Compare RDMs with model RDMs beyond what control RDMs (pixels, size ...) explain.

    Parameters
    ----------
    rdms, models : as in ``compare_rdms``.
    controls : RDMs that are regressed out, all together; aligned by condition label, and matched on the
        axes that they share with the RDMs.
    correlation : of ranks ("spearman", the controls' ranks regressed out) or of the values.
    remove_from : "both" gives partial correlations; "models" semi-partial ones, whose squares are shares of
        the RDM's variance.

    Returns
    -------
    Table as of ``compare_rdms``; NaN where the controls explain all of a model.
    """
    kind = {"both": PartialCorrelation, "models": SemipartialCorrelation}[remove_from]
    name = f"{'partial' if remove_from == 'both' else 'semi-partial'} {correlation}"
    rows: list[dict[str, Any]] = []
    for axes, brain, model in matched(rdms, models, "compare_beyond", _OWN_COLUMNS):
        held = require_same_conditions(brain, one_of(controls, axes, "control RDMs"), "control RDMs")
        handle = SimilarityHandle(name, kind(held.values, correlation == "spearman"))
        rows += _rows(axes, brain, model, handle.compare(brain, model), name)
    return Table.from_rows(rows)


def _rows(
    axes: dict[str, str], brain: RDMs, model: RDMs, values: Array, measure: str
) -> list[dict[str, Any]]:
    return [
        {**axes, "rdm": rdm, "model": name, "similarity": float(value), "measure": measure}
        for rdm, line in zip(brain.names, values, strict=True)
        for name, value in zip(model.names, line, strict=True)
    ]
