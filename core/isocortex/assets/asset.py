"""What a plugin says about public files: where they are, what they are, and how to know them again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import Literal

from isocortex.errors import PluginError

LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}
"""Kinds of checksum -> number of hexadecimal digits."""


@dataclass(frozen=True)
class AssetFile:
    """One file at its origin.

    ``name`` is where it goes inside the asset's folder; with ``unpack`` what is in it goes there instead.
    ``checksum`` is what the origin publishes ("md5:...", "sha256:..."); without one, that of the first
    download is kept and checked from then on. ``size`` is in bytes. ``mirrors`` are tried when ``url`` fails.
    """

    url: str
    name: str
    checksum: str | None = None
    size: int | None = None
    unpack: Literal["zip", "tar"] | None = None
    mirrors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not is_inside(self.name):
            raise PluginError(f"{self.name!r} is no name of a file inside the folder of an asset")
        if not self.url.startswith(("http://", "https://")):
            raise PluginError(f"{self.name}: {self.url!r} is no address that starts with http:// or https://")
        if self.unpack not in (None, "zip", "tar"):
            raise PluginError(f"{self.name}: unpack is {self.unpack!r}; it can be 'zip', 'tar' or None")
        if self.checksum is not None:
            kind, _, digits = self.checksum.partition(":")
            if len(digits) != LENGTHS.get(kind) or not re.fullmatch("[0-9a-f]+", digits):
                raise PluginError(
                    f"{self.name}: {self.checksum!r} is no checksum; write it as 'md5:' or 'sha256:' "
                    f"and its digits in lower case"
                )


@dataclass(frozen=True)
class Asset:
    """Public files under one name: downloads (``files``), or a file that a Python ``package`` carries.

    Assets with one ``folder`` lie together in it; without, an asset has a folder of its own name.
    ``member`` is the file or folder in there that the asset stands for, where that is not the only file
    or the whole folder. ``extra`` is the extra of isocortex that installs ``package``. ``licence`` says the
    terms, ``page`` is where people read about it.
    """

    name: str
    summary: str
    files: tuple[AssetFile, ...] = ()
    licence: str = ""
    citation: str = ""
    page: str = ""
    folder: str = ""
    member: str = ""
    package: str = ""
    extra: str = ""

    def __post_init__(self) -> None:
        for text in (self.name, self.folder or self.name):
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", text) or text.endswith("."):
                raise PluginError(f"{text!r} is no name for an asset (letters, digits, _, - and .)")
        if bool(self.files) == bool(self.package):
            raise PluginError(f"the asset {self.name!r} needs either files or a package")
        if self.member and not is_inside(self.member):
            raise PluginError(f"the asset {self.name!r}: {self.member!r} does not lie inside its folder")
        if self.package and not self.member:
            raise PluginError(f"the asset {self.name!r}: which member of {self.package} is it?")
        names = [file.name for file in self.files]
        if len(set(names)) < len(names):
            raise PluginError(f"the asset {self.name!r} has two files of one name")

    @property
    def size(self) -> int | None:
        """Bytes to download, or None where that is not known for all of them."""
        sizes = [file.size for file in self.files]
        return None if None in sizes or not sizes else sum(size or 0 for size in sizes)

    @property
    def inner(self) -> str:
        """What it stands for inside its folder; "" is the folder."""
        single = len(self.files) == 1 and self.files[0].unpack is None
        return self.member or (self.files[0].name if single else "")


def is_inside(name: str) -> bool:
    """Whether a relative path stays inside its folder, on every system."""
    path, windows = PurePosixPath(name), PureWindowsPath(name)
    return (
        bool(path.parts)
        and path.parts == windows.parts
        and ".." not in path.parts
        and not (path.is_absolute() or windows.is_absolute() or windows.drive or windows.root)
        and not re.search(r"[\x00-\x1f:]", name)
    )
