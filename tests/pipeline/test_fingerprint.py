"""What the source of a component is: all that its result can depend on, and nothing that it does not use."""

from __future__ import annotations

import functools
import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

import isocortex as ic
from isocortex.pipeline import fingerprint
from isocortex.pipeline.fingerprint import source_of
from isocortex.plugins.registry import Entry, PluginInfo


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on ``sys.path``; what is imported from it is forgotten again."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def digest(module: str) -> str:
    importlib.invalidate_caches()
    fingerprint.forget()
    source = source_of(module)
    assert source is not None
    return source.digest


IMPORTS = [
    ("import fp_helper", "fp_helper.py"),
    ("import fp_helper as other", "fp_helper.py"),
    ("from fp_helper import thing", "fp_helper.py"),
    ("from fp_helper import *", "fp_helper.py"),
    ("def f():\n    from fp_helper import thing", "fp_helper.py"),
    ("class A:\n    def f(self):\n        import fp_helper", "fp_helper.py"),
    ("try:\n    import fp_helper\nexcept ImportError:\n    pass", "fp_helper.py"),
    ("from typing import TYPE_CHECKING\nif not TYPE_CHECKING:\n    import fp_helper", "fp_helper.py"),
    ("if TYPE_CHECKING:\n    pass\nelse:\n    import fp_helper", "fp_helper.py"),
    ("import fp_package", "fp_package/__init__.py"),
    ("import fp_package", "fp_package/deep/inner.py"),
    ("import fp_package.deep.inner", "fp_package/other.py"),
    ("from fp_package.deep import inner", "fp_package/other.py"),
    ("import fp_package", "fp_helper.py"),
    ("import fp_space.one", "fp_space/one.py"),
    ("from fp_space import one", "fp_space/one.py"),
    ("from fp_space.one import thing", "fp_space/one.py"),
    ("from fp_space.one import thing", "fp_space/two.py"),
    ("from fp_space.package import thing", "fp_space/package/part.py"),
    ("from fp_space.deeper import leaf", "fp_space/deeper/leaf.py"),
    ("import fp_compiled", f"fp_compiled{EXTENSION_SUFFIXES[0]}"),
    ("import fp_package", f"fp_package/compiled{EXTENSION_SUFFIXES[0]}"),
    ("import statistics", "statistics.py"),
]
FILES = {
    "fp_helper.py": "thing = 1",
    "fp_package/__init__.py": "from . import other",
    "fp_package/other.py": "from .deep.inner import thing",
    "fp_package/deep/__init__.py": "",
    "fp_package/deep/inner.py": "import fp_helper\nthing = 1",
    f"fp_package/compiled{EXTENSION_SUFFIXES[0]}": "\x7fELF\0",
    "fp_space/one.py": "from . import two\nthing = 1",
    "fp_space/two.py": "import numpy",
    "fp_space/package/__init__.py": "from .part import thing",
    "fp_space/package/part.py": "thing = 1",
    "fp_space/deeper/leaf.py": "thing = 1",
    f"fp_compiled{EXTENSION_SUFFIXES[0]}": "\x7fELF\0",
    "statistics.py": "def mean(x): ...",
    "fp_unused.py": "",
    "fp_package_other.py": "",
    "fp_space/unused.py": "",
}


@pytest.mark.parametrize(("text", "changed"), IMPORTS)
def test_what_is_imported_counts(folder: Path, text: str, changed: str) -> None:
    if changed == "statistics.py":  # so that the local one is found, not the one that is loaded
        sys.modules.pop("statistics", None)
    write(folder, {**FILES, "fp_entry.py": text})
    before = digest("fp_entry")
    assert digest("fp_entry") == before
    (folder / changed).write_text(FILES[changed] + "\n# changed")
    assert digest("fp_entry") != before


@pytest.mark.parametrize("text", sorted({text for text, _ in IMPORTS}))
def test_what_is_not_imported_does_not_count(folder: Path, text: str) -> None:
    write(folder, {**FILES, "fp_entry.py": text})
    before = digest("fp_entry")
    write(folder, {"fp_unused.py": "x", "fp_package_other.py": "x", "fp_space/unused.py": "x", "new.py": ""})
    assert digest("fp_entry") == before


def test_imports_for_type_checkers_do_not_count(folder: Path) -> None:
    text = "import typing\nif typing.TYPE_CHECKING:\n    import fp_helper\n"
    write(folder, {**FILES, "fp_entry.py": text})
    before = digest("fp_entry")
    (folder / "fp_helper.py").write_text("changed")
    assert digest("fp_entry") == before


def test_modules_of_one_name_in_two_places_do_not_hide_each_other(folder: Path) -> None:
    write(folder, {"fp_a/same.py": "1", "fp_b/same.py": "1", "fp_entry.py": "import fp_a.same, fp_b.same"})
    before = digest("fp_entry")
    (folder / "fp_a" / "same.py").write_text("2")
    middle = digest("fp_entry")
    (folder / "fp_b" / "same.py").write_text("2")
    assert len({before, middle, digest("fp_entry")}) == 3


def test_where_a_plugin_package_lies_does_not_count(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, {**FILES, "fp_entry.py": "import fp_package"})
    before = digest("fp_entry")
    elsewhere = folder / "elsewhere"
    write(elsewhere, {**FILES, "fp_entry.py": "import fp_package"})
    monkeypatch.syspath_prepend(elsewhere)
    assert fingerprint.origin("fp_entry") == folder / "fp_entry.py"
    assert digest("fp_entry") == before
    assert fingerprint.origin("fp_entry") == elsewhere / "fp_entry.py"


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("import isocortex as ic\nx = ic.RDMs", "isocortex.data.rdms"),
        ("import isocortex\nx = isocortex.data.RDMs.load", "isocortex.data.rdms"),
        ("import isocortex as ic\nx = ic.data.RDMs", "isocortex.data.rdms"),
        ("import isocortex.data as d\nx = d.RDMs", "isocortex.data.rdms"),
        ("import isocortex.data\nx = isocortex.data.RDMs", "isocortex.data.rdms"),
        ("from isocortex import data\nx = data.RDMs", "isocortex.data.rdms"),
        ("from isocortex import data as d\ndef f():\n    return d.RDMs", "isocortex.data.rdms"),
        ("from isocortex.data import RDMs", "isocortex.data.rdms"),
        ("from isocortex.data import *", "isocortex.data.rdms"),
        ("from isocortex import *", "isocortex.data.rdms"),
        ("from isocortex.formats import nifti", "isocortex.formats.nifti"),
        ("import isocortex.formats.nifti", "isocortex.formats.nifti"),
        ("import isocortex as ic\nx = ic.AxisValues", "isocortex.pipeline.settings"),
    ],
)
def test_the_modules_of_core_that_are_used_count(folder: Path, text: str, module: str) -> None:
    write(folder, {"fp_entry.py": text})
    fingerprint.forget()
    closure = fingerprint._Closure()
    assert closure.add("fp_entry")
    assert module in closure.files
    if "*" not in text:
        assert "isocortex.cli" not in closure.files
        assert "isocortex.pipeline.runner" not in closure.files


def test_libraries_count_by_version_and_their_files_do_not(folder: Path) -> None:
    write(
        folder,
        {"fp_entry.py": "import numpy.linalg, yaml\nfrom sklearn.linear_model import Ridge\nimport os"},
    )
    fingerprint.forget()
    source = source_of("fp_entry")
    assert source is not None
    assert set(source.libraries) == {"numpy", "yaml", "sklearn"}
    assert list(source.files) == [folder / "fp_entry.py"]


def test_a_source_that_cannot_be_parsed_or_found(folder: Path) -> None:
    write(folder, {"fp_entry.py": "def (:"})
    assert digest("fp_entry")
    assert source_of("fp_nowhere") is None
    assert source_of("fp_nowhere.inner") is None


def outside(x: int = 1) -> ic.Table:
    """A function at the top of a module."""
    return ic.Table({"x": [x]})


class Holder:
    """A class with a method."""

    def method(self) -> ic.Table:
        return ic.Table({"x": [1]})

    def __call__(self) -> ic.Table:
        return ic.Table({"x": [1]})


def closure(x: int) -> Callable[[], ic.Table]:
    @functools.wraps(outside)
    def inner() -> ic.Table:
        return ic.Table({"x": [x]})

    return inner


def entry(target: object, kind: str = "step") -> Entry:
    return Entry(kind, "name", target, "", PluginInfo("plugin", "object"))


@pytest.mark.parametrize(
    "target",
    [
        lambda: 1,
        functools.partial(outside, 2),
        Holder(),
        Holder().method,
        closure(3),
        eval("lambda: 1", {"__name__": "__main__"}),
    ],
    ids=["lambda", "partial", "instance", "bound method", "closure", "__main__"],
)
def test_what_cannot_be_named_has_no_fingerprint(target: object) -> None:
    assert fingerprint.fingerprint(entry(target)) is None


def test_functions_and_classes_of_modules_have_one() -> None:
    first, second = (fingerprint.fingerprint(entry(target)) for target in (outside, Holder))
    assert first is not None and second is not None
    assert first.source == second.source
    assert set(first.as_json()) == {"component", "distribution", "version", "source", "libraries"}


def test_the_code_between_a_metric_and_its_step_counts() -> None:
    plain, handled = (fingerprint.fingerprint(entry(outside, kind)) for kind in ("step", "rdm_metric"))
    assert plain is not None and handled is not None
    assert plain.source != handled.source
    assert any(path.name == "handles.py" for path in handled.files)


def test_code_that_was_edited_after_its_import_is_not_trusted(folder: Path) -> None:
    write(folder, {"fp_entry.py": "import fp_helper\ndef step(): ...", "fp_helper.py": "x = 1"})
    module = importlib.import_module("fp_entry")
    before = digest("fp_entry")
    (folder / "fp_helper.py").write_text("x = 2  # edited")
    fingerprint.forget()
    with pytest.warns(UserWarning, match=r"fp_helper.py: changed after Python had imported it"):
        assert fingerprint.fingerprint(entry(module.step)) is None
    (folder / "fp_helper.py").write_text("x = 1")
    assert digest("fp_entry") == before, "edited back"
    (folder / "fp_helper.py").write_text("x = 2  # edited")
    importlib.reload(sys.modules["fp_helper"])
    assert digest("fp_entry") != before


@pytest.mark.parametrize("first", ["isocortex", "fp_step"])
def test_code_that_was_edited_between_its_import_and_the_first_run_is_not_trusted(
    folder: Path, first: str
) -> None:
    write(
        folder,
        {
            "fp_step.py": "import fp_helper, isocortex as ic\n\ndef step() -> ic.Table:\n"
            "    return ic.Table({'x': [fp_helper.x]})\n\n"
            "@ic.hookimpl\ndef register_steps(register):\n    register('step', step)\n",
            "fp_helper.py": "x = 5",
            "run.yaml": "name: run\nsteps: {step: {use: step}}\n",
        },
    )
    code = (
        f"import sys; sys.path.insert(0, '.'); import {first}, fp_step, pathlib, isocortex as ic; "
        "pathlib.Path('fp_helper.py').write_text(sys.argv[1]); "
        "run = ic.run('run.yaml', 'out', plugins=[fp_step]); print(run.reused, run['step']['x'].tolist())"
    )
    found = []
    for text in ("x = 6", "x = 6", "x = 6"):
        command = [sys.executable, "-B", "-c", code, text]
        found.append(subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True))
    said = [item.stdout.splitlines()[-1] for item in found]
    assert said == ["[] [5]", "[] [6]", "['step'] [6]"]
    assert "fp_helper.py: changed after Python had imported it" in found[0].stderr


def test_a_module_that_appears_later_is_seen(folder: Path) -> None:
    write(folder, {"fp_entry.py": "def f():\n    import fp_late"})
    before = digest("fp_entry")
    write(folder, {"fp_late.py": "x = 1"})
    assert digest("fp_entry") != before
