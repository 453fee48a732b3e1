"""The step that tests RDMs of single subjects or ROIs by permuting condition labels."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from isocortex.contracts import Similarity
from isocortex.data import Collected, RDMs, Table
from isocortex.data.rdms import require_same_conditions
from isocortex.errors import DataError
from isocortex_rsa._components import similarity_handle
from isocortex_rsa._items import items_of
from isocortex_rsa.inference.mantel import mantel_test
from isocortex_rsa.inference.permutations import condition_permutations


def permutation_test(
    rdms: RDMs | Collected[RDMs],
    models: RDMs | Collected[RDMs],
    rng: np.random.Generator,
    similarity: Similarity = "spearman",
    permutations: int = 10_000,
    tail: Literal["greater", "two-sided"] = "greater",
    nan: Literal["raise", "omit"] = "raise",
) -> Table:
    """Test whether RDMs agree with model RDMs, by exchanging the labels of the conditions at random.

    Valid for a single subject: it asks whether the agreement depends on which condition is which. It
    generalises to other measurements of these conditions, not to other subjects.

    Parameters
    ----------
    rdms, models : aligned by condition label, and matched by axis as in ``compare_rdms``.
    similarity : the measure. Those that treat all pairs alike (Spearman, Pearson, cosine) need one matrix
        product for all permutations; others are computed anew each time.
    permutations : how many different orders of the conditions to draw; all where there are no more (up to 7
        conditions with the default).
    tail : "greater", or "two-sided" where a model could also be significantly unlike.
    nan : as in ``compare_rdms``.

    Returns
    -------
    Table with a column for each axis, then ``rdm``, ``model``, ``similarity``, ``measure``, ``p``
    (uncorrected), ``p_fdr`` and ``p_fwe`` (over the models of that RDM, by Benjamini-Hochberg and by the
    largest similarity in each permutation) and ``permutations``.
    """
    handle = similarity_handle(similarity)
    rows: list[dict[str, Any]] = []
    orders: dict[int, Any] = {}
    for own, brain in items_of(rdms):
        matches = [item for item in items_of(models) if _agree(own, item[0])]
        if not matches:
            raise DataError(f"permutation_test: there are no models for {', '.join(own.values()) or 'these'}")
        for other, model in matches:
            aligned = require_same_conditions(brain, model, "permutation_test: RDMs and models")
            size = brain.n_conditions
            if size not in orders:
                orders[size] = condition_permutations(size, permutations, rng)
            found = mantel_test(brain.values, aligned.values, handle, orders[size], tail, nan)
            rows += [
                {
                    **own,
                    **other,
                    "rdm": name,
                    "model": against,
                    "similarity": float(found.similarity[row, column]),
                    "measure": handle.name,
                    "p": float(found.p[row, column]),
                    "p_fdr": float(found.p_fdr[row, column]),
                    "p_fwe": float(found.p_fwe[row, column]),
                    "permutations": len(orders[size]),
                }
                for row, name in enumerate(brain.names)
                for column, against in enumerate(model.names)
            ]
    return Table.from_rows(rows)


def _agree(first: dict[str, str], second: dict[str, str]) -> bool:
    return all(second[axis] == value for axis, value in first.items() if axis in second)
