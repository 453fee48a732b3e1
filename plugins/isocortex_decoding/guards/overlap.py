"""What training and test share: stimuli, categories, brain samples, images, nearly the same features."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from isocortex.data import Features, Images, Patterns
from isocortex.data.labels import unique
from isocortex_decoding.crossvalidation.clusters import feature_clusters, together
from isocortex_decoding.crossvalidation.labels import stimuli_of
from isocortex_decoding.evaluation.blocks import matrix_of, unit_statistics
from isocortex_decoding.evaluation.correlations import correlation_rows, usable_units
from isocortex_decoding.guards.findings import Finding, found, some
from isocortex_decoding.guards.hashes import exact_hashes, near_duplicates

_LEAVE_OUT = "leave them out of training, or of the test set"
_FEW_UNITS = 20


def shared_stimuli(training: Sequence[str], test: Sequence[str], allowed: bool, where: str = "") -> Finding:
    """Stimuli with the same label on both sides."""
    names = [name for name in unique(test) if name in set(training)]
    return found("repeated stimuli", names, "test stimuli are also in training", _LEAVE_OUT, allowed, where)


def shared_categories(training: Features, test: Features, allowed: bool) -> Finding:
    """Categories on both sides: what was learnt about a category is then enough to beat chance."""
    guard = "shared categories"
    if training.categories is None or test.categories is None:
        return Finding(
            guard, "note", "", "unknown: the features carry no categories", remedy="give categories"
        )
    names = [name for name in unique(test.categories) if name in set(training.categories)]
    remedy = "compare with the category-only baseline before you speak of more than the category"
    if not allowed:
        remedy = (
            "hold whole categories out (exclusive: [category]) before you speak of new ones, and compare "
            "with the category-only baseline; say allow: [categories] where known ones are what you test"
        )
    return found(guard, names, "test categories are also in training", remedy, allowed)


def shared_samples(training: Patterns, test: Patterns, allowed: bool, where: str) -> list[Finding]:
    """Stimuli of brain samples on both sides, and samples that are the same to the last bit."""
    stimuli = shared_stimuli(stimuli_of(training), stimuli_of(test), allowed, where)
    known = set(_row_hashes(training.values))
    rows = [str(row + 1) for row, own in enumerate(_row_hashes(test.values)) if own in known]
    text = "test samples (by number) are also training samples, value for value"
    samples = found("repeated brain samples", rows, text, _LEAVE_OUT, where=where)
    if training.stimuli is None or test.stimuli is None:
        text = "unknown: the patterns carry no stimulus labels"
        return [Finding(stimuli.guard, "note", where, text, remedy="give stimulus labels"), samples]
    return [stimuli, samples]


def shared_images(training: Images, test: Images, limit: float = 0.97) -> list[Finding]:
    """Images that are the same pixel for pixel, or look the same, whatever their labels are.

    ``limit`` is the correlation of their grey thumbnails from which they look the same. A note says so where
    there are no images on a side: nothing was compared.
    """
    if not len(training) or not len(test):
        side = "training" if not len(training) else "test"
        return [Finding("same images", "note", "", f"unknown: there are no images of {side} stimuli")]
    known: dict[str, str] = {}
    for name, own in zip(training.stimuli, exact_hashes(training.values), strict=True):
        known.setdefault(own, name)
    same = {
        name: known[own]
        for name, own in zip(test.stimuli, exact_hashes(test.values), strict=True)
        if own in known
    }
    alike: dict[str, str] = {}
    for pair in near_duplicates(test.values, training.values, correlation=limit):
        name, other = test.stimuli[pair.first], training.stimuli[pair.second]
        if name not in same:
            alike.setdefault(name, f"{other} in a mirror" if pair.mirrored else other)
    return [
        found("same images", _equal(same), "test images are training images", _LEAVE_OUT),
        found(
            "near-duplicate images",
            _equal(alike),
            "test images look like a training image",
            f"look at them; if they are copies, {_LEAVE_OUT}",
        ),
    ]


def near_features(
    training: Any, test: Any, names: Sequence[Sequence[str]], limit: float, layer: str
) -> Finding:
    """Test items whose features, z-scored by training, correlate with a training item's at least ``limit``.

    ``names``: labels of the training and of the test items. Layers of fewer than 20 units say nothing.
    """
    guard = "near-duplicate features"
    first, second = matrix_of(test, "test features"), matrix_of(training, "training features")
    mean, norm = unit_statistics(second)
    keep = usable_units(first, second, norm)
    if keep.sum() < _FEW_UNITS or not len(first):
        return Finding(guard, "note", layer, f"only {int(keep.sum())} usable units: not compared")
    close, largest = {}, float("-inf")
    for part, r in correlation_rows(first, second, mean, norm, keep):
        r = np.nan_to_num(r, nan=-1.0)
        largest = max(largest, float(r.max()))
        for row in np.flatnonzero(r.max(axis=1) >= limit):
            close[names[1][part.start + row]] = names[0][int(r[row].argmax())]
    text = "test items have nearly the features of a training item"
    finding = found(
        guard, _equal(close), text, f"look at them; if they are copies, {_LEAVE_OUT}", where=layer
    )
    return finding._replace(value=largest, limit=limit)


def cluster_counts(training: Any, test: Any, n: int, rng: np.random.Generator, layer: str) -> list[Finding]:
    """How many items of either side lie in each cluster of the features of both (k-means)."""
    size = len(training)
    clusters = feature_clusters(together(training, test), n, rng)
    counts = [np.bincount(side, minlength=n) for side in (clusters[:size], clusters[size:])]
    alone = int(((counts[0] == 0) & (counts[1] > 0)).sum())
    inside = int(counts[1][counts[0] > 0].sum())
    numbers = some([f"{a} + {b}" for a, b in zip(*counts, strict=True)], 60)
    text = (
        f"{inside} of {len(clusters) - size} test items lie in a cluster with training items; {alone} of {n} "
        f"clusters hold test items alone (training + test items: {numbers})"
    )
    share = inside / max(len(clusters) - size, 1)
    remedy = "hold clusters out (by: cluster) to see what generalises beyond them" if inside else ""
    return [Finding("clusters", "note", layer, text, inside, share, remedy=remedy)]


def _equal(pairs: dict[str, str]) -> list[str]:
    return [
        f"{test} (training: {training})" if test != training else test for test, training in pairs.items()
    ]


def _row_hashes(values: Any) -> list[bytes]:
    return [hashlib.sha256(np.asarray(row, dtype=np.float64).tobytes()).digest() for row in values]
