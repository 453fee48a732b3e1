"""One training from its images and settings to a trained network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from isocortex.data import Images
from isocortex.data.labels import Labels
from isocortex.errors import DataError
from isocortex_vision.training.batches import Batches
from isocortex_vision.training.classes import categories_of, class_order
from isocortex_vision.training.colours import colour_components
from isocortex_vision.training.initial import Start, starting_weights
from isocortex_vision.training.loop import Row, Schedule, Trained, digest_of, train
from isocortex_vision.training.pools import check_labels, make_pool
from isocortex_vision.training.sampling import Shares
from isocortex_vision.training.trainable import Trainable
from isocortex_vision.training.trained import Form, TrainedNetwork


@dataclass(frozen=True, eq=False)
class Session:
    """All that a training works on; ``run`` trains."""

    classes: Labels
    batches: Batches
    validation: Images | None
    form: Form
    start: Start
    seed: int

    @classmethod
    def prepare(
        cls,
        sources: Sequence[Images],
        classes: Labels,
        digits: Labels,
        validation: Images | None,
        shares: Shares,
        *,
        seed: int,
        weights: Path | None = None,
        network: Mapping[str, Any],
        crop_from: int | None = None,
        fill: float = 0.0,
        lee2023: bool = False,
    ) -> Session:
        """Check and prepare pictures and first weights (see ``steps.train_network``)."""
        options = dict(network)
        form = Form(**{part.name: options.pop(part.name) for part in fields(Form) if part.name in options})
        architecture = form.architecture(len(classes))
        check_labels([*sources, *([validation] if validation is not None else [])])
        if validation is not None:
            class_order(categories_of(validation, "validation"), list(classes), "validation")
        side = round(form.image_size * 8 / 7) if crop_from is None else crop_from
        if side < form.image_size:
            raise DataError(
                f"train_network: crop_from is {side}; crops of {form.image_size} pixels need that or more"
            )
        if not 0 <= fill <= 255:
            raise DataError(f"train_network: fill is {fill:g}; give a level from 0 to 255")
        start = starting_weights(architecture, weights, seed, **options)
        own = make_pool(sources, digits, classes, form.image_size)
        others = tuple(name for name in classes if name not in digits)
        objects = make_pool(sources, others, classes, side)
        components = colour_components(objects)
        batches = Batches(own, objects, components, shares, form.image_size, seed, fill, lee2023)
        _require_all(classes, batches)
        return cls(classes, batches, validation, form, start, seed)

    def run(
        self,
        learning: Mapping[str, Any],
        checkpoints: Path | None = None,
        callback: Callable[[Row], None] | None = None,
    ) -> Trained:
        """Train; with ``checkpoints``, in a folder of this training's own, named by its digest."""
        options = dict(learning)
        decay = options.pop("weight_decay", 0.0)
        if not 0 <= decay < np.inf:
            raise DataError(f"train_network: weight_decay is {decay:g}; give 0 or more")
        schedule = Schedule(**options)
        architecture = self.form.architecture(len(self.classes))
        network = Trainable(architecture, self.start.weights, self.start.preprocessing, decay, self.seed)
        folder = None
        if checkpoints is not None:
            digest = digest_of(network, self.batches, self.classes, schedule, self.validation)
            folder = Path(checkpoints) / digest[:20]
        done = train(network, self.batches, self.classes, schedule, self.validation, folder, callback)
        self.start.weights.clear()
        self.start.weights.update(network.weights())
        return done

    def trained(self) -> TrainedNetwork:
        """The network as it is now."""
        start = self.start
        return TrainedNetwork(
            self.form, self.classes, dict(start.weights), start.preprocessing, dict(start.origins)
        )


def _require_all(classes: Labels, batches: Batches) -> None:
    """Raise for a class without a training image: its unit would learn nothing but not to answer."""
    seen = {*batches.digits.codes.tolist(), *batches.objects.codes.tolist()}
    lacking = [name for code, name in enumerate(classes) if code not in seen]
    if lacking:
        raise DataError(f"train_network: there are no training images of {', '.join(lacking)}")
