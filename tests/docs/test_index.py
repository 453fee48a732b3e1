"""The index of the docs names every page, and none that is not there."""

from __future__ import annotations

import re
from pathlib import Path

from isocortex.reference.markdown import anchor

DOCS = Path(__file__).parents[2] / "docs"


def test_every_page_is_in_the_index() -> None:
    listed = re.findall(r"^\| \[[^]]+\]\(([^)]+)\) \|", (DOCS / "README.md").read_text(), flags=re.MULTILINE)
    pages = {page.name for page in DOCS.glob("*.md")} - {"README.md"}
    assert {name for name in listed if "/" not in name} == pages
    assert all((DOCS / name).is_file() for name in listed)
    assert len(set(listed)) == len(listed)


def test_links_into_the_reference_lead_to_a_heading() -> None:
    for page in DOCS.glob("*.md"):
        for file, place in re.findall(
            r"\]\((reference/[\w-]+\.md)#([\w-]+)\)", page.read_text(encoding="utf-8")
        ):
            headings = re.findall(r"^## (.+)$", (DOCS / file).read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert place in {anchor(heading) for heading in headings}, f"{page.name}: {file}#{place}"
