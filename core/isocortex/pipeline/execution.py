"""How a run is carried out: ``execution:`` in a pipeline, or in a file. Nothing here changes a result."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from isocortex.errors import IsocortexError, suggestion

BATCH = ("slurm", "pbs", "sge")
"""Batch systems whose jobs are started as workers."""
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_UNITS |= {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*")
_ADDRESS = re.compile(r"[a-z]+://.+:[0-9]+")


class StrictPart(BaseModel):
    """A part of a document: no unknown keys, no conversions."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_the_default(cls, value: Any) -> Any:
        """A key with nothing behind it counts as not there, unless it is one that has to be."""
        if not isinstance(value, dict):
            return value
        optional = {info.alias or name for name, info in cls.model_fields.items() if not info.is_required()}
        return {key: item for key, item in value.items() if item is not None or key not in optional}


class ResourcesPart(StrictPart):
    """What one task needs."""

    memory: str | int | None = Field(default=None, description="of one task, such as 8 GiB")
    threads: int | None = Field(default=None, ge=1, description="of one task")

    @field_validator("memory")
    @classmethod
    def _a_size(cls, value: str | int | None) -> str | int | None:
        if value is not None:
            size_of(value)
        return value


class ExecutionPart(ResourcesPart):
    """How a run is carried out. Nothing in here changes a result."""

    workers: int | None = Field(default=None, ge=1, description="number of worker processes")
    scheduler: str | None = Field(
        default=None, description="of Dask: tcp://host:port, local:N, slurm, pbs or sge"
    )
    retries: int = Field(default=10, ge=0, description="deaths of a worker that one task survives")
    steps: dict[str, ResourcesPart] = Field(
        default_factory=dict, description="step -> what each of its tasks needs"
    )
    cluster: dict[str, Any] = Field(
        default_factory=dict, description="jobs: how many; the rest is handed to dask-jobqueue"
    )

    @field_validator("scheduler")
    @classmethod
    def _a_scheduler(cls, value: str | None) -> str | None:
        if value is not None and not known(value):
            raise ValueError("tcp://host:port, local:N, slurm, pbs or sge")
        return value

    def needs(self, step: str) -> tuple[int | None, int | None]:
        """Memory (bytes) and threads that a task of a step needs, None where nothing is said."""
        own = self.steps.get(step, ResourcesPart())
        memory = own.memory if own.memory is not None else self.memory
        threads = own.threads if own.threads is not None else self.threads
        return (None if memory is None else size_of(memory)), threads


def known(scheduler: str) -> bool:
    """Whether a text names a scheduler."""
    local = scheduler.startswith("local:") and scheduler[6:].isdecimal() and int(scheduler[6:]) > 0
    return local or scheduler in BATCH or _ADDRESS.fullmatch(scheduler) is not None


def size_of(memory: str | int) -> int:
    """Bytes of ``8 GiB``, ``500 MB`` or a number; raises ``ValueError`` for anything else."""
    found = _SIZE.fullmatch(str(memory))
    if found is None or found[2].lower() not in _UNITS or float(found[1]) <= 0:
        raise ValueError("a size such as 8 GiB or 500 MB")
    return int(float(found[1]) * _UNITS[found[2].lower()])


def chosen(
    own: ExecutionPart,
    steps: Mapping[str, Any],
    given: Mapping[str, Any] | str | Path | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
) -> ExecutionPart:
    """Put together what a pipeline says (``own``), a file or mapping that goes before it, and options.

    Raises ``IsocortexError`` for what cannot be meant.
    """
    if workers is not None and scheduler is not None:
        raise IsocortexError("give workers (processes here) or a scheduler (Dask), not both")
    if workers is not None and workers < 1:
        raise IsocortexError(f"workers: expected a number from 1 on, got {workers}")
    if scheduler is not None and not known(scheduler):
        raise IsocortexError(
            f"scheduler: expected tcp://host:port, local:N, slurm, pbs or sge, got {scheduler!r}"
        )
    values = own.model_dump(exclude_unset=True)
    where = "execution"
    if given is not None:
        where = "execution" if isinstance(given, Mapping) else str(given)
        values |= given if isinstance(given, Mapping) else _read(Path(given))
    values |= {"scheduler": scheduler, "workers": None} if scheduler else {}
    values |= {"workers": workers, "scheduler": None} if workers else {}
    try:
        execution = ExecutionPart.model_validate(values)
    except ValidationError as error:
        raise IsocortexError(_sentences(where, error)) from None
    for name in execution.steps:
        if name not in steps:
            raise IsocortexError(f"{where}: steps: {unknown_step(name, steps)}")
    return execution


def unknown_step(name: str, steps: Mapping[str, Any]) -> str:
    """Say that resources are declared for a step that is not there."""
    return f"there is no step {name!r}; {suggestion(name, steps, 'steps')}"


def _read(path: Path) -> dict[str, Any]:
    from isocortex.pipeline.yaml_text import parse_yaml, plain_copy

    try:
        value = plain_copy(parse_yaml(path.read_bytes().decode("utf-8-sig"), str(path)).value)
    except (OSError, UnicodeDecodeError) as error:
        raise IsocortexError(f"{path}: cannot be read ({error})") from None
    value = value.get("execution", value) if isinstance(value, dict) else value
    if not isinstance(value, dict):
        raise IsocortexError(f"{path}: expected a mapping, as under execution: in a pipeline")
    return value


def _sentences(where: str, error: ValidationError) -> str:
    from isocortex.pipeline.wording import wording

    lines = []
    for item in error.errors(include_url=False):
        place = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            known = ResourcesPart if len(item["loc"]) > 1 else ExecutionPart
            text = f"there is no such key; {suggestion(item['loc'][-1], known.model_fields, 'keys')}"
        else:
            text = wording(item)
        lines.append(f"{where}: {place}: {text}")
    return "\n".join(lines)
