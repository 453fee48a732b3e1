"""Spoilt texts by small grammars: YAML, the selection of columns, tables, words of numbers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from fuzz_mutation import changed, hostile_value, spoil
from fuzz_watch import ROOT

_YAML = """name: digits
parameters: {source: simulated, metric: correlation, radius: 3}
presets: {quick: {radius: 2}}
axes: {subject: {from: $source}, roi: [V1, V2]}
steps:
  betas: {use: load_patterns, with: {source: $source}, over: subject}
  rdms: {use: compute_rdms, from: {patterns: betas}, with: {metric: $metric}, over: [subject, roi]}
  fit: {use: compare_rdms, from: {rdms: rdms, models: [betas, rdms]}, with: {similarity: spearman, n: 1e-3}}
report: [fit]
seed: 3
execution: {workers: 2}
"""
_LINES = (
    "x: &a [*a]", "<<: {name: y}", "a: &x [1, 1]\nb: &y [*x, *x, *x, *x]\nc: [*y, *y, *y, *y]",
    "- - - - - - -", "? [a]\n: b",
    "!!python/object/apply:os.system [echo]", "!!binary aGk=", "!!int ''", "!!float ''", "!!bool maybe",
    "!!timestamp x",
    "!!int '_'", "!!null x", "!!omap [a]", "!!set {a}", "!!str [a]", "a: 0x_", "a: 2020-99-99", "a: 1:99",
    "---", "...",
    "%YAML 9.9", "%TAG ! tag:x,", "\t- a", "a: |9\n  x", "a: '\\", 'a: "\\ud800"', 'a: "\\0"',
    "name: name:", "a: $b",
    "[" * 300, "{a: " * 60, "&a " * 3, "*b", "a: 99999999999999999999", "a: 1e999", "seed: -1",
    "\ufeffname: x", "a:\n  - b\n c: d",
    "? " * 80, "- " * 300, "!<tag:yaml.org,2002:map> [", "a: " + "9" * 6000, "b: .inf", "use: [1]",
    "over: {a: 1}",
)  # fmt: skip


def yaml_seeds(_: Path) -> list[bytes]:
    """A pipeline with everything in it, and the shortest of those that come with isocortex."""
    own = sorted((ROOT / "pipelines").glob("*.yaml"), key=lambda path: path.stat().st_size)[:1]
    return [_YAML.encode(), *(path.read_bytes()[:1000] for path in own)]


def changed_yaml(rng: random.Random, content: bytes, seeds: Sequence[bytes]) -> bytes:
    """Change a value of a document, put hostile lines into it, or spoil its bytes."""
    way = rng.random()
    if way < 0.3:
        return spoil(rng, content, seeds)
    if way < 0.65:
        lines = content.decode("utf-8", "replace").split("\n")
        for _ in range(rng.choice((1, 1, 2, 4))):
            place = rng.randrange(len(lines) + 1)
            indent = " " * rng.choice((0, 0, 2, 4))
            lines[place:place] = [indent + line for line in rng.choice(_LINES).split("\n")]
            if rng.random() < 0.3:
                del lines[rng.randrange(len(lines))]
        return "\n".join(lines).encode("utf-8", "surrogatepass")
    try:
        value: Any = _parsed(content)
    except Exception:  # an input that is kept because it is spoilt
        return spoil(rng, content, seeds)
    for _ in range(rng.choice((1, 1, 2, 3))):
        value = changed(rng, value)
    try:
        return yaml.safe_dump(value, sort_keys=False, default_flow_style=rng.random() < 0.3).encode(
            "utf-8", "surrogatepass"
        )
    except (yaml.YAMLError, ValueError, RecursionError):
        return repr(value).encode("utf-8", "surrogatepass")


_KNOWN: dict[bytes, Any] = {}


def _parsed(content: bytes) -> Any:
    if content not in _KNOWN:
        _KNOWN[content] = yaml.safe_load(content)
    return _KNOWN[content]


_WORDS = ("ROI_V1", "ROI_V2", "'ROI LOC'", "ROI_*", "*", "**", "Stat", "VoxelData", "NoKey", "top", "500",
          "1", "0.5", "1e-3",
          "-1", "99999999999999999999", "1e400", "nan", "=", "!=", "<", "<=", ">", ">=", "|", "&", "+",
          "-", "@", "(", ")", "'",
          '"', "²", "٣", "\0", "\u202e", "a" * 300, "*" * 30, "Stat top 2", "@ ROI_V1", "1e",
          "(" * 120)  # fmt: skip


def selection_seeds(_: Path) -> list[bytes]:
    """Expressions of every kind."""
    return [
        text.encode()
        for text in (
            "ROI_V1 = 1",
            "ROI_V* - ROI_V1",
            "Stat top 3 @ (ROI_V1 | 'ROI LOC')",
            "Stat >= -1e-3 & VoxelData",
        )
    ]


def spoil_selection(rng: random.Random, content: bytes, seeds: Sequence[bytes]) -> bytes:
    """Words of the language in any order, or an expression with some of its bytes changed."""
    if rng.random() < 0.3:
        return spoil(rng, content, seeds)
    words = content.decode("utf-8", "replace").split(" ") if rng.random() < 0.6 else []
    for _ in range(rng.choice((1, 2, 4, 9))):
        words.insert(rng.randrange(len(words) + 1), rng.choice(_WORDS))
    return rng.choice((" ", " ", "")).join(words).encode("utf-8", "surrogatepass")


_CELLS = ("a", "", "1.5", "n/a", "1e400", '"', '""', '"a\tb"', "\r", "\n", "\r\n", "\t", "\0", "9" * 400,
          "ä", "\ufeff", "\u2028",
          "\x85", "x" * 2000, "'", "=cmd()", "0x10", "1_000", "１", "condition", "\x1b[31m")  # fmt: skip


def tsv_seeds(_: Path) -> list[bytes]:
    """Tables as BIDS has them."""
    return [
        b"condition\trun\tvalue\ncat\t1\t1.5\ndog\t2\tn/a\n",
        b'condition\r\n"a ""b"""\r\nc\r\n',
        "\ufeffcondition\tx\nä\t1\n".encode(),
    ]


def spoil_tsv(rng: random.Random, content: bytes, seeds: Sequence[bytes]) -> bytes:
    """Put hostile cells into a table, or change its bytes."""
    if rng.random() < 0.4:
        return spoil(rng, content, seeds)
    rows = [line.split("\t") for line in content.decode("utf-8", "replace").split("\n")]
    for _ in range(rng.choice((1, 2, 5))):
        row = rng.choice(rows)
        row[rng.randrange(len(row))] = rng.choice(_CELLS)
        if rng.random() < 0.2:
            row.append(rng.choice(_CELLS))
    return "\n".join("\t".join(row) for row in rows).encode("utf-8", "surrogatepass")


def spoil_words(rng: random.Random, content: bytes, seeds: Sequence[bytes]) -> bytes:
    """Put hostile words between numbers, or change bytes."""
    if rng.random() < 0.5:
        return spoil(rng, content, seeds)
    words = content.split()
    value = hostile_value(rng)
    words.insert(rng.randrange(len(words) + 1), str(value).encode("utf-8", "surrogatepass")[:3000])
    return rng.choice((b" ", b"\n", b"\x0b", b"\xa0")).join(words)
