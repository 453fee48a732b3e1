"""The design matrix of a run: what is wanted of it, and whether the design can tell it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.errors import DataError, suggestion
from isocortex_studies.responses_runs import Event, Run

Unit = Literal["condition", "trial", "stimulus"]
HRF = Literal[
    "spm", "spm + derivative", "spm + derivative + dispersion",
    "glover", "glover + derivative", "glover + derivative + dispersion",
]  # fmt: skip
Drift = Literal["cosine", "polynomial", "none"]
Floats = npt.NDArray[np.float64]


class Target(NamedTuple):
    """A regressor whose weight is wanted: its label, condition and stimulus, and how many events it has."""

    label: str
    condition: str
    stimulus: str | None
    events: int


@dataclass(frozen=True)
class Settings:
    """How a run is modelled; see ``responses.estimate_responses``."""

    unit: Unit = "condition"
    hrf: HRF = "spm"
    drift: Drift = "cosine"
    cutoff: float = 128.0
    drift_order: int = 1
    slice_time: float = 0.0


class Design(NamedTuple):
    """Design matrix (volumes, regressors), names of its columns, and targets with their columns.

    ``inflation`` (targets,) is the variance inflation factor: how many times larger the variance of a weight
    is than it would be if the regressor were uncorrelated with all others.
    """

    matrix: Floats
    names: tuple[str, ...]
    targets: tuple[Target, ...]
    columns: npt.NDArray[np.intp]
    inflation: Floats
    rank: int


def design_of(run: Run, settings: Settings) -> Design:
    """Convolve a run's events with the haemodynamic response and put nuisance regressors beside them.

    Events of other kinds than ``run.conditions`` get a regressor a kind, of no interest. Confounds are
    standardised, which changes no fit, and those that are constant are left out. The regressors are
    nilearn's; drifts are cosines longer than ``cutoff`` seconds (SPM's
    filter as regressors), or polynomials.

    Raises ``DataError`` for a run without events of interest, with as many regressors as volumes, and where a
    target cannot be told from the other regressors (it lies after the last volume, or is their sum).
    """
    where = f"run {run.name!r}"
    if settings.drift == "cosine" and settings.cutoff <= 2 * run.tr:
        raise DataError(f"{where}: cutoff: {settings.cutoff:g} s with a TR of {run.tr:g} s leaves nothing")
    groups = _groups(run, settings.unit, where)
    matrix, names = _matrix(run, groups, settings)
    targets = tuple(target for target, _ in groups if target is not None)
    wanted = [code for code, (target, _) in enumerate(groups) if target is not None]
    columns = np.array([names.index(_code(number)) for number in wanted], dtype=np.intp)
    rank = int(np.linalg.matrix_rank(matrix))
    if rank >= len(matrix):
        raise DataError(
            f"{where}: {matrix.shape[1]} regressors for {len(matrix)} volumes; take fewer confounds, a "
            "longer cutoff, or unit: condition"
        )
    _require_estimable(matrix, columns, targets, where)
    called = {_code(number): target.label for number, target in zip(wanted, targets, strict=True)}
    return Design(matrix, tuple(called.get(name, name) for name in names), targets, columns,
                  _inflation(matrix, columns), rank)  # fmt: skip


def _groups(run: Run, unit: Unit, where: str) -> list[tuple[Target | None, list[Event]]]:
    """The events of each regressor: targets in order of first onset, then kinds of no interest."""
    ordered = sorted(run.events, key=lambda event: event.onset)
    wanted = [event for event in ordered if run.conditions is None or event.condition in run.conditions]
    if not wanted:
        kinds = {event.condition for event in ordered}
        raise DataError(f"{where}: no events of the conditions; {suggestion('', kinds, 'kinds of events')}")
    grouped: dict[tuple[str, ...], list[Event]] = {}
    for number, event in enumerate(wanted, 1):
        if unit == "stimulus" and event.stimulus is None:
            raise DataError(f"{where}: the events name no stimuli; set stimulus_column of the data source")
        key = {"condition": (), "trial": (f"trial {number}",), "stimulus": (event.stimulus or "",)}[unit]
        grouped.setdefault((event.condition, *key), []).append(event)
    groups: list[tuple[Target | None, list[Event]]] = []
    for key, events in grouped.items():
        stimulus = None if unit == "condition" else events[0].stimulus
        groups.append((Target(", ".join(key), key[0], stimulus, len(events)), events))
    others: dict[str, list[Event]] = {}
    for event in ordered:
        if run.conditions is not None and event.condition not in run.conditions:
            others.setdefault(event.condition, []).append(event)
    return groups + [(None, events) for events in others.values()]


def _matrix(
    run: Run, groups: Sequence[tuple[Target | None, list[Event]]], settings: Settings
) -> tuple[Floats, list[str]]:
    """Events, drifts, constant, confounds.

    Events go to ``compute_regressor`` one group at a time: the design as a whole would be made regular where
    it is singular, and hide what cannot be told.
    """
    from nilearn.glm.first_level import compute_regressor, make_first_level_design_matrix

    times = (np.arange(len(run.volumes)) + settings.slice_time) * run.tr
    parts, names = [], []
    for number, (_, events) in enumerate(groups):
        shown = np.array([(event.onset, event.duration, 1.0) for event in events]).T
        regressors, called = compute_regressor(shown, settings.hrf, times, con_id=_code(number))
        parts.append(np.asarray(regressors))
        names += [str(name) for name in called]
    drift = None if settings.drift == "none" else settings.drift
    high, order = 1 / settings.cutoff, settings.drift_order
    table = make_first_level_design_matrix(times, drift_model=drift, high_pass=high, drift_order=order)
    parts.append(table.to_numpy(dtype=np.float64))
    names += [str(name) for name in table.columns]
    if run.confounds is not None:
        spread = run.confounds.std(axis=0)
        varies = spread > 1e-12 * np.abs(run.confounds).max(axis=0, initial=0)
        parts.append((run.confounds - run.confounds.mean(axis=0))[:, varies] / spread[varies])
        names += [name for name, keep in zip(run.confound_names, varies, strict=True) if keep]
    return np.concatenate(parts, axis=1), names


def _code(number: int) -> str:
    """A name that no confound has."""
    return f" event {number}"


def _require_estimable(
    matrix: Floats, columns: npt.NDArray[np.intp], targets: Sequence[Target], where: str
) -> None:
    """A weight can be told where its unit vector lies in the row space of the design."""
    inside = np.linalg.pinv(matrix, rcond=1e-10) @ matrix
    for column, target in zip(columns, targets, strict=True):
        if np.abs(matrix[:, column]).max() < 1e-6:
            raise DataError(
                f"{where}: the response to {target.label!r} lies outside of the {len(matrix)} volumes; are "
                "the onsets in seconds from the first volume, and is tr right?"
            )
        if inside[column, column] < 1 - 1e-6:
            raise DataError(
                f"{where}: the response to {target.label!r} cannot be told from the other regressors (two "
                "events at one time, or a confound that follows them)"
            )


def _inflation(matrix: Floats, columns: npt.NDArray[np.intp]) -> Floats:
    """Variance inflation factors, 1 / (1 - R^2) of each column regressed on the others."""
    inverse = np.linalg.pinv(matrix, rcond=1e-10)
    variances = np.einsum("ij,ij->i", inverse, inverse)[columns]
    centred = matrix[:, columns] - matrix[:, columns].mean(axis=0)
    return np.asarray(variances * np.einsum("ij,ij->j", centred, centred))
