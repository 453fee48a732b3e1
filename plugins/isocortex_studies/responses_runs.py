"""A run of an fMRI experiment: its volumes, what was shown when, and nuisance signals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.data.space import Space
from isocortex.errors import DataError


class Event(NamedTuple):
    """Something shown: onset and duration in seconds from the first volume, its kind, and which it was."""

    onset: float
    duration: float
    condition: str
    stimulus: str | None = None


@dataclass(frozen=True)
class Run:
    """What a data source gives for kind ``runs``: an iterable of these, for a subject, is all a GLM needs.

    Parameters
    ----------
    name : label of the run.
    volumes : array (volumes, voxels), in order of time.
    tr : seconds from volume to volume.
    events : in any order.
    conditions : kinds of events that responses are wanted of; None for all. The others are nuisance.
    confounds : array (volumes, k), and ``confound_names``.
    space : where the voxels lie.
    """

    name: str
    volumes: Array
    tr: float
    events: Sequence[Event]
    conditions: tuple[str, ...] | None = None
    confounds: npt.NDArray[np.float64] | None = None
    confound_names: tuple[str, ...] = ()
    space: Space | None = None


def labels_of_volumes(events: Sequence[Event], n_volumes: int, tr: float, where: str) -> npt.NDArray[np.intp]:
    """Number of the event (n_volumes,) that goes on in the middle of each volume; -1 for none.

    Raises ``DataError`` where two events of different labels share a volume.
    """
    middles = (np.arange(n_volumes) + 0.5) * tr
    found = np.full(n_volumes, -1, dtype=np.intp)
    for number, event in enumerate(events):
        rows = (middles >= event.onset) & (middles < event.onset + event.duration)
        for row in np.flatnonzero(rows & (found >= 0)):
            other = events[found[row]]
            if (other.condition, other.stimulus) != (event.condition, event.stimulus):
                raise DataError(
                    f"{where}: {other.condition!r} (from {other.onset:g} s) and {event.condition!r} (from "
                    f"{event.onset:g} s) overlap in volume {row + 1}: name the conditions that volumes are "
                    "to be labelled by, or estimate responses by a GLM"
                )
        found[rows] = number
    return found
