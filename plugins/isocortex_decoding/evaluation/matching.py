"""Which true features belong to which decoded sample: by label, never by position."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data import Collected, Decoded, Features
from isocortex.data.labels import Labels, positions, same_labels, unique
from isocortex.data.units import require_same_units
from isocortex.errors import DataError, suggestion

Stimuli = Literal["same", "decoded"]
Trials = Literal["averaged", "single"]

_TRIAL = re.compile(r"sample\d+-(?=.)")


class Matched(NamedTuple):
    """``rows`` of the true features are the candidates (labels ``stimuli``), in the order of these features,
    which is the same for all subjects; ``own`` (samples,) is the candidate of each sample."""

    stimuli: Labels
    rows: npt.NDArray[np.intp]
    own: npt.NDArray[np.intp]


def stimulus_of(labels: Sequence[str], trials: Trials) -> Labels:
    """The stimulus of each sample; of single trials, the label without ``sample000001-`` before it."""
    if trials == "averaged":
        return tuple(labels)
    odd = [label for label in labels if not _TRIAL.match(label)]
    if odd:
        raise DataError(
            f"single trials are labelled sample000001-STIMULUS; {odd[0]!r} is not. Say trials: averaged "
            "where there is one sample a stimulus"
        )
    return tuple(_TRIAL.sub("", label, count=1) for label in labels)


def match(decoded: Decoded, features: Features, stimuli: Stimuli, trials: Trials, where: str) -> Matched:
    """Find the true features of each decoded sample; raises ``LabelMismatch`` naming what either side lacks.

    ``stimuli="decoded"`` lets the true features hold more stimuli, which are then no candidates.
    """
    labels = stimulus_of(decoded.stimuli, trials)
    names = unique(labels)
    what = f"{where}: decoded and true features"
    if stimuli == "same":
        same_labels(names, features.stimuli, what)
    rows = np.sort(positions(names, features.stimuli, what))
    ordered = tuple(features.stimuli[row] for row in rows)
    return Matched(ordered, rows, positions(labels, ordered, what))


def layers_of(
    decoded: Decoded, others: Sequence[Features], layers: list[str] | None, where: str
) -> list[str]:
    """Layers to evaluate: those asked for, else all decoded ones; the others must have them alike."""
    names = list(decoded.layers) if layers is None else layers
    for name in names:
        for data in (decoded, *others):
            if name not in data.layers:
                known = suggestion(name, data.layers, "layers")
                raise DataError(f"{where}: the {data.kind} have no layer {name!r}; {known}")
            own, other = decoded.layers[name].shape[1:], data.layers[name].shape[1:]
            if own != other:
                raise DataError(
                    f"{where}: layer {name!r} has units {own} decoded, and {other} in the {data.kind}"
                )
            require_same_units(decoded, data, name, where)
    return names


def places_of(decoded: Decoded | Collected[Decoded], what: str) -> list[tuple[dict[str, str], Decoded]]:
    """List (place, decoded): further axes, then roi and subject, by the axes or by the data themselves."""
    items = decoded.items() if isinstance(decoded, Collected) else [("", decoded)]
    found: list[tuple[dict[str, str], Decoded]] = []
    for key, item in items:
        axes = decoded.values_of(key) if isinstance(decoded, Collected) else {}
        named = {name: _name(axes, item, name, what) for name in ("roi", "subject")}
        found.append(({**{axis: value for axis, value in axes.items() if axis not in named}, **named}, item))
    if not found:
        raise DataError(f"{what}: there are no decoded features")
    return found


def _name(axes: dict[str, str], item: Any, name: str, what: str) -> str:
    own, axis = str(getattr(item, name)), axes.get(name, "")
    if own and axis and own != axis:
        raise DataError(f"{what}: the decoded features of {name} {axis!r} say that they are of {own!r}")
    return own or axis
