"""Pages of components: one for each kind, and one for the steps of each plugin."""

from __future__ import annotations

import re

from isocortex.reference.markdown import inline, page, prose, table, value
from isocortex.reference.meanings import meanings
from isocortex.reference.site import TITLES, Item, Site, page_of
from isocortex.reference.traits import traits


def component_pages(site: Site) -> dict[str, str]:
    """File -> text, for all kinds and plugins that have anything."""
    found = {}
    for kind, title in TITLES.items():
        items = site.items[kind]
        if items:
            found[page_of(items[0].entries[0])] = _page(site, title, items)
    for plugin in site.plugins():
        steps = [item for item in site.items["step"] if item.entries[0].plugin.name == plugin]
        found[page_of(steps[0].entries[0])] = _page(site, f"Steps of the plugin {plugin}", steps)
    return found


def _page(site: Site, title: str, items: list[Item]) -> str:
    listing = table(
        ("name", ""), ((f"[`{i.heading}`]({_address(site, i)})", inline(_short(i))) for i in items)
    )
    return page(f"# {title}", listing, *(section(site, item) for item in items))


def _address(site: Site, item: Item) -> str:
    return "#" + site.address(item).partition("#")[2]


def _short(item: Item) -> str:
    if len(item.entries) == 1:
        return item.entries[0].summary
    return f"{len(item.entries)} networks of one family" if item.entries[0].kind == "model" else "a family"


def section(site: Site, item: Item) -> str:
    """Describe one component."""
    about = item.about
    if about is None:
        return page(f"## {item.heading}", f"Cannot be described: {inline(item.fault)}")
    plugin = f"Plugin `{item.entries[0].plugin.name}`."
    names = ", ".join(f"`{entry.name}`" for entry in item.entries)
    family = f"Any of {names}." if len(item.entries) > 1 else ""
    other = site.foreign(item)
    if other:
        text = f"{item.entries[0].summary}: `{other}`, with that class's settings (`isocortex show`)."
        return page(f"## {item.heading}", text, plugin)
    doc, meaning = item.docstring, meanings(site, item)
    inputs = (
        (f"`{name}`", _types(site, kind), _said(site, meaning, name)) for name, kind in about.inputs.items()
    )
    settings = (
        (
            f"`{row['name']}`" if row["name"].isidentifier() else row["name"],
            _types(site, row["type"]),
            "required"
            if row["required"]
            else ""
            if not row["name"].isidentifier()
            else value(row["default"]),
            _said(site, meaning, row["name"]),
        )
        for row in about.settings
    )
    outputs = ((f"`{name}`", _types(site, kind)) for name, kind in about.outputs.items())
    given = ((f"`{name}`", inline(said, site.link)) for name, said in _given(item).items())
    return page(
        f"## {item.heading}",
        prose(doc.text or item.entries[0].summary, site.link),
        family,
        traits(item),
        table(("given with the patterns", "meaning"), given),
        table(("input", "type", "meaning"), inputs),
        table(("setting", "type", "default", "meaning"), settings),
        table(("output", "type"), outputs),
        *(f"**{name}.** {prose(body, site.link)}" for name, body in doc.sections.items()),
        plugin,
    )


def _given(item: Item) -> dict[str, str]:
    """What a metric is called with, which is no setting of it."""
    if item.about is None or item.entries[0].kind != "rdm_metric":
        return {}
    settings = {row["name"] for row in item.about.settings}
    return {name: said for name, said in item.docstring.parameters.items() if name not in settings}


def _said(site: Site, meaning: dict[str, str], name: str) -> str:
    return inline(meaning.get(name, ""), site.link)


def _types(site: Site, text: str) -> str:
    """The words for a type, with data types and kinds of components as links."""
    text = inline(text)
    for kind, title in TITLES.items():
        address = page_of_kind(site, kind)
        if address:
            text = re.sub(rf"\b{kind} name\b", f"[{_one(title)}]({address})", text)
    return re.sub(r"\b[A-Z]\w+\b", lambda found: _data_link(site, found[0]), text)


def _one(title: str) -> str:
    word = title.removesuffix("s")
    return word if word.startswith("RDM") else word.lower()


def _data_link(site: Site, name: str) -> str:
    known = {kind.__name__: kind for kind in site.data_types}
    return f"[{name}]({site.data_address(known[name])})" if name in known else name


def page_of_kind(site: Site, kind: str) -> str:
    """File of a kind's page, or nothing where no component of it is described."""
    items = site.items[kind]
    return page_of(items[0].entries[0]) if items else ""
