"""fMRI time series in NIfTI files with tables of events, as BIDS lays them out or otherwise."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from isocortex.data import Patterns, Space, Table
from isocortex.data.labels import require_unique
from isocortex.errors import DataError, suggestion
from isocortex.formats import nifti
from isocortex.pipeline import outlines
from isocortex.pipeline.costs import Cost, Unknown
from isocortex.pipeline.settings import InputFolder
from isocortex_studies import responses_files as found_files
from isocortex_studies.grids import grid_of
from isocortex_studies.nifti_sizes import LIBRARIES, Header, first_maps, header_of
from isocortex_studies.responses_runs import Event, Run, labels_of_volumes
from isocortex_studies.sample_data import mask_on

ONLY_SUBJECT, ONLY_RUN = "sub-01", "1"
KINDS = ("patterns", "runs", "events")
_TELLING = 4
"""Volumes that are read to estimate which voxels vary."""


class NiftiRuns:
    """Runs of 4D NIfTI volumes with events, confounds and a mask: your own fMRI, BIDS or not.

    Where files lie is said by patterns, relative to ``root``. ``{subject}``, ``{session}`` and ``{run}``
    stand for a part of the name, and ``*`` for any text; ``../`` and absolute patterns may leave ``root``
    (raw events beside preprocessed volumes). The subjects, sessions and runs are those of the files that fit
    ``bold``. With sessions a run is called ``<session>-<run>``. A pattern without ``{subject}`` is of one
    subject, ``sub-01``. fMRIPrep's files::

        bold: "{subject}/func/{subject}_task-objects_run-{run}_space-T1w_desc-preproc_bold.nii.gz"
        events: "../rawdata/{subject}/func/{subject}_task-objects_run-{run}_events.tsv"
        confounds: "{subject}/func/{subject}_task-objects_run-{run}_desc-confounds_timeseries.tsv"
        confound_columns: [trans_*, rot_*]

    ``load_patterns`` gives the volumes themselves (for ``preprocess_runs``): float32, one row a volume,
    labelled by the event that goes on in its middle. ``estimate_responses`` gives one pattern a condition or
    trial instead, by a GLM; it reads one run at a time.

    Parameters
    ----------
    root : the folder.
    bold : pattern of the volumes. All runs of a subject lie on one grid.
    events : pattern of the tables of events, tab-separated, with ``onset`` and ``duration`` in seconds from
        the first volume, and the condition.
    mask : pattern of a NIfTI mask (voxels above 0) on the same grid. Without one, all voxels that are finite
        and vary in every run; the files are then read twice.
    confounds : pattern of tables with a row a volume and a header line; none without it.
    confound_columns : those to take (``*`` for any text); default: all. A missing value becomes the mean.
    tr : seconds from volume to volume; default: from the JSON file beside the volumes, or their header.
    condition_column, stimulus_column : columns of the events; rows whose condition is ``n/a`` are left out.
    conditions : kinds of events that are of interest; default: all. Others are rest in labelled volumes, and
        nuisance in a GLM.
    subjects, runs : those to take, in this order; default: all, sorted with numbers by size.
    rest : label of volumes without an event. ``preprocess_runs`` takes ``n/a`` for rest unasked.
    give : what ``load_patterns`` gives: "volumes", or "confounds" (to be regressed out by
        ``preprocess_runs``).
    """

    def __init__(
        self,
        root: InputFolder,
        bold: str = "{subject}/func/{subject}_task-*_run-{run}_bold.nii.gz",
        events: str = "{subject}/func/{subject}_task-*_run-{run}_events.tsv",
        mask: str | None = None,
        confounds: str | None = None,
        confound_columns: list[str] | None = None,
        tr: float | None = None,
        condition_column: str = "trial_type",
        stimulus_column: str | None = None,
        conditions: list[str] | None = None,
        subjects: list[str] | None = None,
        runs: list[str] | None = None,
        rest: str = "n/a",
        give: Literal["volumes", "confounds"] = "volumes",
    ) -> None:
        self.root, self.bold, self.events, self.mask = Path(root), bold, events, mask
        self.confounds, self.confound_columns, self.tr = confounds, confound_columns, tr
        self.condition_column, self.stimulus_column = condition_column, stimulus_column
        self.conditions, self.rest, self.give = conditions, rest, give
        self.subjects, self.runs = subjects, runs
        self.loads: Mapping[str, tuple[str, ...]] = dict.fromkeys(KINDS, ("subject",))

    def axes(self) -> Mapping[str, Sequence[str]]:
        """Give the subjects."""
        return {"subject": list(self._found)}

    def check(self) -> list[str]:
        """Say what is wrong with the settings, the folder and the tables; no volume is read."""
        try:
            for name in ("subjects", "runs", "conditions"):
                require_unique(getattr(self, name) or (), name)
            if self.tr is not None and not self.tr > 0:
                raise DataError(f"tr is {self.tr:g}; it is in seconds and above 0")
            if self.confounds is None and (self.confound_columns or self.give == "confounds"):
                raise DataError("confounds: say by a pattern which files hold them")
            for subject, runs in self._found.items():
                for name in runs:
                    events = self._events(subject, name)
                    if self.conditions and not any(event.condition in self.conditions for event in events):
                        have = ", ".join(sorted({event.condition for event in events})) or "none"
                        raise DataError(
                            f"{self._table(subject, name)}: none of the conditions; it has {have}"
                        )
        except DataError as error:
            return [str(error)]
        return []

    def files(self, kind: str, **axes: str) -> list[Path]:
        """List the volumes and tables that a subject's load reads."""
        subject = axes["subject"]
        out = [] if self.mask is None else [self._mask(subject)]
        for name, path in self._runs(subject).items():
            side = found_files.sidecar(path)
            out += [path, *([side] if side.is_file() else []), self._table(subject, name)]
            out += [] if self.confounds is None else [self._confounds(subject, name)]
        return out

    def cost(self, kind: str, subject: str) -> Cost:
        """What reading all volumes of a subject takes, by their headers: a run, and the patterns twice.

        Without a mask the first volumes of the first run tell which voxels vary.
        """
        if kind != "patterns":
            raise Unknown(f"nifti-runs does not say it of {kind}")
        headers = [header_of(path) for path in self._runs(subject).values()]
        taken = outlines.within(self._taken(subject))
        events = [one for name in self._runs(subject) for one in self._events(subject, name)]
        shown = [one for one in events if one.condition in (self.conditions or [one.condition])]
        if self.give == "confounds":
            path = self._confounds(subject, next(iter(self._runs(subject))))
            given = {
                "channels": len(found_files.read_confounds(path, self.confound_columns)[1]),
                "itemsize": 8,
            }
        else:
            given = taken
        made = outlines.patterns(
            sum(header.maps for header in headers),
            conditions=len({one.condition for one in shown} | {self.rest}),
            stimuli=len({one.stimulus for one in shown} | {None}) if self.stimulus_column else None,
            **given,
        )
        return Cost(LIBRARIES + self._memory(headers, taken["channels"]), {"result": made})

    def _memory(self, headers: Sequence[Header], voxels: int) -> int:
        """Most bytes of a load: what is read, its voxels, those of the runs before; or all of them twice."""
        before, most = 0, 0
        for header in headers:
            raw, own = (voxels * header.maps * size for size in (header.dtype.itemsize, 4))
            looking = 0 if self.mask is not None else header.read + 2 * header.numbers
            most = max(most, before + max(header.reading, header.read + raw + own), looking)
            before += own if self.give == "volumes" else 0
        return max(most, 2 * before)

    def _taken(self, subject: str) -> npt.NDArray[np.bool_]:
        """Voxels (x, y, z) that a load takes, as far as a few volumes tell."""
        if self.mask is not None:
            return np.asarray(first_maps(self._mask(subject))[..., 0] > 0)
        return _varying(first_maps(next(iter(self._runs(subject).values())), _TELLING))

    def load_events(self, subject: str) -> Table:
        """All events: run, onset, duration (seconds), condition, stimulus (empty without a column)."""
        rows = [
            {"run": name, **event._asdict(), "stimulus": event.stimulus or ""}
            for name in self._runs(subject)
            for event in self._events(subject, name)
        ]
        return Table.from_rows(rows, ["run", *Event._fields])

    def load_runs(self, subject: str) -> Iterator[Run]:
        """Read run after run, each as it is asked for: one is in memory at a time."""
        space = self._space(subject)
        for name, path in self._runs(subject).items():
            volume, tr = self._volume(path, space)
            values = np.ascontiguousarray(space.channels(volume).T, dtype=np.float32)
            del volume  # not beside the next one
            confounds, names = self._nuisance(subject, name, len(values))
            wanted = None if self.conditions is None else tuple(self.conditions)
            yield Run(name, values, tr, self._events(subject, name), wanted, confounds, names, space)

    def load_patterns(self, subject: str) -> Patterns:
        """Read all volumes (or confounds) of a subject, labelled by condition, run and stimulus."""
        parts = [self._labelled(run, subject) for run in self.load_runs(subject)]
        first = parts[0]
        stimuli = [part.stimuli or () for part in parts]
        return Patterns(
            np.concatenate([part.values for part in parts]),
            tuple(label for part in parts for label in part.conditions),
            tuple(label for part in parts for label in part.runs or ()),
            tuple(label for part in stimuli for label in part) if self.stimulus_column else None,
            first.space,
            first.channels,
        )

    def _labelled(self, run: Run, subject: str) -> Patterns:
        where = str(self._table(subject, run.name))
        events = [
            event for event in run.events if run.conditions is None or event.condition in run.conditions
        ]
        number = labels_of_volumes(events, len(run.volumes), run.tr, where)
        missed = len(events) - len(set(number[number >= 0].tolist()))
        if missed:
            warnings.warn(
                f"{where}: {missed} events go on in the middle of no volume, and label none", stacklevel=2
            )
        if self.rest in {event.condition for event in events}:
            raise DataError(f"{where}: rest: {self.rest!r} is a condition, too; give rest another label")
        conditions = [events[k].condition if k >= 0 else self.rest for k in number]
        stimuli = [events[k].stimulus or self.rest if k >= 0 else self.rest for k in number]
        labels = (conditions, [run.name] * len(number), stimuli if self.stimulus_column else None)
        if self.give == "volumes":
            return Patterns(run.volumes, *labels, space=run.space)  # type: ignore[arg-type]
        return Patterns(run.confounds, *labels, channels=run.confound_names)  # type: ignore[arg-type]

    @cached_property
    def _found(self) -> dict[str, dict[str, tuple[dict[str, str], Path]]]:
        """Subject -> run -> values of the placeholders, and the volumes."""
        patterns = {"bold": self.bold, "events": self.events, "mask": self.mask, "confounds": self.confounds}
        for what, pattern in patterns.items():
            if pattern is not None:
                own = found_files.PLACEHOLDER.findall(self.bold)
                found_files.require_places(pattern, what, found_files.PLACES if what == "bold" else own)
        out: dict[str, dict[str, tuple[dict[str, str], Path]]] = {}
        every = found_files.discovered(self.root, self.bold, "bold")
        if not every:
            raise DataError(f"bold: no file in {self.root} is called like {self.bold!r}")
        for values, path in sorted(every.items(), key=lambda item: [found_files.natural(v) for v in item[0]]):
            places = dict(zip(found_files.PLACES, values, strict=True))
            name = "-".join(part for part in (places["session"], places["run"]) if part) or ONLY_RUN
            out.setdefault(places["subject"] or ONLY_SUBJECT, {})[name] = (places, path)
        chosen = _chosen(out, self.subjects, "subjects")
        return {subject: _chosen(runs, self.runs, f"runs of {subject}") for subject, runs in chosen.items()}

    def _of(self, subject: str) -> dict[str, tuple[dict[str, str], Path]]:
        found = self._found
        if subject not in found:
            raise DataError(f"nifti-runs: {suggestion(subject, found, 'subjects')}")
        return found[subject]

    def _runs(self, subject: str) -> dict[str, Path]:
        return {name: path for name, (_, path) in self._of(subject).items()}

    def _filled(self, pattern: str, what: str, subject: str, run: str | None) -> Path:
        places = next(iter(self._of(subject).values()))[0] if run is None else self._of(subject)[run][0]
        return found_files.filled(self.root, pattern, places, what)

    def _table(self, subject: str, run: str) -> Path:
        return self._filled(self.events, "events", subject, run)

    def _events(self, subject: str, run: str) -> list[Event]:
        return found_files.read_events(self._table(subject, run), self.condition_column, self.stimulus_column)

    def _confounds(self, subject: str, run: str) -> Path:
        return self._filled(self.confounds or "", "confounds", subject, run)

    def _nuisance(
        self, subject: str, run: str, n: int
    ) -> tuple[npt.NDArray[np.float64] | None, tuple[str, ...]]:
        if self.confounds is None:
            return None, ()
        path = self._confounds(subject, run)
        values, names = found_files.read_confounds(path, self.confound_columns)
        if len(values) != n:
            raise DataError(f"{path}: {len(values)} rows for the {n} volumes of run {run!r}")
        return values, names

    def _mask(self, subject: str) -> Path:
        if any(place in (self.mask or "") for place in ("{run}", "{session}")):
            raise DataError("mask: one mask a subject; leave {run} and {session} out of its pattern")
        return self._filled(self.mask or "", "mask", subject, None)

    def _space(self, subject: str) -> Space:
        """The mask on the grid of the first run."""
        paths = list(self._runs(subject).values())
        if self.mask is not None:
            volume, affine = nifti.read_volume(self._mask(subject))
            whole = Space(np.ones(volume.shape[:3], dtype=bool), affine)
            space = Space(mask_on(self._mask(subject), whole), affine)
        else:
            first = grid_of(paths[0])
            space = Space(np.ones(first.shape, dtype=bool), first.affine)
            for path in paths:
                space = Space(space.mask & _varying(self._volume(path, space)[0]), first.affine)
        if not space.n_voxels:
            raise DataError(f"{self.mask or paths[0]}: no voxel is left to be looked at")
        return space

    def _volume(self, path: Path, space: Space) -> tuple[Any, float]:
        import nibabel

        volume, affine = _read(path)
        space.require_same_grid(Space(np.ones(volume.shape[:3], dtype=bool), affine), f"the mask and {path}")
        return volume, found_files.read_tr(path, nibabel.load(path), self.tr)


def _read(path: Path) -> tuple[Any, npt.NDArray[np.float64]]:
    volume, affine = nifti.read_volume(path)
    if volume.ndim != 4:
        raise DataError(f"{path}: a run has four dimensions, this file has shape {volume.shape}")
    return volume, affine


def _varying(volume: Any) -> npt.NDArray[np.bool_]:
    """Voxels (x, y, z) of a run that are finite and vary."""
    return np.asarray(np.isfinite(volume).all(axis=3) & (volume != volume[..., :1]).any(axis=3))


def _chosen(have: dict[str, Any], wanted: Sequence[str] | None, what: str) -> dict[str, Any]:
    for name in wanted or ():
        if name not in have:
            raise DataError(f"{what}: no {name!r}; {suggestion(name, have, what.split()[0])}")
    return {name: have[name] for name in wanted or have}
