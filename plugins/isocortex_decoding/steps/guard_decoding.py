"""Checks of a decoding study against leaks and results that only look right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from isocortex.data import Collected, Decoded, Features, Images, Patterns, Table
from isocortex.data.units import require_same_units
from isocortex.errors import DataError, suggestion
from isocortex_decoding.evaluation.blocks import Rows, thinned
from isocortex_decoding.evaluation.matching import Matched, Trials, layers_of, match, places_of
from isocortex_decoding.guards import overlap
from isocortex_decoding.guards.collapse import Span, training_subsets
from isocortex_decoding.guards.decoded import (
    Layer,
    averaging_finding,
    collapse_finding,
    prediction_findings,
)
from isocortex_decoding.guards.findings import Finding, table_of, warn_of

_WHAT = "decoding_guards"


def decoding_guards(
    training: Features,
    test: Features,
    rng: np.random.Generator,
    decoded: Decoded | Collected[Decoded] | None = None,
    training_patterns: Patterns | Collected[Patterns] | None = None,
    test_patterns: Patterns | Collected[Patterns] | None = None,
    training_images: Images | None = None,
    test_images: Images | None = None,
    layers: list[str] | None = None,
    allow: list[Literal["categories", "stimuli"]] | None = None,
    near: float = 0.95,
    near_images: float = 0.97,
    sizes: list[int] | None = None,
    max_units: int = 50_000,
    clusters: int = 0,
    trials: Trials = "averaged",
) -> Table:
    """Look for leaks from training to test, for collapsed or copied predictions, and for undeclared scales.

    A row a finding: ``guard``, ``severity`` ("ok", "note", "warning"; these are given as warnings too),
    ``where``, ``finding``, ``count``, ``value``, ``limit``, ``remedy``. What is not wired is not looked at.

    Parameters
    ----------
    training, test : true features of the training and of the test stimuli.
    decoded : features decoded for the test stimuli, matched by label.
    training_patterns, test_patterns : brain samples; collected ones are compared for equal axis values.
    training_images, test_images : the stimuli, compared pixel for pixel and by perceptual hashes.
    layers : which to look at (default: all that training and test have).
    allow : what training and test may share: "categories" where known categories are what is tested,
        "stimuli" where known stimuli are.
    near, near_images : correlation of z-scored features, and of grey thumbnails of images, from which two
        items are nearly the same. Plain drawings (handwritten digits) can be so alike without being copies.
    sizes : numbers of training items for the collapse diagnostic (default: all, 1/2, 1/4 and 1/8).
    max_units : layers with more units are thinned to about as many for the guards that compare features.
    clusters : number of clusters of the last layer's features to count items in; 0 for none.
    trials : as in ``evaluate_decoding``.
    """
    _require_sense(max_units, near, near_images)
    names = _layers(training, test, layers)
    allowed = set(allow or [])
    findings = [
        overlap.shared_stimuli(training.stimuli, test.stimuli, "stimuli" in allowed),
        overlap.shared_categories(training, test, "categories" in allowed),
    ]
    if training_images is not None and test_images is not None:
        findings += overlap.shared_images(training_images, test_images, near_images)
    findings += _sample_findings(training_patterns, test_patterns, "stimuli" in allowed)
    spans = {name: Span(thinned(training.matrix(name), max_units)) for name in names}
    findings += _feature_findings(training, test, spans, near, sizes, max_units, rng)
    if clusters:
        sides = (thinned(data.matrix(names[-1]), max_units) for data in (training, test))
        findings += overlap.cluster_counts(*sides, clusters, rng, names[-1])
    if decoded is not None:
        findings += _decoded_findings(training, test, decoded, spans, max_units, trials)
    warn_of(findings, _WHAT)
    return table_of(findings)


def _require_sense(max_units: int, *limits: float) -> None:
    if max_units < 1 or not all(0 < limit <= 1 for limit in limits):
        raise DataError(f"{_WHAT}: give max_units of 1 or more, near and near_images between 0 and 1")


def _layers(training: Features, test: Features, layers: list[str] | None) -> list[str]:
    names = [name for name in training.layers if name in test.layers] if layers is None else layers
    if not names:
        raise DataError(f"{_WHAT}: training and test features have no layer in common")
    for name in names:
        for data in (training, test):
            if name not in data.layers:
                raise DataError(f"{_WHAT}: no layer {name!r}; {suggestion(name, data.layers, 'layers')}")
        sizes = [data.layers[name].shape[1:] for data in (training, test)]
        if sizes[0] != sizes[1]:
            raise DataError(
                f"{_WHAT}: layer {name!r} has units {sizes[0]} in training and {sizes[1]} in test"
            )
        require_same_units(training, test, name, _WHAT)
    return names


def _feature_findings(
    training: Features,
    test: Features,
    spans: dict[str, Span],
    near: float,
    sizes: list[int] | None,
    max_units: int,
    rng: np.random.Generator,
) -> Iterator[Finding]:
    subsets = training_subsets(training.n_samples, sizes, rng)
    for name, span in spans.items():
        layer = Layer(*(thinned(data.matrix(name), max_units) for data in (training, test)))
        labels = (training.stimuli, test.stimuli)
        yield overlap.near_features(layer.training, layer.test, labels, near, name)
        yield collapse_finding(layer, subsets, span, training.matrix(name).shape[1], name)


def _sample_findings(training: Any, test: Any, allowed: bool) -> Iterator[Finding]:
    if training is None or test is None:
        return
    sides = [data if isinstance(data, Collected) else {"": data} for data in (training, test)]
    if set(sides[0]) != set(sides[1]):
        odd = sorted(set(sides[0]) ^ set(sides[1]))
        raise DataError(f"{_WHAT}: only one of training and test patterns has {', '.join(odd)}")
    for key in sides[0]:
        yield from overlap.shared_samples(sides[0][key], sides[1][key], allowed, key)


def _decoded_findings(
    training: Features,
    test: Features,
    decoded: Decoded | Collected[Decoded],
    spans: dict[str, Span],
    max_units: int,
    trials: Trials,
) -> Iterator[Finding]:
    for place, item in places_of(decoded, _WHAT):
        where = ", ".join(filter(None, place.values()))
        matched: Matched = match(item, test, "decoded", trials, f"{_WHAT}, {where}".rstrip(", "))
        yield averaging_finding(item, where)
        shared = [name for name in spans if name in item.layers]
        for name in layers_of(item, [training, test], shared, _WHAT):
            rows = Rows(test.matrix(name), matched.rows[matched.own])
            sides = (training.matrix(name), rows, item.matrix(name))
            layer = Layer(*(thinned(side, max_units) for side in sides))
            labels = (training.stimuli, item.stimuli)
            place_of = ", ".join(filter(None, (where, name)))
            yield from prediction_findings(layer, labels, spans[name], place_of)
