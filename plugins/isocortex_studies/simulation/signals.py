"""What voxels respond to: coordinates of stimuli whose distances are those of a layer, or of a code."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isocortex.data import Features
from isocortex.data.labels import Labels, unique
from isocortex.data.units import require_same_units
from isocortex.errors import DataError, suggestion
from isocortex_rsa import Code, code_rdm
from isocortex_rsa.metrics.feature_components import feature_components

Floats = npt.NDArray[np.float64]


def planted_signals(
    features: Features,
    more: Features | None = None,
    layers: list[str] | None = None,
    codes: dict[str, Code] | None = None,
) -> Features:
    """Give stimuli coordinates in which their distances are those of layers' features and of concept codes.

    A voxel that weighs such coordinates at random responds as one that weighs the layer's units at random
    (each standardised over the stimuli): the two have the same distribution, and the coordinates are as few
    as there are stimuli. Of a code they are those of its conditions: pairs of conditions that it sets apart
    are further from each other by one and the same amount than all other pairs, which are equally far.

    Parameters
    ----------
    features : of the stimuli that are shown, with categories (the conditions).
    more : of further stimuli, which are shown in another session.
    layers : which to plant (default: all).
    codes : as in ``category_codes``.

    Returns
    -------
    For each layer and code coordinates (stimuli, dimensions), float32, with a mean square length of 1.
    """
    parts = [features] + ([] if more is None else [more])
    conditions = _conditions(parts)
    names = list(features.layers) if layers is None else layers
    stimuli = tuple(name for part in parts for name in part.stimuli)
    found = {name: _of_layer(parts, name, stimuli) for name in names}
    kinds = unique(conditions)
    row = [kinds.index(condition) for condition in conditions]
    for name, code in (codes or {}).items():
        if name in found:
            raise DataError(f"planted_signals: {name!r} is both a layer and a code")
        found[name] = code_places(kinds, name, code)[row]
    scaled = {name: _of_unit_length(places).astype(np.float32) for name, places in found.items()}
    return Features(scaled, stimuli, conditions, "planted")


def code_places(conditions: tuple[str, ...], name: str, code: Code) -> Floats:
    """Place conditions so that squared distances are c, and c + 1 where the code sets a pair apart.

    Classical scaling (Torgerson 1952); c is the least that any geometry can have (Lingoes 1971).
    """
    from scipy.linalg import helmert

    count = len(conditions)
    first, second = np.triu_indices(count, 1)
    squares = np.zeros((count, count))
    squares[first, second] = squares[second, first] = code_rdm(conditions, name=name, **code)
    basis = helmert(count)
    values, vectors = np.linalg.eigh(-0.5 * basis @ squares @ basis.T)
    return np.asarray(basis.T @ vectors * np.sqrt(values - values.min()))


def _conditions(parts: list[Features]) -> Labels:
    found: list[str] = []
    for part in parts:
        if part.categories is None:
            raise DataError("planted_signals: these features carry no categories, which are the conditions")
        found += part.categories
    return tuple(found)


def _of_layer(parts: list[Features], name: str, stimuli: Labels) -> Floats:
    missing = [part for part in parts if name not in part.layers]
    if missing:
        raise DataError(
            f"planted_signals: no layer {name!r}; {suggestion(name, missing[0].layers, 'layers')}"
        )
    for part in parts[1:]:
        require_same_units(parts[0], part, name, "planted_signals")
    values = [part.layers[name] for part in parts]
    if len({own.shape[1:] for own in values}) > 1:
        raise DataError(
            f"planted_signals: layer {name!r} has units of {values[0].shape[1:]} for the first stimuli, "
            f"and of {values[1].shape[1:]} for more; extract both from pictures of one size"
        )
    joined = values[0] if len(values) == 1 else np.concatenate(values)
    return np.asarray(feature_components(joined, variance=1.0, samples=stimuli).scores, dtype=np.float64)


def _of_unit_length(places: Floats) -> Floats:
    return places / np.sqrt((places**2).sum(axis=1).mean())
