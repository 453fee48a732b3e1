"""Archives: what is in them arrives, and nothing of them gets out of their folder or grows without bound."""

from __future__ import annotations

import hashlib
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isocortex.assets import unpack as unpacking
from isocortex.assets.asset import is_inside
from isocortex.assets.unpack import unpack
from isocortex.errors import DamagedFile, DataError

SIZE = 1_234_567
FILES = {"a.txt": b"a" * 1000, "deep/er/b.bin": bytes(range(256)) * 9, "empty": b"", "Ünïcode/x y": b"1"}


def make_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("deep/", b"")
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def make_tar(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


MAKE: dict[str, Callable[[Path, dict[str, bytes]], Path]] = {"zip": make_zip, "tar": make_tar}


def refused(tmp_path: Path, path: Path, kind: str, words: str) -> None:
    """Check that an archive is refused with one clear error and wrote nothing beside its folder."""
    out = tmp_path / "inner" / "out"
    out.mkdir(parents=True, exist_ok=True)
    before = {item for item in tmp_path.rglob("*") if out not in item.parents}
    with pytest.raises(DamagedFile, match=words):
        unpack(path, kind, out)
    assert {item for item in tmp_path.rglob("*") if out not in item.parents} == before


@pytest.mark.parametrize("kind", MAKE)
def test_files_arrive_with_their_digests(kind: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    found = unpack(MAKE[kind](tmp_path / "archive", FILES), kind, out)
    assert found == {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    assert {name: (out / name).read_bytes() for name in found} == FILES
    assert not any(path.stat().st_mode & stat.S_IXUSR for path in out.rglob("*") if path.is_file())


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "a/../../x",
        "/x",
        "/tmp/x",
        "a/..",
        "..",
        "..\\x",
        "a\\..\\..\\x",
        "C:\\x",
        "C:x",
        "\\\\host\\s\\x",
    ],
)
def test_names_that_lead_out_are_refused(kind: str, name: str, tmp_path: Path) -> None:
    refused(tmp_path, MAKE[kind](tmp_path / "archive", {"good": b"1", name: b"x"}), kind, "leads out of its")


@pytest.mark.parametrize("kind", MAKE)
def test_two_files_of_one_name_are_refused(kind: str, tmp_path: Path) -> None:
    refused(tmp_path, MAKE[kind](tmp_path / "archive", {"a": b"1", "A": b"2"}), kind, "two files of one name")
    refused(tmp_path, MAKE[kind](tmp_path / "other", {"a": b"1", "./a": b"2"}), kind, "two files of one name")


@pytest.mark.parametrize("kind", MAKE)
def test_a_file_that_is_a_folder_too_is_refused(kind: str, tmp_path: Path) -> None:
    refused(tmp_path, MAKE[kind](tmp_path / "archive", {"a": b"1", "a/b": b"2"}), kind, "a file and a folder")


@pytest.mark.parametrize("target", ["/etc/passwd", "../../x", "good"])
def test_links_are_refused(target: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, target)
    refused(tmp_path, tmp_path / "z", "zip", "'link' is a link or a device")
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
        with tarfile.open(tmp_path / "t", "w") as tar:
            member = tarfile.TarInfo("link")
            member.type, member.linkname = kind, target
            tar.addfile(member)
        refused(tmp_path, tmp_path / "t", "tar", "'link' is a link or a device")


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_devices_are_refused(kind: bytes, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "t", "w") as tar:
        member = tarfile.TarInfo("device")
        member.type = kind
        tar.addfile(member)
    refused(tmp_path, tmp_path / "t", "tar", "'device' is a link or a device")


@pytest.mark.parametrize("kind", MAKE)
def test_what_grows_out_of_proportion_is_refused(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "ROOM", 1 << 20)
    refused(tmp_path, MAKE[kind](tmp_path / "bomb", {"zeros": bytes(8 << 20)}), kind, "out of all proportion")


@pytest.mark.parametrize("kind", MAKE)
def test_too_many_members_are_refused(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MEMBERS", 2)
    refused(tmp_path, MAKE[kind](tmp_path / "archive", FILES), kind, "more than 2")


def test_a_zip_that_lies_about_its_sizes_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "z", {"zeros": bytes(SIZE)})
    content = path.read_bytes()
    assert content.count(SIZE.to_bytes(4, "little")) == 2  # in the file's header and in the directory
    path.write_bytes(content.replace(SIZE.to_bytes(4, "little"), (10).to_bytes(4, "little")))
    refused(tmp_path, path, "zip", "no zip archive that can be read|than the archive says")


@pytest.mark.parametrize("kind", MAKE)
def test_a_disk_too_small_is_said(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("usage", (), {"free": 10})
    monkeypatch.setattr("isocortex.assets.unpack.shutil.disk_usage", lambda path: usage)
    with pytest.raises(DataError, match=r"archive needs 3.3 kB when unpacked and .* has 10 bytes left"):
        unpack(MAKE[kind](tmp_path / "archive", FILES), kind, tmp_path)


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "z", {"a": b"1"})
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("a")
        offset = archive.start_dir
    content = bytearray(path.read_bytes())
    content[info.header_offset + 6] |= 1
    entry = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02", offset) + 1)
    content[entry + 8] |= 1
    path.write_bytes(content)
    refused(tmp_path, path, "zip", "no zip archive that can be read: .*encrypted")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(["zip", "tar"]), cut=st.floats(0, 1), flips=st.lists(st.floats(0, 1), max_size=4))
def test_damaged_archives_are_one_clear_error(
    kind: str, cut: float, flips: list[float], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    path = MAKE[kind](folder / "archive", FILES)
    content = bytearray(path.read_bytes())
    for flip in flips:
        content[int(flip * (len(content) - 1))] ^= 0x5A
    path.write_bytes(content[: int(cut * len(content))] if not flips else content)
    out = folder / "out"
    out.mkdir()
    try:
        found = unpack(path, kind, out)
    except DamagedFile as error:
        assert "\n" not in str(error)
    else:
        assert set(found) == {item.relative_to(out).as_posix() for item in out.rglob("*") if item.is_file()}
    assert {item.name for item in folder.iterdir()} == {"archive", "out"}


@given(st.text(max_size=30))
def test_what_counts_as_inside_is_inside(name: str) -> None:
    if is_inside(name):
        folder = Path("/somewhere/deep")
        assert folder in (folder / name).resolve().parents
