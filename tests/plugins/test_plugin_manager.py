"""How plugins are found, and that none of them can take the tool down or be half there."""

from __future__ import annotations

import itertools
import json
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import isocortex as ic
from isocortex.cli import main
from isocortex.errors import PipelineError, PluginError, UnknownComponent
from isocortex.plugins.manager import PluginManager

GOOD = """
import isocortex as ic

def ones(patterns):
    "A metric."
    return patterns[0]

@ic.hookimpl
def register_rdm_metrics(register):
    register("{name}", ones, summary="ones")
"""
NUMBERS = itertools.count()
Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a distribution with one plugin module where Python finds it."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    monkeypatch.delenv("ISOCORTEX_DISABLE", raising=False)

    def make(distribution: str, plugin: str, source: str, version: str = "1.2") -> None:
        module = f"installed_{next(NUMBERS)}"  # never one that an earlier test has imported
        (site / f"{module}.py").write_text(source)
        info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[isocortex]\n{plugin} = {module}\n")

    return make


def row(name: str, manager: PluginManager | None = None) -> Any:
    return next(info for info in (manager or PluginManager()).infos if info.name == name)


def test_an_installed_plugin(install: Install) -> None:
    install("nice-dist", "nice", GOOD.format(name="ones"))
    info = row("nice")
    assert (info.status, info.source, info.provides) == ("loaded", "nice-dist 1.2", {"rdm_metric": ["ones"]})
    assert PluginManager().find("rdm_metric", "ones").summary == "ones"


def test_isocortexs_own_come_first(install: Install) -> None:
    install("a-dist", "aaa", GOOD.format(name="ones"))
    origins = [info.origin for info in PluginManager().infos]
    assert origins.index("a-dist") > max(place for place, name in enumerate(origins) if name == "isocortex")


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("def f(:", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("1 / 0", "ZeroDivisionError"),
        ("x = 1", "nothing in it is marked with isocortex.hookimpl"),
        (
            "import isocortex as ic\n@ic.hookimpl\ndef register_metrics(register): ...",
            "there is no hook 'register_metrics'; did you mean 'register_rdm_metrics'",
        ),
        (
            "import isocortex as ic\n@ic.hookimpl\ndef register_steps(register, extra): ...",
            "{'extra'} are declared in the hookimpl but can not be found in the hookspec",
        ),
        (
            "import isocortex as ic\n@ic.hookimpl\ndef register_steps(register): raise KeyError('x')",
            "register_steps raised KeyError: 'x'",
        ),
        (
            "import isocortex as ic\n@ic.hookimpl\ndef register_steps(register): register('x', 'module')",
            "'module' is no step; give one as 'package.module:name'",
        ),
    ],
)
def test_a_broken_plugin_is_a_failed_row(install: Install, source: str, error: str, tmp_path: Path) -> None:
    install("sad-dist", "sad", source)
    info = row("sad")
    assert info.status == "failed" and error in info.error and not info.provides
    shown = CliRunner().invoke(main, ["plugins"])
    assert shown.exit_code == 0 and "sad: failed (sad-dist 1.2)" in shown.output
    rows = json.loads(CliRunner().invoke(main, ["plugins", "--json"]).output)
    assert next(row for row in rows if row["name"] == "sad")["error"] == info.error
    # what does not need it works, what may need it names it
    assert ic.plugin_manager().find("rdm_metric", "correlation")
    with pytest.raises(UnknownComponent) as caught:
        ic.plugin_manager().find("rdm_metric", "sad-metric")
    assert f"plugins that failed to load: 'sad' (sad-dist 1.2): {info.error}" in str(caught.value)


def test_a_plugin_that_fails_half_way_leaves_nothing_behind(install: Install) -> None:
    source = """
import isocortex as ic

@ic.hookimpl
def run_started(run): ...

@ic.hookimpl
def register_models(register):
    register("half", object)

@ic.hookimpl
def register_steps(register, extra): ...
"""
    install("half-dist", "half", source)
    manager = PluginManager()
    assert row("half", manager).status == "failed"
    assert "half" not in manager.names("model")
    assert not [impl for impl in manager.hook.run_started.get_hookimpls() if impl.plugin_name == "half"]


def test_two_plugins_of_one_name(install: Install) -> None:
    install("one-dist", "twin", GOOD.format(name="first"))
    install("two-dist", "twin", GOOD.format(name="second"))
    first, second = (info for info in PluginManager().infos if info.name == "twin")
    assert (first.status, second.status) == ("loaded", "failed")
    assert second.error == "one-dist 1.2 already has a plugin of this name"


def test_two_components_of_one_name(install: Install, tmp_path: Path) -> None:
    install("one-dist", "one", GOOD.format(name="mine"))
    install("two-dist", "two", GOOD.format(name="mine"))
    manager = PluginManager()
    assert manager.names("rdm_metric").count("mine") == 1
    with pytest.raises(PluginError) as caught:
        manager.find("rdm_metric", "mine")
    for part in ("'one' (one-dist 1.2)", "'two' (two-dist 1.2)", "disable: [two]", "ISOCORTEX_DISABLE"):
        assert part in str(caught.value)
    assert PluginManager(disable=["two"]).find("rdm_metric", "mine").plugin.name == "one"
    path = tmp_path / "p.yaml"
    path.write_text("name: p\nsteps:\n  r: {use: compute_rdms, from: {patterns: r}, with: {metric: mine}}\n")
    with pytest.raises(PipelineError, match=r"p\.yaml:3: steps\.r\.with\.metric: .*two-dist 1\.2"):
        ic.check(path)


def test_a_stranger_cannot_replace_a_builtin_in_silence(install: Install) -> None:
    install("sly-dist", "sly", GOOD.format(name="correlation"))
    with pytest.raises(PluginError, match=r"isocortex \d.*sly-dist 1\.2"):
        ic.plugin_manager().find("rdm_metric", "correlation")


def test_switching_off(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("nice-dist", "nice", "raise RuntimeError('never imported')")
    manager = PluginManager(disable=["nice", "rsa"])
    assert row("nice", manager).status == "disabled"
    assert manager.names("similarity") == []
    with pytest.raises(UnknownComponent, match=r"off: 'rsa' \(isocortex .*'nice' \(nice-dist 1\.2\)"):
        manager.find("similarity", "pearson")
    monkeypatch.setenv("ISOCORTEX_DISABLE", " nice , studies")
    assert {info.name for info in PluginManager().infos if info.status == "disabled"} == {"nice", "studies"}
    with pytest.raises(UnknownComponent):
        ic.get("data_source", "simulated")
    monkeypatch.delenv("ISOCORTEX_DISABLE")
    assert ic.get("data_source", "simulated")


@pytest.mark.parametrize("where", ["argument", "environment"])
def test_switching_off_what_is_not_there(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if where == "environment":
        monkeypatch.setenv("ISOCORTEX_DISABLE", "studie")
    with pytest.raises(PluginError, match="no plugin 'studie' to switch off; did you mean 'studies'"):
        PluginManager(disable=["studie"] if where == "argument" else [])


class Plugin:
    @ic.hookimpl
    def register_steps(self, register: Any) -> None:
        register("noted", lambda: None)


def test_objects_classes_and_modules_are_plugins() -> None:
    module = types.ModuleType("made_here")
    exec(
        "import isocortex as ic\n@ic.hookimpl\ndef register_models(register): register('m', 1)", vars(module)
    )
    for plugin, name in ((Plugin(), "Plugin"), (Plugin, "Plugin"), (module, "made_here")):
        info = row(name, PluginManager(plugins=[plugin]))
        assert (info.status, info.origin) == ("loaded", "object")
    both = PluginManager(plugins=[Plugin(), Plugin()])
    assert [info.name for info in both.infos if info.origin == "object"] == ["Plugin", "Plugin-2"]


def test_a_plugin_may_take_any_subset_of_the_arguments() -> None:
    class Quiet:
        heard = False

        @ic.hookimpl
        def register_models(self) -> None:
            Quiet.heard = True

    PluginManager(plugins=[Quiet()])
    assert Quiet.heard


class NeedsArgument(Plugin):
    def __init__(self, argument: int) -> None:
        self.argument = argument


class UnknownHook:
    @ic.hookimpl
    def step_finish(self, step: Any) -> None: ...


class WrongArgument:
    @ic.hookimpl
    def step_finished(self, stage: Any) -> None: ...


@pytest.mark.parametrize(
    ("plugin", "message"),
    [
        (object(), r"plugin 'object' \(object\): nothing in it is marked"),
        (NeedsArgument, "missing 1 required positional argument"),
        (UnknownHook(), "there is no hook 'step_finish'; did you mean 'step_finished'"),
        (WrongArgument(), r"\{'stage'\} are declared"),
    ],
)
def test_a_broken_object_is_an_error(plugin: object, message: str) -> None:
    with pytest.raises(PluginError, match=message) as caught:
        PluginManager(plugins=[plugin])
    assert "\n" not in str(caught.value)


def test_get_knows_further_plugins_and_files(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(GOOD.format(name="from-file"))
    assert ic.get("rdm_metric", "from-file", files=[tmp_path / "mine.py"]).name == "from-file"
    with pytest.raises(UnknownComponent):
        ic.get("rdm_metric", "from-file")
