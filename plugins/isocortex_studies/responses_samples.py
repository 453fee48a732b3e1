"""Some of the samples of patterns, by their labels."""

from __future__ import annotations

import numpy as np

from isocortex.data import Patterns
from isocortex.data.labels import positions, require_unique, unique
from isocortex.errors import DataError


def select_samples(
    patterns: Patterns,
    runs: list[str] | None = None,
    conditions: list[str] | None = None,
    stimuli: list[str] | None = None,
) -> Patterns:
    """Keep the samples that have all of the labels asked for, in their order.

    With an axis of runs in the pipeline, ``runs: [$run]`` and ``over: run`` part the patterns by run.

    Parameters
    ----------
    patterns : samples that carry the kinds of label asked for.
    runs, conditions, stimuli : labels to keep, in any order; each must be there. Default: all.
    """
    keep = np.ones(patterns.n_samples, dtype=bool)
    for kind, wanted in (("runs", runs), ("conditions", conditions), ("stimuli", stimuli)):
        if wanted is None:
            continue
        have = getattr(patterns, kind)
        if have is None:
            raise DataError(f"select_samples: {kind}: these patterns carry no such labels")
        require_unique(wanted, f"select_samples: {kind}")
        positions(wanted, unique(have), f"select_samples: {kind}")
        keep &= np.isin(np.array(have), wanted)
    if not keep.any():
        raise DataError("select_samples: no sample has all of the labels asked for")
    return patterns.take(keep)
