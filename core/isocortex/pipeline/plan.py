"""The plan of a run: every step instance with its settings and wires, checked before anything runs."""

from __future__ import annotations

import graphlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isocortex.data.base import Data
from isocortex.errors import IsocortexError, PipelineError, Problem
from isocortex.pipeline.axes import Axis, resolve_axes
from isocortex.pipeline.document import Document, find_pipeline, read_document, validate
from isocortex.pipeline.parameters import GivenPath, apply, axes_used, put_axes
from isocortex.pipeline.resolve import Resolved, Resolver
from isocortex.pipeline.step import StepSchema
from isocortex.pipeline.wiring import Wire, check_wiring
from isocortex.pipeline.yaml_text import Text
from isocortex.plugins.manager import PluginManager


@dataclass(frozen=True)
class Feed:
    """One finished output that an input is fed from."""

    key: tuple[str, ...]
    instance: str
    producer: str
    output: str
    type: type[Data]


@dataclass(frozen=True)
class Instance:
    """One step at one place of its axes.

    ``feeds``: input -> (axes it is collected along or None, outputs).
    """

    id: str
    step: str
    schema: StepSchema
    axes: Mapping[str, str]
    resolved: Resolved
    feeds: Mapping[str, tuple[tuple[str, ...] | None, tuple[Feed, ...]]]
    files: tuple[Path, ...] = ()

    def depends(self) -> set[str]:
        """Ids of the instances whose outputs this one reads."""
        return {feed.instance for _, feeds in self.feeds.values() for feed in feeds}


@dataclass
class Plan:
    """All that a run needs to know."""

    name: str
    file: Path
    document: Document
    parameters: Mapping[str, Any]
    axes: Mapping[str, Axis]
    instances: Mapping[str, Instance]
    manager: PluginManager = field(repr=False)

    def of_step(self, step: str) -> list[Instance]:
        """Instances of one step, in axis order."""
        return [instance for instance in self.instances.values() if instance.step == step]


def make_plan(
    pipeline: str | Path,
    overrides: Mapping[str, Any] | None = None,
    preset: str | None = None,
    plugins: Sequence[object] = (),
    disable: Sequence[str] = (),
) -> Plan:
    """Read and check a pipeline (a file, or the name of a registered one).

    Raises ``PipelineError`` with everything that is wrong with it.
    """
    path = find_pipeline(pipeline, _finder(pipeline, plugins, disable))
    text = read_document(path)
    if not isinstance(text.value, dict):
        raise PipelineError([text.problem((), "expected a mapping with the keys name and steps")])
    values, parameters, problems = apply(text, overrides or {}, preset, Path.cwd())
    text = Text(values, text.file, text.lines)
    document, form = validate(text)
    problems += form
    if document is None:
        raise PipelineError(_in_order(problems))
    manager, faults = _manager(document, text, path.resolve().parent, plugins, disable)
    problems += faults
    if manager is None:
        raise PipelineError(_in_order(problems))
    planner = _Planner(document, text, manager, path.resolve().parent)
    plan = Plan(document.name, path, document, parameters, planner.axes, planner.instances(), manager)
    problems += planner.problems
    if problems:
        raise PipelineError(_in_order(problems))
    return plan


def _finder(pipeline: str | Path, plugins: Sequence[object], disable: Sequence[str]) -> PluginManager | None:
    """A manager to look a registered pipeline up in; a file needs none."""
    looks_like_file = Path(pipeline).suffix in (".yaml", ".yml") or "/" in str(pipeline)
    return None if looks_like_file or Path(pipeline).exists() else PluginManager(plugins, disable=disable)


def _manager(
    document: Document, text: Text, base: Path, plugins: Sequence[object], disable: Sequence[str]
) -> tuple[PluginManager | None, list[Problem]]:
    problems = []
    files = []
    for index, name in enumerate(document.plugins):
        file = (name.base if isinstance(name, GivenPath) else base) / name
        if file.suffix == ".py" and file.is_file():
            files.append(file)
        else:
            problems.append(
                text.problem(("plugins", index), f"there is no plugin file {name!r} (looked for {file})")
            )
    if problems:
        return None, problems
    try:
        return PluginManager(plugins, files, [*disable, *document.disable]), []
    except IsocortexError as error:
        place = "disable" if "switch off" in str(error) and document.disable else "plugins"
        return None, [text.problem((place,), str(error))]


def _in_order(problems: Sequence[Problem]) -> list[Problem]:
    return sorted(dict.fromkeys(problems), key=lambda problem: problem.line or 0)


class _Planner:
    """Builds the instances of all steps, noting problems."""

    def __init__(self, document: Document, text: Text, manager: PluginManager, base: Path) -> None:
        self.document, self.text, self.manager = document, text, manager
        self.resolver = Resolver(text, manager, base)
        self.axes = resolve_axes(document, self.resolver)
        self.schemas = dict(self._schemas())
        self.over = {name: self._over(name) for name in document.steps}
        self._sources: dict[str, Any] = {}

    @property
    def problems(self) -> list[Problem]:
        return self.resolver.problems

    def _schemas(self) -> Iterator[tuple[str, StepSchema]]:
        for name, part in self.document.steps.items():
            try:
                yield name, self.manager.step(part.use)
            except IsocortexError as error:
                self.resolver.fault(("steps", name, "use"), str(error))

    def _over(self, step: str) -> tuple[str, ...]:
        from isocortex.errors import suggestion

        over = self.document.steps[step].over
        for axis in over:
            if axis not in self.document.axes:
                hint = suggestion(axis, self.document.axes, "axes")
                self.resolver.fault(("steps", step, "over"), f"there is no axis {axis!r}; {hint}")
        if len(set(over)) < len(over):
            self.resolver.fault(("steps", step, "over"), "an axis stands here twice")
        return tuple(axis for axis in dict.fromkeys(over) if axis in self.axes)

    def instances(self) -> dict[str, Instance]:
        """Give all instances in an order in which they can run; incomplete when there are problems."""
        wires = check_wiring(self.document, self.schemas, self.over, self.resolver)
        self._check_report()
        found: dict[str, Instance] = {}
        for step in self._sorted(wires):
            if step in self.schemas:
                for instance in self._expand(step, wires.get(step, {})):
                    found[instance.id] = instance
        return found

    def _sorted(self, wires: Mapping[str, Mapping[str, Wire]]) -> Sequence[str]:
        graph = {
            step: {ref.step for wire in wires.get(step, {}).values() for ref in wire.refs}
            for step in self.document.steps
        }
        try:
            return list(graphlib.TopologicalSorter(graph).static_order())
        except graphlib.CycleError as error:
            circle = list(reversed(error.args[1]))
            self.resolver.fault(
                ("steps", circle[0], "from"), f"the steps wait for each other: {' -> '.join(circle)}"
            )
            return []

    def _expand(self, step: str, wires: Mapping[str, Wire]) -> Iterator[Instance]:
        schema, part, over = self.schemas[step], self.document.steps[step], self.over[step]
        used = axes_used(part.with_) & set(self.axes)
        for axis in sorted(used - set(over)):
            self.resolver.fault(
                ("steps", step, "with"),
                f"${axis} is used here, but the step does not run along it: add over: {axis}",
            )
        shared: Resolved | None = None
        for labels in itertools.product(*(self.axes[axis].labels for axis in over)):
            axes = dict(zip(over, labels, strict=True))
            if shared is None or used:
                raw = {axis: self.axes[axis].raw(axes[axis]) for axis in over}
                given = put_axes(part.with_, raw)
                place = ("steps", step, "with")
                shared = self.resolver.settings(schema.signature, given, place, schema.source_setting)
            feeds = {name: self._feeds(wire, axes) for name, wire in wires.items()}
            files = self._source_files(step, shared, axes)
            yield Instance(instance_id(step, axes), step, schema, axes, shared, feeds, tuple(files))

    def _feeds(self, wire: Wire, axes: Mapping[str, str]) -> tuple[tuple[str, ...] | None, tuple[Feed, ...]]:
        if wire.by_step:
            feeds = [
                Feed((ref.text,), self._single(ref.step, axes), ref.step, ref.output, ref.type)
                for ref in wire.refs
            ]
            return ("step",), tuple(feeds)
        ref = wire.refs[0]
        out = []
        for labels in itertools.product(*(self.axes[axis].labels for axis in wire.gathered)):
            place = {**axes, **dict(zip(wire.gathered, labels, strict=True))}
            out.append(Feed(labels, self._single(ref.step, place), ref.step, ref.output, ref.type))
        return (wire.gathered or None), tuple(out)

    def _single(self, step: str, axes: Mapping[str, str]) -> str:
        return instance_id(step, {axis: axes[axis] for axis in self.over[step]})

    def _source_files(self, step: str, resolved: Resolved, axes: Mapping[str, str]) -> list[Path]:
        """Ask the data sources among the settings what they would read, and whether they can."""
        files: list[Path] = []
        for name, part in resolved.components.items():
            if part.kind != "data_source":
                continue
            place = ("steps", step, "with", name)
            try:
                source = self._source(part, place)
                for kind in [part.load] if part.load else list(source.loads):
                    if kind not in source.loads:
                        raise IsocortexError(
                            f"the data source {part.name!r} gives {', '.join(source.loads)}, but no {kind}"
                        )
                    needed = source.loads[kind]
                    lacking = [axis for axis in needed if axis not in axes]
                    if lacking and part.load:
                        raise IsocortexError(
                            f"the data source {part.name!r} gives {kind} by {' and '.join(needed)}: "
                            f"this step must run along it (over: {', '.join(needed)})"
                        )
                    if not lacking:
                        files += [
                            Path(file) for file in source.files(kind, **{axis: axes[axis] for axis in needed})
                        ]
            except IsocortexError as error:
                self.resolver.fault(place, str(error))
            except Exception as error:  # a stranger's code: its bug is not ours to crash on
                self.resolver.fault(
                    place, f"the data source {part.name!r} failed: {type(error).__name__}: {error}"
                )
        for file in files:
            if not file.exists():
                self.resolver.fault(
                    ("steps", step, "with"), f"the data source wants to read {file}, which is not there"
                )
        return [file for file in files if file.exists()]

    def _source(self, part: Any, place: tuple[str | int, ...]) -> Any:
        import json

        identity = json.dumps([part.name, part.resolved.values], sort_keys=True)
        if identity not in self._sources:
            self._sources[identity] = source = part.build(self.manager)
            for message in source.check():
                self.resolver.fault(place, str(message))
        return self._sources[identity]

    def _check_report(self) -> None:
        from isocortex.errors import suggestion

        for index, name in enumerate(self.document.report):
            if name.partition(".")[0] not in self.document.steps:
                hint = suggestion(name, self.document.steps, "steps")
                self.resolver.fault(("report", index), f"there is no step {name!r} to show; {hint}")


def instance_id(step: str, axes: Mapping[str, str]) -> str:
    """Text that names an instance: ``maps[subject=S1]``."""
    return step + (f"[{','.join(f'{axis}={value}' for axis, value in axes.items())}]" if axes else "")
