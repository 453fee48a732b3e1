"""The index of the docs names every page, and none that is not there."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_every_page_is_in_the_index() -> None:
    listed = re.findall(r"^\| \[[^]]+\]\(([^)]+)\) \|", (DOCS / "README.md").read_text(), flags=re.MULTILINE)
    pages = {page.name for page in DOCS.glob("*.md")} - {"README.md"}
    assert {name for name in listed if "/" not in name} == pages
    assert all((DOCS / name).is_file() for name in listed)
    assert len(set(listed)) == len(listed)
