"""Faults that somebody, or a disk, does to the files of a run."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

PRIVATE = ".isocortex"
DAY = 86400.0


def files_in(out: Path, *, data: bool = True) -> list[Path]:
    """Files of results: data, or else the records."""
    found = [path for path in sorted(out.glob("*/**/*")) if path.is_file() and PRIVATE not in path.parts]
    return [path for path in found if (path.name not in ("step.json", "timing.json")) == data]


def flip(path: Path, chance: random.Random) -> None:
    """Turn one bit of a file round."""
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def flip_same_time(path: Path, chance: random.Random) -> None:
    """Turn a bit round and set the file's time back."""
    stat = path.stat()
    flip(path, chance)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def cut(path: Path, chance: random.Random) -> None:
    """Cut a file off."""
    os.truncate(path, chance.randrange(path.stat().st_size))


def other(path: Path, chance: random.Random, out: Path) -> None:
    """Put the file of another result of the same kind in its place, by renaming."""
    like = [file for file in out.rglob(path.name) if file != path and PRIVATE not in file.parts]
    new = path.with_name("new")
    shutil.copy2(chance.choice(like), new) if like else new.write_bytes(b"another")
    new.replace(path)


def clock_was_ahead(path: Path, chance: random.Random) -> None:
    """As where the clock was a day ahead when the result was written, and a file changes now."""
    for file in path.parent.iterdir():
        os.utime(file, (file.stat().st_mtime + DAY, file.stat().st_mtime + DAY))
    flip(path, chance)


def change_input(path: Path) -> None:
    """Change an input file; its size and its time stay."""
    stat = path.stat()
    path.write_text("3.0\n" if path.read_text() == "2.0\n" else "2.0\n")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def swap(out: Path, chance: random.Random) -> None:
    """Exchange the whole results of two instances of a step."""
    one, two = chance.sample(sorted((out / chance.choice(["raw", "smoothed", "parts"])).glob("*/*")), 2)
    aside = out / "aside"
    one.rename(aside)
    two.rename(one)
    aside.rename(two)


def copied_after(out: Path, chance: random.Random) -> None:
    """Damage a file, then copy the whole folder as ``cp -r`` does: all times are new, records' last."""
    flip(chance.choice(files_in(out)), chance)
    copy = out.with_name("copied")
    shutil.copytree(out, copy, copy_function=shutil.copyfile)
    for file in files_in(copy, data=False):
        content = file.read_bytes()
        file.write_bytes(content)
    shutil.rmtree(out)
    copy.rename(out)


def hide(path: Path) -> None:
    """Remove a file or folder."""
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


OnFile = Callable[[Path, random.Random], None]
ON_FILE: dict[str, OnFile] = {
    "bit flipped": flip,
    "bit flipped, time set back": flip_same_time,
    "cut off": cut,
    "deleted": lambda path, _: path.unlink(),
    "emptied": lambda path, _: path.write_bytes(b"") and None,
    "longer": lambda path, _: path.write_bytes(path.read_bytes() + b"x") and None,
    "clock was ahead, then bit flipped": clock_was_ahead,
}
"""What can be done to a file of a result, or to its record."""

ON_FOLDER: dict[str, Callable[[Path, random.Random], None]] = {
    "results exchanged": swap,
    "copied after damage": copied_after,
    "result deleted": lambda out, chance: hide(chance.choice(files_in(out)).parent),
    "step deleted": lambda out, chance: hide(chance.choice(files_in(out)).parents[-len(out.parts) - 1]),
    "private folder deleted": lambda out, _: hide(out / PRIVATE),
    "run record damaged": lambda out, chance: flip(out / "run.json", chance),
    "lock deleted": lambda out, _: hide(out / PRIVATE / "lock"),
    "owner damaged": lambda out, _: (out / PRIVATE / "owner").write_text("x") and None,
}
"""What can be done to an output folder."""

RUNNING = (
    "data: bit flipped", "data: bit flipped, time set back", "data: cut off", "data: deleted",
    "data: another's", "record: bit flipped", "record: deleted", "result deleted", "private folder deleted",
    "lock deleted", "owner damaged", "unfinished: bit flipped",
)  # fmt: skip
"""Those that are done while a run is under way."""
BETWEEN = (
    *(f"{what}: {how}" for what in ("data", "record") for how in (*ON_FILE, "another's")),
    "timing: bit flipped", "timing: deleted", *ON_FOLDER,
)  # fmt: skip


def tamper(out: Path, how: str, chance: random.Random, running: bool = False) -> None:
    """Do it; where nothing is there to do it to, nothing happens."""
    if how in ON_FOLDER:
        try:
            ON_FOLDER[how](out, chance)
        except (OSError, IndexError, ValueError):
            if not running:
                raise
        return
    what, _, way = how.partition(": ")
    if what == "unfinished":
        found = [file for file in out.glob(f"{PRIVATE}/new-*/**/*") if file.is_file()]
    else:
        found = files_in(out, data=what == "data")
        found = [file for file in found if what == "data" or file.name.startswith(_START[what])]
    found = [file for file in found if file.stat().st_size]
    if not found:
        return
    path = chance.choice(found)
    if way == "another's":
        other(path, chance, out)
    else:
        ON_FILE[way](path, chance)


_START = {"record": "step.json", "timing": "timing.json"}
