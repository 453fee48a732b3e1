"""Which stimulus a reconstruction is of: by label, never by position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from isocortex.data import Collected, Images
from isocortex.data.base import Array
from isocortex.data.labels import positions, require_unique, same_labels, unique
from isocortex.errors import DataError
from isocortex_decoding.evaluation.matching import Matched, Trials, stimulus_of


class Aligned(NamedTuple):
    """Reconstructions of one place (subject, roi, ...) and the originals that they are compared with.

    ``images`` (samples, height, width, 3), ``matched.own`` (samples,) the candidate that each is of, and
    ``matched.rows`` (candidates,) the rows of the originals, in the order of these.
    """

    place: dict[str, str]
    images: Array
    matched: Matched


def align(
    reconstructed: Images | Collected[Images],
    originals: Images,
    what: str,
    stimuli: Sequence[str] | None = None,
    trials: Trials = "averaged",
) -> list[Aligned]:
    """Find the original of each reconstruction, place by place, and check the pixels.

    Parameters
    ----------
    stimuli : the labels to evaluate, which both sides must have; without them, both sides must hold the same.
    trials : "single" where reconstructions are labelled ``sample000001-STIMULUS``.

    Raises ``LabelMismatch`` naming what either side lacks, ``DataError`` for pixels that are not finite.
    """
    if stimuli is not None:
        require_unique(stimuli, f"{what}: stimuli")
        positions(stimuli, originals.stimuli, f"{what}: original stimuli")
    found = []
    for place, item in places_of(reconstructed, what):
        where = ", ".join([what, *place.values()])
        names = stimulus_of(item.stimuli, trials)
        kept = range(len(names)) if stimuli is None else _chosen(names, stimuli, where)
        matched = _match([names[row] for row in kept], originals, where, stimuli is not None)
        images = item.values[np.array(kept, dtype=np.intp)]
        _require_finite(images, [item.stimuli[row] for row in kept], f"{where}: the reconstruction of")
        found.append(Aligned(place, images, matched))
    rows = found[0].matched.rows
    _require_finite(originals.values[rows], found[0].matched.stimuli, f"{what}: the original")
    return found


def places_of(reconstructed: Images | Collected[Images], what: str) -> list[tuple[dict[str, str], Images]]:
    """List (axis values, images), in their order."""
    if isinstance(reconstructed, Images):
        places: list[tuple[dict[str, str], Images]] = [({}, reconstructed)]
    else:
        places = [(reconstructed.values_of(key), item) for key, item in reconstructed.items()]
    if not places or not all(len(item) for _, item in places):
        raise DataError(f"{what}: there are no reconstructions" + (" in one of the parts" if places else ""))
    return places


def _chosen(names: Sequence[str], stimuli: Sequence[str], where: str) -> list[int]:
    positions(stimuli, unique(names), f"{where}: reconstructed stimuli")
    wanted = set(stimuli)
    return [row for row, name in enumerate(names) if name in wanted]


def _match(names: Sequence[str], originals: Images, where: str, subset: bool) -> Matched:
    what = f"{where}: reconstructions and originals"
    if not subset:
        same_labels(unique(names), originals.stimuli, what)
    rows = np.sort(positions(unique(names), originals.stimuli, what))
    ordered = tuple(originals.stimuli[row] for row in rows)
    return Matched(ordered, rows, positions(names, ordered, what))


def _require_finite(images: Array, names: Sequence[str], what: str) -> None:
    if images.dtype.kind != "f":
        return
    bad = [name for name, image in zip(names, images, strict=True) if not np.isfinite(image).all()]
    if bad:
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        raise DataError(f"{what} {bad[0]!r}{more} holds pixels that are NaN or infinite")
