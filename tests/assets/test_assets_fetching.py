"""Fetching an asset: checked, put in place as a whole, noted, and never another file under its name."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from isocortex.assets import records
from isocortex.assets.asset import Asset, AssetFile
from isocortex.assets.fetching import fetch
from isocortex.assets.locating import is_here, path_of
from isocortex.assets.progress import Quiet
from isocortex.errors import DamagedFile, DataError

CONTENT = os.urandom(200_000)
OTHER = os.urandom(200_000)
Make = Callable[..., Asset]


def digest(content: bytes, kind: str = "sha256") -> str:
    return hashlib.new(kind, content).hexdigest()


def zipped(files: dict[str, bytes]) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return memory.getvalue()


class Hearing(Quiet):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def say(self, text: str) -> None:
        self.heard.append(text)


def left(data: Path) -> list[str]:
    """All files of the data folder, locks aside."""
    found = (path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file())
    return sorted(name for name in found if not name.endswith(".lock"))


@pytest.mark.parametrize("kind", ["md5", "sha1", "sha256", "sha512"])
def test_a_published_checksum_is_compared(kind: str, single: Make, data: Path) -> None:
    asset = single(CONTENT, checksum=f"{kind}:{digest(CONTENT, kind)}")
    hearing = Hearing()
    path = fetch(asset, progress=hearing)
    assert path == data / "weights" / "weights.bin" and path.read_bytes() == CONTENT
    assert left(data) == ["weights.fetched.json", "weights/weights.bin"] and hearing.heard == []
    assert path_of(asset) == path


def test_another_file_than_the_published_one_is_refused(single: Make, data: Path) -> None:
    asset = single(OTHER, checksum=f"md5:{digest(CONTENT, 'md5')}")
    with pytest.raises(DataError) as caught:
        fetch(asset)
    for word in (asset.files[0].url, digest(CONTENT, "md5"), digest(OTHER, "md5"), "MD5", "try again later"):
        assert word in str(caught.value)
    assert left(data) == [] and not is_here(asset)


def test_a_broken_off_download_of_another_file_is_not_kept(single: Make, data: Path, site: Any) -> None:
    """A part that was spoilt on the disk is found out, and the next attempt begins at the start."""
    asset = single(CONTENT, checksum=f"md5:{digest(CONTENT, 'md5')}", page={"cuts": [1 << 16, 0, 0, 0, 0]})
    with pytest.raises(DataError, match="kept and the same command goes on"):
        fetch(asset)
    [part] = data.rglob("*.part")
    part.write_bytes(bytes(part.stat().st_size))
    with pytest.raises(DataError, match="is not the file that its origin publishes"):
        fetch(asset)
    assert fetch(asset).read_bytes() == CONTENT


def test_the_first_checksum_is_recorded_said_and_compared_later(single: Make, data: Path, site: Any) -> None:
    asset, hearing = single(CONTENT), Hearing()
    path = fetch(asset, progress=hearing)
    assert len(hearing.heard) == 1 and digest(CONTENT) in hearing.heard[0]
    assert "publishes no checksum" in hearing.heard[0] and "weights.fetched.json" in hearing.heard[0]
    noted = json.loads((data / "weights.fetched.json").read_text())["files"]["weights.bin"]
    assert noted["sha256"] == digest(CONTENT) and noted["checksum"] is None and noted["size"] == 200_000

    asked = len(site.asked)
    assert fetch(asset, progress=hearing) == path and len(site.asked) == asked
    assert "already here" in hearing.heard[1]

    path.unlink()
    assert not is_here(asset)
    assert fetch(asset).read_bytes() == CONTENT

    path.unlink()
    site.put("weights.bin", OTHER)
    with pytest.raises(DataError) as caught:
        fetch(asset)
    for word in (digest(CONTENT), digest(OTHER), noted["date"], "no longer gives", "delete", "fetched.json"):
        assert word in str(caught.value)
    assert left(data) == ["weights.fetched.json"]
    (data / "weights.fetched.json").unlink()  # what the message advises to who trusts the new file
    assert fetch(asset).read_bytes() == OTHER


@pytest.mark.parametrize("published", [True, False])
@pytest.mark.parametrize("same_size", [True, False])
def test_a_file_that_was_changed_is_found_out(
    published: bool, same_size: bool, single: Make, data: Path
) -> None:
    asset = single(CONTENT, checksum=f"md5:{digest(CONTENT, 'md5')}" if published else None)
    path = fetch(asset)
    stat = path.stat()
    new = OTHER if same_size else CONTENT[:-1]
    path.write_bytes(new)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    for use in (fetch, path_of):
        with pytest.raises(DataError) as caught:
            use(asset)
        for word in (str(path), digest(CONTENT), digest(new), "has changed", "delete that file", "fetch"):
            assert word in str(caught.value)
        assert path.read_bytes() == new
    path.unlink()
    assert fetch(asset).read_bytes() == CONTENT


def test_of_large_downloads_only_files_of_another_time_are_read(
    single: Make, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "READ_ALWAYS", 1000)
    asset = single(CONTENT)
    path = fetch(asset)
    read: list[Path] = []
    monkeypatch.setattr(records, "sha256", lambda path: read.append(path) or digest(path.read_bytes()))
    assert path_of(asset) == path and read == []
    path.touch()
    assert path_of(asset) == path and read == [path]
    fetch(asset)
    assert read == [path, path]


@pytest.mark.parametrize("published", [True, False])
def test_a_file_that_is_there_already_is_taken_as_it_is(
    published: bool, single: Make, data: Path, site: Any
) -> None:
    asset = single(CONTENT, checksum=f"md5:{digest(CONTENT, 'md5')}" if published else None)
    (data / "weights").mkdir(parents=True)
    (data / "weights" / "weights.bin").write_bytes(CONTENT)
    assert not is_here(asset)
    assert path_of_after(asset).read_bytes() == CONTENT and site.asked == []


def path_of_after(asset: Asset) -> Path:
    fetch(asset)
    return path_of(asset)


def test_a_wrong_file_that_is_there_already_is_not_overwritten(single: Make, data: Path, site: Any) -> None:
    asset = single(CONTENT, checksum=f"md5:{digest(CONTENT, 'md5')}")
    path = data / "weights" / "weights.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(OTHER)
    with pytest.raises(DataError, match=r"delete that file .or move it away. and fetch again"):
        fetch(asset)
    assert path.read_bytes() == OTHER and site.asked == []


def test_a_checksum_that_is_published_later_is_compared_too(single: Make, data: Path) -> None:
    fetch(single(CONTENT))
    right = single(CONTENT, checksum=f"md5:{digest(CONTENT, 'md5')}")
    assert not is_here(right)
    fetch(right)
    assert is_here(right)
    wrong = single(CONTENT, checksum=f"md5:{digest(OTHER, 'md5')}")
    with pytest.raises(DataError, match="is not the file that its origin publishes"):
        fetch(wrong)
    with pytest.raises(DataError, match="not fetched yet; run: isocortex fetch weights"):
        path_of(wrong)
    assert fetch(single(CONTENT)).read_bytes() == CONTENT


def test_mirrors_are_tried_and_all_refusals_said(site: Any, data: Path) -> None:
    good = site.put("good", CONTENT)
    bad = f"{site.url}/bad"
    asset = Asset("a", "", (AssetFile(bad, "f", mirrors=(good,)),), page="https://example.org/page")
    assert fetch(asset).read_bytes() == CONTENT
    asset = Asset("b", "", (AssetFile(bad, "f", mirrors=(bad + "2",)),), page="https://example.org/page")
    with pytest.raises(DataError, match=r"bad: the server answers 404.*bad2: the .*its page is https://exam"):
        fetch(asset)


FILES = {"top/a.bin": CONTENT, "top/deep/b.bin": OTHER, "readme": b"x"}


def packed(site: Any, files: dict[str, bytes] = FILES, **more: Any) -> Asset:
    content = zipped(files)
    file = AssetFile(site.put("pack.zip", content), "pack.zip", unpack="zip")
    return Asset("pack", "a pack", (file,), **more)


def test_an_archive_is_unpacked_and_only_its_files_stay(site: Any, data: Path) -> None:
    asset = packed(site)
    assert fetch(asset) == data / "pack"
    assert left(data) == ["pack.fetched.json", "pack/readme", "pack/top/a.bin", "pack/top/deep/b.bin"]
    assert path_of(asset) == data / "pack"
    assert fetch(packed(site, member="top/a.bin")) == data / "pack/top/a.bin"
    asked = len(site.asked)
    fetch(asset)
    assert len(site.asked) == asked
    (data / "pack/top/deep/b.bin").write_bytes(CONTENT)
    with pytest.raises(DataError, match=r"b\.bin has changed since it was fetched"):
        path_of(asset)
    (data / "pack/top/deep/b.bin").unlink()
    assert not is_here(asset)
    fetch(asset)
    assert (data / "pack/top/deep/b.bin").read_bytes() == OTHER


def test_a_member_that_is_not_in_the_archive_is_said(site: Any, data: Path) -> None:
    with pytest.raises(DamagedFile, match=r"the files of the asset 'pack' do not hold top/c\.bin"):
        fetch(packed(site, member="top/c.bin"))


def test_an_archive_does_not_overwrite_another_file(site: Any, data: Path) -> None:
    (data / "pack/top").mkdir(parents=True)
    (data / "pack/top/a.bin").write_bytes(b"mine")
    with pytest.raises(DataError, match=r"pack.zip holds top/a.bin, and another file is already at"):
        fetch(packed(site))
    assert (data / "pack/top/a.bin").read_bytes() == b"mine" and not (data / "pack/readme").exists()


@pytest.mark.parametrize("name", ["../../escaped", "/tmp/isocortex-escaped", "top\\..\\..\\..\\escaped"])
def test_an_archive_that_leads_out_leaves_nothing(name: str, site: Any, data: Path, tmp_path: Path) -> None:
    with pytest.raises(DamagedFile, match="leads out of its folder"):
        fetch(packed(site, {"good": b"1", name: b"x"}))
    assert left(tmp_path) == [] and not Path("/tmp/isocortex-escaped").exists()


def test_a_web_page_instead_of_an_archive(site: Any, data: Path) -> None:
    url = site.put("pack.zip", b"<html>sorry</html>")
    with pytest.raises(DamagedFile, match="is no zip archive that can be read"):
        fetch(Asset("pack", "", (AssetFile(url, "pack.zip", unpack="zip"),)))
    assert left(data) == []


def test_assets_with_one_folder_lie_together(site: Any, data: Path) -> None:
    one = packed(site, folder="study")
    file = AssetFile(site.put("s1.h5", CONTENT), "fmri/s1.h5")
    two = Asset("fmri", "", (file,), folder="study", member="fmri")
    fetch(one), fetch(two)
    assert path_of(one) == data / "study" and path_of(two) == data / "study/fmri"
    assert {path.name for path in (data / "study").iterdir()} == {"fmri", "readme", "top"}


def test_of_several_files_those_that_are_here_are_not_fetched_again(site: Any, data: Path) -> None:
    files = tuple(AssetFile(site.put(name, name.encode() * 99), name) for name in ("a", "b"))
    missing = AssetFile(f"{site.url}/c", "c")
    asset = Asset("many", "", (*files, missing))
    with pytest.raises(DataError, match="c could not be fetched"):
        fetch(asset)
    assert not is_here(asset)
    site.put("c", b"c")
    site.asked.clear()
    assert fetch(asset) == data / "many"
    assert [path for path, _ in site.asked] == ["/c"] and is_here(asset)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": 3}', '{"files": {"weights.bin": {"url": 1}}}'])
def test_a_damaged_record_is_one_clear_error(text: str, single: Make, data: Path) -> None:
    asset = single(CONTENT)
    fetch(asset)
    (data / "weights.fetched.json").write_text(text)
    for use in (fetch, path_of):
        with pytest.raises(DamagedFile, match=r"weights\.fetched\.json does not say .* delete it and fetch"):
            use(asset)


def test_a_data_folder_that_cannot_be_written(single: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match=r"file.* cannot be read or written"):
        fetch(single(CONTENT), tmp_path / "file")


SCRIPT = """
import sys
from pathlib import Path
from isocortex.assets.asset import Asset, AssetFile
from isocortex.assets.fetching import fetch
from isocortex.assets.progress import Lines
print(fetch(Asset("weights", "", (AssetFile(sys.argv[1], "f"),)), Path(sys.argv[2]), Lines()))
"""


def start(url: str, data: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, url, str(data)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_fetch_once(site: Any, data: Path) -> None:
    url = site.put("f", os.urandom(600_000), delay=0.1)
    both = [start(url, data), start(url, data)]
    said = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert [out for out, _ in said] == [f"{data / 'weights' / 'f'}\n"] * 2
    assert len(site.asked) == 1
    waited = [error for _, error in said if "another process is fetching weights; waiting" in error]
    assert len(waited) == 1 and "already here" in waited[0]


def test_a_killed_process_leaves_what_the_next_one_goes_on_with(site: Any, data: Path) -> None:
    content = os.urandom(2_000_000)
    url = site.put("f", content, delay=0.1)
    killed = start(url, data)
    until = time.monotonic() + 60
    while not any(part.stat().st_size >= 3 << 16 for part in data.rglob("*.part")):
        assert time.monotonic() < until and killed.poll() is None
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not (data / "weights" / "f").exists()
    site.pages["/f"].delay = 0.0
    next_one = start(url, data)
    assert next_one.communicate(timeout=60)[0] == f"{data / 'weights' / 'f'}\n"
    assert (data / "weights" / "f").read_bytes() == content
    first, second = site.ranges()
    assert first is None and int(second.removeprefix("bytes=").rstrip("-")) >= 3 << 16
    assert left(data) == ["weights.fetched.json", "weights/f"]
