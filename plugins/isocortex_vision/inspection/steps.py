"""Steps that look inside networks: images that their units respond to."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from isocortex.contracts import Model
from isocortex.data import Images, Table
from isocortex.errors import DataError
from isocortex_vision.inspection.maximisation import Maximised, maximise, noise
from isocortex_vision.inspection.schedules import ScheduleName, Stage, StageSettings, stages_of
from isocortex_vision.inspection.units import Unit, Units, check_position, layer_shape, target, units_of
from isocortex_vision.training.trained import TrainedNetwork


class Preferred(NamedTuple):
    """What ``maximise_activation`` gives."""

    images: Images
    progress: Table


def maximise_activation(
    model: Model,
    rng: np.random.Generator,
    layer: str,
    units: Units = "all",
    classes: list[str] | None = None,
    position: tuple[int, int] | None = None,
    schedule: ScheduleName | list[StageSettings] = "classes",
    quirks: Literal["lee2023"] | None = None,
    batch_size: int = 8,
) -> Preferred:
    """Make an image for each unit that it responds to strongly, from noise (Lee et al. 2023).

    Parameters
    ----------
    model : the network that is looked into; images have the size that it works at.
    layer : before its rectifier where it has one; fc8 for classes.
    units : channels by number from 0, classes by name, or all. Of a map, its mean is made large.
    classes : what the layer's units stand for, in their order.
    position : (row, column) in a map: that single unit instead of the mean.
    schedule : "classes" (five stages), "filters-1", "filters-2" (study A's), or a list of stages.
    quirks : ``lee2023`` repeats slips of study A's code (see ``inspection.maximisation.maximise``).
    batch_size : units that are worked on at once; it changes nothing.

    Returns
    -------
    images (stimulus ``layer:unit``, category: the layer) and progress (unit, stage, activity; stage 0 is the
    noise). A unit whose gradient is zero throughout (a dead one) gives no image, NaN, and a warning.
    """
    return _preferred(
        model, rng, layer, units, classes, position, stages_of(schedule), quirks == "lee2023", batch_size
    )


def maximise_network_activation(
    network: TrainedNetwork,
    rng: np.random.Generator,
    layer: str = "fc8",
    units: Units = "all",
    position: tuple[int, int] | None = None,
    schedule: ScheduleName | list[StageSettings] = "classes",
    quirks: Literal["lee2023"] | None = None,
    batch_size: int = 8,
) -> Preferred:
    """Do as ``maximise_activation`` with a trained network; the units of its last layer are its classes.

    Parameters
    ----------
    network : as ``train_network`` gives it.
    """
    model = network.model()
    classes = list(network.classes) if layer == model.layers[-1] else None
    return _preferred(
        model, rng, layer, units, classes, position, stages_of(schedule), quirks == "lee2023", batch_size
    )


def _preferred(
    model: Model,
    rng: np.random.Generator,
    layer: str,
    units: Units,
    classes: Sequence[str] | None,
    position: tuple[int, int] | None,
    stages: Sequence[Stage],
    lee2023: bool,
    batch_size: int,
) -> Preferred:
    if batch_size < 1:
        raise DataError("activation maximisation: batch_size has to be 1 or more")
    shape = layer_shape(model, layer)
    check_position(shape, layer, position)
    wanted = units_of(layer, shape[-1], units, classes, position)
    height, width = model.image_size
    start = noise((height, width), rng)
    parts = []
    for first in range(0, len(wanted), batch_size):
        targets = target(shape, wanted[first : first + batch_size], position)
        parts.append(maximise(model, layer, targets, start, stages, lee2023))
    return _labelled(wanted, layer, Maximised(*(np.concatenate(part) for part in zip(*parts, strict=True))))


def _labelled(units: Sequence[Unit], layer: str, found: Maximised) -> Preferred:
    """Put labels on, and leave out the units that did not respond to anything."""
    dead = [unit.label for unit, moved in zip(units, found.moved, strict=True) if not moved]
    if len(dead) == len(units):
        raise DataError(
            f"activation maximisation: no unit asked for in {layer!r} responds to any change of the noise; "
            "look at the layer before its rectifier"
        )
    if dead:
        warnings.warn(
            f"activation maximisation: {', '.join(dead)}: the gradient is zero, so there is no image",
            stacklevel=4,
        )
    kept = tuple(unit.label for unit, moved in zip(units, found.moved, strict=True) if moved)
    activities = np.where(found.moved[:, None], found.activities, np.nan)
    stages = activities.shape[1]
    progress = {
        "unit": np.repeat([unit.label for unit in units], stages),
        "stage": np.tile(np.arange(stages), len(units)),
        "activity": activities.ravel(),
    }
    return Preferred(Images(found.images[found.moved], kept, (layer,) * len(kept)), Table(progress))
