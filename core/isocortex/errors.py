"""Every error that is about the user's input: one sentence on what is wrong, where, and what to do."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class IsocortexError(Exception):
    """Something that the user gave cannot be used; the message names it and the remedy."""


class DataError(IsocortexError):
    """Data that do not fit together or cannot be used as asked."""


class LabelMismatch(DataError):
    """Two things that are to be compared do not carry the same labels."""


class GridMismatch(DataError):
    """Two volumes do not lie on the same grid (shape or affine differ)."""


class DamagedFile(DataError):
    """A file is not what its name says: truncated, of another format, or unsafe to read."""


class PluginError(IsocortexError):
    """A plugin or a component of one cannot be used."""


class UnknownComponent(PluginError):
    """No plugin provides a component of that name."""


class StepFailed(IsocortexError):
    """A step of a pipeline raised an error while it ran."""


@dataclass(frozen=True)
class Problem:
    """One mistake in a pipeline: what, where in the document, and the remedy."""

    message: str
    path: str = ""
    file: str = ""
    line: int | None = None

    def __str__(self) -> str:
        place = self.file + (f":{self.line}" if self.line is not None else "")
        return ": ".join(part for part in (place, self.path, self.message) if part)


class PipelineError(IsocortexError):
    """A pipeline that cannot run; holds all of its problems, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def suggestion(name: object, known: Iterable[object], what: str = "") -> str:
    """Say which known names are close to a misspelt one, else what there is (up to twelve)."""
    names = sorted({str(item) for item in known})
    close = closest(name, names)
    if close:
        return "did you mean " + " or ".join(repr(item) for item in close) + "?"
    if not names:
        return f"there are no {what} here" if what else "there are none"
    shown = ", ".join(names[:12]) + (f", ... ({len(names)} in all)" if len(names) > 12 else "")
    return f"known{' ' + what if what else ''}: {shown}"


def closest(name: object, known: Iterable[object]) -> list[str]:
    """Give the up to three known names that a misspelt one may stand for, the nearest first."""
    names = sorted({str(item) for item in known})
    lowered = {item.lower(): item for item in names}
    if str(name).lower() in lowered:
        return [lowered[str(name).lower()]]
    return difflib.get_close_matches(str(name), names, n=3, cutoff=0.6)


def shown(value: object, length: int = 80) -> str:
    """Write a value of a pipeline as it stands in YAML, cut where it is long."""
    if isinstance(value, str):
        text = repr(str(value[: length + 1]))
    elif value is None:
        text = "null (nothing)"
    else:
        text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= length else f"{text[:length]}..."
