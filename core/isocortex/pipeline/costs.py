"""What a step costs, said from the sizes of its inputs and its settings, before anything is computed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from isocortex.errors import PluginError

Step = TypeVar("Step", bound=Callable[..., Any])
_MARK = "__isocortex_costs__"


class Unknown(Exception):
    """A size that cannot be said before the run; the text says why."""


@dataclass(frozen=True)
class Outline:
    """What is known of a data object before it is made.

    ``outline["channels"]`` is a size; asking for one that is not known raises ``Unknown``. The names are
    those of ``isocortex.pipeline.outlines``, which has a function for each kind of data. ``disk``: bytes of
    its files.
    """

    what: str
    sizes: Mapping[str, Any] = field(default_factory=dict)
    disk: int | None = None
    reason: str = ""

    def __getitem__(self, name: str) -> Any:
        if name not in self.sizes:
            raise Unknown(self.reason or f"the {name} of the {self.what} are not known")
        return self.sizes[name]

    def get(self, name: str, otherwise: Any = None) -> Any:
        """A size, or something else where it is not known."""
        return self.sizes.get(name, otherwise)


def unknown(what: str, reason: str) -> Outline:
    """An outline of which nothing is known."""
    return Outline(what, {}, None, reason)


@dataclass(frozen=True)
class Cost:
    """What an instance of a step takes.

    memory : most bytes in its process at a time, above what Python and isocortex take by themselves
        (``estimates.PROCESS``): arrays, memory maps that are read, libraries such as TensorFlow.
    outputs : output (``result`` where there is one) -> outline.
    """

    memory: int
    outputs: Mapping[str, Outline]


@dataclass(frozen=True)
class Costs:
    """How a step estimates: see ``costs``."""

    estimate: Callable[..., Cost]
    remedy: str

    def of(self, arguments: Mapping[str, Callable[[], Any]]) -> Cost:
        """Call the estimate with those arguments that it names; each is made when it is asked for."""
        names = inspect.signature(self.estimate).parameters
        every = any(part.kind is part.VAR_KEYWORD for part in names.values())
        wanted = arguments if every else [name for name in names if name in arguments]
        return self.estimate(**{name: arguments[name]() for name in wanted})


def costs(estimate: Callable[..., Cost], remedy: str = "") -> Callable[[Step], Step]:
    """Declare what a step costs, as a decorator of its function.

    Parameters
    ----------
    estimate : takes those of the step's arguments that it names: an ``Outline`` for an input (a mapping of
        them where it is collected along axes, None where it is left out), settings as the step gets them,
        components built. Gives a ``Cost``, or raises ``Unknown``. It must be quick and read no data.
    remedy : what its user can do where it does not fit, as a half sentence ("give centres, ...").
    """

    def mark(step: Step) -> Step:
        setattr(step, _MARK, Costs(estimate, remedy))
        return step

    return mark


def loading(kind: str) -> Callable[..., Cost]:
    """The estimate of a step that loads data of a kind: what its source's ``cost(kind, **axes)`` says.

    Sources need no such method; without one nothing is known of what they load.
    """

    def estimate(source: Any, axes: Mapping[str, str]) -> Cost:
        """Ask the source."""
        told = getattr(source, "cost", None)
        if told is None:
            raise Unknown(f"the data source {type(source).__name__} does not say")
        cost: Cost = told(kind, **{axis: axes[axis] for axis in source.loads[kind]})
        return cost

    return estimate


def costs_of(function: Callable[..., Any]) -> Costs | None:
    """How a step estimates, None where it does not."""
    found = getattr(function, _MARK, None)
    if found is not None and not isinstance(found, Costs):
        raise PluginError(f"{function!r}: declare what it costs with the decorator costs(...)")
    return found
