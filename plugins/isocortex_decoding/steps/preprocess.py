"""Preprocessing as steps: whole runs to one sample a block, and samples averaged by label."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np

from isocortex.data import Patterns, Table
from isocortex.data.base import Array
from isocortex.data.labels import Labels
from isocortex.errors import DataError, LabelMismatch
from isocortex_decoding.preprocessing.recipe import Recipe, Series, prepare
from isocortex_decoding.preprocessing.scaling import Mode
from isocortex_decoding.preprocessing.timing import average_samples as means_of

Normalisation = Mode | Literal["none"]


class Preprocessed(NamedTuple):
    """``patterns``: one row a sample; ``record``: a row for each thing that was done."""

    patterns: Patterns
    record: Table


class AveragedSamples(NamedTuple):
    """``patterns``: one row a label; ``counts``: how many samples each is the mean of."""

    patterns: Patterns
    counts: Table


def preprocess_runs(
    patterns: Patterns,
    regressors: Patterns | None = None,
    shift: int = 2,
    linear_trend: bool = True,
    outliers: float = 3.0,
    normalise: Normalisation = "percent",
    baseline: list[str] | None = None,
    rest: list[str] | None = None,
    block_length: int | None = None,
    repeats: Literal["drop", "keep"] = "drop",
    average: Literal["block", "none"] = "block",
) -> Preprocessed:
    """Bring the volumes of whole runs to one sample a block, run by run: nothing is fitted across runs.

    In this order: shift, regress out, clip outliers, normalise, drop rest and repeats, average blocks.

    Parameters
    ----------
    patterns : one row a volume, in order of time, with run labels; the stimulus of a volume is its stimulus
        label, else its condition.
    regressors : motion and the like, the same volumes (equal labels, row by row) x regressors.
    shift : volumes between a stimulus and its response (4 s at a TR of 2 s are 2). The first volumes and last
        labels of each run go.
    linear_trend : regress out a constant and a straight line.
    outliers : values beyond so many SD of their voxel in their run are clipped to there, up to 10 times; 0
        clips none.
    normalise : "percent" signal change, "zscore", "divide_mean", "subtract_mean", or "none". The first and
        third divide by the run's mean, which regressing out then leaves in.
    baseline : labels whose samples give the mean and SD; default: all samples of the run.
    rest : labels of samples without a stimulus; default: ``n/a``. They are dropped in the end.
    block_length : samples in a block. Without it a block is all successive samples of one stimulus, and a
        stimulus that is shown twice in a row counts as one block.
    repeats : one-back repetitions of a stimulus are dropped, or kept.
    average : the samples of a block are averaged, or stay single.
    """
    series = _series(patterns, regressors)
    recipe = recipe_of(
        shift, linear_trend, outliers, normalise, baseline, rest, block_length, repeats, average
    )
    return preprocessed(patterns, series, recipe)


def recipe_of(
    shift: int,
    linear_trend: bool,
    outliers: float,
    normalise: Normalisation,
    baseline: list[str] | None,
    rest: list[str] | None,
    *others: Any,
) -> Recipe:
    """The recipe that the settings of a step describe, in their order; samples without a label are rest."""
    mode = None if normalise == "none" else normalise
    return Recipe(shift, linear_trend, outliers, mode, baseline, ("n/a", *(rest or ())), *others)


def preprocessed(patterns: Patterns, series: Series, recipe: Recipe) -> Preprocessed:
    """Carry out a recipe and label the result as the patterns were; short blocks and NaN are warned about."""
    found = prepare(series, recipe)
    done = found.series
    for transform in found.transforms:
        if transform.affected and transform.name in ("regress_out", "normalise", "average"):
            warnings.warn(f"preprocessing: {transform.affected} {transform.what}", stacklevel=3)
    lost = set(done.conditions) & set(recipe.rest)
    if lost:
        raise DataError(f"preprocessing: a sample with a stimulus has the condition {lost.pop()!r} of rest")
    stimuli = done.stimuli if patterns.stimuli is not None else None
    out = Patterns(done.values, done.conditions, done.runs, stimuli, patterns.space, patterns.channels)
    return Preprocessed(out, found.table())


def _series(patterns: Patterns, regressors: Patterns | None) -> Series:
    if patterns.runs is None:
        raise DataError(
            "preprocess_runs: the patterns have no run labels, and all of this is done run by run"
        )
    nuisance: Array | None = None
    if regressors is not None:
        for kind in ("runs", "conditions", "stimuli"):
            one, other = getattr(patterns, kind), getattr(regressors, kind)
            if other is not None and one != other:
                raise LabelMismatch(
                    f"preprocess_runs: the {kind} of the regressors are not those of the patterns, row by row"
                )
        if regressors.runs is None:
            raise DataError(
                "preprocess_runs: the regressors have no run labels to compare with the patterns'"
            )
        nuisance = regressors.values
    stimuli = patterns.conditions if patterns.stimuli is None else patterns.stimuli
    return Series(patterns.values, stimuli, patterns.conditions, patterns.runs, regressors=nuisance)


def average_samples(
    patterns: Patterns, by: Literal["stimulus", "condition", "run", "stimulus_run"] = "stimulus"
) -> AveragedSamples:
    """Average the samples of each label, as test samples are before decoding.

    Averaging n samples shrinks their noise by the square root of n; ``counts`` says n, so that what follows
    can tell.

    Parameters
    ----------
    patterns : single samples with the labels that ``by`` asks for.
    by : "stimulus" (else the condition), "condition", "run" (of each condition), or "stimulus_run".
    """
    stimuli = patterns.conditions if patterns.stimuli is None else patterns.stimuli
    runs = patterns.runs
    if by in ("run", "stimulus_run") and runs is None:
        raise DataError(f"average_samples: by {by}, but the patterns have no run labels")
    kinds: dict[str, tuple[Labels, ...]] = {
        "stimulus": (stimuli,), "condition": (patterns.conditions,),
        "run": (patterns.conditions, runs or ()), "stimulus_run": (stimuli, runs or ()),
    }  # fmt: skip
    keys = list(zip(*kinds[by], strict=True))
    place = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    codes = np.array([place[key] for key in keys], dtype=np.intp)
    _require_one(patterns, codes, by)
    found = means_of(patterns.values, codes)
    first = patterns.take(found.first)
    one_run = by in ("run", "stimulus_run")
    out = replace(
        first, values=found.values, runs=first.runs if one_run else None,
        stimuli=first.stimuli if by in ("stimulus", "stimulus_run") else None,
    )  # fmt: skip
    names = [stimuli[row] if "stimulus" in by else patterns.conditions[row] for row in found.first]
    columns = {"label": np.array(names), "samples": found.counts}
    if one_run:
        columns["run"] = np.array([(runs or ())[row] for row in found.first])
    return AveragedSamples(out, Table(columns))


def _require_one(patterns: Patterns, codes: Array, by: str) -> None:
    """A stimulus that stands under two conditions would lose one of them."""
    if by not in ("stimulus", "stimulus_run"):
        return
    seen: dict[int, str] = {}
    for code, condition in zip(codes.tolist(), patterns.conditions, strict=True):
        if seen.setdefault(code, condition) != condition:
            raise LabelMismatch(
                f"average_samples: a stimulus has the conditions {seen[code]!r} and {condition!r}; average "
                "by condition, or correct the labels"
            )
