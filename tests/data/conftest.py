from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isocortex.data import Data, Space


def assert_same(first: Any, second: Any, what: str) -> None:
    """Equal to the last bit, with equal types, in equal order."""
    if isinstance(first, np.ndarray):
        assert (first.dtype, first.shape) == (second.dtype, second.shape), what
        assert first.tobytes() == second.tobytes(), what
        assert not second.flags.writeable, what
    elif isinstance(first, Mapping):
        assert list(first) == list(second), what
        for key in first:
            assert_same(first[key], second[key], f"{what}[{key!r}]")
    elif isinstance(first, (Data, Space)):
        assert type(first) is type(second)
        for field in dataclasses.fields(first):
            assert_same(getattr(first, field.name), getattr(second, field.name), f"{what}.{field.name}")
    else:
        assert type(first) is type(second), what
        assert first == second, what


def contents(folder: Path) -> dict[str, bytes]:
    names = [path.name for path in folder.iterdir()]
    assert len({name.lower() for name in names}) == len(names), "names differ only in case"
    assert all(len(name) <= 120 and name.isascii() for name in names)
    return {name: (folder / name).read_bytes() for name in names}


@pytest.fixture(scope="session")
def round_trip(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Any], Any]:
    """Save twice (the bytes must agree) and load; what comes back must be the same to the last bit."""

    def save_and_load(data: Any) -> Any:
        folders = [tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("second")]
        for folder in folders:
            data.save(folder)
        assert contents(folders[0]) == contents(folders[1])
        loaded = type(data).load(folders[0])
        assert_same(data, loaded, type(data).__name__)
        return loaded

    return save_and_load


@pytest.fixture(scope="session")
def awkward_labels() -> tuple[str, ...]:
    """Labels that a file system or a format could trip over; each is another one."""
    return (
        "plain", "Plain", "PLAIN", "plain~2", "a/b", "../up", "..", ".", ".hidden", "back\\slash", "C:",
        "con", "CON.x", "nul", " leading", "trailing ", "trailing.", "tab\there", "line\nbreak", "return\r",
        "é", "e\u0301", "日本語", "🧠", "x" * 300, "X" * 300, "x" * 301, "%2F", "a%2Fb", "'quote\"",
        "*?<>|", "n/a", "NaN", "null", "0", "00", "-1", "\ufeffbom", "\u2028", "é" * 100,
    )  # fmt: skip
