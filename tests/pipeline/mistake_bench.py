"""A one-file plugin of small steps, copied beside the pipelines of the tests of mistakes."""

from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np

import isocortex as ic
from isocortex.contracts import DataSource, RDMMetric
from isocortex.data import Collected, Space, StatMaps, Table
from isocortex.formats.nifti import read_volume
from isocortex.pipeline.settings import Load


def numbers(
    count: int = 3,
    scale: float = 1.0,
    kind: Literal["plain", "ranked"] = "plain",
    tags: list[str] | None = None,
    limits: dict[str, float] | None = None,
    note: str = "",
    pair: tuple[int, int] = (1, 2),
    flag: bool = False,
    either: int | str = 1,
) -> Table:
    """Count."""
    return Table({"number": [place * scale for place in range(count)]})


def wants_all(count: int, label: str) -> Table:
    """Two settings without a default."""
    return Table({"number": [count], "label": [label]})


def double(table: Table, factor: float = 2.0) -> Table:
    """One input, one setting."""
    return Table({"number": [value * factor for value in table["number"].tolist()]})


def both(left: Table, right: Table) -> Table:
    """Two inputs."""
    return left


def join(tables: Collected[Table]) -> Table:
    """A collected input."""
    return Table({"key": list(tables)})


class Halves(NamedTuple):
    """Two outputs."""

    first: Table
    second: Table


def split(table: Table) -> Halves:
    """Two outputs."""
    return Halves(table, table)


def read_text(
    file: ic.InputFile, folder: ic.InputFolder | None = None, more: list[ic.InputFile] | None = None
) -> Table:
    """Files and a folder."""
    return Table({"text": [file.read_text()]})


def read_map(file: ic.InputFile) -> StatMaps:
    """A volume as a map of all of its voxels."""
    volume, affine = read_volume(file)
    return StatMaps(volume.reshape(1, -1), ("map",), Space(np.ones(volume.shape, dtype=bool), affine), "t")


def add_maps(left: StatMaps, right: StatMaps) -> StatMaps:
    """Two maps on one grid."""
    left.space.require_same_grid(right.space, "the maps to add")
    return StatMaps(left.values + right.values, left.names, left.space, "t")


def measure(table: Table, metric: RDMMetric = "correlation") -> Table:  # type: ignore[assignment]
    """A component among the settings."""
    return table


def take(source: Annotated[DataSource, Load("tables")], axes: ic.AxisValues) -> Table:
    """A data source."""
    return source.load_tables(**axes)  # type: ignore[attr-defined, no-any-return]


def fail(
    how: Literal["bug", "exit", "memory", "sentence", "type"], table: Table | None = None, long: bool = False
) -> Table:
    """Fail while running."""
    if how == "memory":
        raise MemoryError("cannot allocate 12 TiB")
    if how == "exit":
        raise SystemExit(0)
    if how == "sentence":
        raise ic.IsocortexError("no voxel is left; use a larger mask")
    return Table({"x": [1 / 0]}) if how == "bug" else 3  # type: ignore[return-value]


class Shelf:
    """Tables in boxes."""

    loads = {"tables": ("box",)}  # noqa: RUF012

    def __init__(self, boxes: int = 2, root: str | None = None) -> None:
        self.boxes, self.root = boxes, root

    def axes(self) -> dict[str, list[str]]:
        return {"box": [f"B{number + 1}" for number in range(self.boxes)]}

    def check(self) -> list[str]:
        return ["boxes has to be 1 or more"] if self.boxes < 1 else []

    def files(self, kind: str, **axes: str) -> list[Path]:
        return [Path(self.root) / f"{axes['box']}.txt"] if self.root else []

    def load_tables(self, box: str) -> Table:
        return Table({"box": [box]})


class Unreachable(Shelf):
    """A data source that cannot say what it has."""

    def axes(self) -> dict[str, list[str]]:
        raise RuntimeError("the server does not answer")


class Odd(Shelf):
    """A data source that breaks its contract."""

    def axes(self) -> dict[str, list[str]]:
        return None  # type: ignore[return-value]


@ic.hookimpl
def register_data_sources(register):
    register("shelf", Shelf)
    register("unreachable", Unreachable)
    register("odd", Odd)


@ic.hookimpl
def register_steps(register):
    steps = (
        numbers,
        wants_all,
        double,
        both,
        join,
        split,
        read_text,
        read_map,
        add_maps,
        measure,
        take,
        fail,
    )
    for step in steps:
        register(step.__name__, step)
