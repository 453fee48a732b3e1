"""Steps that can be cut: pieces of the work that workers do apart, put together to the same bytes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from isocortex.data.base import Array, Data
from isocortex.errors import PluginError

Piece = Any
"""What a piece is: anything that JSON can hold, such as ``[first, last]`` or ``["conv5_1", 0, 8192]``."""

Step = TypeVar("Step", bound=Callable[..., Any])
_MARK = "__isocortex_split__"


@dataclass(frozen=True, eq=False, repr=False)
class Part(Data):
    """What a piece of a step came to: arrays by name, and what else its ``merge`` has to know (JSON)."""

    kind: ClassVar[str] = "part"

    arrays: Mapping[str, Array]
    info: Mapping[str, Any] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write one ``.npy`` an array and ``part.json``."""
        from isocortex.formats import arrays

        files = arrays.file_names(self.arrays)
        for name, values in self.arrays.items():
            arrays.write_array(folder / f"{files[name]}.npy", values)
        arrays.write_json(folder / "part.json", {"files": files, "info": dict(self.info)})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote; the arrays are memory maps."""
        from isocortex.formats import arrays

        with arrays.described(folder / "part.json") as content:
            files = content["files"].items()
            found = {name: arrays.read_array(arrays.inside(folder, f"{file}.npy")) for name, file in files}
            return cls(found, content["info"])


@dataclass(frozen=True)
class Split:
    """How a step is cut; each function takes the step's own arguments by name, defaults too.

    pieces : ``pieces(**arguments)`` -> list of pieces, decided by the data and the settings alone, never by
        processors or workers. One piece or none: the step is run whole.
    part : ``part(piece, **arguments)`` -> ``Part``. Every piece starts from the same random generator, as
        the step does.
    merge : ``merge(parts, **arguments)`` -> what the step returns, the same to the last bit as without cut.
    """

    pieces: Callable[..., Sequence[Piece]]
    part: Callable[..., Part]
    merge: Callable[..., Any]


def splits(
    pieces: Callable[..., Sequence[Piece]], part: Callable[..., Part], merge: Callable[..., Any]
) -> Callable[[Step], Step]:
    """Declare how a step is cut, as a decorator of its function; see ``Split``.

    What is warned of in the parts, in their order, and then in ``merge``, is what the step warns of.
    """

    def mark(step: Step) -> Step:
        """Note on the function how it is cut."""
        setattr(step, _MARK, Split(pieces, part, merge))
        return step

    return mark


def split_of(function: Callable[..., Any]) -> Split | None:
    """How a step is cut, None where it is not."""
    found = getattr(function, _MARK, None)
    if found is not None and not isinstance(found, Split):
        raise PluginError(f"{function!r}: declare how it is cut with the decorator splits(...)")
    return found


def with_defaults(function: Callable[..., Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments with what the step's own signature says where nothing is given."""
    bound = inspect.signature(function).bind(**arguments)
    bound.apply_defaults()
    return bound.arguments


def in_parts(function: Callable[..., Any], **arguments: Any) -> Any:
    """Run a step piece by piece in this process: what workers do, for tests of a ``Split``."""
    split = split_of(function)
    if split is None:
        raise PluginError(f"{function!r} does not say how it is cut")
    arguments = with_defaults(function, arguments)
    parts = [split.part(piece, **arguments) for piece in split.pieces(**arguments)]
    return split.merge(parts, **arguments)
