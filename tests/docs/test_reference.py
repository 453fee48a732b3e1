"""The reference is what the code says: the committed pages are those that the generator gives."""

from __future__ import annotations

import io
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import isocortex as ic
from isocortex.plugins.manager import PluginManager
from isocortex.reference.__main__ import main
from isocortex.reference.docstrings import Docstring
from isocortex.reference.hooks import hook_names
from isocortex.reference.markdown import anchor, inline, prose
from isocortex.reference.meanings import gaps
from isocortex.reference.pages import MARK, pages, write
from isocortex.reference.pipelines import comments
from isocortex.reference.python_names import _arguments, _first_line, _public
from isocortex.reference.site import Site

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
COMMITTED = {page.name: page.read_text(encoding="utf-8") for page in FOLDER.glob("*.md")}


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return pages(PluginManager(), only="isocortex")


def test_the_committed_pages_are_those_of_the_code(made: dict[str, str]) -> None:
    different = [name for name in sorted({*made, *COMMITTED}) if made.get(name) != COMMITTED.get(name)]
    assert different == [], "docs/reference is not what the code says: run make docs, and commit it"


def test_every_component_hook_and_setting_has_its_place(made: dict[str, str]) -> None:
    manager = PluginManager()
    text = "\n".join(made.values())
    for kind in ("step", "rdm_metric", "similarity", "decoder", "data_source", "pipeline"):
        for entry in Site(manager, "isocortex").entries(kind):
            assert f"\n## {entry.name}\n" in text
    assert set(re.findall(r"^## (\w+)$", made["hooks.md"], flags=re.MULTILINE)) == set(hook_names())
    assert "| `radius` | number or null |" in made["steps-searchlight.md"]
    rows = [row for row in text.splitlines() if row.startswith("| ")]
    assert not [row for row in rows if "other settings" in row], "a row is about its own setting alone"


def test_links_lead_somewhere(made: dict[str, str]) -> None:
    anchors = {
        name: {anchor(title) for title in re.findall(r"^##? (.+)$", text, flags=re.MULTILINE)}
        for name, text in made.items()
    }
    for name, text in made.items():
        for target in re.findall(r"\]\(([^)]+)\)", text):
            page, _, place = target.partition("#")
            if page.startswith("../"):
                assert (FOLDER / page).is_file(), f"{name}: {target}"
            else:
                assert place == "" or place in anchors[page or name], f"{name}: {target}"


class Stranger:
    """A plugin with markup in its docstrings."""

    @ic.hookimpl
    def register_rdm_metrics(self, register):  # type: ignore[no-untyped-def]
        register("strange", strange, summary="a|b <b>*c*")

    @ic.hookimpl
    def register_steps(self, register):  # type: ignore[no-untyped-def]
        register("strange_step", strange_step)
        register("broken_step", lambda patterns: patterns)


def strange(patterns: np.ndarray, power: float = 2.0) -> np.ndarray:
    """Difference <b>to a power</b>.

    Needs runs, say.

    Parameters
    ----------
    patterns : what is measured.
    power : an exponent, ``|x| ** power``.
    """
    return patterns


strange.needs = {"runs"}  # type: ignore[attr-defined]


def strange_step(rdms: ic.RDMs, folder: ic.InputFolder, **further: int) -> ic.Table:
    """Do as ``strange`` does.

    Parameters
    ----------
    further : numbers by name.
    """
    return ic.Table({"n": [1]})


def test_a_strangers_components_are_described_and_escaped() -> None:
    made = pages(PluginManager(plugins=[Stranger()]), only="object")
    metric, steps = made["rdm-metrics.md"], made["steps-Stranger.md"]
    assert "| [`strange`](#strange) | a\\|b &lt;b>\\*c\\* |" in metric
    assert "Difference &lt;b>to a power&lt;/b>." in metric and "Needs `runs`." in metric
    assert "| `power` | number | `2.0` | an exponent, `\\|x\\| ** power`. |" in metric
    assert "| `patterns` | what is measured. |" in metric
    assert "Do as [`strange`](rdm-metrics.md#strange) does." in steps
    assert "| (any name) | whole number |  | numbers by name. |" in steps
    assert "## broken_step\n\nCannot be described: the step 'broken_step'" in steps
    assert "| [`strange_step`](steps-Stranger.md#strange_step) | `folder` | folder |" in made["data-types.md"]
    assert "searchlight_rsa" not in "".join(made.values())
    assert "](../" not in "".join(made.values()), "isocortex's docs do not lie beside a stranger's"


def a_png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG")
    return buffer.getvalue()


def test_what_no_docstring_says_is_listed() -> None:
    site = Site(PluginManager(plugins=[Stranger()]), "object")
    assert gaps(site) == ["step strange_step: rdms", "step strange_step: folder"]


def test_names_that_cannot_be_imported_or_asked_are_listed_all_the_same() -> None:
    module = ModuleType("strange")
    module.__all__ = ["here", "lacking", "print_"]  # type: ignore[attr-defined]
    module.here, module.print_ = len, dict.fromkeys  # type: ignore[attr-defined]
    shown = {name: (_arguments(item), _first_line(item)) for name, item in _public(module)}
    assert shown["here"][0] == "(obj)"
    assert shown["lacking"] == ("", "cannot be imported (AttributeError)")
    assert _arguments(getattr) in ("(...)", "(object, name, default)")


def example_data() -> list[ic.Data]:
    space = ic.Space(np.ones((2, 1, 1), dtype=bool), np.eye(4))
    values = np.array([[1.0, 2.0], [3.0, 4.0]])
    table = ic.Table({"n": [1]})
    picture = np.zeros((1, 4, 4, 3))
    images = ic.Images(picture, ("a",))
    return [
        ic.Patterns(values, ("a", "b"), space=space),
        ic.RDMs(np.array([[1.0]]), ("a", "b"), ("one",), "correlation"),
        ic.Features({"fc6": values}, ("a", "b")),
        ic.Decoded({"fc6": values}, ("a", "b")),
        ic.StatMaps(values, ("x", "y"), space, "t"),
        ic.Figure(a_png(), "caption", table),
        images,
        table,
    ]


@pytest.mark.parametrize("item", example_data(), ids=lambda item: type(item).__name__)
def test_the_page_names_every_file_that_is_written(item: ic.Data, tmp_path: Path) -> None:
    item.save(tmp_path)
    section = COMMITTED["data-types.md"].partition(f"\n## {type(item).__name__}\n")[2].partition("\n## ")[0]
    said = section.partition("On disk: ")[2].partition("\n")[0]
    for file in tmp_path.rglob("*"):
        kind = {".npy": "`.npy`", ".png": "PNG"}.get(file.suffix, "")
        assert f"`{file.name}`" in said or (kind and kind in said), f"{file.name} is not in {said!r}"


def test_the_command_writes_renews_and_removes_its_own_pages_only(tmp_path: Path) -> None:
    (tmp_path / "old.md").write_text(f"# Old\n\n{MARK}\n")
    (tmp_path / "mine.md").write_text("# Mine\n")
    write(tmp_path, {"new.md": f"# New\n\n{MARK}\n"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.md", "new.md"]
    done = CliRunner().invoke(main, ["--only", "nobody", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0 and "pages in" in done.output
    assert "# Hooks" in (tmp_path / "out" / "hooks.md").read_text()
    assert not (tmp_path / "out" / "pipelines.md").exists()


def test_a_broken_plugin_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def nothing(): pass\n")
    done = CliRunner().invoke(main, ["--plugin", str(tmp_path / "broken.py"), "--out", str(tmp_path / "out")])
    assert done.exit_code == 1 and "adds nothing" in done.output and "Traceback" not in done.output


def test_docstrings_are_taken_apart() -> None:
    found = Docstring.read(
        "One line.\n\nMore.\n\nParameters\n----------\na, b : both,\n    on two lines.\n"
        "c : one.\n\nReturns\n-------\nA thing."
    )
    assert found.text == "One line.\n\nMore."
    assert found.parameters == {"a": "both, on two lines.", "b": "both, on two lines.", "c": "one."}
    assert found.sections == {"Returns": "A thing."}


def test_prose_keeps_code_and_lists() -> None:
    assert prose("As ::\n\n    a * b < c\n\nthen ``x <y>`` * 2") == "As:\n\n    a * b < c\n\nthen `x <y>` * 2"
    assert prose("``a(b)`` : one\n    more\n``c`` : two") == "* `a(b)` : one\n    more\n* `c` : two"
    assert inline("``known``", {"known": "p.md#known"}.get) == "[`known`](p.md#known)"


def test_comments_of_parameters_are_their_meaning() -> None:
    text = (
        "name: x\nparameters:\n  a: 1   # first\n         # and more\n  b: 'q # r'\nsteps:\n  c: {}  # none\n"
    )
    assert comments(text) == {"a": "first and more", "b": ""}
