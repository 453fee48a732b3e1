"""A plugin file for the pipeline test: simulated data, and the steps under names of its own."""

from __future__ import annotations

import numpy as np

import isocortex as ic
from isocortex.data import Features, Images, Patterns

STEPS = {
    "t_folds": "steps.cross_validate:cross_validation_folds",
    "t_decode": "steps.cross_validate:cross_validated_decoding",
    "t_evaluate": "steps.evaluate:evaluate_decoding",
    "t_zero_shot": "steps.evaluate_zero_shot:evaluate_zero_shot",
    "t_ceilings": "steps.evaluate_ceilings:repetition_ceilings",
    "t_guards": "steps.guard_decoding:decoding_guards",
    "t_classify": "steps.classify:classify_categories",
    "t_figure": "figures.accuracy:decoding_figure",
    "t_confusion": "figures.confusion:confusion_figure",
}


def t_features(n: int, first: str, seed: int) -> Features:
    """Features of n stimuli of four categories."""
    rng = np.random.default_rng(seed)
    common = np.random.default_rng(99).normal(size=(4, 25))
    kinds = np.arange(n) % 4
    values = (common[kinds] + rng.normal(size=(n, 25))).astype(np.float32)
    labels = tuple(f"{first}{k}" for k in range(n))
    return Features(
        {"fc6": values, "fc7": values @ np.random.default_rng(7).normal(size=(25, 30))},
        labels,
        tuple(map(str, kinds)),
    )


def t_images(features: Features, seed: int) -> Images:
    """Pictures of noise, one a stimulus."""
    noise = np.random.default_rng(seed).integers(0, 255, (features.n_samples, 40, 40, 3), dtype=np.uint8)
    return Images(noise, features.stimuli)


def t_brain(features: Features, axes: ic.AxisValues) -> Patterns:
    """Two samples a stimulus, in the same run; voxels are mixtures of units."""
    rng = np.random.default_rng(int(axes["subject"][1:]))
    order = np.repeat(rng.permutation(features.n_samples), 2)
    mixing = np.random.default_rng(5).normal(size=(25, 60))
    values = features.matrix("fc6")[order] @ mixing + 2 * rng.normal(size=(len(order), 60))
    kinds = [(features.categories or ())[k] for k in order]
    runs = [str(k // 8) for k in range(len(order))]
    return Patterns(values.astype(np.float32), kinds, runs, [features.stimuli[k] for k in order])


@ic.hookimpl
def register_steps(register):
    """Register everything under names that nobody else has."""
    for step in (t_features, t_images, t_brain):
        register(step.__name__, step)
    for name, place in STEPS.items():
        register(name, f"isocortex_decoding.{place}", summary="step under test")


@ic.hookimpl
def register_decoders(register):
    """Register decoders likewise."""
    register("t-ridge", "sklearn.linear_model:Ridge")
    register("t-lda", "isocortex_decoding.crossvalidation.lda:ShrinkageLDA")
