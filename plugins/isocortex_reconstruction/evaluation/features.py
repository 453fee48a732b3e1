"""Features of reconstructions against those of the originals: on disk, at most two sets at a time."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from isocortex.contracts import Model
from isocortex.data import Features, Images
from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex.threads import one_blas_thread
from isocortex_decoding.evaluation import tables
from isocortex_decoding.evaluation.identification import Indices, TieRule
from isocortex_decoding.evaluation.scoring import Scoring, score_layer
from isocortex_decoding.evaluation.tables import Scored
from isocortex_reconstruction.evaluation.alignment import Aligned


class Extraction(NamedTuple):
    """How features are taken: ``layers`` as in ``extract_features``, ``batch`` images at once."""

    model: Model
    layers: str | Sequence[str]
    batch: int | None = None

    def of(self, values: Array, stimuli: Sequence[str]) -> Features:
        """Features of images (n, height, width, 3); they are on disk as long as they are used."""
        from isocortex_vision import features_of

        return features_of(Images(values, tuple(stimuli)), self.model, self.layers, self.batch)


class Setting(NamedTuple):
    """How layers are scored; permutations and categories are over the candidates."""

    permutations: Indices
    categories: Indices | None = None
    tie_rule: TieRule = "half"
    normalise: bool = False
    bootstraps: int = 1000


def compare(
    parts: Sequence[Aligned],
    originals: Images,
    extraction: Extraction,
    training: Features | None,
    setting: Setting,
    rng: np.random.Generator,
) -> tuple[list[Scored], list[dict[str, Any]]]:
    """Score each layer of each part: what the tables need of it, and its row of the table of scores.

    Scores by unit are not kept: of all layers and subjects they would fill the memory.
    """
    matched = parts[0].matched
    true = extraction.of(originals.values[matched.rows], matched.stimuli)
    if training is not None:
        _require_layers(training, true)
    found, rows = [], []
    for part in parts:
        made = extraction.of(part.images, [str(number) for number in range(len(part.images))])
        for layer in made.layers:
            with one_blas_thread():  # the sums do not depend on the machine
                scored = _scored(part, layer, made, true, training, setting)
            rows.append(_row(scored, training is not None, setting, rng))
            found.append(scored._replace(scores=scored.scores._replace(profile=np.empty(0))))
        del made  # its files go with it
    return found, rows


def _scored(
    part: Aligned, layer: str, made: Features, true: Features, training: Features | None, setting: Setting
) -> Scored:
    scores = score_layer(
        made.matrix(layer),
        true.matrix(layer),
        None if training is None else training.matrix(layer),
        Scoring(
            part.matched.own, setting.tie_rule, setting.permutations, setting.categories, setting.normalise
        ),
    )
    if training is None:
        scores = scores._replace(pattern=scores.identified.own)
    return Scored(part.place, layer, part.matched, scores, "")


def _row(scored: Scored, normalised: bool, setting: Setting, rng: np.random.Generator) -> dict[str, Any]:
    row = tables.score_row(scored, setting.tie_rule, setting.bootstraps, rng)
    del row["averaged"]
    items = list(row.items())
    place = list(row).index("pattern_correlation") + 1
    patterns = "normalised by training" if normalised else "raw"
    return dict([*items[:place], ("patterns", patterns), *items[place:]])


def _require_layers(training: Features, true: Features) -> None:
    for layer, values in true.layers.items():
        training.matrix(layer)  # says so if there is none
        have = training.layers[layer].shape[1:]
        if have != values.shape[1:]:
            raise DataError(
                f"evaluate_reconstruction_features: layer {layer!r} has units {have} in the training "
                f"features, and {values.shape[1:]} in the model"
            )


def say_what_is_missing(found: Sequence[Scored], what: str) -> None:
    """Warn of units that were left out and of reconstructions without a correlation."""
    for part in found:
        where = ", ".join([what, *part.place.values()])
        if part.scores.left_out:
            warnings.warn(
                f"{where}: {part.scores.left_out} units of layer {part.layer!r} are not finite, or have no "
                "spread in training, and were left out of patterns and identification",
                stacklevel=4,
            )
        undefined = int(part.scores.identified.undefined.sum())
        if undefined:
            warnings.warn(
                f"{where}: {undefined} of {len(part.matched.own)} reconstructions have no correlation with "
                f"their originals in layer {part.layer!r} (constant over units); their comparisons are tied",
                stacklevel=4,
            )
