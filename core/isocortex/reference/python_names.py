"""The page of what can be imported: the public names of isocortex and of the plugins' packages."""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType
from typing import Any

from isocortex.reference.markdown import inline, page, table
from isocortex.reference.site import Site

STARS: dict[Any, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}


def python_pages(site: Site) -> dict[str, str]:
    """The page ``python.md``."""
    names = ["isocortex", "isocortex.data", "isocortex.testing", "isocortex.errors"]
    infos = [
        info for info in site.manager.infos if info.status == "loaded" and site.only in (None, info.origin)
    ]
    names += [name for name in dict.fromkeys(i.module.partition(".")[0] for i in infos) if name not in names]
    title = "# Python names\n\nPublic names by package; their docstrings say more (`help`)."
    return {"python.md": page(title, *(_section(name) for name in names if name))}


def _section(name: str) -> str:
    try:
        module = importlib.import_module(name)
    except Exception as error:
        return page(f"## {name}", f"Cannot be imported: {type(error).__name__}.")
    rows = [(f"`{item}{_arguments(found)}`", inline(_first_line(found))) for item, found in _public(module)]
    return (
        page(f"## {name}", inline((module.__doc__ or "").partition("\n\n")[0]), table(("name", ""), rows))
        if rows
        else ""
    )


def _public(module: ModuleType) -> list[tuple[str, Any]]:
    """What a package exports; of a module without such a list what it defines itself."""
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return [(name, _loaded(module, name)) for name in sorted(listed)]
    return [
        (name, item)
        for name, item in sorted(vars(module).items())
        if not name.startswith("_") and getattr(item, "__module__", "") == module.__name__
    ]


def _loaded(module: ModuleType, name: str) -> Any:
    """What a package exports under a name; a text that says so where an optional library of it is missing."""
    try:
        return getattr(module, name)
    except Exception as error:
        return f"cannot be imported ({type(error).__name__})"


def _first_line(item: Any) -> str:
    if isinstance(item, str) and item.startswith("cannot be imported"):
        return item
    described = inspect.isroutine(item) or inspect.isclass(item) or inspect.ismodule(item)
    return (inspect.getdoc(item) or "").partition("\n")[0] if described else ""


def _arguments(item: Any) -> str:
    if not inspect.isroutine(item):
        return ""
    try:
        parameters = inspect.signature(item).parameters.values()
    except ValueError:  # compiled code need not say what it takes
        return "(...)"
    names = []
    for parameter in parameters:
        names.append(STARS.get(parameter.kind, "") + parameter.name)
    return f"({', '.join(names)})"
