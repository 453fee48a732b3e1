"""How much memory and disk there is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from isocortex.errors import IsocortexError

GROUPS = Path("/sys/fs/cgroup")
MEMINFO, OWN = Path("/proc/meminfo"), Path("/proc/self/cgroup")
_SECOND = "memory.max", "memory.current", "inactive_file"
_FIRST = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
"""Files of limit and use, and the name of what is cached, in both versions of cgroups."""


class NoRoom(IsocortexError):
    """A run that would not fit into memory or on the disk."""


def free_memory(meminfo: Path = MEMINFO, groups: Path = GROUPS, own: Path = OWN) -> int | None:
    """Bytes that a process can still take: what the system has available, and what its cgroup leaves.

    None where the system does not say.
    """
    found = [size for size in (_available(meminfo), _left_in_group(groups, own)) if size is not None]
    return min(found, default=None)


def free_disk(folder: Path) -> int | None:
    """Bytes that are free where a folder is, or will be; None where the system does not say."""
    place = Path(folder).resolve()
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        return shutil.disk_usage(place).free
    except OSError:
        return None


def _available(meminfo: Path) -> int | None:
    try:
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _left_in_group(groups: Path, own: Path) -> int | None:
    """What the limits of a container or job leave; files that are only cached count as free."""
    found = []
    for folder, (limit, used, cached) in _groups_of(groups, own):
        try:
            most, now = (int((folder / name).read_text()) for name in (limit, used))
        except (OSError, ValueError):  # no such group, or "max"
            continue
        if most < 2**60:
            found.append(max(0, most - now + _numbers(folder / "memory.stat").get(cached, 0)))
    return min(found, default=None)


def _groups_of(groups: Path, own: Path) -> Iterator[tuple[Path, tuple[str, str, str]]]:
    """Folders of the groups that this process is in, version 2 and 1, outer ones too, and their files."""
    try:
        lines = [line.split(":", 2) for line in own.read_text().splitlines()]
    except OSError:
        lines = []
    for _, kinds, name in (line for line in lines if len(line) == 3):
        if kinds and "memory" not in kinds.split(","):
            continue
        base, files = (groups, _SECOND) if not kinds else (groups / "memory", _FIRST)
        inside = PurePosixPath(name.lstrip("/"))
        for part in (inside, *inside.parents):
            yield base / part, files


def _numbers(path: Path) -> Mapping[str, int]:
    try:
        return {name: int(value) for name, value in (line.split() for line in path.read_text().splitlines())}
    except (OSError, ValueError):
        return {}


def in_words(size: float) -> str:
    """Bytes as people read them."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
