"""To and from rsatoolbox's RDMs."""

from __future__ import annotations

from typing import Any

import numpy as np

from isocortex.data.labels import as_labels
from isocortex.data.rdms import RDMs
from isocortex.errors import DataError, suggestion


def from_rdms(rdms: RDMs) -> Any:
    """Give an ``rsatoolbox.rdm.RDMs`` whose descriptors ``conds`` and ``name`` carry the labels."""
    import rsatoolbox

    toolbox: Any = rsatoolbox.rdm
    return toolbox.RDMs(
        np.array(rdms.values, dtype=np.float64),
        dissimilarity_measure=rdms.metric,
        rdm_descriptors={"name": list(rdms.names)},
        pattern_descriptors={"conds": list(rdms.conditions)},
    )


def to_rdms(rdms: Any, conditions: str = "conds", names: str = "name") -> RDMs:
    """Take an ``rsatoolbox.rdm.RDMs``.

    Without a descriptor ``name`` the RDMs are named by their number; the condition labels are never made up.
    """
    patterns = rdms.pattern_descriptors
    if conditions not in patterns:
        raise DataError(
            f"the rsatoolbox RDMs have no pattern descriptor {conditions!r} to take the labels from; "
            + suggestion(conditions, patterns, "descriptors")
        )
    if names not in rdms.rdm_descriptors and names != "name":
        raise DataError(
            f"the rsatoolbox RDMs have no RDM descriptor {names!r} to take the names from; "
            + suggestion(names, rdms.rdm_descriptors, "descriptors")
        )
    rows = rdms.rdm_descriptors.get(names, list(range(rdms.n_rdm)))
    return RDMs(
        np.array(rdms.dissimilarities),
        as_labels(patterns[conditions], "rsatoolbox RDMs: conditions"),
        as_labels(rows, "rsatoolbox RDMs: names"),
        str(rdms.dissimilarity_measure or "unknown"),
    )
