"""The labels that samples can be split by: their own, and those of their stimuli's features."""

from __future__ import annotations

from typing import Literal

import numpy as np

from isocortex.data import Features, Patterns
from isocortex.data.labels import Labels, positions
from isocortex.errors import DataError

By = Literal["run", "stimulus", "condition", "category", "cluster"]


def stimuli_of(patterns: Patterns) -> Labels:
    """Stimulus of each sample: its stimulus label, or its condition where there are none."""
    return patterns.conditions if patterns.stimuli is None else patterns.stimuli


def sample_names(patterns: Patterns) -> Labels:
    """Which sample each is: run, stimulus and condition, as far as there are such labels."""
    kinds = [patterns.runs, patterns.stimuli, patterns.conditions]
    return tuple(
        ", ".join(parts) for parts in zip(*(kind for kind in kinds if kind is not None), strict=True)
    )


def sample_labels(
    patterns: Patterns, by: By, features: Features | None = None, clusters: Labels | None = None
) -> Labels:
    """Label of each sample.

    Parameters
    ----------
    features : whose categories ("category"), or ``clusters`` ("cluster", one for each of its stimuli), are
        those of the samples' stimuli.
    """
    if by == "run":
        if patterns.runs is None:
            raise DataError("folds by run: these patterns carry no run labels")
        return patterns.runs
    if by == "stimulus":
        return stimuli_of(patterns)
    if by == "condition":
        return patterns.conditions
    if features is None:
        raise DataError(f"folds by {by}: wire the features of the stimuli, which say their {by}")
    labels = features.categories if by == "category" else clusters
    if labels is None:
        raise DataError(f"folds by {by}: these features carry no {by} labels")
    rows = positions(stimuli_of(patterns), features.stimuli, f"folds by {by}: features of the stimuli")
    return tuple(np.array(labels)[rows].tolist())
