"""All pages of the reference, and their writing into a folder."""

from __future__ import annotations

from pathlib import Path

from isocortex.plugins.manager import PluginManager
from isocortex.reference.assets import asset_pages
from isocortex.reference.commands import command_pages
from isocortex.reference.components import component_pages
from isocortex.reference.data_types import data_type_pages
from isocortex.reference.hooks import hook_pages
from isocortex.reference.markdown import page, table
from isocortex.reference.pipelines import pipeline_pages
from isocortex.reference.python_names import python_pages
from isocortex.reference.site import Site

MARK = "<!-- made by: python -m isocortex.reference -->"
"""Last line of each page: what carries it may be written over, or removed when it is no more."""


def pages(manager: PluginManager, only: str | None = None) -> dict[str, str]:
    """Make the reference: file name -> Markdown.

    ``only`` names a distribution: then only the components that it installs are described.
    """
    site = Site(manager, only)
    found = {
        **component_pages(site),
        **data_type_pages(site),
        **pipeline_pages(site),
        **hook_pages(site),
        **command_pages(),
        **asset_pages(site),
        **python_pages(site),
    }
    found["README.md"] = _index(found)
    return {name: f"{text}\n{MARK}\n" for name, text in sorted(found.items())}


def _index(found: dict[str, str]) -> str:
    how = "Made from the code by `python -m isocortex.reference`, which takes in your own plugins as well."
    title = f"# Reference\n\n{how}"
    rows = ((f"[{_title(text)}]({name})", _count(text)) for name, text in sorted(found.items()))
    return page(title, table(("page", "entries"), rows))


def _title(text: str) -> str:
    return text.partition("\n")[0].lstrip("# ")


def _count(text: str) -> str:
    return str(text.count("\n## ") or text.count("\n| `"))


def write(folder: Path, found: dict[str, str]) -> list[Path]:
    """Write the pages and give their paths; earlier pages that are no more are removed, other files stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.md"):
        if old.name not in found and old.read_text(encoding="utf-8").rstrip().endswith(MARK):
            old.unlink()
    for name, text in found.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in found]
