"""The step that tests RDMs of single subjects or ROIs by permuting condition labels."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from isocortex.contracts import Similarity
from isocortex.data import Collected, RDMs, Table
from isocortex.data.rdms import require_same_conditions
from isocortex_rsa._components import similarity_handle
from isocortex_rsa.inference.mantel import Mantel, mantel_test
from isocortex_rsa.inference.permutations import condition_permutations
from isocortex_rsa.steps._matching import matched

COLUMNS = ("rdm", "model", "measure", *Mantel._fields, "permutations")


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
    Table with a column for each axis, then ``rdm``, ``model``, ``measure``, ``similarity``, ``p``
    (uncorrected), ``p_fdr`` and ``p_fwe`` (over the models of that RDM, by Benjamini-Hochberg and by the
    largest similarity in each permutation) and ``permutations``.
    """
    handle = similarity_handle(similarity)
    rows: list[dict[str, Any]] = []
    orders: dict[int, Any] = {}
    for axes, brain, model in matched(rdms, models, "permutation_test", COLUMNS):
        aligned = require_same_conditions(brain, model, "permutation_test: RDMs and models")
        size = brain.n_conditions
        if size not in orders:
            orders[size] = condition_permutations(size, permutations, rng)
        found = mantel_test(brain.values, aligned.values, handle, orders[size], tail, nan)
        rows += [
            {
                **axes,
                "rdm": name,
                "model": against,
                "measure": handle.name,
                **{part: float(values[row, column]) for part, values in found._asdict().items()},
                "permutations": len(orders[size]),
            }
            for row, name in enumerate(brain.names)
            for column, against in enumerate(model.names)
        ]
    return Table.from_rows(rows)
