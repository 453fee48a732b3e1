"""Docstrings as Markdown: nothing that a docstring says may become markup by accident."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

_CODE = re.compile(r"(``.+?``|`[^`\n]+`)", flags=re.DOTALL)

_DEFINITION = re.compile(r"^(``[^`\n]+`` : )", flags=re.MULTILINE)
"""A line that says what one thing in code is, a member of a contract say; in Markdown an entry of a list."""

Linker = Callable[[str], str | None]
"""From a name in a code span to the address where it is described, if there is one."""


def anchor(heading: str) -> str:
    """Address of a heading within its page, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def prose(text: str, link: Linker = lambda name: None) -> str:
    """Turn a docstring's text into Markdown; blocks after ``::`` stay code."""
    parts, literal = [], False
    for block in re.split(r"\n{2,}", text.strip("\n")):
        if literal and block.startswith(("    ", "\t")):
            parts.append(block)
            continue
        literal = block.endswith("::")
        block = _DEFINITION.sub(r"* \1", block)
        parts.append(inline(re.sub(r" ?::$", ":", block), link))
    return "\n\n".join(parts)


def inline(text: str, link: Linker = lambda name: None) -> str:
    """Escape what stands outside of code, give code single ticks, and link the names that are known."""
    return "".join(
        _code(part, link) if number % 2 else _escaped(part) for number, part in enumerate(_CODE.split(text))
    )


def _code(part: str, link: Linker) -> str:
    name = " ".join(part.strip("`").split())
    address = link(name)
    return f"[`{name}`]({address})" if address else f"`{name}`"


def _escaped(text: str) -> str:
    text = text.replace("<", "&lt;")
    return re.sub(r"(?m)(?<!^)\*(?! )|(?<=\S)\*", r"\\*", text)


def cell(text: str) -> str:
    """Bring Markdown into one cell of a table."""
    return " ".join(text.replace("|", "\\|").split())


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Make a table of cells that are Markdown already; nothing without rows."""
    lines = ["| " + " | ".join(cell(item) for item in row) + " |" for row in rows]
    head = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    return "\n".join(head + lines) if lines else ""


def value(item: Any) -> str:
    """A default as a user would write it in YAML."""
    if isinstance(item, str):
        return f"`{item}`" if item and item.strip() == item else f'`"{item}"`'
    try:
        return f"`{json.dumps(item)}`"
    except TypeError:
        return f"`{item!r}`"


def page(*parts: str) -> str:
    """Join the parts of a page, leaving out empty ones."""
    return "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"
