"""Steps: how alike reconstructions and stimuli are, in their pixels and in the features of a network."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from isocortex.choices import require_choice
from isocortex.contracts import Model
from isocortex.data import Collected, Features, Images, Table
from isocortex.data.base import Array
from isocortex.data.labels import codes
from isocortex.errors import DataError
from isocortex.threads import one_blas_thread
from isocortex_decoding.evaluation import tables
from isocortex_decoding.evaluation.identification import Indices, TieRule
from isocortex_decoding.evaluation.matching import Trials
from isocortex_decoding.evaluation.resampling import label_permutations
from isocortex_reconstruction.evaluation import features, rows
from isocortex_reconstruction.evaluation.alignment import Aligned, align
from isocortex_reconstruction.evaluation.distances import outside
from isocortex_reconstruction.evaluation.measures import Design, measure
from isocortex_reconstruction.evaluation.resizing import Resampling, resampling_of, resized
from isocortex_reconstruction.evaluation.rows import Compared
from isocortex_reconstruction.evaluation.similarity import Border

_PIXELS, _FEATURES = "evaluate_reconstructions", "evaluate_reconstruction_features"


class ReconstructionEvaluation(NamedTuple):
    """Three tables.

    ``scores``: axes (subject, roi, ...), ``measure``, ``n`` (reconstructions), ``stimuli`` (candidates),
    ``value`` with its 95 % bootstrap interval ``low`` and ``high``, ``chance``, ``category_only`` (what
    identification were if only the category were known and ``q`` were 1), ``category_only_q`` (with the
    measured ``q``), ``q`` and ``q_within`` (shares of right comparisons between categories and within one:
    what a decoder of categories alone would leave at .5), ``p``, ``p_fdr``
    (Benjamini-Hochberg over the table), ``null_mean``, ``null_low``, ``null_high`` (mean and 95 % of the
    permutations), ``permutations``, ``tie_rule``, ``ties``, ``undefined`` (images, of profiles pixels,
    without a value), ``how`` (what was computed), ``size``, ``resampling`` (of the originals), ``levels``,
    ``outside`` (share of the reconstructions' values beyond 0 to 255, before clipping).
    ``summary``: the same over subjects; ``interval_over`` says what was resampled.
    ``images``: axes, ``stimulus``, ``n`` and a column a measure (profiles have none), and ``outside``.

    Measures: ``identification_correlation``, ``identification_euclidean``, ``pattern_correlation``,
    ``grey_correlation``, ``profile_correlation``, ``rmse``, ``relative_rmse``, ``ssim``.
    """

    scores: Table
    summary: Table
    images: Table


class FeatureEvaluation(NamedTuple):
    """``scores``, ``summary`` and ``images`` with the columns of ``evaluate_decoding``, without ``averaged``.

    ``patterns`` says whether ``pattern_correlation`` is of raw features, or normalised by training ones.
    """

    scores: Table
    summary: Table
    images: Table


def evaluate_reconstructions(
    reconstructed: Images | Collected[Images],
    originals: Images,
    rng: np.random.Generator,
    tie_rule: TieRule = "half",
    permutations: int = 1000,
    bootstraps: int = 1000,
    resampling: Resampling = "bicubic",
    clip: bool = False,
    ssim: Literal["channels", "grey"] = "channels",
    ssim_border: Border = "inside",
    stimuli: list[str] | None = None,
    trials: Trials = "averaged",
) -> ReconstructionEvaluation:
    """Compare reconstructions with the stimuli: pixel correlations, errors, SSIM and identification.

    Aligned by stimulus label; a label that one side lacks is an error. Originals are brought to the size of
    the reconstructions. All originals evaluated are candidates. Pixels are taken as they are: contrast is
    stretched or clipped by a step before this one, and the measures depend on it.

    Parameters
    ----------
    reconstructed : of one axis value (subject, ROI, ...) or of several, labelled by stimulus.
    originals : their categories give the category-only baseline of identification.
    tie_rule : what a tied comparison counts: "half", "wrong" (bdpy) or "correct" (Generic Object Decoding).
    permutations : of the stimulus labels, the same for all subjects, for ``p`` and the null of each measure
        but SSIM. Pictures are alike even of different things: correlations are not 0 by chance.
    bootstraps : for intervals: over images in ``scores``, over images and subjects in ``summary``.
    resampling : filter for the originals; bicubic is Pillow's default and that of the lab's script.
    clip : cut off levels of the reconstructions beyond 0 to 255 first.
    ssim : of each colour, averaged (as torchmetrics does), or of the grey level (as the paper).
    ssim_border : "reflected" also counts windows over the mirrored border, as torchmetrics does.
    stimuli : evaluate only these; both sides must have them.
    trials : "single" where reconstructions are labelled ``sample000001-STIMULUS``.
    """
    for value, choices, name in (
        (ssim, Literal["channels", "grey"], "ssim"),
        (ssim_border, Border, "ssim_border"),
        (resampling, Resampling, "resampling"),
        (trials, Trials, "trials"),
    ):
        require_choice(value, choices, name)
    aligned = align(reconstructed, originals, _PIXELS, stimuli, trials)
    permuted, kinds = _labels(aligned, originals, permutations, rng)
    found: list[Compared] = []
    for part in aligned:
        design = Design(part.matched.own, permuted, kinds, tie_rule, ssim_border, ssim)
        found.append(_compared(part, originals, design, resampling, clip))
    rows.say_what_is_undefined(found, _PIXELS)
    scores = [row for part in found for row in rows.score_rows(part, tie_rule, bootstraps, rng)]
    return ReconstructionEvaluation(
        tables.corrected(scores),
        tables.corrected(rows.summary_rows(found, tie_rule, bootstraps, rng)),
        Table.from_rows([row for part in found for row in rows.image_rows(part)]),
    )


def evaluate_reconstruction_features(
    reconstructed: Images | Collected[Images],
    originals: Images,
    model: Model,
    rng: np.random.Generator,
    layers: str | list[str] = "all-conv-fc",
    training: Features | None = None,
    identify: Literal["raw", "normalised"] = "raw",
    tie_rule: TieRule = "half",
    permutations: int = 1000,
    bootstraps: int = 1000,
    clip: bool = False,
    stimuli: list[str] | None = None,
    trials: Trials = "averaged",
    batch: int | None = None,
) -> FeatureEvaluation:
    """Compare the features of reconstructions with those of the stimuli, layer by layer.

    Both go through the model, which resizes them itself, some images at a time; the features of the originals
    and of one set of reconstructions lie on disk while they are compared (VGG19, 16 convolutions: 60 MB an
    image). Take another network than the one that was inverted: its features are alike by construction.

    Parameters
    ----------
    reconstructed : of one axis value (subject, ROI, ...) or of several, labelled by stimulus.
    model : the network whose features are compared.
    layers : names, patterns and short names, as in ``extract_features``.
    training : features of training images in these layers, whose mean and SD normalise the units for the
        pattern correlation, and with ``identify: normalised`` for identification. Without them patterns are
        as they are, and what all pictures have in common raises their correlation.
    identify : features as they are ("raw"), or normalised by ``training``.
    batch : images at once (default: the model's own).
    tie_rule, permutations, bootstraps, clip, stimuli, trials : as in ``evaluate_reconstructions``.
    """
    require_choice(identify, Literal["raw", "normalised"], "identify")
    require_choice(trials, Trials, "trials")
    if identify == "normalised" and training is None:
        raise DataError(f"{_FEATURES}: identify: normalised needs training features to normalise by")
    aligned = align(reconstructed, originals, _FEATURES, stimuli, trials)
    permuted, kinds = _labels(aligned, originals, permutations, rng)
    setting = features.Setting(permuted, kinds, tie_rule, identify == "normalised", bootstraps)
    parts = [part._replace(images=_clipped(part.images, clip)) for part in aligned]
    extraction = features.Extraction(model, layers, batch)
    found, scores = features.compare(parts, originals, extraction, training, setting, rng)
    features.say_what_is_missing(found, _FEATURES)
    summary = tables.summary_rows(found, scores, bootstraps, rng)
    return FeatureEvaluation(
        tables.corrected(scores),
        tables.corrected(summary),
        Table.from_rows([row for part in found for row in tables.image_rows(part)]),
    )


def _compared(
    part: Aligned, originals: Images, design: Design, resampling: Resampling, clip: bool
) -> Compared:
    """Measure one set of reconstructions against the originals in its size."""
    size, have = part.images.shape[1:3], originals.values.shape[1:3]
    candidates = resized(originals.values[part.matched.rows], size, resampling)
    made = {
        "size": f"{size[0]} x {size[1]}",
        "resampling": resampling_of(have, size, resampling),
        "levels": "clipped to 0 to 255" if clip else "as they are",
    }
    with one_blas_thread():  # it is enough, and its sums do not depend on the machine
        measures = measure(_clipped(part.images, clip), candidates, design)
    return Compared(part.place, part.matched, measures, outside(part.images), made)


def _labels(
    aligned: list[Aligned], originals: Images, permutations: int, rng: np.random.Generator
) -> tuple[Indices, Indices | None]:
    """Permutations and category codes of the candidates, which are the same everywhere."""
    matched = aligned[0].matched
    permuted = label_permutations(len(matched.stimuli), permutations, rng)
    if originals.categories is None:
        return permuted, None
    return permuted, codes([originals.categories[row] for row in matched.rows])


def _clipped(images: Array, clip: bool) -> Array:
    return np.clip(images, 0, 255) if clip and images.dtype.kind == "f" else images
