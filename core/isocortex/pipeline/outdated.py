"""Which results of a finished run would be computed again now, and why: key against key, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isocortex.errors import IsocortexError, shown
from isocortex.formats.arrays import described
from isocortex.pipeline import seal
from isocortex.pipeline.again import plan_again
from isocortex.pipeline.keys import KeyMaker
from isocortex.pipeline.plan import Instance, Plan
from isocortex.pipeline.record import FILE
from isocortex.pipeline.store import Output, Result, Store, output_of

Record = Mapping[str, Any]


BROKEN = "there is no whole result of it"


@dataclass(frozen=True)
class Outdated:
    """A result that would be computed again; ``sure`` unless what it reads may come out as it was."""

    id: str
    folder: Path
    reasons: tuple[str, ...]
    after: tuple[str, ...] = ()

    @property
    def sure(self) -> bool:
        """Whether it is for a reason of its own."""
        return bool(self.reasons)

    def __str__(self) -> str:
        reads = [f"it reads {_some(self.after)}"] if self.after else []
        what = "would be computed again" if self.sure else "may be computed again"
        return f"{self.id} {what}: {'; '.join([*self.reasons, *reads])}"


def outdated(folder: Path) -> tuple[list[Outdated], dict[str, tuple[Any, Any]]]:
    """Plan the run of a folder again, with its parameters, and compare keys; nothing is computed.

    Gives what would be computed again, and the parameters for which the pipeline says another value now (in
    the run, in the pipeline): they were given with ``--set`` or a preset, or edited since.

    Raises ``IsocortexError`` where that cannot be told: no run record, or a pipeline that cannot be planned.
    """
    path = folder / FILE
    if not path.is_file():
        raise IsocortexError(f"{path}: there is no run record")
    with described(path) as record:
        plan = plan_again(record)
    other = {
        name: (value, plan.document.parameters[name])
        for name, value in plan.parameters.items()
        if value != plan.document.parameters[name]
    }
    return list(_compared(plan, Store(folder.resolve()))), other


def _compared(plan: Plan, store: Store) -> Iterator[Outdated]:
    keys = KeyMaker(plan.document.seed, plan.instances.values())
    found: dict[str, Mapping[str, Output]] = {}
    stale: set[str] = set()
    for key, instance in plan.instances.items():
        folder = store.folder(instance.step, instance.axes)
        result = store.find(folder)
        broken = [BROKEN] if result is None else []
        result = result or _recorded(folder)
        reasons = [*broken, *(_reasons(instance, result, keys, found) if result is not None else ())]
        after = sorted(instance.depends() & stale)
        if reasons or after:
            yield Outdated(key, folder, tuple(reasons), tuple(after))
        if (reasons and reasons != [BROKEN]) or after or result is None:
            stale.add(key)
        if result is not None:
            found[key] = result.outputs


def _recorded(folder: Path) -> Result | None:
    """What the record of a result says whose files are not whole."""
    try:
        record = seal.read_record(folder)
        outputs = {name: output_of(folder, name, part) for name, part in record["outputs"].items()}
        return Result(folder, record["key"], record, outputs)
    except seal.DAMAGE:
        return None


def _some(names: Sequence[str]) -> str:
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + rest


def _reasons(
    instance: Instance, result: Result, keys: KeyMaker, found: Mapping[str, Mapping[str, Output]]
) -> Iterator[str]:
    if result.key is None:
        said = [text for text in result.warnings if text.endswith("will not be used again")]
        yield from said or ["it was made by code that cannot be named, so it is never used again"]
        return
    if not instance.depends() <= set(found):
        return
    try:
        record = keys.record(instance, found)
    except OSError as error:
        yield f"an input file cannot be read: {error}"
        return
    if record["key"] is None:
        yield "its code cannot be named now, or was changed after Python had imported it"
    elif record["key"] != result.key:
        yield from dict.fromkeys(_differences(result.record, record)) or ["its key is another"]


def _differences(old: Record, new: Record) -> Iterator[str]:
    """What differs between two records, in words."""
    yield from _settings(old, new, "")
    if old["files"] != new["files"]:
        yield "its input files are others: their content, or their names or folders"
    if old.get("order") != new.get("order"):
        yield "a mapping among its settings is written in another order"
    yield from _inputs(old["inputs"], new["inputs"])
    for name, what in (("format", "the layout of results"), ("axes", "its axes"), ("seed", "the seed")):
        if old[name] != new[name]:
            yield f"{what}: {shown(old[name])} then, {shown(new[name])} now"


def _settings(old: Record, new: Record, place: str) -> Iterator[str]:
    """Of a step, or of a component at a place among its settings."""
    if old["use"] != new["use"]:
        yield f"{place or 'step'}: {old['use']} then, {new['use']} now"
        return
    yield from _code(old["code"], new["code"], place)
    for name in dict.fromkeys([*old["settings"], *new["settings"]]):
        before, now = old["settings"].get(name), new["settings"].get(name)
        if before != now:
            yield f"{_at(place, name)}: {_value(before, now)}"
    for name in dict.fromkeys([*old["components"], *new["components"]]):
        before, now = old["components"].get(name), new["components"].get(name)
        if before is None or now is None:
            yield f"{_at(place, name)}: {_use(before)} then, {_use(now)} now"
        else:
            yield from _settings(before, now, _at(place, name))


def _at(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _use(component: Record | None) -> str:
    return "none" if component is None else str(component["use"])


def _value(before: Any, now: Any) -> str:
    if any(str(value).startswith("content:") for value in (before, now)):
        return "another file, or another content of it"
    if "content:" in f"{before}{now}":
        return "other files, or another content of them"
    return f"{shown(before)} then, {shown(now)} now"


def _code(old: Record, new: Record, place: str) -> Iterator[str]:
    where = f" of {place}" if place else ""
    for name in sorted({*old["libraries"], *new["libraries"]}):
        before, now = (code["libraries"].get(name, "not used") for code in (old, new))
        if before != now:
            yield f"{name}: {before} then, {now} now"
    if (old["distribution"], old["version"]) != (new["distribution"], new["version"]):
        before, now = (f"{code['distribution']} {code['version']}".strip() for code in (old, new))
        yield f"the plugin{where}: {before} then, {now} now"
    if old["source"] != new["source"]:
        yield f"the source code{where} has changed"
    if old["component"] != new["component"]:
        yield f"the component{where}: {old['component']} then, {new['component']} now"


def _inputs(old: Record, new: Record) -> Iterator[str]:
    for name in dict.fromkeys([*old, *new]):
        before, now = old.get(name), new.get(name)
        if before is None or now is None:
            yield f"{name}: {'not an input then' if before is None else 'no input now'}"
            continue
        if before["types"] != now["types"]:
            yield f"{name}: the code that reads it has changed"
        if [item[0] for item in before["items"]] != [item[0] for item in now["items"]]:
            yield f"{name}: other axis values, or in another order"
        elif before["items"] != now["items"] or before["along"] != now["along"]:
            yield f"{name}: what is read there is another result than then"
