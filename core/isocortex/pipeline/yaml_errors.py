"""What is wrong with the form of a YAML file, in the words of who wrote it."""

from __future__ import annotations

import re

import yaml

_REMEDIES = (
    (r"character '\\t'", "a tab; YAML is indented by spaces"),
    (r"quoted scalar", "a quotation mark is opened here and never closed"),
    (r"flow (mapping|sequence).*stream end", "a { or [ is opened here and never closed"),
    (r"flow mapping.*got '\{'", "a { inside a name; write $name for a parameter, not ${name}"),
    (r"flow (mapping|sequence)", "a comma is missing here, or the bracket of line {line} is never closed"),
    (r"mapping values are not allowed", "a colon where none can be; put text that holds ': ' in quotes"),
    (r"character '[@`%]'", "text that begins with @, ` or % has to stand in quotes"),
    (
        r"undefined alias|scanning an alias",
        "an alias (*name) without its anchor (&name); put text that begins with * in quotes",
    ),
    (r"duplicate anchor", "two anchors (&name) have one name"),
    (r"another document", "a second document (---); a file holds one pipeline"),
    (r"block (mapping|collection|end)", "the indentation does not fit the lines above"),
    (r"could not find expected ':'", "a key without its colon, or text of several lines that wants quotes"),
)
"""What PyYAML says -> what a user has to look for."""


def syntax_error(error: yaml.MarkedYAMLError) -> tuple[str, int | None]:
    """Say what is wrong with the form of YAML, and in which line."""
    raw = " ".join(part for part in (error.context, error.problem) if part)
    remedy = next((text for pattern, text in _REMEDIES if re.search(pattern, raw)), None)
    unclosed = remedy is not None and "is opened here" in remedy
    mark = error.context_mark if unclosed else error.problem_mark or error.context_mark
    if remedy and error.context_mark:
        remedy = remedy.replace("{line}", str(error.context_mark.line + 1))
    return (f"{remedy} ({raw})" if remedy else raw), (mark.line + 1 if mark else None)
