"""RSA in parts of an RDM: only pairs of digits, only pairs of a digit and an object, and so on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from isocortex.contracts import Similarity
from isocortex.data import Collected, RDMs, Table
from isocortex.data.labels import positions, require_unique
from isocortex.errors import DataError
from isocortex_rsa._items import items_of
from isocortex_rsa.steps.codes import Code
from isocortex_rsa.steps.comparing import compare_rdms

Mask = npt.NDArray[np.bool_]


def rdm_block_similarity(
    rdms: RDMs | Collected[RDMs],
    models: RDMs | Collected[RDMs],
    blocks: dict[str, Code],
    similarity: Similarity = "spearman",
    nan: Literal["raise", "omit"] = "raise",
) -> Table:
    """Compare RDMs with models over some of their pairs only, as Lee et al. 2023 do inside their code ROIs.

    Parameters
    ----------
    rdms, models : aligned by condition label, and matched by axis as in ``compare_rdms``.
    blocks : name -> ``{within: [...]}`` for the pairs inside a list of conditions (the upper triangle of that
        block), or ``{between: [[...], [...]]}`` for the pairs of one from each list (a rectangular block).
    similarity : a measure that takes any set of pairs: Spearman, Pearson, cosine ... (not a whitened one,
        which needs all of them).
    nan : what to do with NaN inside a block.

    Returns
    -------
    Table as from ``compare_rdms`` with the further columns ``block`` and ``pairs`` (how many there are). No
    p-value: see ``permutation_test``.
    """
    if not blocks:
        raise DataError("rdm_block_similarity: give at least one block, as digit: {within: [zero, one, two]}")
    rows: list[dict[str, Any]] = []
    for name, block in blocks.items():
        for _, model in items_of(models):
            _require_values(model, name, block, nan)
        inside = _masked(rdms, name, block, nan)
        pairs = int(block_pairs(next(c for _, c in items_of(rdms)).conditions, name, **block).sum())
        found = compare_rdms(inside, models, similarity, nan="omit")
        rows += [{**row, "block": name, "pairs": pairs} for row in found.rows()]
    return Table.from_rows(rows)


def block_pairs(
    conditions: Sequence[str],
    name: str = "block",
    within: Sequence[str] = (),
    between: Sequence[Sequence[str]] = (),
) -> Mask:
    """Which pairs (condensed) lie inside ``within`` or across the lists ``between``; at least 3 of them."""
    groups = [within] if within else []
    for labels in (*groups, *between):
        require_unique(list(labels), f"block {name!r}")
    square = np.zeros((len(conditions), len(conditions)), dtype=bool)
    inside = positions(list(within), conditions, f"block {name!r}: within")
    square[np.ix_(inside, inside)] = True
    if between and len(between) < 2:
        raise DataError(f"block {name!r}: between needs two or more lists, as [[cat, dog], [bed, tree]]")
    places = [positions(list(part), conditions, f"block {name!r}: between") for part in between]
    for number, first in enumerate(places):
        for second in places[number + 1 :]:
            if np.intersect1d(first, second).size:
                raise DataError(f"block {name!r}: a condition stands in two of the lists of between")
            square[np.ix_(first, second)] = square[np.ix_(second, first)] = True
    mask: Mask = square[np.triu_indices(len(conditions), 1)]
    if mask.sum() < 3:
        raise DataError(f"block {name!r} has {mask.sum()} pairs of conditions; comparing needs at least 3")
    return mask


def _masked(
    rdms: RDMs | Collected[RDMs], name: str, block: Code, nan: Literal["raise", "omit"]
) -> RDMs | Collected[RDMs]:
    """The RDMs with NaN outside a block."""
    if not isinstance(rdms, Collected):
        return _inside(rdms, name, block, nan)
    items = {
        tuple(rdms.values_of(key).values()): _inside(item, name, block, nan) for key, item in rdms.items()
    }
    return Collected(items, rdms.axes)


def _inside(rdms: RDMs, name: str, block: Code, nan: Literal["raise", "omit"]) -> RDMs:
    pairs = _require_values(rdms, name, block, nan)
    return replace(rdms, values=np.where(pairs, rdms.values, np.nan))


def _require_values(rdms: RDMs, name: str, block: Code, nan: str) -> Mask:
    pairs = block_pairs(rdms.conditions, name, **block)
    bad = int(np.isnan(rdms.values[:, pairs]).any(axis=1).sum())
    if bad and nan == "raise":
        raise DataError(
            f"rdm_block_similarity: {bad} of the RDMs hold NaN in the block {name!r}; "
            'say nan: "omit" to leave out those pairs, or find out where they come from'
        )
    return pairs
