"""The pipeline document: what may stand in the YAML, checked by pydantic, every problem with its line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
)

from isocortex.errors import IsocortexError, PipelineError, Problem, closest, suggestion
from isocortex.pipeline.execution import ExecutionPart, ResourcesPart, StrictPart, unknown_step
from isocortex.pipeline.form import form_faults
from isocortex.pipeline.yaml_text import MAX_BYTES, Place, Text, parse_yaml, plain_copy

NAME = r"^[A-Za-z][A-Za-z0-9_-]*$"
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
Name = Annotated[str, StringConstraints(pattern=NAME, max_length=80)]
Variable = Annotated[str, StringConstraints(pattern=VARIABLE, max_length=80)]
Reference = str
Scalar = str | int | float


class StepPart(StrictPart):
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

    @field_validator("from_", mode="before")
    @classmethod
    def _not_wired(cls, value: Any) -> Any:
        """An input with nothing behind it is not wired."""
        if not isinstance(value, dict):
            return value
        return {key: item for key, item in value.items() if item is not None}


class AxisPart(BaseModel):
    """An axis whose values a data source gives; other keys are settings of the source."""

    model_config = ConfigDict(extra="allow", strict=True)

    from_: str = Field(alias="from", description="name of a data source")
    only: list[Scalar] | None = Field(default=None, description="values to keep")


class Document(StrictPart):
    """A pipeline."""

    name: Name
    description: str = ""
    parameters: dict[Variable, Any] = Field(default_factory=dict)
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
        if path.is_file() and path.stat().st_size > MAX_BYTES:
            raise _unreadable(path, f"larger than {MAX_BYTES // 2**20} MiB: this is no pipeline")
        return parse_yaml(path.read_bytes().decode("utf-8-sig"), str(path))
    except FileNotFoundError:
        near = [item.name for item in path.parent.glob("*.y*ml")]
        hint = f"; {suggestion(path.name, near)}" if closest(path.name, near) else ""
        raise _unreadable(path, f"there is no such file{hint}") from None
    except IsADirectoryError:
        raise _unreadable(path, "this is a folder; give the pipeline's YAML file") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        byte = f"the byte 0x{error.object[error.start]:02x}"
        raise _unreadable(path, f"{byte} is not UTF-8; save the file as UTF-8 text", line) from None
    except OSError as error:
        raise _unreadable(path, f"cannot be read ({error.strerror})") from None


def _unreadable(path: Path, message: str, line: int | None = None) -> PipelineError:
    return PipelineError([Problem(message, file=str(path), line=line)])


@dataclass(frozen=True)
class Checked:
    """A document of sound form, or None where too little of it is sound to check more.

    Steps and axes of unsound form are in the document under their names, empty, and named here.
    """

    document: Document | None
    problems: list[Problem]
    broken: frozenset[Place] = frozenset()


def validate(text: Text) -> Checked:
    """Check the form of a document; its content (components, wiring) is checked by the planner."""
    if not isinstance(text.value, dict):
        return Checked(None, [text.problem((), "expected a mapping with the keys name and steps")])
    try:
        document = Document.model_validate(text.value)
    except ValidationError as error:
        faults = dict(form_faults(text.value, error, _keys()))
        problems = [text.problem(place, message) for place, message in faults.items()]
        rest, broken = _rest(text.value, list(faults))
        return Checked(rest, problems + (_twins(text, rest) if rest else []), broken)
    return Checked(document, _twins(text, document) + _strangers(text, document))


def _keys() -> dict[str, list[str]]:
    models: dict[str, type[BaseModel]] = {"": Document, "steps": StepPart, "execution": ExecutionPart}
    models["execution.steps"] = ResourcesPart
    return {
        section: [info.alias or name for name, info in model.model_fields.items()]
        for section, model in models.items()
    }


def _rest(value: dict[str, Any], faulty: list[Place]) -> tuple[Document | None, frozenset[Place]]:
    """Give what is sound of a document, so that all else that is wrong in it can be said as well."""
    if any(place[:1] == ("plugins",) or place in ((), ("steps",), ("axes",)) for place in faulty):
        return None, frozenset()
    rest = plain_copy(value)
    rest.setdefault("name", "unnamed")
    broken = {(str(place[0]), str(place[1])) for place in faulty if place[0] in ("steps", "axes")}
    for section, name in broken:
        rest[section].pop(name, None)
    for place in faulty:
        if place[0] == "name":
            rest["name"] = "unnamed"
        elif place[0] not in ("steps", "axes"):
            rest.pop(str(place[0]), None)
    try:
        document = Document.model_validate(rest)
    except ValidationError:
        return None, frozenset()
    for section, name in sorted(broken):
        part = value[section].get(name)
        if section == "axes":
            document.axes[name] = []
        else:
            document.steps[name] = StepPart.model_construct(use="", from_={}, with_={}, over=_over(part))
    return document, frozenset(broken)


def _over(part: Any) -> list[str]:
    over = part.get("over") if isinstance(part, dict) else None
    return [axis for axis in (over if isinstance(over, list) else [over]) if isinstance(axis, str)]


def _twins(text: Text, document: Document) -> list[Problem]:
    lowered: dict[str, str] = {}
    twins = []
    for name in document.steps:
        twin = lowered.setdefault(name.lower(), name)
        if twin != name:
            message = f"the steps {twin!r} and {name!r} differ in case only, and would share a folder on some"
            twins.append(text.problem(("steps", name), f"{message} disks; rename one"))
    return twins


def _strangers(text: Text, document: Document) -> list[Problem]:
    """Resources of steps that are not there."""
    return [
        text.problem(("execution", "steps", name), unknown_step(name, document.steps))
        for name in document.execution.steps
        if name not in document.steps
    ]


def find_pipeline(name: str | Path, manager: Any) -> Path:
    """Find a pipeline by file or by the name under which a plugin registered it."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or path.is_file() or "/" in str(name):
        return path
    if path.is_dir() and str(name) not in manager.names("pipeline"):
        return path  # the reader says that this is a folder
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
