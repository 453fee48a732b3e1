"""How much memory and disk a run would take: costs of steps, from one to the next."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from isocortex.errors import IsocortexError
from isocortex.pipeline.costs import Cost, Costs, Outline, Unknown, costs_of, unknown
from isocortex.pipeline.execution import ExecutionPart
from isocortex.pipeline.keys import KeyMaker
from isocortex.pipeline.outlines import of_result
from isocortex.pipeline.plan import Feed, Instance, Plan
from isocortex.pipeline.room import NoRoom, free_disk, free_memory, in_words
from isocortex.pipeline.settings import AxisValues
from isocortex.pipeline.store import Output
from isocortex.threads import at_most

PROCESS = 170 * 2**20
"""Bytes of a process that has imported isocortex and the libraries that every run needs (measured)."""


@dataclass(frozen=True)
class Size:
    """What one instance takes: bytes of memory in its process and on disk; None, and why, where unknown."""

    step: str
    memory: int | None
    disk: int | None
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Sizes:
    """What the instances take that are still to be done, in running order."""

    of: Mapping[str, Size]
    workers: int
    here: bool = True

    def memory(self) -> tuple[int, str]:
        """Most bytes in one process, and in which instance."""
        known = [(size.memory, key) for key, size in self.of.items() if size.memory is not None]
        return max(known, default=(0, ""), key=lambda pair: pair[0])

    def together(self) -> int:
        """Most bytes in all processes at a time."""
        known = sorted((size.memory for size in self.of.values() if size.memory is not None), reverse=True)
        return sum(known[: self.workers])

    def disk(self) -> int:
        """Bytes of all results."""
        return sum(size.disk or 0 for size in self.of.values())

    @property
    def unknown(self) -> list[str]:
        """Steps that do not say what they take, each once."""
        steps = [size.step for size in self.of.values() if size.memory is None or size.disk is None]
        return list(dict.fromkeys(steps))

    @property
    def known(self) -> bool:
        """Whether there is anything to say."""
        return bool(self.memory()[1])

    def line(self) -> str:
        """All of it in one sentence."""
        most, key = self.memory()
        if not self.known:
            return "memory and disk: unknown"
        text = f"memory: up to {in_words(most)} in a process ({key})"
        if self.workers > 1:
            text += f", {in_words(self.together())} in {self.workers}"
        text += f"; disk: {in_words(self.disk())}"
        if self.unknown:
            shown, more = self.unknown[:MOST_NAMED], len(self.unknown) - MOST_NAMED
            text += f"; not counted, since unknown: {', '.join(shown)}"
            text += f" and {more} more (--dry-run says why)" if more > 0 else ""
        return text

    def require_room(self, out: Path) -> None:
        """Raise ``NoRoom`` where what is known does not fit into the memory or on the disk of ``out``."""
        memory, disk = free_memory() if self.here else None, free_disk(out)
        most, key = self.memory()
        if memory is not None and most > memory:
            raise NoRoom(
                f"{key} would take about {in_words(most)} of memory, and {in_words(memory)} are free: "
                f"{self._remedy(key)}{_ANYWAY}"
            )
        if memory is not None and self.together() > memory:
            raise NoRoom(
                f"{self.workers} processes would take about {in_words(self.together())} of memory, and "
                f"{in_words(memory)} are free: use fewer workers{_ANYWAY}"
            )
        if disk is not None and self.disk() > disk:
            largest = max(self.of, key=lambda name: self.of[name].disk or 0)
            raise NoRoom(
                f"the results would take about {in_words(self.disk())} on the disk of {out}, and "
                f"{in_words(disk)} are free (most for {largest}, {in_words(self.of[largest].disk or 0)}): "
                f"{self._remedy(largest)}, or choose another disk with --out{_ANYWAY}"
            )

    def _remedy(self, key: str) -> str:
        return self.of[key].remedy or "make its input or its settings smaller"


MOST_NAMED = 4
"""Steps that the line names, of those that do not say what they take."""
_ANYWAY = " (--no-size-check runs it anyway)"


def sizes_of(
    plan: Plan, out: Path, execution: ExecutionPart | None = None, keys: KeyMaker | None = None
) -> Sizes | None:
    """Estimate what a run into ``out`` would take; None where no step says anything.

    Instances that would be reused take nothing; those that may be are counted.
    """
    from isocortex.pipeline.preview import fates_of

    if not any(costs_of(instance.schema.function) for instance in plan.instances.values()):
        return None
    fates, finished = fates_of(plan, out, keys)
    return estimate(plan, fates, finished, execution)


def estimate(
    plan: Plan,
    fates: Mapping[str, str],
    finished: Mapping[str, Mapping[str, Output]],
    execution: ExecutionPart | None = None,
) -> Sizes:
    """The same where it is known already what is reused."""
    how = execution or ExecutionPart()
    walk = _Walk(plan, finished, how)
    found = {key: walk.size(instance) for key, instance in plan.instances.items() if key not in finished}
    scheduler = how.scheduler or ""
    if scheduler.startswith("local:"):
        return Sizes(found, int(scheduler[6:]))
    return Sizes(found, how.workers or 1, not scheduler)


class _Walk:
    """Goes through the instances in running order; outlines of outputs collect."""

    def __init__(
        self, plan: Plan, finished: Mapping[str, Mapping[str, Output]], execution: ExecutionPart
    ) -> None:
        self.plan, self.finished, self.execution = plan, finished, execution
        self._made: dict[str, Mapping[str, Outline]] = {}
        self._read: dict[tuple[str, str], Outline] = {}
        self._built: dict[str, Any] = {}

    def size(self, instance: Instance) -> Size:
        """What an instance takes."""
        costs = costs_of(instance.schema.function)
        try:
            if costs is None:
                raise Unknown("the step does not say")
            cost = self._cost(instance, costs)
        except Unknown as error:
            return self._unknown(instance, str(error))
        except Exception as error:  # a stranger's estimate, or a component that cannot be built
            return self._unknown(instance, f"{type(error).__name__}: {error}")
        self._made[instance.id] = cost.outputs
        disks = [outline.disk for outline in cost.outputs.values()]
        lacking = any(disk is None for disk in disks) or set(instance.schema.outputs) - set(cost.outputs)
        disk = None if lacking else sum(disk for disk in disks if disk is not None)
        return Size(instance.step, PROCESS + cost.memory, disk, "", costs.remedy)

    def _cost(self, instance: Instance, costs: Costs) -> Cost:
        """Ask a step, on as many threads as it will have."""
        with at_most(self.execution.needs(instance.step)[1]):
            cost = costs.of(self._arguments(instance))
        if not isinstance(cost, Cost) or not (math.isfinite(cost.memory) and cost.memory >= 0):
            raise Unknown("its estimate gave no Cost")
        return cost

    def _unknown(self, instance: Instance, reason: str) -> Size:
        about = f"{instance.step} is not known ({reason})"
        self._made[instance.id] = {
            name: unknown(kind.kind, about) for name, kind in instance.schema.outputs.items()
        }
        return Size(instance.step, None, None, reason)

    def _arguments(self, instance: Instance) -> dict[str, Callable[[], Any]]:
        schema, resolved = instance.schema, instance.resolved
        found: dict[str, Callable[[], Any]] = {name: lambda: None for name in schema.inputs}
        for name, setting in schema.settings.items():
            found[name] = partial(_itself, setting.default)
        for name, value in resolved.python().items():
            found[name] = partial(_itself, value)
        for name, part in resolved.components.items():
            found[name] = partial(self._component, part)
        for name, (axes, feeds) in instance.feeds.items():
            found[name] = partial(self._input, axes, feeds)
        if schema.axes is not None:
            found[schema.axes] = lambda: AxisValues(instance.axes)
        return found

    def _component(self, part: Any) -> Any:
        identity = json.dumps([part.kind, part.name, _plain(part.resolved)], sort_keys=True, default=str)
        if identity not in self._built:
            self._built[identity] = part.build(self.plan.manager)
        return self._built[identity]

    def _input(self, axes: tuple[str, ...] | None, feeds: tuple[Feed, ...]) -> Any:
        items = {feed.key: self._outline(feed) for feed in feeds}
        return next(iter(items.values())) if axes is None else items

    def _outline(self, feed: Feed) -> Outline:
        if feed.instance in self._made:
            return self._made[feed.instance].get(feed.output, unknown(feed.type.kind, "it is not known"))
        place = feed.instance, feed.output
        if place not in self._read:
            output = self.finished[feed.instance][feed.output]
            self._read[place] = of_result(output.folder, feed.type, output.size)
        return self._read[place]


def _itself(value: Any) -> Any:
    return value


def _plain(resolved: Any) -> Any:
    inner = {name: [part.name, _plain(part.resolved)] for name, part in resolved.components.items()}
    return [resolved.values, inner]


def checked(
    plan: Plan,
    out: Path,
    execution: ExecutionPart | None = None,
    keys: KeyMaker | None = None,
    require: bool = True,
) -> Sizes | None:
    """Estimate before a run; may raise ``NoRoom``. An input that cannot be read is left to the run."""
    try:
        sizes = sizes_of(plan, out, execution, keys)
    except IsocortexError:
        return None
    if sizes is not None and require:
        sizes.require_room(out)
    return sizes
