"""One file over HTTP: whole, broken and gone on with, changed meanwhile, refused."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pooch
import pytest

from isocortex.assets.download import NotServed, ResumingDownloader
from isocortex.assets.progress import Lines, Quiet
from isocortex.errors import DataError

CONTENT = os.urandom(300_000)
CUT = 2 << 16
"""Where the server breaks off: a whole number of blocks, since an unfinished block is fetched again."""


def downloader(**more: Any) -> ResumingDownloader:
    return ResumingDownloader(**{"progress": Quiet(), "pause": 0.0, **more})


class Noting(Quiet):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.begun: list[tuple[int, int | None]] = []
        self.count = 0

    def begin(self, name: str, done: int, total: int | None) -> None:
        self.begun.append((done, total))

    def advance(self, count: int) -> None:
        self.count += count


@pytest.mark.parametrize("more", [{}, {"length": False}, {"etag": None}, {"ranges": False}])
def test_a_file_arrives_whole(site: Any, tmp_path: Path, more: dict[str, Any]) -> None:
    downloader()(site.put("f", CONTENT, **more), tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_an_empty_file_arrives(site: Any, tmp_path: Path) -> None:
    downloader()(site.put("f", b""), tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == b""


def test_it_is_a_downloader_of_pooch(site: Any, tmp_path: Path) -> None:
    url = site.put("f", CONTENT, cuts=[CUT])
    pooch.get_logger().setLevel("WARNING")
    path = pooch.retrieve(url, None, fname="f", path=tmp_path, downloader=downloader())
    assert Path(path).read_bytes() == CONTENT


def test_a_redirect_is_followed(site: Any, tmp_path: Path) -> None:
    site.put("there", CONTENT, cuts=[CUT])
    downloader()(site.put("here", b"", to="/there"), tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert site.asked[-1] == ("/there", f"bytes={CUT}-")


@pytest.mark.parametrize(
    "version", [{"etag": '"a"'}, {"etag": None, "date": "Mon, 01 Jan 2024 00:00:00 GMT"}]
)
def test_a_broken_download_goes_on_where_it_stopped(
    site: Any, tmp_path: Path, version: dict[str, Any]
) -> None:
    noting = Noting()
    downloader(progress=noting)(site.put("f", CONTENT, cuts=[CUT, CUT // 2], **version), tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert site.ranges() == [None, f"bytes={CUT}-", f"bytes={CUT * 3 // 2}-"]
    assert noting.begun == [(0, 300_000), (CUT, 300_000), (CUT * 3 // 2, 300_000)]
    assert noting.count == 300_000


def test_another_process_goes_on_with_what_one_left(site: Any, tmp_path: Path) -> None:
    url = site.put("f", CONTENT, cuts=[CUT, 0, 0, 0, 0])
    with pytest.raises(NotServed, match=r"the connection broke off; 131.1 kB are kept and the same command"):
        downloader()(url, tmp_path / "f")
    assert not (tmp_path / "f").exists() and (tmp_path / "f.part").stat().st_size == CUT
    site.asked.clear()
    site.pages["/f"].cuts.clear()
    downloader()(url, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT and site.ranges() == [f"bytes={CUT}-"]


def test_a_server_without_ranges_is_asked_from_the_start(site: Any, tmp_path: Path) -> None:
    downloader()(site.put("f", CONTENT, ranges=False, cuts=[CUT]), tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert site.ranges() == [None, f"bytes={CUT}-"]


@pytest.mark.parametrize("heed", [True, False])
def test_a_file_that_changed_meanwhile_is_not_glued(site: Any, tmp_path: Path, heed: bool) -> None:
    url = site.put("f", CONTENT, cuts=[CUT, 0, 0, 0, 0])
    with pytest.raises(NotServed):
        downloader()(url, tmp_path / "f")
    new = os.urandom(len(CONTENT))
    site.put("f", new, etag='"two"', heed_if_range=heed)
    downloader()(url, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == new


def test_a_file_that_became_shorter_is_not_glued(site: Any, tmp_path: Path) -> None:
    url = site.put("f", CONTENT, cuts=[CUT, 0, 0, 0, 0])
    with pytest.raises(NotServed):
        downloader()(url, tmp_path / "f")
    site.put("f", b"short", heed_if_range=False)
    downloader()(url, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == b"short"


def test_a_part_of_another_place_in_the_file_is_not_glued(site: Any, tmp_path: Path) -> None:
    downloader()(site.put("f", CONTENT, cuts=[CUT], shift=7), tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_without_a_version_only_what_is_compared_later_goes_on(
    site: Any, tmp_path: Path, etag: str | None
) -> None:
    for checked, ranges in ((False, [None, None]), (True, [None, f"bytes={CUT}-"])):
        site.asked.clear()
        target = tmp_path / f"{checked}"
        downloader(checked=checked)(site.put("f", CONTENT, etag=etag, cuts=[CUT]), target)
        assert target.read_bytes() == CONTENT and site.ranges() == ranges


def test_a_part_of_another_address_is_not_used(site: Any, tmp_path: Path) -> None:
    with pytest.raises(NotServed):
        downloader()(site.put("a", b"x" * 9 + CONTENT, cuts=[CUT, 0, 0, 0, 0]), tmp_path / "f")
    site.asked.clear()
    downloader()(site.put("b", CONTENT), tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT and site.ranges() == [None]


@pytest.mark.parametrize("note", ["", "{", "[]", '{"url": 3}'])
def test_a_part_with_a_damaged_note_is_not_used(site: Any, tmp_path: Path, note: str) -> None:
    (tmp_path / "f.part").write_bytes(b"rubbish")
    (tmp_path / "f.part.json").write_text(note)
    downloader(checked=True)(site.put("f", CONTENT), tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT


@pytest.mark.parametrize("status", [404, 403, 401, 410])
def test_a_refusal_is_final(site: Any, tmp_path: Path, status: int) -> None:
    url = site.put("f", CONTENT, status=[status])
    with pytest.raises(NotServed, match=f"{url}: the server answers {status}"):
        downloader()(url, tmp_path / "f")
    assert len(site.asked) == 1


@pytest.mark.parametrize("status", [503, 202, 429, 500])
def test_a_server_that_is_busy_is_asked_again(site: Any, tmp_path: Path, status: int) -> None:
    downloader()(site.put("f", CONTENT, status=[status, status, 200]), tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT and len(site.asked) == 3


def test_a_server_that_stays_busy_is_given_up(site: Any, tmp_path: Path) -> None:
    with pytest.raises(NotServed, match="cannot be downloaded: the server answers 503"):
        downloader()(site.put("f", CONTENT, status=[503]), tmp_path / "f")
    assert len(site.asked) == 4


def test_a_server_that_never_gets_further_is_given_up(site: Any, tmp_path: Path) -> None:
    url = site.put("f", CONTENT, ranges=False, cuts=[1000] * 50)
    with pytest.raises(NotServed, match="broke off"):
        downloader()(url, tmp_path / "f")
    assert len(site.asked) <= 5


def test_a_silent_server_is_given_up(site: Any, tmp_path: Path) -> None:
    url = site.put("f", CONTENT, delay=1.0)
    with pytest.raises(NotServed, match="silent for too long"):
        downloader(timeout=(0.2, 0.2), attempts=1)(url, tmp_path / "f")


def test_a_slow_server_is_waited_for(site: Any, tmp_path: Path) -> None:
    downloader(timeout=(2.0, 2.0), attempts=1)(site.put("f", CONTENT, delay=0.05), tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_nobody_there(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/f"
        with pytest.raises(NotServed, match=f"{url} cannot be downloaded: the connection was refused"):
            downloader()(url, tmp_path / "f")


@pytest.mark.parametrize("url", ["http://", "nothing://x/y", "http://[bad/x"])
def test_no_address(url: str, tmp_path: Path) -> None:
    with pytest.raises(NotServed, match="cannot be read"):
        downloader()(url, tmp_path / "f")


def test_a_web_page_is_not_the_file(site: Any, tmp_path: Path) -> None:
    url = site.put("f.bin", b"<html>log in</html>", kind="text/html; charset=utf-8")
    with pytest.raises(NotServed, match="gives a web page and not the file"):
        downloader()(url, tmp_path / "f")
    assert list(tmp_path.iterdir()) == []


def test_a_file_packed_on_its_way_is_refused(site: Any, tmp_path: Path) -> None:
    with pytest.raises(NotServed, match="packs the file on its way"):
        downloader()(site.put("f", CONTENT, encoding="gzip"), tmp_path / "f")


@pytest.mark.parametrize("more", [{}, {"length": False}])
@pytest.mark.parametrize("size", [299_999, 10])
def test_a_file_larger_than_it_is_known_to_be_is_refused(
    site: Any, tmp_path: Path, more: dict[str, Any], size: int
) -> None:
    with pytest.raises(NotServed, match=f"{size}"):
        downloader(size=size)(site.put("f", CONTENT, **more), tmp_path / "f")
    assert not (tmp_path / "f").exists()


def test_a_file_smaller_than_it_is_known_to_be_is_refused(site: Any, tmp_path: Path) -> None:
    for more in ({}, {"length": False}):
        with pytest.raises(NotServed, match=r"known to have 300001|go on with this file after 300000 bytes"):
            downloader(size=300_001)(site.put("f", CONTENT, **more), tmp_path / "f")
        assert not (tmp_path / "f").exists()


def test_a_disk_too_small_is_said_before_anything_is_written(
    site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("usage", (), {"free": 1000})
    monkeypatch.setattr("isocortex.assets.download.shutil.disk_usage", lambda path: usage)
    with pytest.raises(DataError, match=r"weights needs 300.0 kB more and .* has 1.0 kB left; make room"):
        downloader(name="weights")(site.put("f", CONTENT), tmp_path / "f")
    assert not isinstance(DataError, NotServed) and list(tmp_path.iterdir()) == []


def test_lines_of_progress(site: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = site.put("f", CONTENT, cuts=[CUT])
    downloader(progress=Lines(), name="f.bin")(url, tmp_path / "f")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "f.bin: 300.0 kB"
    assert "f.bin: 300.0 kB, from 131.1 kB on" in lines
    assert lines[-1] == "f.bin: 100 % of 300.0 kB"
