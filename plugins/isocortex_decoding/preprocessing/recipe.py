"""From the volumes of whole runs to one sample a block: the study's steps in their order, each on record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data import Table
from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex_decoding.preprocessing.groups import Rows, rows_of
from isocortex_decoding.preprocessing.regression import regress_out
from isocortex_decoding.preprocessing.scaling import Mode, normalise, reduce_outliers
from isocortex_decoding.preprocessing.timing import (
    average_samples,
    blocks_of,
    one_back_repeats,
    shift_samples,
)

Labels = tuple[str, ...]
Scope = Literal["none", "run"]


@dataclass(frozen=True)
class Series:
    """Samples (samples, voxels) in order of time, a label of each kind for each.

    ``blocks`` are block numbers if they are known, ``keep`` says which samples are wanted in the end, and
    ``regressors`` (samples, k) are what is to be regressed out.
    """

    values: Array
    stimuli: Labels
    conditions: Labels
    runs: Labels | None = None
    blocks: Rows | None = None
    keep: npt.NDArray[np.bool_] | None = None
    regressors: Array | None = None


@dataclass(frozen=True)
class Recipe:
    """What is done, in this order; None or 0 leaves a step out. See ``steps.preprocess`` for each setting."""

    shift: int = 0
    linear_trend: bool = True
    outliers: float = 3.0
    normalise: Mode | None = "percent"
    baseline: Sequence[str] | None = None
    rest: Sequence[str] = ("n/a",)
    block_length: int | None = None
    repeats: Literal["drop", "keep"] = "drop"
    average: Literal["block", "none"] = "block"


class Transform(NamedTuple):
    """One step on record: its name and settings, and what it was fitted on.

    ``scope`` "run": fitted in each run by that run alone, so nothing goes from training runs to test runs or
    back. "none": nothing is fitted. What is fitted on training samples is not here: ``TrainingScaler``.
    ``samples`` are left after it; ``affected`` counts ``what`` happened to (samples left out, for instance).
    """

    name: str
    scope: Scope
    settings: str
    samples: int
    affected: int
    what: str


class Prepared(NamedTuple):
    """What came out: one row a sample, and the record of what was done."""

    series: Series
    counts: npt.NDArray[np.intp]
    transforms: tuple[Transform, ...]

    def table(self) -> Table:
        """Give the record as a table, a row a step."""
        rows = [transform._asdict() for transform in self.transforms]
        return Table.from_rows(rows, Transform._fields)


@dataclass
class _Work:
    series: Series
    record: list[Transform] = field(default_factory=list)

    def note(self, name: str, scope: Scope, settings: str, count: int = 0, counted: str = "") -> None:
        self.record.append(Transform(name, scope, settings, len(self.series.values), count, counted))


def prepare(series: Series, recipe: Recipe) -> Prepared:
    """Carry out a recipe on the volumes of one or more whole runs.

    Raises ``DataError`` for what a step cannot do (a run too short, regressors with NaN, a block of two
    stimuli), and where no sample is left.
    """
    _check(series)
    work = _Work(series)
    _shift(work, recipe)
    _regress(work, recipe)
    _clip(work, recipe)
    _normalise(work, recipe)
    _drop(work, recipe)
    counts = _average(work, recipe)
    return Prepared(work.series, counts, tuple(work.record))


def _check(series: Series) -> None:
    n = len(series.values)
    kinds: dict[str, Any] = {
        "stimuli": series.stimuli, "conditions": series.conditions, "runs": series.runs,
        "blocks": series.blocks, "keep": series.keep, "regressors": series.regressors,
    }  # fmt: skip
    for kind, labels in kinds.items():
        if labels is not None and len(labels) != n:
            raise DataError(f"preprocessing: {len(labels)} {kind} for {n} samples")
    if not n:
        raise DataError("preprocessing: there are no samples")


def _pick(labels: Labels | None, rows: Rows) -> Labels | None:
    return None if labels is None else tuple(labels[row] for row in rows)


def _rows(series: Series, samples: Rows, labels: Rows) -> Series:
    """Take rows of the samples, and of the labels that go with them."""
    return Series(
        series.values[samples],
        _pick(series.stimuli, labels) or (),
        _pick(series.conditions, labels) or (),
        _pick(series.runs, labels),
        None if series.blocks is None else series.blocks[labels],
        None if series.keep is None else series.keep[labels],
        None if series.regressors is None else np.asarray(series.regressors)[samples],
    )


def _shift(work: _Work, recipe: Recipe) -> None:
    if not recipe.shift:
        return
    before = len(work.series.values)
    shifted = shift_samples(before, recipe.shift, work.series.runs)
    work.series = _rows(work.series, shifted.samples, shifted.labels)
    lost = before - len(work.series.values)
    work.note("shift", "none", f"{recipe.shift} samples", lost, "samples at run ends left out")


def _regress(work: _Work, recipe: Recipe) -> None:
    series = work.series
    given = 0 if series.regressors is None else np.asarray(series.regressors).shape[1]
    if not given and not recipe.linear_trend:
        return
    keeps = recipe.normalise in ("percent", "divide_mean")  # they divide by the mean
    values = regress_out(series.values, series.runs, series.regressors, not keeps, recipe.linear_trend)
    work.series = replace(series, values=values)
    parts = (
        ["constant"] * (not keeps)
        + ["linear trend"] * recipe.linear_trend
        + [f"{given} regressors"] * bool(given)
    )
    work.note("regress_out", "run", ", ".join(parts), _nan_voxels(values), "voxels with NaN")


def _nan_voxels(values: Array) -> int:
    return int(np.count_nonzero(np.isnan(values).any(axis=0)))


def _clip(work: _Work, recipe: Recipe) -> None:
    if not recipe.outliers:
        return
    clipped = reduce_outliers(work.series.values, work.series.runs, recipe.outliers)
    work.series = replace(work.series, values=clipped.values)
    work.note("reduce_outliers", "run", f"{recipe.outliers:g} SD", clipped.n_clipped, "values clipped")


def _normalise(work: _Work, recipe: Recipe) -> None:
    if recipe.normalise is None:
        return
    baseline = None
    if recipe.baseline is not None:
        baseline = np.isin(np.array(work.series.stimuli), list(recipe.baseline))
    scaled = normalise(work.series.values, work.series.runs, recipe.normalise, baseline)
    work.series = replace(work.series, values=scaled.values)
    settings = recipe.normalise + ("" if baseline is None else f" of {', '.join(recipe.baseline or ())}")
    work.note("normalise", "run", settings, scaled.n_undefined, "voxels x runs without a scale, set to 0")


def _drop(work: _Work, recipe: Recipe) -> None:
    """Leave out rest, what is not wanted, and one-back repeats; number the blocks first."""
    series = work.series
    blocks = series.blocks
    if blocks is None:
        blocks = blocks_of(series.stimuli, series.runs, recipe.block_length, recipe.rest)
    elif series.runs is not None:  # numbers of blocks may begin anew in each run
        pairs = np.array([f"{block} {run}" for block, run in zip(blocks, series.runs, strict=True)])
        blocks = np.unique(pairs, return_inverse=True)[1]
    series = replace(series, blocks=np.asarray(blocks))
    repeated = np.zeros(len(series.values), dtype=bool)
    if recipe.repeats == "drop":
        repeated = one_back_repeats(np.asarray(blocks), series.stimuli, series.runs, recipe.rest)
    rest = np.isin(np.array(series.stimuli), list(recipe.rest))
    unwanted = np.zeros(len(rest), dtype=bool) if series.keep is None else ~series.keep
    left = np.flatnonzero(~(rest | unwanted | repeated))
    if not len(left):
        raise DataError("preprocessing: no sample is left once rest and what is not wanted are out")
    work.series = _rows(series, left, left)
    for name, mask, settings in (
        ("rest", rest | unwanted, ", ".join(recipe.rest)),
        ("one-back repeats", repeated & ~(rest | unwanted), "the same stimulus again"),
    ):
        if mask.any():
            work.note(f"drop {name}", "none", settings, int(mask.sum()), "samples left out")


def _average(work: _Work, recipe: Recipe) -> npt.NDArray[np.intp]:
    series = work.series
    if recipe.average == "none":
        return np.ones(len(series.values), dtype=np.intp)
    assert series.blocks is not None
    for name, rows in rows_of(series.blocks, len(series.values)):
        found = sorted({series.stimuli[row] for row in rows})
        if len(found) > 1 or len({series.runs[row] for row in rows} if series.runs else ()) > 1:
            raise DataError(
                f"preprocessing: block {name} holds more than one stimulus or run: {', '.join(found)}"
            )
    averaged = average_samples(series.values, series.blocks)
    work.series = replace(_rows(series, averaged.first, averaged.first), values=averaged.values)
    short = int(np.count_nonzero(averaged.counts < averaged.counts.max()))
    least, most = int(averaged.counts.min()), int(averaged.counts.max())
    settings = f"blocks of {most} samples" if least == most else f"blocks of {least} to {most} samples"
    work.note("average", "none", settings, short, "blocks shorter than the longest")
    return averaged.counts
