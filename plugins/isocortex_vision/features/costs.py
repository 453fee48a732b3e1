"""What the extraction of features takes of memory and disk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from isocortex.data.images import HELD
from isocortex.layer_names import select_layers
from isocortex.pipeline import outlines
from isocortex.pipeline.costs import Cost, Outline, Unknown
from isocortex_vision.features.extraction import Choice, batch_size
from isocortex_vision.models.base import MANY
from isocortex_vision.networks.architecture import Stage, WithWeights, kernel_shape
from isocortex_vision.networks.tiling import pays

LIBRARIES, COMPILER, BESIDES = 600 * 2**20, 53 * 2**20, 60 * 2**20
"""TensorFlow when it has begun to compute, its compiler for large batches, what else it takes (measured)."""


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
    wide = _wide(model)
    shapes = {name: choice.of(name, whole[name]).shape for name in wanted}
    made = outlines.features(images["number"], shapes, wide)
    size = min(batch_size(model, layers, batch), images["number"])
    features = size * wide * sum(math.prod(whole[name]) for name in wanted)
    picture = images["height"] * images["width"] * 3
    held = images["number"] * picture * (images["itemsize"] if images["itemsize"] == 1 else 0)
    read = held if held <= HELD else size * picture
    # a batch of pictures in their full size: as given, in the network's precision, and being resized
    given = size * picture * (1 if images["itemsize"] == 1 else 2 * wide)
    network = _network(model, wanted, size, features, 2 * wide * size * picture)
    return Cost(LIBRARIES + BESIDES + read + given + network, {"result": made})


def _wide(model: Any) -> int:
    """Bytes of a number of the features."""
    return 8 if getattr(model, "precision", "") == "float64" else 4


def _network(model: Any, wanted: Sequence[str], size: int, features: int, pictures: int) -> int:
    """Weights, and what is there while a batch is computed: pictures (bytes), or activities and features.

    TensorFlow holds each weight twice (its own, and in the order that its kernels want), and with large
    batches the activities too. In float64 nothing is fused: a layer's products, their sums with the bias and
    what is rectified are there together. Of a model that does not show its architecture only features count.
    """
    wide, many = _wide(model), size >= MANY and _wide(model) == 4
    compiled = COMPILER + features if many else 0
    architecture = getattr(model, "architecture", None)
    if architecture is None:
        return int(max(features + compiled, pictures))
    deepest = next(name for name in reversed(architecture.addresses) if name in set(wanted))
    stages = list(architecture.until(deepest).stages())
    used = sum(_kernel(stage, wide) for stage in stages)
    faster = sum(4 * _kernel(stage) for stage in stages if pays(stage)) if many else 0
    largest = size * wide * max(math.prod(stage.shape_out) for stage in stages)
    active = features + 3 * largest if wide == 8 else max(features, 2 * largest)
    stored = sum(_kernel(stage) for stage in architecture.stages()) if _in_memory(model) else 0
    return int(stored + 2 * used + faster + max(active + compiled, pictures))


def _kernel(stage: Stage, wide: int = 4) -> int:
    """Bytes of a layer's kernel."""
    return wide * math.prod(kernel_shape(stage)) if isinstance(stage.layer, WithWeights) else 0


def _in_memory(model: Any) -> bool:
    """Whether the weights come from no file: random ones stay in memory."""
    return bool(getattr(getattr(model, "parameters", None), "in_memory", False))
