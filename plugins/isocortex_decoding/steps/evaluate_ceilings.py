"""Noise ceilings of voxels from repeated stimuli."""

from __future__ import annotations

import warnings
from collections import Counter

import numpy as np

from isocortex.data import Patterns, Table
from isocortex.data.labels import unique
from isocortex.errors import DataError
from isocortex_decoding.evaluation.reliability import repetition_reliability

_WHAT = "repetition_ceilings"


def repetition_ceilings(
    patterns: Patterns,
    rng: np.random.Generator,
    permutations: int = 1000,
    percentile: float = 99.0,
) -> Table:
    """Find how well each channel's profile over stimuli repeats: its noise ceiling.

    The mean correlation between the profiles of all pairs of repetitions, negatives set to 0. Accuracies of
    encoding models are divided by it for channels above their threshold (Kamitani lab, inter-individual
    analysis: 10,000 permutations).

    Parameters
    ----------
    patterns : single samples with stimulus labels (conditions where there are none). The k-th sample of a
        stimulus is its k-th repetition. Where counts differ, those beyond the smallest are left out, with a
        warning.
    permutations : of the stimuli within each repetition, for the threshold.
    percentile : of the permutations, from 0 to 100, that is each channel's threshold.

    Returns
    -------
    Table: ``channel`` (name, or its number in the mask), ``ceiling``, ``threshold``, ``reliable``,
    ``repetitions``, ``stimuli``.
    """
    if permutations < 0 or not 0 <= percentile <= 100:
        raise DataError(
            f"{_WHAT}: permutations is {permutations} and percentile {percentile}; give 0 or more "
            "permutations and a percentile from 0 to 100"
        )
    labels = patterns.conditions if patterns.stimuli is None else patterns.stimuli
    names = unique(labels)
    counts = Counter(labels)
    repetitions = min(counts.values(), default=0)
    if repetitions < 2 or len(names) < 2:
        fewest = min(names, key=lambda name: counts[name], default="")
        raise DataError(
            f"{_WHAT}: needs 2 or more repetitions of 2 or more stimuli; there are {len(names)} stimuli, "
            f"{fewest!r} {repetitions} times"
        )
    unused = len(labels) - repetitions * len(names)
    if unused:
        warnings.warn(
            f"{_WHAT}: stimuli have {repetitions} to {max(counts.values())} repetitions; the last {unused} "
            f"of {len(labels)} samples are not used",
            stacklevel=2,
        )
    rows: dict[str, list[int]] = {name: [] for name in names}
    for row, label in enumerate(labels):
        rows[label].append(row)
    order = np.array([rows[name][:repetitions] for name in names]).T
    found = repetition_reliability(patterns.values[order], permutations, rng, percentile)
    with np.errstate(invalid="ignore"):
        reliable = (found.ceiling > 0) & (found.ceiling > np.nan_to_num(found.threshold))
    size = patterns.n_channels
    channels = patterns.channels or tuple(map(str, range(size)))
    return Table(
        {
            "channel": np.array(channels, dtype=np.str_),
            "ceiling": found.ceiling,
            "threshold": found.threshold,
            "reliable": reliable,
            "repetitions": np.full(size, repetitions),
            "stimuli": np.full(size, len(names)),
        }
    )
