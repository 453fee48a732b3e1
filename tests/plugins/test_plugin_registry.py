"""The table of components: names, lazy loading, and what goes wrong in words."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from isocortex.errors import PluginError, UnknownComponent
from isocortex.plugins.registry import PluginInfo, Registry


@pytest.fixture
def info() -> PluginInfo:
    return PluginInfo("mine", "my-dist", "3.1")


def test_names_are_sorted_and_by_kind(info: PluginInfo) -> None:
    registry = Registry()
    for name in ("b", "a", "ä"):
        registry.recorder("model", info)(name, object())
    registry.recorder("step", info)("a", print)
    assert registry.names("model") == ["a", "b", "ä"]
    assert [entry.name for entry in registry.all("step")] == ["a"]
    assert info.provides == {"model": ["b", "a", "ä"], "step": ["a"]}


def test_text_is_imported_only_when_asked_for(
    info: PluginInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "heavy_one.py").write_text("class Outer:\n    class Inner:\n        value = 4\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry()
    registry.recorder("model", info)("m", "heavy_one:Outer.Inner", summary="heavy")
    entry = registry.find("model", "m")
    assert entry.summary == "heavy" and "heavy_one" not in sys.modules
    assert entry.load().value == 4


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("no_such_module:x", "ModuleNotFoundError"),
        ("math:sinus", "AttributeError"),
        ("quits_on_import:x", "SystemExit"),
    ],
)
def test_what_cannot_be_imported_names_the_plugin(
    info: PluginInfo, target: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "quits_on_import.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry()
    registry.recorder("decoder", info)("d", target)
    with pytest.raises(PluginError) as caught:
        registry.find("decoder", "d").load()
    for part in ("the decoder 'd' of plugin 'mine' (my-dist 3.1)", target, reason):
        assert part in str(caught.value)


def test_the_summary_is_the_first_line_of_the_docstring(info: PluginInfo) -> None:
    class Documented:
        """First line.

        More.
        """

    registry = Registry()
    registry.recorder("model", info)("m", Documented)
    assert registry.find("model", "m").summary == "First line."


@pytest.mark.parametrize(
    ("kind", "name", "component", "message"),
    [
        ("model", "", object(), "is not a name"),
        ("model", " m", object(), "is not a name"),
        ("model", 3, object(), "is not a name"),
        ("model", "m", None, "None is no model"),
        ("model", "m", "module.only", "give one as 'package.module:name'"),
        ("model", "m", "module:", "give one as 'package.module:name'"),
        ("pipeline", "p", object(), "give one as 'package:file.yaml'"),
        ("pipeline", "p", "file.yaml", "give one as 'package:file.yaml'"),
    ],
)
def test_wrong_registrations(info: PluginInfo, kind: str, name: Any, component: Any, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        Registry().recorder(kind, info)(name, component)


def test_one_plugin_cannot_use_a_name_twice(info: PluginInfo) -> None:
    register = Registry().recorder("model", info)
    register("m", object())
    with pytest.raises(PluginError, match="registers two model components of this name"):
        register("m", object())


def test_unknown_names_and_kinds(info: PluginInfo) -> None:
    registry = Registry()
    registry.recorder("model", info)("vgg19", object())
    with pytest.raises(UnknownComponent, match="no model 'vgg91'; did you mean 'vgg19'"):
        registry.find("model", "vgg91")
    with pytest.raises(UnknownComponent, match="known model names: vgg19"):
        registry.find("model", "zzz")
    with pytest.raises(UnknownComponent, match="no decoder names here"):
        registry.find("decoder", "zzz")
    with pytest.raises(UnknownComponent, match="did you mean 'rdm_metric'"):
        registry.find("rdm_metrics", "x")
    with pytest.raises(UnknownComponent, match="kind"):
        registry.names("metric")


def test_forgetting_a_plugin_keeps_the_others(info: PluginInfo) -> None:
    other = PluginInfo("other", "other-dist")
    registry = Registry()
    registry.recorder("model", info)("both", "a:b")
    registry.recorder("model", other)("both", "c:d")
    registry.recorder("model", info)("own", "a:b")
    with pytest.raises(PluginError, match=r"'mine' .* and plugin 'other'"):
        registry.find("model", "both")
    registry.forget(info)
    assert registry.names("model") == ["both"] and registry.find("model", "both").plugin is other
    assert info.provides == {}
