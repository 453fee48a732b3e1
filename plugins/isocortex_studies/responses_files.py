"""Finding the files of subjects and runs by patterns of names, and reading what goes with the volumes."""

from __future__ import annotations

import glob
import json
import re
import warnings
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isocortex.errors import DamagedFile, DataError, suggestion
from isocortex.formats import tsv
from isocortex_studies.responses_runs import Event

PLACES = ("subject", "session", "run")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def require_places(pattern: str, what: str, allowed: Sequence[str] = PLACES) -> None:
    """Raise for a placeholder that there is not, as ``{subjects}``."""
    for name in PLACEHOLDER.findall(pattern):
        if name not in allowed:
            have = [f"{{{place}}}" for place in allowed]
            raise DataError(f"{what}: {pattern!r}: {suggestion(f'{{{name}}}', have, 'placeholders')}")


def filled(root: Path, pattern: str, values: Mapping[str, str], what: str) -> Path:
    """The one file that a pattern names once its placeholders have values; ``*`` stands for any text."""
    text = PLACEHOLDER.sub(lambda found: values[found[1]], pattern)
    if "*" not in text:
        return root / text
    found = _globbed(*_split(root, text))
    if len(found) != 1:
        named = "no file is" if not found else f"{' and '.join(path.name for path in found[:3])} are"
        raise DataError(f"{what}: {named} called like {text!r}; write the name out")
    return found[0]


def discovered(root: Path, pattern: str, what: str) -> dict[tuple[str, ...], Path]:
    """All files that fit a pattern: values of (subject, session, run), empty where it has none, to path.

    A value holds no ``/`` and, unless it is a folder's whole name, no ``_``: a file name with another part in
    between is not taken for a further run. Raises ``DataError`` where two files have the same values.
    """
    base, rest = _split(root, pattern)
    expression = re.compile(_expression(rest))
    found: dict[tuple[str, ...], Path] = {}
    for path in _globbed(base, PLACEHOLDER.sub("*", rest)):
        match = expression.fullmatch(path.relative_to(base).as_posix())
        if match is None or path.name.startswith("."):
            continue
        values = tuple(match.groupdict().get(place, "") for place in PLACES)
        if values in found:
            said = ", ".join(f"{name} {v!r}" for name, v in zip(PLACES, values, strict=True) if v)
            raise DataError(
                f"{what}: {found[values]} and {path} are both of {said or 'the one run'}; write more of the "
                "name out, or use {session}"
            )
        found[values] = path
    return found


def _split(root: Path, pattern: str) -> tuple[Path, str]:
    """The folder that is fixed, and the pattern below it."""
    parts = Path(pattern).parts
    free = next((k for k, part in enumerate(parts) if "*" in part or "{" in part), len(parts) - 1)
    return root.joinpath(*parts[:free]), "/".join(parts[free:])


def _globbed(base: Path, pattern: str) -> list[Path]:
    return sorted(base.glob(glob.escape(pattern).replace("[*]", "*"))) if base.is_dir() else []


def _expression(pattern: str) -> str:
    out, seen, position = "", set(), 0
    for found in PLACEHOLDER.finditer(pattern):
        out += _literal(pattern[position : found.start()])
        name, position = found[1], found.end()
        whole = (found.start() == 0 or pattern[found.start() - 1] == "/") and pattern[position:][:1] == "/"
        out += f"(?P={name})" if name in seen else f"(?P<{name}>[^/{'' if whole else '_'}]+)"
        seen.add(name)
    return out + _literal(pattern[position:])


def _literal(text: str) -> str:
    return "[^/]*".join(re.escape(part) for part in text.split("*"))


def natural(text: str) -> list[Any]:
    """Sort key with numbers by size: 2 before 10."""
    return [
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", text) if part
    ]


def read_events(path: Path, condition: str, stimulus: str | None) -> list[Event]:
    """Read a BIDS table of events, in its order; rows whose condition is ``n/a`` are not of a condition.

    Raises ``DataError`` for a column that is not there, and for an onset or duration that is no number.
    """
    cells = tsv.read_text(path)
    for name in ("onset", "duration", condition, *([stimulus] if stimulus else [])):
        if name not in cells:
            raise DataError(f"{path}: no column {name!r}; {suggestion(name, cells, 'columns')}")
    labels = cells[stimulus] if stimulus else [None] * len(cells["onset"])
    rows = zip(cells["onset"], cells["duration"], cells[condition], labels, strict=True)
    events = []
    for number, (onset, duration, kind, label) in enumerate(rows, 2):
        if kind == "n/a":
            continue
        event = Event(
            _seconds(onset, path, number, "onset"), _seconds(duration, path, number, "duration"), kind, label
        )
        if event.duration < 0:
            raise DataError(f"{path}: row {number}: a duration of {event.duration:g} s")
        events.append(event)
    return events


def _seconds(text: str, path: Path, row: int, column: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise DataError(f"{path}: row {row}: {column} is {text!r}; seconds are expected")
    return value


def read_confounds(
    path: Path, columns: Sequence[str] | None
) -> tuple[npt.NDArray[np.float64], tuple[str, ...]]:
    """Read confounds (volumes, k) and their names; ``columns`` may hold ``*``.

    A missing value (``n/a``, as a derivative has in the first volume) becomes the column's mean, which has no
    say in the fit beside a constant.
    """
    cells = tsv.read_text(path)
    names: list[str] = []
    for wanted in columns if columns is not None else list(cells):
        found = [name for name in cells if name == wanted or fnmatchcase(name, wanted)]
        if not found:
            raise DataError(f"{path}: no column {wanted!r}; {suggestion(wanted, cells, 'columns')}")
        names += [name for name in found if name not in names]
    values = np.empty((len(next(iter(cells.values()))), len(names)))
    for place, name in enumerate(names):
        try:
            column = np.array([np.nan if text in ("n/a", "") else float(text) for text in cells[name]])
        except ValueError as error:
            raise DamagedFile(f"{path}: column {name!r} does not hold numbers ({error})") from None
        known = np.isfinite(column)
        if not known.any():
            raise DataError(f"{path}: column {name!r} holds no number")
        values[:, place] = np.where(known, column, column[known].mean())
    return values, tuple(names)


def read_tr(path: Path, image: Any, given: float | None) -> float:
    """Repetition time in seconds: as given, else of the JSON file beside the volumes, else of their header.

    A header that says otherwise than what is given is warned about. Raises ``DataError`` where the file and
    the header differ, and where nobody says it.
    """
    size, unit = float(image.header.get_zooms()[3]), image.header.get_xyzt_units()[1]
    header = size * {"sec": 1.0, "msec": 1e-3, "usec": 1e-6}.get(unit, 0.0)
    side = sidecar(path)
    if given is not None:
        if header > 0 and abs(header - given) > 1e-2 * given:
            warnings.warn(f"{path}: tr: {given:g} s is used; its header says {header:g} s", stacklevel=2)
        return given
    if side.is_file():
        try:
            said = json.loads(side.read_text(encoding="utf-8")).get("RepetitionTime")
        except (ValueError, AttributeError) as error:
            raise DamagedFile(f"{side}: not a JSON object ({error})") from None
        if isinstance(said, (int, float)) and said > 0:
            if header > 0 and abs(header - said) > 1e-3 * said:
                raise DataError(
                    f"{path}: TR is {header:g} s in its header, {said:g} s in {side.name}; set tr"
                )
            return float(said)
    if not header > 0:
        raise DataError(
            f"{path}: neither its header nor {side.name} says the repetition time; set tr (seconds)"
        )
    return header


def sidecar(path: Path) -> Path:
    """The JSON file of a volume's name."""
    return path.with_name(re.sub(r"\.nii(\.gz)?$", "", path.name) + ".json")
