"""Steps: features of images, and how far bfloat16 is from float32."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from isocortex.contracts import Model
from isocortex.data import Features, Images, Table
from isocortex.errors import DataError
from isocortex.pipeline.splitting import Part, splits
from isocortex_vision.features.extraction import batch_size, features_of, image_pieces, joined


def _pieces(
    images: Images, model: Model, layers: str | list[str], batch: int | None
) -> list[tuple[int, int]]:
    """Images from and to, whole batches."""
    if not len(images) or (batch is not None and batch < 0):
        return []  # the step says what is wrong
    return image_pieces(len(images), batch_size(model, layers, batch))


def _part(
    piece: tuple[int, int], images: Images, model: Model, layers: str | list[str], batch: int | None
) -> Part:
    rows = slice(*piece)
    some = Images(images.values[rows], images.stimuli[rows])
    return Part(features_of(some, model, layers, batch).layers)


def _merge(
    parts: Sequence[Part], images: Images, model: Model, layers: str | list[str], batch: int | None
) -> Features:
    return joined([part.arrays for part in parts], images, model)


@splits(_pieces, _part, _merge)
def extract_features(
    images: Images,
    model: Model,
    layers: str | list[str] = "all-conv-fc",
    batch: int | None = None,
) -> Features:
    """Run a network over images and keep the activity of its layers, one memory-mapped array a layer.

    Parameters
    ----------
    layers : names, patterns (``conv*``) and short names (``all-conv-fc``: all layers before their
        rectifiers, as Shen et al. 2019; the model may have more, see ``isocortex show model NAME``). The
        result is in forward order, whatever the order asked for.
    batch : images at once; default the model's own, fewer where the features of a batch take more than 1 GiB.
    """
    return features_of(images, model, layers, batch)


def precision_error(features: Features, reference: Features) -> Table:
    """Compare features with those in another precision: relative error and correlation by layer.

    Both are aligned by stimulus and layer; what either lacks is an error. ``relative_error`` is the norm of
    the difference over the norm of the reference; ``correlation`` is the mean over stimuli.
    """
    missing = set(features.layers) ^ set(reference.layers)
    if missing:
        raise DataError(f"precision_error: only one of the two has {', '.join(sorted(missing))}")
    same = reference.select(features.stimuli)
    rows: dict[str, list[Any]] = {"layer": [], "relative_error": [], "correlation": []}
    for name in features.layers:
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
