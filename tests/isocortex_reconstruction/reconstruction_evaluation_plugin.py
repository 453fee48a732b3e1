"""Steps under test by names of their own, made-up pictures, and a small model."""

from __future__ import annotations

import numpy as np
from reconstruction_images import Pooled, noisy, stimuli

from isocortex import hookimpl
from isocortex.data import Images, Table


def originals(n: int = 8) -> Images:
    """Make stimuli."""
    return stimuli(n, (20, 20))


def reconstructions(originals: Images, rng: np.random.Generator, noise: float = 60.0) -> Images:
    """Make noisy reconstructions."""
    return noisy(originals, noise, int(rng.integers(2**31)))


def losses(originals: Images) -> Table:
    """Make losses."""
    rows = [
        {"stimulus": name, "iteration": t, "loss": 3 / (1 + t), "conv1": 2 / (1 + t), "fc2": 1 / (1 + t)}
        for name in originals.stimuli
        for t in range(4)
    ]
    return Table.from_rows(rows)


_PLACE = "isocortex_reconstruction"


@hookimpl
def register_models(register):  # type: ignore[no-untyped-def]
    register("te_pooled", Pooled, summary="pixels")


@hookimpl
def register_steps(register):  # type: ignore[no-untyped-def]
    for function in (originals, reconstructions, losses):
        register(f"te_{function.__name__}", function, summary="made up")
    for name, place in {
        "te_evaluate": "evaluation.steps:evaluate_reconstructions",
        "te_evaluate_features": "evaluation.steps:evaluate_reconstruction_features",
        "te_sheet": "figures.sheet:reconstruction_sheet",
        "te_losses_figure": "figures.losses:loss_curves",
        "te_pixel_figure": "figures.identification:reconstruction_identification_figure",
        "te_feature_figure": "figures.features:reconstruction_feature_figure",
    }.items():
        register(name, f"{_PLACE}.{place}", summary="under test")
