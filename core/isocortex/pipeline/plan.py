"""The plan of a run: every step instance with its settings and wires, checked before anything runs."""

from __future__ import annotations

import graphlib
import itertools
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isocortex.data.base import Data
from isocortex.errors import IsocortexError, PipelineError, Problem, shown, suggestion
from isocortex.pipeline.axes import Axis, resolve_axes
from isocortex.pipeline.document import Document, find_pipeline, read_document, validate
from isocortex.pipeline.listing import files_of
from isocortex.pipeline.parameters import GivenPath, apply, axes_used, put_axes
from isocortex.pipeline.resolve import Component, Resolved, Resolver
from isocortex.pipeline.step import StepSchema
from isocortex.pipeline.wiring import Wire, check_wiring
from isocortex.pipeline.yaml_text import Place, Text
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
    text, parameters, problems = apply(text, overrides or {}, preset, Path.cwd())
    checked = validate(text)
    said = {problem.path for problem in problems}
    problems += [problem for problem in checked.problems if problem.path not in said]
    document = checked.document
    if document is None:
        raise PipelineError(_in_order(problems))
    manager, faults = _manager(document, text, path.resolve().parent, plugins, disable)
    problems += faults
    if manager is None:
        raise PipelineError(_in_order(problems))
    planner = _Planner(document, text, manager, path.resolve().parent, checked.broken)
    plan = Plan(document.name, path, document, parameters, planner.axes, planner.instances(), manager)
    problems += [problem for problem in planner.problems if problem.path not in said]
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
    files: dict[str, Path] = {}
    for index, name in enumerate(document.plugins):
        file = (name.base if isinstance(name, GivenPath) else base) / name
        fault = _plugin_file_fault(name, file, files.get(file.stem))
        if fault:
            problems.append(text.problem(("plugins", index), fault))
        files.setdefault(file.stem, file)
    if problems:
        return None, problems
    try:
        return PluginManager(plugins, files.values(), [*disable, *document.disable]), []
    except SystemExit as error:
        message = f"a plugin ended Python while it was imported (exit code {error.code})"
        return None, [text.problem(("plugins",), message)]
    except IsocortexError as error:
        return None, [text.problem(_place_of_plugin(str(error), document, files.values()), str(error))]


def _plugin_file_fault(name: str, file: Path, twin: Path | None) -> str:
    """Say what is wrong with a plugin file of a pipeline, before it is imported."""
    if file.suffix != ".py":
        return (
            f"{shown(name)} is no plugin file, whose name ends in .py (installed plugins need no entry here)"
        )
    if not os.path.isfile(file):  # noqa: PTH113 - unlike Path.is_file, it is never upset by a name
        return f"there is no plugin file {shown(name)} (looked for {file})"
    if twin is not None:
        return f"two plugins would be called {file.stem!r}: this one and {twin}; rename one, or take it out"
    return ""


def _place_of_plugin(message: str, document: Document, files: Iterable[Path]) -> Place:
    """Find the entry of ``plugins`` or ``disable`` that a message is about."""
    for index, name in enumerate(document.disable):
        if "switch off" in message and repr(name) in message:
            return ("disable", index)
    for index, file in enumerate(files):
        if str(file.resolve()) in message:
            return ("plugins", index)
    return ("plugins",)


def _in_order(problems: Sequence[Problem]) -> list[Problem]:
    return sorted(dict.fromkeys(problems), key=lambda problem: problem.line or 0)


class _Planner:
    """Builds the instances of all steps, noting problems."""

    def __init__(
        self, document: Document, text: Text, manager: PluginManager, base: Path, broken: Collection[Place]
    ) -> None:
        self.document, self.text, self.manager, self.broken = document, text, manager, broken
        self.resolver = Resolver(text, manager, base)
        self.axes = resolve_axes(document, self.resolver, broken)
        self.schemas = dict(self._schemas())
        self.over = {name: self._over(name) for name in document.steps}
        self._sources: dict[str, Any] = {}

    @property
    def problems(self) -> list[Problem]:
        """All that was found wrong so far."""
        return self.resolver.problems

    def _schemas(self) -> Iterator[tuple[str, StepSchema]]:
        for name, part in self.document.steps.items():
            if ("steps", name) in self.broken:
                continue
            try:
                yield name, self.manager.step(part.use)
            except IsocortexError as error:
                self.resolver.fault(("steps", name, "use"), str(error))

    def _over(self, step: str) -> tuple[str, ...]:
        over = self.document.steps[step].over
        for axis in over:
            if axis not in self.document.axes:
                hint = suggestion(axis, self.document.axes, "axes")
                hint = f"{hint} (axes: {{{axis}: [...]}} makes one)" if not self.document.axes else hint
                self.resolver.fault(("steps", step, "over"), f"there is no axis {axis!r}; {hint}")
        if len(set(over)) < len(over):
            self.resolver.fault(("steps", step, "over"), "an axis stands here twice; take one out")
        return tuple(dict.fromkeys(over))

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
        while True:
            try:
                return list(graphlib.TopologicalSorter(graph).static_order())
            except graphlib.CycleError as error:
                circle = list(reversed(error.args[1]))
                first = min(range(len(circle) - 1), key=lambda at: list(graph).index(circle[at]))
                circle = [*circle[first:-1], *circle[: first + 1]]
                message = (
                    f"the steps wait for each other ({' needs '.join(circle)}); cut the circle somewhere"
                )
                self.resolver.fault(("steps", circle[0], "from"), message)
                graph[circle[0]] = set()

    def _expand(self, step: str, wires: Mapping[str, Wire]) -> Iterator[Instance]:
        schema, over = self.schemas[step], self.over[step]
        written = self._settings(step)
        used = axes_used(written) & set(self.document.axes)
        gathered = [axis for wire in wires.values() for axis in wire.gathered]
        if any(axis not in self.axes for axis in (*over, *gathered)):
            if not used:  # the values of its axes are not known, but the settings are the same for all
                self.resolver.settings(
                    schema.signature, written, ("steps", step, "with"), schema.source_setting
                )
            return
        shared: Resolved | None = None
        for labels in itertools.product(*(self.axes[axis].labels for axis in over)):
            axes = dict(zip(over, labels, strict=True))
            if shared is None or used:
                raw = {axis: self.axes[axis].raw(axes[axis]) for axis in over}
                given = put_axes(written, raw)
                place = ("steps", step, "with")
                shared = self.resolver.settings(schema.signature, given, place, schema.source_setting)
            feeds = {name: self._feeds(wire, axes) for name, wire in wires.items()}
            files = self._source_files(step, shared, axes)
            yield Instance(instance_id(step, axes), step, schema, axes, shared, feeds, tuple(files))

    def _settings(self, step: str) -> dict[str, Any]:
        """Settings as written, less those that are inputs; says which axes the step does not run along."""
        schema, over, place = self.schemas[step], self.over[step], ("steps", step, "with")
        settings = dict(self.document.steps[step].with_)
        for key in [key for key in settings if key in schema.inputs]:
            message = f"{key!r} is an input: write it under from: ({{{key}: step}})"
            self.resolver.fault((*place, key), message)
            del settings[key]
        for key, value in settings.items():
            for axis in sorted(axes_used(value) & set(self.document.axes) - set(over)):
                message = f"${axis} is used here, but the step does not run along it: add over: {axis}"
                self.resolver.fault((*place, key), message)
        return settings

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
        missing: list[Path] = []
        for name, part in resolved.components.items():
            if part.kind != "data_source":
                continue
            place = ("steps", step, "with", name)
            try:
                for file in files_of(self._source(part, place), part.name, part.load, axes):
                    (files if file.exists() else missing).append(file)
            except IsocortexError as error:
                self.resolver.fault(place, str(error))
            except Exception as error:  # a stranger's code: its bug is not ours to crash on
                self.resolver.fault(
                    place, f"the data source {part.name!r} failed: {type(error).__name__}: {error}"
                )
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            whose = f" ({instance_id(step, axes)})" if axes else ""
            message = f"the data source wants to read {missing[0]}{more}, not there{whose}"
            self.resolver.fault(("steps", step, "with"), message)
        return files

    def _source(self, part: Component, place: Place) -> Any:
        identity = json.dumps(_identity(part), default=str)
        if identity not in self._sources:
            self._sources[identity] = source = part.build(self.manager)
            for message in source.check():
                self.resolver.fault(place, str(message))
        return self._sources[identity]

    def _check_report(self) -> None:
        for index, name in enumerate(self.document.report):
            step, _, output = name.partition(".")
            if step not in self.document.steps:
                hint = suggestion(step, self.document.steps, "steps")
                self.resolver.fault(("report", index), f"there is no step {step!r} to show; {hint}")
            elif step in self.schemas and output and output not in self.schemas[step].outputs:
                hint = suggestion(output, self.schemas[step].outputs, "outputs")
                self.resolver.fault(("report", index), f"{step!r} has no output {output!r} to show; {hint}")


def _identity(part: Component) -> list[Any]:
    """Name and settings of a component, and those of the components among them."""
    inner = {name: _identity(item) for name, item in part.resolved.components.items()}
    return [part.name, part.resolved.values, inner]


def instance_id(step: str, axes: Mapping[str, str]) -> str:
    """Text that names an instance, and no other: ``maps[subject=S1]``; a comma in a value is ``\\,``."""
    values = {axis: value.replace("\\", "\\\\").replace(",", "\\,") for axis, value in axes.items()}
    return step + (f"[{','.join(f'{axis}={value}' for axis, value in values.items())}]" if axes else "")
