"""Simulated subjects: the response to every trial, as a GLM estimates it from noisy volumes."""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data import Features, Patterns, Space, StatMaps
from isocortex.data.labels import Labels
from isocortex.errors import DataError, suggestion
from isocortex_studies.noise import smooth_noise
from isocortex_studies.simulation.design import Estimates, trial_estimates

Floats = npt.NDArray[np.float64]
_COMMON, _TRIAL, _STRENGTH = 1.0, 0.3, 0.1
"""SD of the response to any stimulus, of what varies from trial to trial, and of subjects' strength (log)."""


class _Subject(NamedTuple):
    """What a subject keeps over sessions: the noiseless response of each voxel to each stimulus."""

    responses: Floats
    estimates: Estimates


def simulate_responses(
    signals: Features,
    regions: StatMaps,
    subject: str,
    shown: Features | None = None,
    repeats: int = 1,
    trials: int = 64,
    within: list[str] | None = None,
    signal: float = 1.0,
    noise: float = 1.0,
    smoothness: float = 6.0,
    duration: float = 4.0,
    soa: float = 6.0,
    tr: float = 2.0,
    autocorrelation: float = 0.4,
    session: str = "training",
    seed: int = 0,
) -> Patterns:
    """Simulate a subject who sees stimuli while models' signals are planted in known regions of the brain.

    The response of voxel v to a stimulus is ``common_v + signal * strength * sum_k w_vk signal_k`` and a
    little that differs from trial to trial; w are normal random weights of the voxel on the coordinates of
    the model that is planted there (elsewhere nothing is). Volumes hold these responses through a
    haemodynamic response of the subject's own (0 to 1 s later than SPM's), which overlaps from trial to
    trial, and noise that is autoregressive in time and smooth in space; a GLM with one regressor a trial
    gives the patterns (see ``design.trial_estimates``). Trials are in random order. There is no motion, no
    anatomy but the mask, and no receptive field.

    Parameters
    ----------
    signals : from ``planted_signals``, of all stimuli. A subject's weights depend on ``seed`` and ``subject``
        alone, so that two calls (sessions) with the same signals are of the same brain.
    regions : from ``planted_regions``; every map is of a model in ``signals``.
    subject : name of the subject; each has weights, strength and haemodynamic delay of its own.
    shown : features of the stimuli of this session, of which only the labels are read (default: all stimuli).
    repeats : of each stimulus; runs hold ``trials`` trials, and stimuli times repeats fill whole runs.
    trials : of a run.
    within : names of regions: patterns are of their voxels alone, as of a region of interest (default: all).
    signal : SD over stimuli of a planted voxel's response, where the common response has SD 1 over voxels and
        a trial's peak is 1.
    noise : SD of a volume's noise in the same unit.
    smoothness : full width at half maximum of the noise in mm; 0 for none.
    duration, soa, tr : of a stimulus, from one to the next, and from volume to volume, in seconds.
    autocorrelation : of the noise from a volume to the next (order 1), between -1 and 1; 0 for white noise.
    session : names the runs, and draws order and noise of its own.
    seed : of all that is drawn, with the subject's name; of order and noise with the session's too. The
        pipeline's seed plays no part.

    Returns
    -------
    Patterns (trials, voxels), float32, with the condition, run and stimulus of each trial.
    """
    _require_sizes(signal=signal, noise=noise, smoothness=smoothness)
    stimuli = _shown(signals, shown)
    _require_runs(len(stimuli), repeats, trials, autocorrelation)
    planted = _planted(signals, regions)
    keep = _kept(regions, planted, within)
    design = (trials, duration, soa, tr, autocorrelation)
    own = _subject(signals, planted, keep, subject, seed, signal, design)
    mask = regions.space.mask.copy()
    mask[regions.space.mask] = keep
    space = Space(mask, regions.space.affine)
    rng = np.random.default_rng([seed, zlib.crc32(subject.encode()), zlib.crc32(session.encode()), 1])
    order = _order(len(stimuli), repeats, rng)
    rows = np.array([signals.stimuli.index(name) for name in stimuli])[order]
    runs = rows.reshape(-1, trials)
    values = [_run(own, run, noise, smoothness, space, rng) for run in runs]
    conditions = signals.categories or ()
    return Patterns(
        np.concatenate(values).astype(np.float32),
        tuple(conditions[row] for row in rows),
        tuple(f"{session}-{number + 1:02d}" for number in range(len(runs)) for _ in range(trials)),
        tuple(signals.stimuli[row] for row in rows),
        space,
    )


def _require_sizes(**numbers: float) -> None:
    for name, number in numbers.items():
        if not 0 <= number < np.inf:
            raise DataError(f"simulate_responses: {name} is {number:g}; give 0 or more")


def _require_runs(stimuli: int, repeats: int, trials: int, autocorrelation: float) -> None:
    if trials < 1 or repeats < 1 or not -1 < autocorrelation < 1:
        raise DataError(
            f"simulate_responses: trials is {trials}, repeats {repeats}, autocorrelation {autocorrelation}; "
            "give 1 trial and 1 repeat or more, and an autocorrelation between -1 and 1"
        )
    if (stimuli * repeats) % trials:
        raise DataError(
            f"simulate_responses: {stimuli} stimuli x {repeats} repeats are {stimuli * repeats} trials, "
            f"which do not fill runs of {trials}"
        )


def _shown(signals: Features, shown: Features | None) -> Labels:
    if signals.categories is None:
        raise DataError("simulate_responses: these signals carry no categories, which are the conditions")
    stimuli = signals.stimuli if shown is None else shown.stimuli
    missing = [name for name in stimuli if name not in signals.stimuli]
    if missing:
        raise DataError(
            f"simulate_responses: no stimulus {missing[0]!r}; "
            f"{suggestion(missing[0], signals.stimuli, 'stimuli')}"
        )
    return stimuli


def _planted(signals: Features, regions: StatMaps) -> dict[str, Any]:
    """Which voxels each model is planted in."""
    missing = [name for name in regions.names if name not in signals.layers]
    if missing:
        raise DataError(
            f"simulate_responses: there is a region, but no signal {missing[0]!r}; "
            f"{suggestion(missing[0], signals.layers, 'signals')}"
        )
    return {name: np.asarray(own) > 0 for name, own in zip(regions.names, regions.values, strict=True)}


def _kept(regions: StatMaps, planted: dict[str, Any], within: list[str] | None) -> Any:
    """The voxels that patterns are of."""
    if within is None:
        return np.ones(regions.space.n_voxels, dtype=bool)
    missing = [name for name in within if name not in planted]
    if missing or not within:
        wanted = missing[0] if missing else ""
        raise DataError(
            f"simulate_responses: within: no region {wanted!r}; {suggestion(wanted, planted, 'regions')}"
        )
    return np.any([planted[name] for name in within], axis=0)


def _subject(
    signals: Features, planted: dict[str, Any], keep: Any, subject: str, seed: int, signal: float, design: Any
) -> _Subject:
    """Draw what does not change between sessions. Each model's weights come from a stream of their own."""
    label = zlib.crc32(subject.encode())
    rng = np.random.default_rng([seed, label, 0])
    strength = signal * np.exp(_STRENGTH * rng.standard_normal())
    delay = rng.uniform(0, 1)
    common = _COMMON * rng.standard_normal((1, len(keep)))
    responses = np.repeat(common, len(signals.stimuli), axis=0)
    for name, where in planted.items():
        places = signals.layers[name]
        weights = np.random.default_rng([seed, label, zlib.crc32(name.encode())])
        drawn = weights.standard_normal((places.shape[1], int(where.sum())))
        responses[:, where] += strength * places @ drawn
    trials, duration, soa, tr, autocorrelation = design
    estimates = trial_estimates(trials, duration, soa, tr, delay, autocorrelation)
    return _Subject(responses[:, keep], estimates)


def _order(count: int, repeats: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """All stimuli once in random order, then all of them again in another."""
    return np.concatenate([rng.permutation(count) for _ in range(repeats)])


def _run(
    own: _Subject, rows: npt.NDArray[np.intp], noise: float, fwhm: float, space: Space, rng: Any
) -> Floats:
    responses = own.responses[rows] + _TRIAL * rng.standard_normal((len(rows), space.n_voxels))
    white = smooth_noise(space, len(rows), fwhm, rng)
    return np.asarray(own.estimates.mixing @ responses + noise * (own.estimates.spread @ white))
