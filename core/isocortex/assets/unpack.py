"""Archives, unpacked inside their folder only and not beyond a bound."""

from __future__ import annotations

import errno
import hashlib
import lzma
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from isocortex.assets.asset import is_inside
from isocortex.assets.progress import bytes_text
from isocortex.errors import DamagedFile, DataError

MEMBERS = 200_000
"""Most members that an archive may have."""
FACTOR, ROOM = 60, 256 << 20
"""An archive may become so many times its size, plus so many bytes."""

_UNREADABLE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
    ValueError,
    struct.error,
)

Member = tuple[str, int, Callable[[], AbstractContextManager[IO[bytes]]]]
"""Name, size, and what opens it."""


def unpack(archive: Path, kind: str, folder: Path) -> dict[str, str]:
    """Unpack an archive ("zip" or "tar") into an empty folder; gives each file's SHA-256 by its name.

    Raises ``DamagedFile`` for what is no archive, leads out of the folder, holds links or devices, or becomes
    too large; ``DataError`` when the disk is too small.
    """
    try:
        with _opened(archive, kind) as (members, total):
            _require_bounds(archive, folder, len(members), total)
            return {name: _write(archive, folder / name, size, opened) for name, size, opened in members}
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise DamagedFile(f"{archive.name} has a file and a folder of one name: {error.filename}") from error
    except _UNREADABLE as error:
        # a place before the beginning of the file and a name without end are the archive's fault, all else
        # with a number the disk's
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL, errno.ENAMETOOLONG):
            raise
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(":")
        raise DamagedFile(f"{archive.name} is no {kind} archive that can be read: {reason}") from error


@contextmanager
def _opened(archive: Path, kind: str) -> Iterator[tuple[list[Member], int]]:
    """The members of an archive, each checked, and their total size."""
    with zipfile.ZipFile(archive) if kind == "zip" else tarfile.open(archive) as file:
        if isinstance(file, zipfile.ZipFile):
            members = list(_zip_members(file, archive.name))
        else:
            members = list(_tar_members(file, archive.name))
        folded = [name.casefold() for name, *_ in members]
        if len(set(folded)) < len(folded):
            raise DamagedFile(f"{archive.name} holds two files of one name")
        yield members, sum(size for _, size, _ in members)


def _zip_members(archive: zipfile.ZipFile, name: str) -> Iterator[Member]:
    for info in archive.infolist():
        _require_inside(info.filename, name)
        mode = info.external_attr >> 16
        if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise DamagedFile(f"{name}: {info.filename!r} is a link or a device; only files are unpacked")
        if not info.is_dir():
            yield _clean(info.filename), info.file_size, lambda info=info: archive.open(info)  # type: ignore[misc]


def _tar_members(archive: tarfile.TarFile, name: str) -> Iterator[Member]:
    for number, info in enumerate(archive):
        _require_inside(info.name, name)
        if not (info.isreg() or info.isdir()):
            raise DamagedFile(f"{name}: {info.name!r} is a link or a device; only files are unpacked")
        if number >= MEMBERS:
            raise DamagedFile(f"{name} holds more than {MEMBERS} members")
        if info.isreg():
            yield _clean(info.name), info.size, lambda info=info: archive.extractfile(info)  # type: ignore


def _clean(name: str) -> str:
    return PurePosixPath(name).as_posix()


def _require_inside(member: str, archive: str) -> None:
    if member not in (".", "./") and not is_inside(member.rstrip("/") or "/"):
        raise DamagedFile(f"{archive}: {member!r} leads out of its folder; nothing of it is kept")


def _require_bounds(archive: Path, folder: Path, count: int, total: int) -> None:
    if count > MEMBERS:
        raise DamagedFile(f"{archive.name} holds {count} files, more than {MEMBERS}")
    if total > FACTOR * archive.stat().st_size + ROOM:
        raise DamagedFile(
            f"{archive.name} would become {bytes_text(total)}, out of all proportion to its "
            f"{bytes_text(archive.stat().st_size)}"
        )
    free = shutil.disk_usage(folder).free
    if total > free:
        raise DataError(
            f"{archive.name} needs {bytes_text(total)} when unpacked and {folder} has {bytes_text(free)} "
            "left; make room, or choose another folder (--to DIR or ISOCORTEX_DATA)"
        )


def _write(
    archive: Path, path: Path, size: int, opened: Callable[[], AbstractContextManager[IO[bytes]]]
) -> str:
    """Write one member, no more than the size it states; gives its SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, count = hashlib.sha256(), 0
    with opened() as source, path.open("xb") as target:
        while block := source.read(1 << 20):
            count += len(block)
            if count > size:
                raise DamagedFile(f"{archive.name}: {path.name} is larger than the archive says")
            digest.update(block)
            target.write(block)
    if count != size:
        raise DamagedFile(f"{archive.name}: {path.name} is cut off")
    return digest.hexdigest()
