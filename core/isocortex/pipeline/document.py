"""The pipeline document: what may stand in the YAML, checked by pydantic, every problem with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from isocortex.errors import IsocortexError, PipelineError, Problem, suggestion
from isocortex.pipeline.yaml_text import Place, Text, parse_yaml

NAME = r"^[A-Za-z][A-Za-z0-9_-]*$"
Name = Annotated[str, StringConstraints(pattern=NAME, max_length=80)]
Reference = str
Scalar = str | int | float


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)


class StepPart(_Part):
    """One step: which component, what it takes, with what settings, along which axes."""

    use: str = Field(description="name of the step component")
    from_: str | dict[str, Reference | list[Reference]] = Field(
        default_factory=dict, alias="from", description="input -> step, step.output, or a list of them"
    )
    with_: dict[str, Any] = Field(default_factory=dict, alias="with", description="settings")
    over: list[str] = Field(default_factory=list, description="axes that the step is run along")

    @field_validator("over", mode="before")
    @classmethod
    def _one_axis(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("with_", "from_", mode="before")
    @classmethod
    def _empty(cls, value: Any) -> Any:
        return {} if value is None else value


class AxisPart(BaseModel):
    """An axis whose values a data source gives; other keys are settings of the source."""

    model_config = ConfigDict(extra="allow", strict=True, populate_by_name=True)

    from_: str = Field(alias="from", description="name of a data source")
    only: list[Scalar] | None = Field(default=None, description="values to keep")


class ExecutionPart(_Part):
    """How a run is carried out. Nothing in here changes a result."""

    workers: int | None = Field(default=None, ge=1, description="number of worker processes")


class Document(_Part):
    """A pipeline."""

    name: Name
    description: str = ""
    parameters: dict[Name, Any] = Field(default_factory=dict)
    presets: dict[Name, dict[str, Any]] = Field(default_factory=dict)
    axes: dict[Name, AxisPart | list[Scalar]] = Field(default_factory=dict)
    steps: dict[Name, StepPart] = Field(min_length=1)
    report: list[str] = Field(
        default_factory=list, description="steps to show, in order (default: all figures)"
    )
    plugins: list[str] = Field(default_factory=list, description="plugin files beside this one")
    disable: list[str] = Field(default_factory=list, description="names of plugins to switch off")
    seed: int = Field(default=0, ge=0)
    execution: ExecutionPart = Field(default_factory=ExecutionPart)


def read_document(path: Path) -> Text:
    """Read the YAML of a pipeline file."""
    try:
        return parse_yaml(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise PipelineError([Problem("there is no such file", file=str(path))]) from None
    except IsADirectoryError:
        raise PipelineError(
            [Problem("this is a folder; give the pipeline's YAML file", file=str(path))]
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise PipelineError([Problem(f"cannot be read: {error}", file=str(path))]) from None


def validate(text: Text) -> tuple[Document | None, list[Problem]]:
    """Check the form of a document; its content (components, wiring) is checked by the planner."""
    if not isinstance(text.value, dict):
        return None, [text.problem((), "expected a mapping with the keys name and steps")]
    try:
        document = Document.model_validate(text.value)
    except ValidationError as error:
        return None, list(_problems(text, error))
    lowered: dict[str, str] = {}
    twins = []
    for name in document.steps:
        twin = lowered.setdefault(name.lower(), name)
        if twin != name:
            message = (
                f"the steps {twin!r} and {name!r} differ in case only, and would share a folder on some disks"
            )
            twins.append(text.problem(("steps", name), message))
    return (None, twins) if twins else (document, [])


def _problems(text: Text, error: ValidationError) -> Iterator[Problem]:
    seen = set()
    for item in error.errors(include_url=False):
        place = _place(item["loc"], text.value)
        message = _message(item, place)
        if (place, message) not in seen:
            seen.add((place, message))
            yield text.problem(place, message)


def _place(location: tuple[int | str, ...], value: Any) -> Place:
    """Keep the parts of pydantic's location that are places in the document, not names of its own."""
    place: Place = ()
    for part in location:
        part = {"from_": "from", "with_": "with"}.get(str(part), part)
        if _is_inside(part, value):
            value = value[part]
        elif isinstance(value, dict) and isinstance(part, str) and re.match(NAME, part):
            place = (*place, part)
            break
        else:
            continue
        place = (*place, part)
    return place


def _is_inside(part: int | str, value: Any) -> bool:
    if isinstance(value, list):
        return isinstance(part, int) and part < len(value)
    return isinstance(value, dict) and part in value


def _message(item: Any, place: Place) -> str:
    kind, given = item["type"], item.get("input")
    if kind == "extra_forbidden":
        known = _fields(StepPart) if place[:1] == ("steps",) else _fields(Document)
        known = _fields(ExecutionPart) if place[:1] == ("execution",) else known
        return f"there is no key {place[-1]!r} here; {suggestion(place[-1], known, 'keys')}"
    if kind == "missing":
        return "this is missing"
    if kind == "too_short" and place == ("steps",):
        return "a pipeline needs at least one step"
    if kind == "string_pattern_mismatch":
        return f"{given!r} is not a name: use letters, digits, _ and -, beginning with a letter"
    shown = "null (nothing)" if given is None else repr(given)
    return f"{item['msg'].replace('Input should be', 'expected').replace('valid ', '')}, got {shown[:80]}"


def _fields(model: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in model.model_fields.items()]


def find_pipeline(name: str | Path, manager: Any) -> Path:
    """Find a pipeline by file or by the name under which a plugin registered it."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or path.exists() or "/" in str(name):
        return path
    entry = manager.find("pipeline", str(name))
    return resource(str(entry.target), f"the pipeline {name!r} of plugin {entry.plugin.name!r}")


def resource(target: str, what: str) -> Path:
    """Find the file of ``"package:file.yaml"``."""
    from importlib import resources

    package, _, file = target.partition(":")
    try:
        path = Path(str(resources.files(package) / file))
    except (ModuleNotFoundError, TypeError) as error:
        raise IsocortexError(f"{what}: there is no package {package!r} ({error})") from None
    if not path.is_file():
        raise IsocortexError(f"{what}: there is no file {file!r} in the package {package!r}")
    return path
