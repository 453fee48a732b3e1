"""The axes that steps are run along: their values, given or asked from a data source."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from isocortex.data.labels import as_labels, require_unique
from isocortex.errors import IsocortexError, closest, shown, suggestion
from isocortex.pipeline.document import AxisPart, Document
from isocortex.pipeline.resolve import Resolver
from isocortex.pipeline.yaml_text import Place


@dataclass(frozen=True)
class Axis:
    """An axis: a label for every value, and the value as it was written (a number stays a number)."""

    name: str
    values: Mapping[str, Any]

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels in order."""
        return tuple(self.values)

    def raw(self, label: str) -> Any:
        """The value behind a label."""
        return self.values[label]


def resolve_axes(document: Document, resolver: Resolver, broken: Collection[Place] = ()) -> dict[str, Axis]:
    """Find the values of all axes but the broken ones; what is wrong goes to the resolver's problems."""
    axes = {}
    for name, part in document.axes.items():
        place: Place = ("axes", name)
        if place in broken:
            continue
        try:
            values = list(part) if isinstance(part, list) else _from_source(name, part, place, resolver)
            if values is None:
                continue
            axes[name] = _axis(name, values)
        except IsocortexError as error:
            resolver.fault(place, str(error))
    over = [axis for step in document.steps.values() for axis in step.over]
    misspelt = {near for axis in over if axis not in document.axes for near in closest(axis, document.axes)}
    for name in document.axes:
        if name not in over and name not in misspelt:
            resolver.fault(("axes", name), f"no step runs along this axis (over: {name})")
    return axes


def _axis(name: str, values: Sequence[Any]) -> Axis:
    labels = as_labels(
        [str(value) if isinstance(value, float) else value for value in values], f"axis {name}"
    )
    if not labels:
        raise IsocortexError(f"the axis {name!r} has no values; give at least one")
    require_unique(labels, f"axis {name}")
    lowered: dict[str, str] = {}
    for label in labels:
        twin = lowered.setdefault(label.lower(), label)
        if twin != label:
            raise IsocortexError(
                f"the values {twin!r} and {label!r} differ in case only; some disks give them one folder"
            )
    return Axis(name, dict(zip(labels, values, strict=True)))


def _from_source(name: str, part: AxisPart, place: Place, resolver: Resolver) -> list[Any] | None:
    settings = {key: value for key, value in (part.model_extra or {}).items() if value is not None}
    extra = dict(part.model_extra or {})
    found = resolver.named("data_source", part.from_, {}, (*place, "from"), place, extra, place)
    if found is None:
        return None
    try:
        source = found.build(resolver.manager)
        problems = list(source.check())
        for message in problems:
            resolver.fault(place, str(message))
        if problems:
            return None
        axes = {axis: as_labels(values, f"axis {axis}") for axis, values in source.axes().items()}
    except IsocortexError:
        raise
    except Exception as error:  # a stranger's code: its bug is not ours to crash on
        given = f" with {shown(settings)}" if settings else ""
        raise IsocortexError(
            f"the data source {part.from_!r} failed{given}: {type(error).__name__}: {error}"
        ) from error
    if name not in axes:
        raise IsocortexError(
            f"the data source {part.from_!r} has no axis {name!r}; {suggestion(name, axes, 'axes')}"
        )
    values = list(axes[name])
    if part.only is None:
        return values
    wanted = as_labels(part.only, f"axis {name}: only")
    unknown = [value for value in wanted if value not in values]
    if unknown:
        raise IsocortexError(
            f"only: there is no {name} {unknown[0]!r}; {suggestion(unknown[0], values, 'values')}"
        )
    return [value for value in values if value in wanted]
