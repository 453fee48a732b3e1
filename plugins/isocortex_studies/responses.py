"""One response pattern a condition, trial or stimulus of each run, from fMRI time series by a GLM."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np

from isocortex.contracts import DataSource
from isocortex.data import Patterns, Table
from isocortex.errors import DataError
from isocortex.pipeline.settings import AxisValues, Load
from isocortex_studies.responses_design import HRF, Design, Drift, Settings, Unit, design_of
from isocortex_studies.responses_glm import Noise, Scale, fit_run
from isocortex_studies.responses_runs import Run

CORRELATED = 10.0
"""Variance inflation from which on a regressor is warned about (a customary limit)."""


class Responses(NamedTuple):
    """``patterns``: one row a run and condition (trial, stimulus).

    ``residuals``: of all volumes, for ``whiten_patterns``, where they were asked for; else no rows.
    ``design``: a row a run and regressor of interest: ``run``, ``regressor``, ``condition``, ``events``,
    ``inflation`` (variance inflation factor), ``severity`` and ``finding`` (what the report should warn of).
    ``runs``: ``run``, ``volumes``, ``tr``, ``regressors``, ``dof`` (volumes minus rank of the design),
    ``voxels``, ``without_data``.
    """

    patterns: Patterns
    residuals: Patterns
    design: Table
    runs: Table


def estimate_responses(
    source: Annotated[DataSource, Load("runs")],
    axes: AxisValues,
    unit: Unit = "condition",
    hrf: HRF = "spm",
    drift: Drift = "cosine",
    cutoff: float = 128.0,
    drift_order: int = 1,
    slice_time: float = 0.0,
    noise: Noise = "ar1",
    scale: Scale = "percent",
    values: Literal["weight", "t"] = "weight",
    residuals: bool = False,
) -> Responses:
    """Estimate responses by a first-level GLM of each run: design matrix and fit are nilearn's.

    Each run is modelled on its own, so that nothing goes from training runs to test runs: events convolved
    with a haemodynamic response, drifts, the source's confounds and a constant. Runs are read one by one.
    Voxels without data in a run are NaN there; steps that follow drop them and say how many.

    Parameters
    ----------
    cutoff : longest period in seconds that "cosine" drifts leave in.
    drift_order : highest power of time in "polynomial" drifts.
    source : gives kind ``runs``, as ``nifti-runs`` does; its settings stand beside those of this step.
    unit : "condition": one pattern a condition and run; "trial": one an event, all in one model ("least
        squares, all"); "stimulus": one a stimulus and run.
    hrf : canonical response of "spm" (two gamma functions) or "glover", also with the derivatives in time and
        dispersion, which take up shifts in latency and width and are not given out.
    drift : "cosine" up to a period of ``cutoff`` seconds, as SPM's high-pass filter; "polynomial" up to
        ``drift_order``; "none".
    slice_time : which part of the TR a volume stands for: 0 if slices were timed to its start, 0.5 if to its
        middle (fMRIPrep's choice).
    noise : "ar1" whitens in time by each voxel's autocorrelation; "ols" does not.
    scale : "percent" of each voxel's mean over the run, or "none" (for data without a mean).
    values : "weight" of the regressor, or its "t" (weights over their standard errors: Misaki et al. 2010
        found them to be better patterns).
    residuals : give them, too; they are as large as the data. Their degrees of freedom stand in ``runs``.
    """
    settings = Settings(unit, hrf, drift, cutoff, drift_order, slice_time)
    _require_sound(settings)
    parts: list[Patterns] = []
    rests: list[Patterns] = []
    designs: list[dict[str, Any]] = []
    record: list[dict[str, Any]] = []
    for run in _runs(source, axes):
        design = design_of(run, settings)
        fit = fit_run(run.volumes, design, noise, scale, residuals)
        found = fit.t if values == "t" else fit.weights
        parts.append(_patterns(run, design, found))
        if fit.residuals is not None:
            labels = ["residual"] * len(fit.residuals), [run.name] * len(fit.residuals)
            rests.append(Patterns(fit.residuals, *labels, space=run.space))  # type: ignore[arg-type]
        designs += _rows(run, design)
        lacking = int(np.count_nonzero(~fit.usable))
        record.append(
            {"run": run.name, "volumes": len(run.volumes), "tr": run.tr, "regressors": design.matrix.shape[1],
             "dof": len(run.volumes) - design.rank, "voxels": len(fit.usable), "without_data": lacking}
        )  # fmt: skip
        if lacking:
            warnings.warn(
                f"run {run.name}: {lacking} of {len(fit.usable)} voxels have no data (they do not vary, or "
                "have no mean above 0 to scale by) and are NaN",
                stacklevel=2,
            )
    patterns = _joined(parts)
    empty = Patterns(np.empty((0, patterns.n_channels), np.float32), (), (), space=patterns.space)
    return Responses(
        patterns, _joined(rests) if rests else empty, Table.from_rows(designs), Table.from_rows(record)
    )


def _runs(source: DataSource, axes: AxisValues) -> Iterable[Run]:
    needed = tuple(source.loads.get("runs", ()))
    if "runs" not in source.loads or set(needed) != set(axes):
        raise DataError(
            f"estimate_responses: the data source gives {', '.join(source.loads)}, runs by "
            f"{' x '.join(needed) or 'no axis'}; this step runs over {' x '.join(axes) or 'no axis'}"
        )
    runs: Iterable[Run] = source.load_runs(**axes)  # type: ignore[attr-defined]
    return runs


def _require_sound(settings: Settings) -> None:
    if not settings.cutoff > 0 or not 0 <= settings.slice_time <= 1 or settings.drift_order < 0:
        raise DataError(
            "estimate_responses: cutoff is above 0 (seconds), slice_time from 0 to 1, drift_order 0 or more"
        )


def _patterns(run: Run, design: Design, values: Any) -> Patterns:
    stimuli = [target.stimulus for target in design.targets]
    return Patterns(
        values,
        tuple(target.condition for target in design.targets),
        (run.name,) * len(design.targets),
        tuple(label or "" for label in stimuli) if all(stimuli) else None,
        run.space,
    )


def _rows(run: Run, design: Design) -> list[dict[str, Any]]:
    rows = []
    for target, inflation in zip(design.targets, design.inflation, strict=True):
        high = inflation > CORRELATED
        text = (
            f"run {run.name}: the response to {target.label} is hard to tell from the other regressors (its "
            f"variance is {inflation:.3g} times that of an uncorrelated one)"
        )
        rows.append(
            {"run": run.name, "regressor": target.label, "condition": target.condition,
             "events": target.events, "inflation": float(inflation),
             "severity": "warning" if high else "", "finding": text if high else ""}
        )  # fmt: skip
    return rows


def _joined(parts: list[Patterns]) -> Patterns:
    if not parts:
        raise DataError("estimate_responses: the data source gave no runs")
    first = parts[0]
    stimuli = None
    if all(part.stimuli is not None for part in parts):
        stimuli = tuple(label for part in parts for label in part.stimuli or ())
    for part in parts[1:]:
        if first.space is not None and part.space is not None:
            first.space.require_same_voxels(part.space, "runs")
    return Patterns(
        np.concatenate([part.values for part in parts]),
        tuple(label for part in parts for label in part.conditions),
        tuple(label for part in parts for label in part.runs or ()),
        stimuli,
        first.space,
    )
