"""What lifecycle hooks are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isocortex.data.base import Data
from isocortex.pipeline.store import Output


@dataclass
class RunEvent:
    """A run: what it is, where it writes, and how it went.

    ``instances`` holds the ids of all step instances in running order; ``reused``, ``finished`` (with the
    outputs, reused ones too), ``failed`` and ``skipped`` fill while the run goes on. ``watchers`` are called
    with a step event, how many parts of it are done and of how many, where workers of a cluster share a step;
    from any thread.
    """

    name: str
    file: Path
    folder: Path
    seed: int
    workers: int
    parameters: Mapping[str, Any]
    instances: tuple[str, ...]
    plan: Any = field(repr=False)
    reused: list[str] = field(default_factory=list)
    finished: dict[str, Mapping[str, Output]] = field(default_factory=dict, repr=False)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    scheduler: str | None = None
    watchers: list[Callable[[StepEvent, int, int], None]] = field(default_factory=list, repr=False)


@dataclass
class StepEvent:
    """A step instance: its name in the pipeline, axis values, component and folder."""

    id: str
    name: str
    axes: Mapping[str, str]
    use: str
    folder: Path
    reused: bool = False
    seconds: float | None = None
    warnings: tuple[str, ...] = ()


class Outputs(Mapping[str, Data]):
    """The outputs of a step instance by name, read from disk when one is looked at."""

    def __init__(self, outputs: Mapping[str, Output], types: Mapping[str, type[Data]]) -> None:
        self._outputs, self._types = outputs, types

    def __getitem__(self, name: str) -> Data:
        return self._types[name].load(self._outputs[name].folder)

    def __iter__(self) -> Iterator[str]:
        return iter(self._outputs)

    def __len__(self) -> int:
        return len(self._outputs)
