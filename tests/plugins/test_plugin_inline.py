"""One file beside the pipeline is a plugin; a broken one is an error with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

import isocortex as ic
from isocortex.errors import PipelineError, PluginError
from isocortex.plugins.inline import load_file, module_name
from isocortex.plugins.manager import PluginManager

GOOD = """
import isocortex as ic

def shift(table: ic.Table, by: float = 1.0) -> ic.Table:
    return ic.Table({"x": table["x"] + by})

def start() -> ic.Table:
    return ic.Table({"x": [1.0]})

@ic.hookimpl
def register_steps(register):
    register("shift", shift)
    register("start", start)
"""
PIPELINE = """
name: p
plugins: [mine.py]
steps:
  begin: {use: start}
  more: {use: shift, from: begin, with: {by: 2.5}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "p.yaml").write_text(PIPELINE)
    (tmp_path / "mine.py").write_text(GOOD)
    return tmp_path / "mine.py"


def test_it_is_used_and_reused(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ic.run(tmp_path / "p.yaml", tmp_path / "out")
    assert run["more"]["x"].tolist() == [3.5]  # type: ignore[index]
    monkeypatch.chdir("/")  # it lies beside the YAML, wherever one works
    assert ic.run(tmp_path / "p.yaml", tmp_path / "out").reused == ["begin", "more"]


def test_workers_know_it(file: Path, tmp_path: Path) -> None:
    run = ic.run(tmp_path / "p.yaml", tmp_path / "out", workers=2)
    assert run["more"]["x"].tolist() == [3.5]  # type: ignore[index]


def test_an_edited_file_is_read_again(file: Path) -> None:
    first = load_file(file)
    assert load_file(file) is first
    file.write_text(GOOD.replace("1.0", "9.0"))  # of equal size, within one second
    assert load_file(file).shift.__defaults__ == (9.0,)


def test_two_files_of_one_name_are_two_modules(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(f"here = {folder!r}")
    assert load_file(tmp_path / "a/mine.py").here == "a"
    assert load_file(tmp_path / "b/mine.py").here == "b"
    assert module_name(tmp_path / "a/mine.py") == module_name(tmp_path / "b/../a/mine.py")


@pytest.mark.parametrize(
    ("source", "line", "reason"),
    [
        ("x = 1\n\ndef f(:\n", 3, "SyntaxError"),
        ("import json\nimport no_such_thing\n", 2, "ModuleNotFoundError"),
        ("def f():\n    return 1 / 0\n\nf()\n", 2, "ZeroDivisionError"),
        ("\n\nraise SystemExit(1)\n", 3, "SystemExit"),
        ("import json\njson.loads('{')\n", 2, "JSONDecodeError"),
    ],
)
def test_a_broken_file(file: Path, source: str, line: int, reason: str) -> None:
    file.write_text(source)
    with pytest.raises(PluginError) as caught:
        load_file(file)
    assert str(caught.value).startswith(f"{file}:{line}: the plugin file cannot be imported: {reason}")
    with pytest.raises(PipelineError) as refused:
        ic.check(file.with_name("p.yaml"))
    assert f"{file}:{line}" in str(refused.value) and "p.yaml:3: plugins" in str(refused.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1", "nothing in it is marked with isocortex.hookimpl"),
        (GOOD.replace("register_steps", "register_step"), "there is no hook 'register_step'; did you mean"),
        (GOOD.replace("(register)", "(registry)"), "{'registry'} are declared"),
        (GOOD.replace("shift)", "shift, 1, 2)"), "register_steps raised TypeError"),
    ],
)
def test_a_file_that_is_no_plugin(file: Path, source: str, message: str) -> None:
    file.write_text(source)
    with pytest.raises(PluginError) as caught:
        PluginManager(files=[file])
    assert str(caught.value).startswith(f"plugin 'mine' ({file}): ") and message in str(caught.value)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    for name in ("none.py", "mine.txt", "."):
        with pytest.raises(PluginError, match=r"must exist and end in \.py"):
            load_file(tmp_path / name)


def test_a_file_named_like_an_installed_plugin(tmp_path: Path) -> None:
    (tmp_path / "rsa.py").write_text(GOOD)
    with pytest.raises(PluginError, match=r"already is a plugin 'rsa' \(isocortex .*\); rename this file"):
        PluginManager(files=[tmp_path / "rsa.py"])
    (tmp_path / "mine.py").write_text(GOOD)
    with pytest.raises(PluginError, match="rename this file"):
        PluginManager(files=[tmp_path / "mine.py", tmp_path / "mine.py"])


def test_switching_a_file_off(file: Path) -> None:
    file.write_text("raise RuntimeError('never imported')")
    manager = PluginManager(files=[file], disable=["mine"])
    assert [info.status for info in manager.infos if info.name == "mine"] == ["disabled"]
