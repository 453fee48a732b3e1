"""A simulated fMRI study of digits and objects with a known answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from isocortex.data import Patterns, Space
from isocortex.errors import DataError, suggestion
from isocortex.pipeline import outlines
from isocortex.pipeline.costs import Cost
from isocortex_studies.concepts import CODES, CONDITIONS, geometry
from isocortex_studies.noise import smooth_noise
from isocortex_studies.simulated_brain import MOST_VOXELS, brain

Floats = npt.NDArray[np.float64]

SHARES: Mapping[str, float] = MappingProxyType(
    {"digit": 0.3, "object": 0.1, "digit_object": 0.03, "magnitude": 0.1, "animacy": 0.2}
)
"""Share of the voxels that carries each code; the rest carries none.

The RDM of all voxels together mixes the codes. That of digits against objects has little room, since it parts
the conditions into two clusters and would drown the others there.
"""

LIBRARIES = 35 * 2**20
"""scipy, which makes noise smooth (measured)."""
_EXEMPLAR, _OFFSET, _GAIN, _SUBJECT = 0.4, 0.5, 0.05, 0.15


class Simulated:
    """Trial patterns as a GLM gives them (one beta map a trial), with concept codes planted in known places.

    The design is that of Lee et al. 2023: ten digits and six objects, and in each run new exemplars of all of
    them, one trial each. The value of voxel v in a trial of exemplar e of condition c in run r is ::

        gain_r * (common_v + code_cv + exemplar_ev) + offset_rv + noise

    ``common`` (SD 1) is a response to any stimulus. ``code`` is the geometry of the voxel's code (see
    ``concepts.geometry``) seen through random weights of that voxel, so that conditions which the code sets
    apart differ by about 1 in mean square times the subject's strength; it is zero in voxels without a code.
    ``exemplar`` has SD 0.4, the run offset 0.5, and gain is 1 with SD 0.05. Subjects differ in weights,
    common pattern and noise, and in strength (log-normal, sigma 0.15), not in where a code lies.
    Noise has SD ``noise`` and is smooth in space; trials are independent.

    It is not a haemodynamic simulation: there is no time series, no overlap of trials, no motion, and no
    anatomy. All that is random comes from the generator that a load is given.

    Parameters
    ----------
    n_subjects : subjects ``S1``, ``S2``, ...
    n_voxels : of 3 mm, in a mask of a brain's proportions on the grid of Lee et al. 2023.
    n_runs, exemplars : runs, and exemplars of each condition in each run (the study had 3 and 4).
    noise : SD of a trial's noise, in units of the common response.
    smoothness : full width at half maximum of the noise in mm; 0 for none.
    shares : share of the voxels for each code; codes lie one after the other from the back to the front.
    """

    loads: Mapping[str, tuple[str, ...]] = MappingProxyType({"patterns": ("subject",)})

    def __init__(
        self,
        n_subjects: int = 8,
        n_voxels: int = 2000,
        n_runs: int = 3,
        exemplars: int = 4,
        noise: float = 2.0,
        smoothness: float = 5.0,
        shares: dict[str, float] | None = None,
    ) -> None:
        self.n_subjects = n_subjects
        self.n_voxels = n_voxels
        self.n_runs = n_runs
        self.exemplars = exemplars
        self.noise = noise
        self.smoothness = smoothness
        self.shares = dict(SHARES if shares is None else shares)

    def axes(self) -> Mapping[str, Sequence[str]]:
        """Give the subjects."""
        return {"subject": [f"S{number + 1}" for number in range(self.n_subjects)]}

    def check(self) -> list[str]:
        """Say what is wrong with the settings."""
        least = {"n_subjects": 1, "n_voxels": 10, "n_runs": 1, "exemplars": 1, "noise": 0, "smoothness": 0}
        problems = [
            f"{name} is {getattr(self, name)}; it must be {low} or more"
            for name, low in least.items()
            if not getattr(self, name) >= low
        ]
        if self.n_voxels > MOST_VOXELS:
            problems.append(f"n_voxels is {self.n_voxels}; a brain on this grid has {MOST_VOXELS} at most")
        problems += [
            f"shares: no code {name!r}; {suggestion(name, CODES, 'codes')}"
            for name in self.shares
            if name not in CODES
        ]
        if any(not 0 <= share <= 1 for share in self.shares.values()) or sum(self.shares.values()) > 1 + 1e-9:
            problems.append("shares: each is from 0 to 1, and all of them together 1 at most")
        return problems

    def files(self, kind: str, **axes: str) -> list[Path]:
        """List the files that a load reads: none."""
        return []

    def cost(self, kind: str, subject: str) -> Cost:
        """What drawing a subject takes: all of it in float64, and the same in float32 at the end."""
        samples = self.n_runs * self.exemplars * len(CONDITIONS)
        numbers = samples * self.n_voxels
        extent = np.ptp(self.space().voxels, axis=0) + 1
        made = outlines.patterns(
            samples, self.n_voxels, len(CONDITIONS), samples, self.space().shape, tuple(map(int, extent))
        )
        return Cost(LIBRARIES + 20 * numbers, {"result": made})

    def space(self) -> Space:
        """Grid and mask, the same for all subjects."""
        self._require_sound()
        return brain(self.n_voxels)

    def regions(self) -> dict[str, npt.NDArray[np.bool_]]:
        """Where each code was planted: a truth value for each voxel of the mask, to check findings with."""
        voxels = self.space().voxels
        back_to_front = np.lexsort((voxels[:, 2], voxels[:, 0], voxels[:, 1]))
        regions = {}
        start = 0
        for name, share in self.shares.items():
            stop = start + round(share * self.n_voxels)
            regions[name] = np.zeros(self.n_voxels, dtype=bool)
            regions[name][back_to_front[start:stop]] = True
            start = stop
        return regions

    def load_patterns(self, subject: str, rng: np.random.Generator) -> Patterns:
        """Draw one subject: float32 patterns (trials, voxels) with condition, run and exemplar of each trial.

        Run after run, the trials of a run are in random order.
        """
        self._require_sound()
        subjects = self.axes()["subject"]
        if subject not in subjects:
            raise DataError(f"no simulated subject {subject!r}; {suggestion(subject, subjects, 'subjects')}")
        space = self.space()
        signal = self._signal(rng)
        values, conditions, runs, stimuli = [], [], [], []
        for run in range(self.n_runs):
            order = rng.permutation(len(CONDITIONS) * self.exemplars)
            code, number = order % len(CONDITIONS), order // len(CONDITIONS)
            values.append(self._run(signal[code], space, rng))
            conditions += [CONDITIONS[index] for index in code]
            runs += [f"run{run + 1}"] * len(order)
            stimuli += [
                f"{CONDITIONS[index]}-{run * self.exemplars + one + 1:02d}"
                for index, one in zip(code, number, strict=True)
            ]
        return Patterns(
            np.concatenate(values).astype(np.float32), tuple(conditions), tuple(runs), tuple(stimuli), space
        )

    def _signal(self, rng: np.random.Generator) -> Floats:
        """Common response and codes of one subject, (conditions, voxels)."""
        signal = np.repeat(rng.standard_normal((1, self.n_voxels)), len(CONDITIONS), axis=0)
        strength = np.exp(_SUBJECT * rng.standard_normal())
        for name, where in self.regions().items():
            places = geometry(name)
            signal[:, where] += strength * places @ rng.standard_normal((places.shape[1], int(where.sum())))
        return signal

    def _run(self, signal: Floats, space: Space, rng: np.random.Generator) -> Floats:
        """Trials of one run; each shows an exemplar of its own."""
        gain = 1 + _GAIN * rng.standard_normal()
        exemplars = _EXEMPLAR * rng.standard_normal(signal.shape)
        offset = _OFFSET * rng.standard_normal((1, signal.shape[1]))
        noise = self.noise * smooth_noise(space, len(signal), self.smoothness, rng)
        return np.asarray(gain * (signal + exemplars) + offset + noise)

    def _require_sound(self) -> None:
        problems = self.check()
        if problems:
            raise DataError(f"simulated: {'; '.join(problems)}")
