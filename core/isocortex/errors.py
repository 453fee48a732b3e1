"""Every error that is about the user's input: one sentence on what is wrong, where, and what to do."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LONGEST = 2000
"""Characters of an error or of a part of it: what a file holds may be without end."""

# control characters, and marks that turn the direction of the text around them
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_UNSEEN_IN_LINES = re.compile(_UNSEEN.pattern.replace("\x00-\x1f", "\x00-\x09\x0b-\x1f"))


def visible(text: str, lines: bool = False, longest: int = LONGEST) -> str:
    """Write out what a terminal would obey instead of showing it, and cut what is too long.

    ``lines`` leaves the ends of lines as they are.
    """
    if len(text) > longest:
        text = f"{text[: longest - 100]} ... {text[-90:]}"
    unseen = _UNSEEN_IN_LINES if lines else _UNSEEN
    return unseen.sub(lambda match: ascii(match[0])[1:-1], text)


class IsocortexError(Exception):
    """Something that the user gave cannot be used; the message names it and the remedy."""


class DataError(IsocortexError):
    """Data that do not fit together or cannot be used as asked; one line, whatever text is in the data."""

    def __init__(self, message: object = "") -> None:
        super().__init__(visible(str(message)))


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
        parts = (place, visible(self.path, longest=300), visible(self.message, lines=True))
        return ": ".join(part for part in parts if part)


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
