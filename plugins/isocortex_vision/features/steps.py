"""Steps: features of images, and how far bfloat16 is from float32."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from isocortex.contracts import Model
from isocortex.data import Features, Images, Table
from isocortex.data.units import require_same_units
from isocortex.errors import DataError
from isocortex.pipeline.costs import costs
from isocortex.pipeline.splitting import Part, splits
from isocortex_vision.features.costs import extraction as cost_of_extraction
from isocortex_vision.features.extraction import Choice, batch_size, features_of, image_pieces, joined


def _pieces(
    images: Images, model: Model, layers: str | list[str], batch: int | None, **_: Any
) -> list[tuple[int, int]]:
    """Images from and to, whole batches."""
    if not len(images) or (batch is not None and batch < 0):
        return []  # the step says what is wrong
    return image_pieces(len(images), batch_size(model, layers, batch))


def _part(piece: tuple[int, int], images: Images, **settings: Any) -> Part:
    rows = slice(*piece)
    some = Images(images.values[rows], images.stimuli[rows])
    found = extract_features(some, **settings)
    whole = {name: list(units.whole) for name, units in found.units.items()}
    return Part(found.layers, {"whole": whole})


def _merge(
    parts: Sequence[Part],
    images: Images,
    model: Model,
    units: int | None,
    grid: int | None,
    units_seed: int,
    **_: Any,
) -> Features:
    choice = Choice(units, grid, units_seed)
    kept = {name: choice.of(name, tuple(whole)) for name, whole in parts[0].info["whole"].items()}
    return joined([part.arrays for part in parts], images, model, kept)


@costs(cost_of_extraction, "give units or grid, or fewer layers or images")
@splits(_pieces, _part, _merge)
def extract_features(
    images: Images,
    model: Model,
    layers: str | list[str] = "all-conv-fc",
    batch: int | None = None,
    units: int | None = None,
    grid: int | None = None,
    units_seed: int = 0,
) -> Features:
    """Run a network over images and keep the activity of its layers, one memory-mapped array a layer.

    Parameters
    ----------
    images : of any size.
    model : the network; resizing, channel order and mean are its own.
    layers : names, patterns (``conv*``) and short names (``all-conv-fc``: all layers before their
        rectifiers, as Shen et al. 2019; the model may have more, see ``isocortex show model NAME``). The
        result is in forward order, whatever the order asked for.
    batch : images at once; default the model's own, fewer where the features of a batch take more
        than 512 MiB; larger ones are faster and take more memory.
    units : at most so many of each layer, drawn at random: the same ones for all images, and in every step
        with the same ``units_seed``. Which ones stays with the features, and steps that bring two together
        compare it. Images cannot be reconstructed from them. Default: all.
    grid : average maps over ``grid`` x ``grid`` squares, 1 over all places; before units are drawn. Maps
        with no more places than that stay as they are.
    units_seed : of the choice of units.
    """
    return features_of(images, model, layers, batch, choice=Choice(units, grid, units_seed))


def precision_error(features: Features, reference: Features) -> Table:
    """Compare features with those in another precision: relative error and correlation by layer.

    Both are aligned by stimulus and layer; what either lacks is an error. ``relative_error`` is the norm of
    the difference over the norm of the reference; ``correlation`` is the mean over stimuli.

    Parameters
    ----------
    features : those whose error is asked for.
    reference : the same stimuli, layers and units in the precision that counts as exact.
    """
    missing = set(features.layers) ^ set(reference.layers)
    if missing:
        raise DataError(f"precision_error: only one of the two has {', '.join(sorted(missing))}")
    same = reference.select(features.stimuli)
    rows: dict[str, list[Any]] = {"layer": [], "relative_error": [], "correlation": []}
    for name in features.layers:
        require_same_units(features, same, name, "precision_error")
        squares, total, correlations = 0.0, 0.0, []
        for one, other in zip(features.matrix(name), same.matrix(name), strict=True):
            a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
            squares += float(((a - b) ** 2).sum())
            total += float((b**2).sum())
            a, b = a - a.mean(), b - b.mean()
            scale = float(np.linalg.norm(a) * np.linalg.norm(b))
            correlations.append(float(a @ b) / scale if scale else np.nan)
        rows["layer"].append(name)
        rows["relative_error"].append((squares / total) ** 0.5 if total else np.nan)
        rows["correlation"].append(float(np.mean(correlations)))
    return Table(rows)
