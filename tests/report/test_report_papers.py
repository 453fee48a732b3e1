"""Which papers a report lists: named in texts, said by components, listed by plugins for what was used."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tiny import write_tiny

import isocortex as ic
from isocortex.pipeline.plan import make_plan
from isocortex.plugins.manager import PluginManager
from isocortex.report.again import report_again
from isocortex.report.papers import Bibliography, Paper, address_of, key_of, named_in
from isocortex.report.provenance import sources


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("as in Lee et al. 2023, here", ["Lee et al. 2023"]),
        ("(Benjamini & Hochberg, 1995)", ["Benjamini & Hochberg 1995"]),
        ("Benjamini & Yekutieli (2001) say", ["Benjamini & Yekutieli 2001"]),
        (
            "(Lee, Jung, Lustig & Lee 2023; Shen et al. 2019)",
            ["Lee, Jung, Lustig & Lee 2023", "Shen et al. 2019"],
        ),
        ("van der Maaten and Hinton 2008", ["Maaten and Hinton 2008"]),
        ("In 2019 we measured 2000 voxels", []),
    ],
)
def test_sources_in_a_text(text: str, found: list[str]) -> None:
    assert list(named_in(text)) == found


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("PLoS (doi:10.1371/journal.pcbi.1006633).", "https://doi.org/10.1371/journal.pcbi.1006633"),
        ("https://doi.org/10.51628/001c.27664, read", "https://doi.org/10.51628/001c.27664"),
        ("arXiv:1409.1556v6", "https://arxiv.org/abs/1409.1556"),
        ("version 10.1371/4 of it", ""),
        ("doi:javascript:alert(1)", ""),
    ],
)
def test_addresses(text: str, address: str) -> None:
    assert address_of(text) == address


def test_a_paper_is_found_by_first_author_and_year() -> None:
    assert key_of("Lee et al. 2023") == key_of("Lee, Jung, Lustig & Lee 2023") == ("lee", "2023")
    assert key_of("Lee, Jung, Lustig & Lee (2023). Human Brain Mapping 44(5):2018-2038.") == ("lee", "2023")
    assert key_of("Nili H, Wingfield C, et al. (2014). A toolbox.") == ("nili", "2014")


STEPS = """
def make(n: int = 1) -> ic.Table:
    \"""Makes (Author & Other 2001, doi:10.1000/xyz; Once 2002).\"""
    return ic.Table({"x": [n]})
make.cites = ["Third T (2003). A <b>title</b>. Journal 1:2. doi:10.1000/third"]
papers = (Paper("Once 2002", "Once O (2002). In full.", "doi:10.1000/once"),
          Paper("Big 2004", "Big B (2004). For large n.", "", ("make n=5",)),
          Paper("Never 2005", "Never N (2005). Not used.", "", ("other",)))
"""


def plan_of(folder: Path, n: int) -> Any:
    text = "from isocortex.report.papers import Paper\n" + STEPS
    return make_plan(write_tiny(folder, text, f"steps: {{a: {{use: make, with: {{n: {n}}}}}}}\n"))


def test_papers_of_texts_components_and_plugins(tmp_path: Path) -> None:
    cited, faults = sources(plan_of(tmp_path, 1))
    assert not faults
    assert [(one.text, one.address, one.places) for one in cited] == [
        ("Author & Other 2001", "https://doi.org/10.1000/xyz", ["a"]),
        ("Once O (2002). In full.", "https://doi.org/10.1000/once", ["a"]),
        (
            "Third T (2003). A <b>title</b>. Journal 1:2. doi:10.1000/third",
            "https://doi.org/10.1000/third",
            ["a"],
        ),
    ]


def test_a_paper_behind_a_setting_is_cited_where_it_is_so(tmp_path: Path) -> None:
    assert "Big B (2004). For large n." in [one.text for one in sources(plan_of(tmp_path, 5))[0]]


def test_the_page_lists_them(tmp_path: Path) -> None:
    text = "from isocortex.report.papers import Paper\n" + STEPS
    ic.run(write_tiny(tmp_path, text, "steps: {a: {use: make}}\n"), tmp_path / "out")
    page = report_again(tmp_path / "out").read_text()
    assert '<a href="https://doi.org/10.1000/once" rel="noreferrer">doi.org/10.1000/once</a>' in page
    assert "A &lt;b&gt;title&lt;/b&gt;." in page and "Never N" not in page


def test_a_broken_list_costs_no_page() -> None:
    objects = {"bad": SimpleNamespace(papers="nowhere_at_all:X"), "odd": SimpleNamespace(papers=["Text"])}
    found = Bibliography(SimpleNamespace(objects=objects))  # type: ignore[arg-type]
    assert len(found.faults) == 2 and "plugin 'bad'" in found.faults[0] and "is no" in found.faults[1]


def test_what_the_built_in_plugins_list_is_there() -> None:
    manager = PluginManager()
    found = Bibliography(manager)
    assert not found.faults and len(found.papers) > 25
    kinds = (
        "step",
        "similarity",
        "rdm_metric",
        "decoder",
        "reconstructor",
        "generator",
        "model",
        "data_source",
    )
    names = {name for kind in kinds for name in manager.names(kind)}
    for paper in found.papers.values():
        assert isinstance(paper, Paper) and (not paper.link or address_of(paper.link)), paper
        assert key_of(paper.reference) == key_of(paper.name), paper
        for use in paper.used_by:
            name, *conditions = use.split(" ")
            assert name in names, use
            for condition in conditions:
                assert condition.partition("=")[0] in manager.step(name).signature.settings, use
