"""YAML as plain data with the line of every part; no tags, no surprises, no explosions.

Scalars follow YAML 1.2: only true and false are truth values ("no" is text) and ``1e-3`` is a number.
``01`` and ``0x10`` stay text, so that a subject keeps its name, and so does ``2020-01-01``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from isocortex.errors import PipelineError, Problem, shown
from isocortex.pipeline.yaml_errors import syntax_error

Place = tuple[str | int, ...]

MAX_BYTES = 2**20
MAX_NODES = 100_000
MAX_DEPTH = 50


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with YAML 1.2 scalars."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012


for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", list("-+0123456789")),
    (
        "float",
        r"^(?:[-+]?(?:0|[1-9][0-9]*)?\.[0-9]+(?:[eE][-+]?[0-9]+)?|[-+]?(?:0|[1-9][0-9]*)\.?(?:[eE][-+]?[0-9]+)"
        r"|[-+]?(?:0|[1-9][0-9]*)\.|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        list("-+0123456789."),
    ),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


@dataclass
class Text:
    """A YAML document: its plain value and the line (from 1) of each place in it.

    ``origins`` says of a value that a parameter stands for where that one is set.
    """

    value: Any
    file: str
    lines: dict[Place, int] = field(default_factory=dict)
    origins: dict[Place, str] = field(default_factory=dict)

    def line(self, place: Place) -> int | None:
        """Line of a place, or of the nearest part around it that is in the text."""
        for end in range(len(place), -1, -1):
            if place[:end] in self.lines:
                return self.lines[place[:end]]
        return None

    def problem(self, place: Place, message: str) -> Problem:
        """Say that something is wrong at a place."""
        origin = next((text for end, text in self.origins.items() if place[: len(end)] == end), "")
        return Problem(message + origin, dotted(place), self.file, self.line(place))


def dotted(place: Place) -> str:
    """A place as text: ``steps.maps.with.metric``, ``plugins[1]``."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def parse_yaml(text: str, file: str = "") -> Text:
    """Read a YAML document; raises ``PipelineError`` with the line of everything that is wrong in it."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise PipelineError(
            [Problem(f"larger than {MAX_BYTES // 2**20} MiB: this is no pipeline", file=file)]
        )
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        message, line = syntax_error(error)
        raise PipelineError([Problem(f"not valid YAML: {message}", "", file, line)]) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        what = f"the character {chr(error.character)!r} is not allowed in YAML; take it out"
        raise PipelineError([Problem(f"not valid YAML: {what}", "", file, line)]) from None
    except RecursionError:
        raise PipelineError([Problem(_TOO_DEEP, "", file, _deep_line(text))]) from None
    except (yaml.YAMLError, ValueError) as error:
        raise PipelineError([Problem(f"not valid YAML: {error}", file=file)]) from None
    if node is None:
        raise PipelineError([Problem("empty: a pipeline has at least a name and steps", file=file)])
    result = Text(None, file)
    builder = _Builder(result)
    result.value = builder.build(node, ())
    if builder.problems:
        raise PipelineError(builder.problems)
    return result


def parse_scalar(text: str) -> Any:
    """Read a value given on the command line as YAML ("3" a number, "[a, b]" a list, "S01" text)."""
    try:
        return parse_yaml(text).value if text.strip() else text
    except PipelineError:
        return text


class _Builder:
    """Turns YAML nodes into plain values, and notes lines and problems."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.problems: list[Problem] = []
        self.open: set[int] = set()
        self.count = 0

    def build(self, node: yaml.Node, place: Place) -> Any:
        """Plain value of a node, at its place in the document."""
        line = self.text.lines.setdefault(place, node.start_mark.line + 1)
        self.count += 1
        if self.count > MAX_NODES:
            if self.count == MAX_NODES + 1:
                self.fault(
                    place, f"more than {MAX_NODES} values once its aliases (*name) are written out", node
                )
            return None
        if id(node) in self.open:
            return self.fault(place, "an alias (*name) inside of what it stands for, without end", node, line)
        if len(place) > MAX_DEPTH:
            return self.fault(place, _TOO_DEEP, node)
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self.mapping(node, place)
            if isinstance(node, yaml.SequenceNode):
                if node.tag != "tag:yaml.org,2002:seq":
                    return self.tagged(place, node)
                return [self.build(item, (*place, index)) for index, item in enumerate(node.value)]
            return self.scalar(node, place)
        finally:
            self.open.discard(id(node))

    def mapping(self, node: yaml.MappingNode, place: Place) -> Any:
        """Plain mapping of a node; keys are text, each once."""
        if node.tag != "tag:yaml.org,2002:map":
            return self.tagged(place, node)
        out: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.fault(place, "a key must be plain text", key_node)
                continue
            key = key_node.value
            if key == "<<" and not key_node.style:
                message = "YAML's merge key is not supported: write the keys out, or use a parameter"
                self.fault((*place, key), message, key_node)
                continue
            if not _is_writable(key):
                self.fault(place, _UNWRITABLE, key_node)
                continue
            if key in out:
                first = self.text.lines[(*place, key)]
                self.fault(
                    (*place, key), f"the key {key!r} stands here twice (first in line {first})", key_node
                )
                continue
            self.text.lines[(*place, key)] = key_node.start_mark.line + 1
            out[key] = self.build(value_node, (*place, key))
        return out

    def scalar(self, node: yaml.Node, place: Place) -> Any:
        """Text, number, truth value or None of a node."""
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        text = node.value
        try:
            if kind == "str":
                return text if _is_writable(text) else self.fault(place, _UNWRITABLE, node)
            if kind == "null":
                return None
            if kind == "bool":
                return {"true": True, "false": False}[text.lower()]
            if kind == "int":
                return int(text)
            if kind == "float":
                number = float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
                if math.isfinite(number) or text.lower().strip("+-") in (".inf", ".nan"):
                    return number
                return self.fault(place, f"{shown(text)} is too large for a number", node)
        except (ValueError, KeyError):
            if kind == "int" and text.lstrip("+-").isdigit():
                return self.fault(place, f"{shown(text)} is too large for a number", node)
            return self.fault(place, f"{shown(text)} is not of the type that its tag says", node)
        return self.tagged(place, node)

    def tagged(self, place: Place, node: yaml.Node) -> None:
        """Note that a tag is not allowed."""
        tag = node.tag.replace("tag:yaml.org,2002:", "!!")
        return self.fault(place, f"the tag {tag} is not allowed: a pipeline holds plain values only", node)

    def fault(self, place: Place, message: str, node: yaml.Node, line: int | None = None) -> None:
        """Note a problem at the line of a node."""
        line = line or node.start_mark.line + 1
        self.problems.append(Problem(message, _shortened(place), self.text.file, line))


_TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep: this is no pipeline"
_UNWRITABLE = "this text holds a NUL or half a character, which no file can hold; take it out"


def _is_writable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _shortened(place: Place) -> str:
    return dotted(place[:8]) + ("..." if len(place) > 8 else "")


def _deep_line(text: str) -> int | None:
    """Find the line where nesting goes too deep, without recursion."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            return event.start_mark.line + 1 if event.start_mark else None
    return None


def plain_copy(value: Any) -> Any:
    """Copy nested lists and mappings, so that a change in one place does not show in another."""
    if isinstance(value, Mapping):
        return {key: plain_copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_copy(item) for item in value]
    return value
