"""Guards for decoded features: collapse of outputs, variance, copies of training items, scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data import Decoded
from isocortex_decoding.evaluation.correlations import usable_units
from isocortex_decoding.guards.collapse import Collapse, Span, collapse
from isocortex_decoding.guards.findings import Finding, some
from isocortex_decoding.guards.variance import dimensions, mean_spread, nearest_items

COLLAPSED = 0.99
"""Predictions with so much of their variance in the span of the training targets are confined to it."""

LOST = 0.1
"""Share of the test targets' variance outside of that span which makes this a loss."""

FEW_DIMENSIONS = 1.5
"""Predictions of 10 or more samples with fewer effective dimensions differ by their strength at most."""

COPY = 0.95
"""A prediction that correlates so with a training item, and more than with its own target, is a copy."""

_SELECT = (
    "decode each unit from its own voxels (n_voxels), which avoids the collapse, or train on more stimuli"
)


class Layer(NamedTuple):
    """Matrices (samples, units) of one layer, the rows of ``test`` and ``predicted`` the same stimuli."""

    training: Any
    test: Any
    predicted: Any = None


def collapse_finding(
    layer: Layer, subsets: Sequence[npt.NDArray[np.intp]], span: Span, all_units: int, where: str
) -> Finding:
    """What a regression with shared inputs can reach at several numbers of training items.

    ``span`` is that of all of them, which ``subsets`` begins with.
    """
    results = [collapse(layer.training, layer.test, span=span)]
    results += [collapse(layer.training, layer.test, subset=subset) for subset in subsets[1:]]
    first = results[0]
    sampled = "" if first.units == all_units else f" ({first.units} of them used)"
    text = (
        f"data scale {first.n / max(all_units, 1):.3g} ({first.n} items, {all_units} units{sampled}): "
        "a regression whose units share all voxels loses at least "
        f"{_percents(results)} of the test targets' variance"
    )
    remedy = _SELECT if first.outside > LOST else ""
    return Finding("output dimension collapse", "note", where, text, first.n, first.outside, LOST, remedy)


def prediction_findings(
    layer: Layer, names: tuple[Sequence[str], Sequence[str]], span: Span, where: str
) -> list[Finding]:
    """What the predictions of a layer look like; ``names``: labels of the training and the test items."""
    mean, norm = span.mean, span.norm
    keep = usable_units(layer.predicted, layer.test, norm)
    if not keep.any() or not len(layer.predicted):
        return [Finding("prediction variance", "note", where, "no usable unit: not looked at")]
    return [
        _confined(collapse(layer.training, layer.test, layer.predicted, span=span), where),
        _dimensions(layer, mean, norm, keep, where),
        _copies(layer, mean, norm, keep, names, where),
        _spread(layer, keep, where),
    ]


def averaging_finding(decoded: Decoded, where: str) -> Finding:
    """Whether it is declared how many repetitions were averaged for each test sample."""
    guard = "declared averaging"
    if decoded.averaged is None:
        return Finding(
            guard,
            "warning",
            where,
            "it is not declared how many repetitions each decoded sample averages",
            decoded.n_samples,
            remedy="say it (averaged): averaging shrinks the noise, and with it the scale of features",
        )
    low, high = min(decoded.averaged, default=0), max(decoded.averaged, default=0)
    if low == high:
        return Finding(guard, "ok", where, f"each sample averages {low} repetitions", decoded.n_samples, low)
    text = f"samples average {low} to {high} repetitions: their noise differs"
    remedy = "average equally many, or compare samples of one number only"
    return Finding(guard, "note", where, text, decoded.n_samples, low, high, remedy)


def _percents(results: Sequence[Collapse]) -> str:
    shares = [f"{100 * result.outside:.0f} % (N = {result.n})" for result in results]
    return ", ".join(shares)


def _confined(found: Collapse, where: str) -> Finding:
    """Whether predictions stay in the span of the training targets although the targets do not."""
    error, best, baseline = (float(np.mean(part)) for part in (found.error, found.best, found.baseline))
    text = (
        f"{100 * found.inside:.1f} % of the predictions' variance lies in the span of the training targets, "
        f"{100 * found.outside:.0f} % of the test targets' outside of it; squared error {error:.3g} (best in "
        f"the span {best:.3g}, training mean {baseline:.3g})"
    )
    lost = found.inside > COLLAPSED and found.outside > LOST
    severity = "warning" if lost else "ok"
    remedy = _SELECT if lost else ""
    return Finding("predictions in the span", severity, where, text, found.n, found.inside, COLLAPSED, remedy)


def _dimensions(layer: Layer, mean: Any, norm: Any, keep: Any, where: str) -> Finding:
    own, true = (dimensions(side, mean, norm, keep) for side in (layer.predicted, layer.test))
    text = (
        f"{len(layer.predicted)} predictions have rank {own.rank} and {own.effective:.1f} effective "
        f"dimensions; the true features {true.rank} and {true.effective:.1f}"
    )
    few = len(layer.predicted) >= 10 and not own.effective >= FEW_DIMENSIONS
    few = few and true.effective >= 2 * FEW_DIMENSIONS
    remedy = "look whether the decoder gives nearly the same prediction for every sample" if few else ""
    return Finding(
        "prediction variance",
        "warning" if few else "ok",
        where,
        text,
        len(layer.predicted),
        own.effective,
        FEW_DIMENSIONS,
        remedy,
    )


def _copies(
    layer: Layer, mean: Any, norm: Any, keep: Any, names: tuple[Sequence[str], Sequence[str]], where: str
) -> Finding:
    near = nearest_items(layer.predicted, layer.test, layer.training, mean, norm, keep)
    own = np.nan_to_num(near.own, nan=-1.0)
    copied = np.flatnonzero(np.nan_to_num(near.r, nan=-1.0) >= np.maximum(COPY, own))
    distinct = len(set(near.item.tolist()))
    closer = int(np.count_nonzero(near.r > own))
    text = (
        f"{closer} of {len(own)} predictions are more like a training item than like their own target; "
        f"{distinct} different training items are nearest"
    )
    if len(copied):
        pairs = [f"{names[1][row]} (training: {names[0][near.item[row]]})" for row in copied]
        text = f"{len(copied)} predictions are copies of training items: {some(pairs)}; {text}"
    remedy = "look at them: a decoder that only picks training items cannot show what it has not learnt"
    return Finding(
        "copies of training items",
        "warning" if len(copied) else "ok",
        where,
        text,
        len(copied),
        float(np.nanmax(near.r)) if np.isfinite(near.r).any() else float("nan"),
        COPY,
        remedy if len(copied) else "",
    )


def _spread(layer: Layer, keep: Any, where: str) -> Finding:
    """Spread over units of predictions beside that of the training features, as reconstruction needs it."""
    own, known = mean_spread(layer.predicted, keep), mean_spread(layer.training, keep)
    ratio = own / known if known else float("nan")
    text = f"predictions spread over units {ratio:.2f} times as far as the training features"
    off = not 0.8 <= ratio <= 1.25
    remedy = "scale them to the training features before reconstruction, never by the true test features"
    return Finding(
        "scale", "note" if off else "ok", where, text, len(layer.predicted), ratio, 1.0, remedy if off else ""
    )
