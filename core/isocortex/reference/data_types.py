"""The page of data types: what each holds and is on disk, which steps give it, and what reads other files."""

from __future__ import annotations

import inspect
import pkgutil

from isocortex import formats
from isocortex.data.base import Data
from isocortex.data.space import Space
from isocortex.reference.docstrings import Docstring
from isocortex.reference.markdown import inline, page, prose, table
from isocortex.reference.meanings import meanings
from isocortex.reference.site import Site

INTRODUCTION = """# Data types and files

What flows between steps, and what lies in `OUT/<step>/<axis>=<value>/` (of a step with several outputs in a
folder for each). Every result is readable without isocortex. Beside the files of the data stand `step.json`
(key, settings, digests, versions) and `timing.json`. In Python, `KIND.load(folder)` reads a result and
`run["step"]` gives it."""


def data_type_pages(site: Site) -> dict[str, str]:
    """The page ``data-types.md``."""
    listing = table(
        ("type", "on disk"),
        (
            (f"[`{kind.__name__}`]({site.data_address(kind)[13:]})", _on_disk(kind))
            for kind in site.data_types
        ),
    )
    sections = [_section(site, kind) for kind in site.data_types]
    text = page(INTRODUCTION, listing, *sections, _space(), _readers(site), _formats())
    return {"data-types.md": text}


def _section(site: Site, kind: type[Data]) -> str:
    doc = Docstring.read(inspect.getdoc(kind) or "")
    fields = ((f"`{name}`", inline(said, site.link)) for name, said in doc.parameters.items())
    giving, taking = _steps(site, kind)
    return page(
        f"## {kind.__name__}",
        prose(doc.text, site.link),
        table(("field", "meaning"), fields),
        f"On disk: {_on_disk(kind)}",
        f"Given by {giving}." if giving else "",
        f"Taken by {taking}." if taking else "",
    )


def _on_disk(kind: type[Data] | type[Space]) -> str:
    text = inline(inspect.getdoc(kind.save) or "")
    return text.removeprefix("Write ").replace("\n", " ")


def _steps(site: Site, kind: type[Data]) -> tuple[str, str]:
    """Links to the steps that give this type, and to those that take it."""
    giving, taking = [], []
    for item in site.items["step"]:
        if item.about is None:
            continue
        schema = site.manager.step(item.heading)
        link = f"[`{item.heading}`]({site.address(item)})"
        if kind in schema.outputs.values():
            giving.append(link)
        if any(kind in (*taken.single, *taken.collected) for taken in schema.inputs.values()):
            taking.append(link)
    return ", ".join(giving), ", ".join(taking)


def _space() -> str:
    return page("## Space", prose(inspect.getdoc(Space) or ""), f"On disk: {_on_disk(Space)}")


def _readers(site: Site) -> str:
    """Every setting of a component that names a file or folder to read."""
    rows = []
    for items in site.items.values():
        for item in items:
            said = meanings(site, item)
            for row in item.about.settings if item.about else ():
                if {"file", "folder"} & set(row["type"].split()):
                    link = f"[`{item.heading}`]({site.address(item)})"
                    meaning = inline(said.get(row["name"], ""), site.link)
                    rows.append((link, f"`{row['name']}`", inline(row["type"]), meaning))
    title = "## Settings that read files"
    text = "Their content decides whether a result is reused. Names of public files may stand here, too."
    return page(title, text, table(("component", "setting", "is", "meaning"), sorted(rows)))


def _formats() -> str:
    rows = []
    for module in pkgutil.iter_modules(formats.__path__):
        found = __import__(f"{formats.__name__}.{module.name}", fromlist=["__doc__"])
        rows.append(
            (f"`isocortex.formats.{module.name}`", inline((found.__doc__ or "").partition("\n\n")[0]))
        )
    return page("## Readers and writers in Python", table(("module", ""), rows))
