"""What a step may write as annotation of a setting besides plain types and contracts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated


@dataclass(frozen=True)
class OnDisk:
    """Marks a setting as a path, relative to the pipeline's own folder.

    It must be there, and its content decides whether a result can be reused; neither, where the step does
    not ``read`` it for its result.
    """

    folder: bool
    read: bool = True


InputFile = Annotated[Path, OnDisk(folder=False)]
"""A file that the step reads."""

InputFolder = Annotated[Path, OnDisk(folder=True)]
"""A folder that the step reads."""

WorkFolder = Annotated[Path, OnDisk(folder=True, read=False)]
"""A folder that a step keeps something in, such as checkpoints: need not be there, and changes no result."""


class AxisValues(Mapping[str, str]):
    """The axis values of a step instance; a parameter with this annotation receives them."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __getitem__(self, axis: str) -> str:
        return self._values[axis]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return ",".join(f"{axis}={value}" for axis, value in self._values.items()) or "no axes"


@dataclass(frozen=True)
class Load:
    """Marks a data source setting with the kind of data that the step loads from it.

    ``source: Annotated[DataSource, Load("patterns")]``: the framework then checks that the source gives
    this kind and that the step runs along the axes that a load needs, and tracks just the files of this kind.
    """

    kind: str
