"""YAML as plain data with the line of every part; no tags, no surprises, no explosions.

Scalars follow YAML 1.2: only true and false are truth values ("no" is text), ``1e-3`` is a number, and
``01`` stays text, so that a subject keeps its name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from isocortex.errors import PipelineError, Problem

Place = tuple[str | int, ...]

MAX_BYTES = 2**20
MAX_NODES = 100_000


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
    """A YAML document: its plain value and the line (from 1) of each place in it."""

    value: Any
    file: str
    lines: dict[Place, int] = field(default_factory=dict)

    def line(self, place: Place) -> int | None:
        """Line of a place, or of the nearest part around it that is in the text."""
        for end in range(len(place), -1, -1):
            if place[:end] in self.lines:
                return self.lines[place[:end]]
        return None

    def problem(self, place: Place, message: str) -> Problem:
        """Say that something is wrong at a place."""
        return Problem(message, dotted(place), self.file, self.line(place))


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
        mark = error.problem_mark or error.context_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise PipelineError(
            [Problem(f"not valid YAML: {what}", "", file, mark.line + 1 if mark else None)]
        ) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise PipelineError([Problem(f"not valid YAML: {error}", file=file)]) from None
    if node is None:
        raise PipelineError([Problem("empty: there is no pipeline in it", file=file)])
    result = Text(None, file)
    builder = _Builder(result)
    try:
        result.value = builder.build(node, ())
    except RecursionError:
        raise PipelineError([Problem("not valid YAML: nested too deeply", file=file)]) from None
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
        self.text.lines.setdefault(place, node.start_mark.line + 1)
        self.count += 1
        if self.count > MAX_NODES:
            if self.count == MAX_NODES + 1:
                self.fault(
                    place, f"more than {MAX_NODES} values once its aliases (*name) are written out", node
                )
            return None
        if id(node) in self.open:
            return self.fault(place, "an alias that contains itself", node)
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
        if node.tag != "tag:yaml.org,2002:map":
            return self.tagged(place, node)
        out: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.fault(place, "a key must be plain text", key_node)
                continue
            key = key_node.value
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
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        text = node.value
        try:
            if kind == "str":
                return text
            if kind == "null":
                return None
            if kind == "bool":
                return {"true": True, "false": False}[text.lower()]
            if kind == "int":
                return int(text)
            if kind == "float":
                return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        except (ValueError, KeyError):
            return self.fault(place, f"{text!r} is not of the type that its tag says", node)
        return self.tagged(place, node)

    def tagged(self, place: Place, node: yaml.Node) -> None:
        tag = node.tag.replace("tag:yaml.org,2002:", "!!")
        return self.fault(place, f"the tag {tag} is not allowed: a pipeline holds plain values only", node)

    def fault(self, place: Place, message: str, node: yaml.Node) -> None:
        self.problems.append(Problem(message, dotted(place), self.text.file, node.start_mark.line + 1))


def plain_copy(value: Any) -> Any:
    """Copy nested lists and mappings, so that a change in one place does not show in another."""
    if isinstance(value, Mapping):
        return {key: plain_copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_copy(item) for item in value]
    return value
