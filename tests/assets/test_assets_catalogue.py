"""Assets that plugins name: found, faulty, named twice, in packages; and used in pipelines."""

from __future__ import annotations

import hashlib
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from mistake_kit import explained, require_problems, run, study

import isocortex as ic
from isocortex.assets.asset import Asset, AssetFile
from isocortex.assets.catalogue import Catalogue
from isocortex.assets.fetching import fetch
from isocortex.assets.locating import is_here, locate
from isocortex.assets.places import data_folder
from isocortex.errors import DataError, PluginError, UnknownComponent
from isocortex.plugins.manager import PluginManager

FILE = AssetFile("https://example.org/f", "f")
ONE = Asset("one-asset", "the first", (FILE,))


class Plugin:
    """A plugin that has nothing but assets."""

    def __init__(self, assets: Any) -> None:
        self.assets = assets


def catalogue(*assets: Any) -> Catalogue:
    return Catalogue.of(PluginManager(plugins=[Plugin(item) for item in assets]))


def mine(found: Catalogue) -> list[str]:
    return [offer.asset.name for offer in found.offers if offer.plugin.origin == "object"]


@pytest.mark.parametrize("given", [[ONE], (ONE,), "asset_module:ASSETS"])
def test_a_plugin_names_its_assets(given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("asset_module")
    module.ASSETS = [ONE]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "asset_module", module)
    found = catalogue(given)
    assert mine(found) == ["one-asset"] and found.faults == () and found.find("one-asset") is ONE


def test_a_text_is_imported_only_when_assets_are_asked_for(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "late_assets.py").write_text("ASSETS = []\n")
    manager = PluginManager(plugins=[Plugin("late_assets:ASSETS")])
    assert manager.registry.names("model") is not None and "late_assets" not in sys.modules
    assert mine(Catalogue.of(manager)) == [] and "late_assets" in sys.modules


FAULTS = {
    "module that is not there": ("no_such_module:A", "No module named 'no_such_module'"),
    "text without a name": ("no_such_module", "does not have the form 'package.module:NAME'"),
    "no list": (3, "it has to be a list of isocortex.assets.Asset"),
    "no assets": ([3], "3 is no isocortex.assets.Asset"),
    "one name twice": ([ONE, ONE], "it names two assets 'one-asset'"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_said_and_hides_nothing_else(fault: str) -> None:
    given, words = FAULTS[fault]
    other = Asset("other", "", (FILE,))
    found = catalogue(given, [other])
    assert len(found.faults) == 1 and words in found.faults[0] and "plugin 'Plugin'" in found.faults[0]
    assert found.find("other") is other
    with pytest.raises(UnknownComponent, match="there is no asset 'anything'") as caught:
        found.find("anything")
    assert words in str(caught.value)


def test_a_module_of_that_name_is_no_list_of_assets() -> None:
    class Both(Plugin):
        @ic.hookimpl
        def register_steps(self, register: Any) -> None:
            pass

    assert Catalogue.of(PluginManager(plugins=[Both(types)])).faults == ()


def test_a_name_that_two_plugins_claim_names_both() -> None:
    found = catalogue([ONE], [ONE])
    assert mine(found) == ["one-asset"] * 2
    with pytest.raises(
        PluginError, match=r"'one-asset' is named by plugin 'Plugin' .* and plugin 'Plugin-2'"
    ):
        found.find("one-asset")


def test_an_unknown_name_lists_close_ones() -> None:
    with pytest.raises(UnknownComponent, match="did you mean 'one-asset'"):
        catalogue([ONE]).find("one-aset")


def test_a_plugin_without_hooks_and_assets_still_adds_nothing() -> None:
    with pytest.raises(PluginError, match="nothing in it is marked"):
        PluginManager(plugins=[types.SimpleNamespace()])


WRONG: dict[str, tuple[Any, str]] = {
    "name with a blank": (lambda: Asset("a b", "", (FILE,)), "no name for an asset"),
    "name that leads out": (lambda: Asset("../a", "", (FILE,)), "no name for an asset"),
    "folder that leads out": (lambda: Asset("a", "", (FILE,), folder=".."), "no name for an asset"),
    "nothing": (lambda: Asset("a", ""), "either files or a package"),
    "both": (lambda: Asset("a", "", (FILE,), package="p", member="m"), "either files or a package"),
    "member that leads out": (lambda: Asset("a", "", (FILE,), member="../x"), "does not lie inside"),
    "package without member": (lambda: Asset("a", "", package="p"), "which member of p is it"),
    "two files of one name": (lambda: Asset("a", "", (FILE, FILE)), "two files of one name"),
    "file that leads out": (lambda: AssetFile("http://x/y", "/etc/passwd"), "no name of a file inside"),
    "another kind of address": (lambda: AssetFile("file:///etc/passwd", "f"), "no address that starts with"),
    "another kind of archive": (lambda: AssetFile("http://x/y", "f", unpack="rar"), "'zip', 'tar' or None"),  # type: ignore[arg-type]
    "checksum without kind": (lambda: AssetFile("http://x/y", "f", "0" * 32), "is no checksum"),
    "checksum cut off": (lambda: AssetFile("http://x/y", "f", "md5:" + "0" * 31), "is no checksum"),
    "checksum in capitals": (lambda: AssetFile("http://x/y", "f", "md5:" + "A" * 32), "is no checksum"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_asset_is_refused(wrong: str) -> None:
    make, words = WRONG[wrong]
    with pytest.raises(PluginError, match=words):
        make()


# --- files that packages carry


def test_a_file_of_a_package_is_found_without_importing_it(tmp_path: Path, monkeypatch: Any) -> None:
    package = tmp_path / "carrying_package"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    asset = Asset("carried", "", package="carrying_package", member="data/w.bin", extra="ex")
    with pytest.raises(DataError, match=r"does not carry data/w.bin; install it again: pip install 'isocor"):
        fetch(asset)
    (package / "data").mkdir()
    (package / "data" / "w.bin").write_bytes(b"1")
    assert fetch(asset).read_bytes() == b"1" and is_here(asset)
    assert locate("carried", PluginManager(plugins=[Plugin([asset])])) == (package / "data/w.bin").resolve()


def test_a_package_that_is_not_installed_is_named_with_the_command() -> None:
    asset = Asset("carried", "", package="no_such_package", member="w", extra="hed")
    with pytest.raises(DataError, match=r"which is not installed: pip install 'isocortex\[hed\]'"):
        fetch(asset)
    assert not is_here(asset)


def test_the_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import pooch

    monkeypatch.setenv("ISOCORTEX_DATA", "~/somewhere")
    assert data_folder() == Path.home() / "somewhere"
    monkeypatch.delenv("ISOCORTEX_DATA")
    assert data_folder() == Path(pooch.os_cache("isocortex"))


# --- in pipelines

PLUGIN = """
from isocortex.assets import Asset, AssetFile
import isocortex as ic

def read(file: ic.InputFile, more: list[ic.InputFile] = []) -> ic.Table:
    return ic.Table({"x": [float(len(file.read_bytes()))]})

def look(folder: ic.InputFolder) -> ic.Table:
    return ic.Table({"x": [float(len(list(folder.iterdir())))]})

@ic.hookimpl
def register_steps(register):
    register("read", read)
    register("look", look)

assets = [
    Asset("some-weights", "weights", (AssetFile("URL", "w.bin"),)),
    Asset("some-data", "data", (AssetFile("URL", "a"), AssetFile("URL", "b"))),
]
"""
STUDY = """
name: study
plugins: [mine.py]
steps:
  a: {use: read, with: {file: some-weights}}
  b: {use: look, with: {folder: some-data}}
"""


def test_a_pipeline_uses_assets_by_name(site: Any, data: Path, tmp_path: Path) -> None:
    url = site.put("w", b"12345")
    path = study(tmp_path, STUDY, {"mine.py": PLUGIN.replace("URL", url)})
    manager = PluginManager(files=[tmp_path / "mine.py"])
    for name in ("some-weights", "some-data"):
        fetch(Catalogue.of(manager).find(name))
    asked = len(site.asked)
    result = ic.run(path, tmp_path / "out")
    assert result["a"]["x"].tolist() == [5.0] and result["b"]["x"].tolist() == [2.0]
    assert len(site.asked) == asked

    (data / "some-weights" / "w.bin").unlink()
    (data / "some-weights.fetched.json").unlink()
    site.put("w", b"1234567")
    fetch(Catalogue.of(manager).find("some-weights"))
    assert ic.run(path, tmp_path / "out")["a"]["x"].tolist() == [7.0]  # its content decides, not its name


def test_a_file_of_that_name_comes_first(data: Path, tmp_path: Path) -> None:
    text = "name: study\nplugins: [mine.py]\nsteps:\n  a: {use: read, with: {file: some-weights}}\n"
    path = study(tmp_path, text, {"mine.py": PLUGIN.replace("URL", "http://x/y"), "some-weights": "123"})
    assert ic.run(path, tmp_path / "out")["a"]["x"].tolist() == [3.0]


def test_what_is_wrong_with_an_asset_is_said_before_anything_runs(
    site: Any, data: Path, tmp_path: Path
) -> None:
    url = site.put("w", b"12345")
    explained(
        tmp_path,
        """
        name: study
        plugins: [mine.py]
        steps:
          a:
            use: read
            with:
              file: some-weights  #! steps.a.with.file | no file 'some-weights' | isocortex fetch some-weights
              more:
                - some-weigths    #! steps.a.with.more[0] | no file | did you mean the asset 'some-weights'?
                - x/some-weights  #! steps.a.with.more[1] | there is no file 'x/some-weights'
          b: {use: look, with: {folder: some-data}}  #! steps.b.with.folder | isocortex fetch some-data
        """,
        files={"mine.py": PLUGIN.replace("URL", url)},
    )
    assert site.asked == []


def test_an_asset_that_changed_is_not_used(site: Any, data: Path, tmp_path: Path) -> None:
    url = site.put("w", b"12345")
    text = "name: study\nplugins: [mine.py]\nsteps:\n  a: {use: read, with: {file: some-weights}}\n"
    path = study(tmp_path, text, {"mine.py": PLUGIN.replace("URL", url)})
    file = fetch(Catalogue.of(PluginManager(files=[tmp_path / "mine.py"])).find("some-weights"))
    file.write_bytes(b"54321")
    words = ("has changed since it was fetched", hashlib.sha256(b"12345").hexdigest(), "delete that file")
    require_problems(run(path), path, [(4, "steps.a.with.file", words)])


def test_a_folder_where_a_file_is_wanted(site: Any, data: Path, tmp_path: Path) -> None:
    text = "name: study\nplugins: [mine.py]\nsteps:\n  a: {use: read, with: {file: some-data}}\n"
    path = study(tmp_path, text, {"mine.py": PLUGIN.replace("URL", site.put("w", b"1"))})
    fetch(Catalogue.of(PluginManager(files=[tmp_path / "mine.py"])).find("some-data"))
    words = ("'some-data' is a folder, expected a file",)
    require_problems(run(path), path, [(4, "steps.a.with.file", words)])
