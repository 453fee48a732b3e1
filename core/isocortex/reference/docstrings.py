"""Docstrings in numpydoc's form, as this project writes it: text, ``Parameters``, ``Returns``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}\n", flags=re.MULTILINE)
_ENTRY = re.compile(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*) ?: ", flags=re.MULTILINE)


@dataclass(frozen=True)
class Docstring:
    """What a docstring says: running text, the meaning of each parameter, and further sections."""

    text: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    sections: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Docstring:
        """Take a clean docstring (``inspect.getdoc``) apart."""
        head, *rest = _SECTION.split(text)
        sections = dict(zip(rest[::2], (body.strip("\n") for body in rest[1::2]), strict=True))
        return cls(head.strip(), _entries(sections.pop("Parameters", "")), sections)


def _entries(body: str) -> dict[str, str]:
    """``a, b : meaning`` with indented further lines, for each name by itself."""
    starts = list(_ENTRY.finditer(body))
    ends = [*(start.start() for start in starts[1:]), len(body)][: len(starts)]
    found: dict[str, str] = {}
    for start, end in zip(starts, ends, strict=True):
        meaning = " ".join(body[start.end() : end].split())
        for name in start[1].split(","):
            found[name.strip().strip("*")] = meaning
    return found
