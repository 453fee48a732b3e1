"""Annotations as schema: what settings a function or class takes, and whether given ones are valid."""

from __future__ import annotations

import dataclasses
import inspect
import json
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from isocortex.contracts import CONTRACTS
from isocortex.errors import PluginError, suggestion
from isocortex.pipeline.settings import OnDisk
from isocortex.pipeline.wording import WRONG_TYPE, sifted, wording

REQUIRED: Any = inspect.Parameter.empty
_CONTAINERS = ("builtins", "collections", "collections.abc", "types")
"""Modules of the generic types that ``map_paths`` knows its way in."""


@dataclass(frozen=True)
class Setting:
    """One setting of a step or component: its name, annotation and default."""

    name: str
    annotation: Any
    default: Any = REQUIRED

    @property
    def required(self) -> bool:
        """Whether the user has to give it."""
        return self.default is REQUIRED

    @cached_property
    def means_null(self) -> bool:
        """Whether null is a value of its own here: it is allowed, and the default is another one."""
        other = self.default is not None and not self.required
        return other and self.component_kind is None and type(None) in alternatives(self.annotation)

    @cached_property
    def component_kind(self) -> str | None:
        """Kind of component that stands here, for an annotation that is a contract."""
        for kind, contract in CONTRACTS.items():
            if any(part is contract for part in alternatives(self.annotation)):
                return kind
        return None

    @cached_property
    def adapter(self) -> Any:
        """pydantic's validator for the annotation."""
        from pydantic import ConfigDict, TypeAdapter
        from pydantic.errors import PydanticUserError

        try:
            return TypeAdapter(self.annotation)
        except PydanticUserError:
            pass
        try:
            return TypeAdapter(self.annotation, config=ConfigDict(arbitrary_types_allowed=True))
        except PydanticUserError as error:
            raise PluginError(f"the setting {self.name!r} cannot be checked: {error}") from error

    def describe(self) -> str:
        """The annotation as a user would write it."""
        if self.component_kind:
            return f"{self.component_kind} name"
        return type_text(self.annotation)

    def problems(self, value: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Go through what is wrong with a value: (place inside the value, message)."""
        from pydantic import ValidationError

        try:
            self.parse(value)
        except ValidationError as error:
            for place, item, none_fits in sifted(value, error.errors(include_url=False)):
                whole = place == () and item["type"] in WRONG_TYPE
                yield place, wording(item, self.describe() if whole or none_fits else "")

    def accept(self, value: Any) -> Any:
        """Check a value given in Python; raises ``ValueError``. What has no checkable annotation passes."""
        from pydantic import ValidationError

        try:
            adapter = self.adapter
        except PluginError:
            return value
        try:
            return adapter.validate_python(value)
        except ValidationError:
            raise ValueError(f"expected {self.describe()}, got {value!r}") from None

    def parse(self, value: Any) -> Any:
        """Turn a plain YAML value into what the function wants; nothing is guessed ("3" is no number)."""
        return self.adapter.validate_json(json.dumps(value), strict=True)


@dataclass(frozen=True)
class Signature:
    """The settings that a callable takes; ``free`` is the type of settings of any other name, or None."""

    settings: Mapping[str, Setting]
    free: Any = None

    def setting(self, name: str) -> Setting | None:
        """Find a setting by name, also one of free name."""
        if name in self.settings:
            return self.settings[name]
        return Setting(name, self.free) if self.free is not None else None

    def unknown(self, name: str) -> str:
        """Say that there is no such setting, and what is close."""
        return f"there is no setting {name!r}; {suggestion(name, self.settings, 'settings')}"


def signature_of(component: Callable[..., Any], skip: int = 0) -> Signature:
    """Read the settings of a class (its ``__init__``) or function; ``skip`` leading parameters are none."""
    function: Any = component.__init__ if inspect.isclass(component) else component
    name = getattr(component, "__qualname__", repr(component))
    if not inspect.isroutine(function):
        return Signature({})
    try:
        parameters = list(inspect.signature(function).parameters.values())
        hints = typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, ValueError, AttributeError, SyntaxError) as error:
        raise PluginError(f"the annotations of {name} cannot be read: {error}") from error
    if inspect.isclass(component) and function is object.__init__:
        return Signature({})
    settings: dict[str, Setting] = {}
    free: Any = None
    for parameter in parameters[skip + inspect.isclass(component) :]:
        annotation = hints.get(parameter.name, Any)
        hidden = hidden_path(annotation)
        if hidden:
            raise PluginError(
                f"the setting {parameter.name!r} of {name} wants a path {hidden}, where a change of the file "
                "would not be noticed; it may be in lists, values of mappings, TypedDicts and dataclasses"
            )
        if parameter.kind is parameter.VAR_KEYWORD:
            free = annotation
        elif parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            settings[parameter.name] = Setting(parameter.name, annotation, parameter.default)
    return Signature(settings, free)


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """Branches of a union, with ``Annotated`` taken off; the annotation itself when it is none."""
    if get_origin(annotation) is Annotated:
        return alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(part for branch in get_args(annotation) for part in alternatives(branch))
    return (annotation,)


def map_paths(
    annotation: Any,
    value: Any,
    change: Callable[[str, OnDisk, tuple[str | int, ...]], Path | str],
    place: tuple[str | int, ...] = (),
) -> Any:
    """Replace every text that stands where the annotation wants a path on disk, wherever it is nested.

    ``change`` is given the text, what it has to be, and its place inside the value.
    """
    annotation = _opened(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        mark = _mark(annotation)
        if mark is not None and isinstance(value, str):
            return str(change(value, mark, place))
        return map_paths(arguments[0], value, change, place)
    if origin in (Union, types.UnionType):
        if isinstance(value, str) and value in _words(annotation):
            return value
        found = (map_paths(branch, value, change, place) for branch in arguments)
        return next((changed for changed in found if changed != value), value)
    if isinstance(value, list) and arguments:
        fixed = origin is tuple and arguments[-1] is not Ellipsis and len(arguments) == len(value)
        inner = arguments if fixed else arguments[:1] * len(value)
        pairs = enumerate(zip(inner, value, strict=True))
        return [map_paths(one, item, change, (*place, index)) for index, (one, item) in pairs]
    if isinstance(value, dict):
        fields = _fields(annotation) if len(arguments) != 2 else dict.fromkeys(value, arguments[1])
        return {key: map_paths(fields.get(key), item, change, (*place, key)) for key, item in value.items()}
    return value


def hidden_path(annotation: Any, known: tuple[Any, ...] = ()) -> str | None:
    """Where an annotation wants a path on disk that ``map_paths`` does not find, in words."""
    annotation = _opened(annotation)
    origin, arguments, fields = get_origin(annotation), get_args(annotation), _fields(annotation)
    if _mark(annotation) is not None or annotation in known or origin is typing.Literal:
        return None
    if origin is Annotated:
        return hidden_path(arguments[0], known)
    kind = annotation if origin is None else origin
    strange = not fields and inspect.isclass(kind) and kind.__module__ not in _CONTAINERS
    if strange and any(_marked(part) for part in arguments or [annotation]):
        return f"in {kind.__name__}"
    if inspect.isclass(origin) and issubclass(origin, Mapping) and _marked(arguments[0]):
        return "as a key of a mapping"
    inner = (*arguments, *fields.values())
    return next((place for part in inner if (place := hidden_path(part, (*known, annotation)))), None)


def plain_path(annotation: Any) -> bool:
    """Whether an annotation wants a ``Path`` of which nothing says what it is."""
    return any(part is Path for part in _parts(annotation))


def _opened(annotation: Any) -> Any:
    """What an annotation stands for: behind ``type X = ...``, ``NewType`` and ``Required``."""
    while True:
        if get_origin(annotation) in (typing.Required, typing.NotRequired):
            annotation = get_args(annotation)[0]
        elif isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        else:
            return annotation


def _mark(annotation: Any) -> OnDisk | None:
    """The mark of a path on disk, if that is what is annotated."""
    found = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return next((part for part in found if isinstance(part, OnDisk)), None)


def _words(annotation: Any) -> list[Any]:
    """Values that a union has by name; a file of that name is meant by ``./name``."""
    named = [part for part in alternatives(annotation) if get_origin(part) is typing.Literal]
    return [word for part in named for word in get_args(part)]


def _fields(annotation: Any) -> dict[str, Any]:
    """Annotations of what stands under a fixed name in a mapping: of a TypedDict or dataclass."""
    if not inspect.isclass(annotation):
        return {}
    named = dataclasses.is_dataclass(annotation) or hasattr(annotation, "__required_keys__")
    return _hints(annotation) if named else {}


def _hints(kind: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(kind, include_extras=True)
    except (NameError, TypeError, AttributeError, SyntaxError):
        return {}


def _parts(annotation: Any, known: tuple[Any, ...] = ()) -> Iterator[Any]:
    """Go through all that an annotation is made of, the fields of classes that pydantic reads too."""
    annotation = _opened(annotation)
    yield annotation
    if annotation in known or _mark(annotation) is not None or get_origin(annotation) is typing.Literal:
        return
    inner = list(get_args(annotation)[: 1 if get_origin(annotation) is Annotated else None])
    if inspect.isclass(annotation):
        read = hasattr(annotation, "_fields") or hasattr(annotation, "model_fields")
        inner += (_hints(annotation) if read else _fields(annotation)).values()
    for part in inner:
        yield from _parts(part, (*known, annotation))


def _marked(annotation: Any) -> bool:
    return any(_mark(part) is not None for part in _parts(annotation))


def type_text(annotation: Any) -> str:
    """An annotation in the words of a user, not of Python's typing."""
    if get_origin(annotation) is Annotated:
        mark = _mark(annotation)
        if mark is not None:
            return ("folder" if mark.folder else "file") if mark.read else "path"
        return type_text(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return " or ".join(type_text(part) for part in get_args(annotation))
    if get_origin(annotation) is typing.Literal:
        return " or ".join(repr(value) for value in get_args(annotation))
    names = {int: "whole number", float: "number", str: "text", bool: "true or false", type(None): "null"}
    if annotation in names:
        return names[annotation]
    if get_origin(annotation) in (list, tuple):
        return f"list of {type_text(get_args(annotation)[0])}" if get_args(annotation) else "list"
    if get_origin(annotation) is dict:
        return f"mapping of {' to '.join(type_text(part) for part in get_args(annotation))}"
    if inspect.isclass(annotation) and hasattr(annotation, "__required_keys__"):
        return _keys_text(annotation)
    return getattr(annotation, "__name__", str(annotation).replace("typing.", ""))


def _keys_text(annotation: Any) -> str:
    """The keys of a TypedDict with their types: ``mapping with within (list of text), between (...)``."""
    texts, optional = [], False
    for key, kind in typing.get_type_hints(annotation, include_extras=True).items():
        marked = get_origin(kind) in (typing.Required, typing.NotRequired)
        needed = get_origin(kind) is typing.Required if marked else annotation.__total__
        optional |= not needed
        kind = get_args(kind)[0] if marked else kind
        texts.append((f"{key} ({type_text(kind)}", needed))
    ends = {True: ", required)" if optional else ")", False: ")"}
    return f"mapping with {'any of ' * optional}" + ", ".join(text + ends[needed] for text, needed in texts)
