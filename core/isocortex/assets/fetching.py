"""Fetching an asset once: downloaded, checked, put in its place as a whole, and noted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from isocortex.assets.asset import Asset, AssetFile
from isocortex.assets.download import NotServed, ResumingDownloader
from isocortex.assets.places import Places, data_folder, in_package
from isocortex.assets.progress import Quiet
from isocortex.assets.records import Fetched, Record, content_of, today
from isocortex.assets.sums import sums
from isocortex.assets.unpack import unpack
from isocortex.errors import DamagedFile, DataError, IsocortexError


def fetch(asset: Asset, data: Path | None = None, progress: Quiet | None = None) -> Path:
    """Download what of an asset is not here yet and check what is; gives its file or folder.

    ``data`` is the folder of all fetched files (default: ``ISOCORTEX_DATA`` or the user's). Every file is
    compared with the checksum that its origin publishes, else with the SHA-256 of the first download.
    Raises ``DataError`` when a file cannot be had, or is not what it was.
    """
    if asset.package:
        return in_package(asset)
    places = Places((data or data_folder()).expanduser().absolute(), asset)
    progress = progress or Quiet()
    try:
        with _held(places, progress):
            record = Record(places.record)
            for file in asset.files:
                _Fetching(places, file, record, progress).run()
            shutil.rmtree(places.incoming, ignore_errors=True)
    except IsocortexError:
        raise
    except OSError as error:
        where = error.filename or places.data
        raise DataError(f"{where} cannot be read or written: {error.strerror or error}") from error
    if not places.result.exists():
        raise DamagedFile(f"the files of the asset {asset.name!r} do not hold {asset.inner}")
    return places.result


@contextmanager
def _held(places: Places, progress: Quiet) -> Iterator[None]:
    """One process at a time; a holder that was killed lets go by itself."""
    from filelock import FileLock, Timeout

    places.incoming.mkdir(parents=True, exist_ok=True)
    lock = FileLock(places.lock)
    try:
        lock.acquire(timeout=0.2)
    except Timeout:
        progress.say(f"another process is fetching {places.asset.name}; waiting until it is done")
        lock.acquire()
    try:
        places.incoming.mkdir(exist_ok=True)  # the one before may have taken it away
        yield
    finally:
        lock.release()


@dataclass(frozen=True)
class _Fetching:
    """One file of an asset."""

    places: Places
    file: AssetFile
    record: Record
    progress: Quiet

    def run(self) -> None:
        """Leave the file, or what is in it, checked in its place."""
        fetched = self.record.files.get(self.file.name)
        if fetched is not None and not fetched.holds(self.file.checksum):
            fetched = None  # the origin publishes another checksum now
        if fetched is not None and not any(fetched.missing(self.places.folder)):
            for fault in fetched.changed(self.places.folder, whole=True):
                raise DataError(f"{fault}; delete that file and fetch again")
            self.progress.say(f"{self.file.name}: already here, checksums agree")
            return
        target = self.places.folder / self.file.name
        if fetched is None and self.file.unpack is None and target.is_file():
            self._install(target, self._require_sum(target, target, None), None)
            return
        arrived = self._download(fetched)
        self._install(arrived, self._require_sum(arrived, None, fetched), fetched)

    def _download(self, before: Fetched | None) -> Path:
        """Download the file into the folder for what is not whole yet, from the first address that has it."""
        path = self.places.incoming / self.file.name.replace("/", "--")
        if path.exists():  # whole, and something ended the process before it was in its place
            return path
        known = self.file.checksum is not None or before is not None
        downloader = ResumingDownloader(self.progress, known, self.file.size, self.file.name)
        refusals = []
        for url in (self.file.url, *self.file.mirrors):
            try:
                downloader(url, path)
                return path
            except NotServed as error:
                refusals.append(str(error))
        page = f"; its page is {self.places.asset.page}" if self.places.asset.page else ""
        raise DataError(f"{self.file.name} could not be fetched: {'; '.join(refusals)}{page}")

    def _require_sum(self, path: Path, found: Path | None, before: Fetched | None) -> str:
        """Compare with the checksum that is known; gives the SHA-256. ``found`` was here without a record."""
        published = self.file.checksum
        kind, _, expected = (published or "sha256:").partition(":")
        got = sums(path, kind, "sha256")
        if published is not None and got[kind] != expected:
            where, advice = self.file.url, "try again later, or ask those who publish it"
            if found is not None:
                where, advice = str(found), "delete that file (or move it away) and fetch again"
            else:
                path.unlink()
            raise DataError(
                f"{where} is not the file that its origin publishes: {kind.upper()} {expected} was expected, "
                f"{got[kind]} found; {advice}"
            )
        if before is not None and published is None and got["sha256"] != before.sha256:
            path.unlink()
            raise DataError(
                f"{self.file.url} no longer gives the file that was fetched first ({before.date}): "
                f"its SHA-256 was {before.sha256} and is {got['sha256']}; if you trust the new one, delete "
                f"{self.places.record} and fetch again"
            )
        if before is None and published is None:
            self.progress.say(
                f"{self.file.name}: its origin publishes no checksum; the SHA-256 of this first one is "
                f"{got['sha256']}. It is recorded in {self.places.record} and checked from now on."
            )
        return got["sha256"]

    def _install(self, arrived: Path, digest: str, before: Fetched | None) -> None:
        """Put a checked file, or what is in it, in its place, and note that as the last thing."""
        size = arrived.stat().st_size
        if self.file.unpack is None:
            contents = {self.file.name: digest}
            self._put(arrived, self.file.name)
        else:
            contents = self._unpacked(arrived, self.file.unpack)
        noted = {name: content_of(self.places.folder / name, inner) for name, inner in contents.items()}
        date = before.date if before is not None else today()
        url = self.file.url
        self.record.put(self.file.name, Fetched(url, self.file.checksum, digest, size, date, noted))
        if self.file.unpack is not None:
            arrived.unlink()

    def _unpacked(self, archive: Path, kind: str) -> dict[str, str]:
        folder = self.places.incoming / "unpacked"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            contents = unpack(archive, kind, folder)
        except DamagedFile:
            archive.unlink()
            shutil.rmtree(folder, ignore_errors=True)
            raise
        for name, digest in contents.items():
            target = self.places.folder / name
            if target.is_file() and sums(target, "sha256")["sha256"] != digest:
                raise DataError(
                    f"{archive.name} holds {name}, and another file is already at {target}; "
                    f"move that one away and fetch again"
                )
        for name in contents:
            self._put(folder / name, name)
        return contents

    def _put(self, path: Path, name: str) -> None:
        target = self.places.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if path != target:
            path.replace(target)
