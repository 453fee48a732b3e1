"""Faults inside a run: calls that change or read the disk are counted, and at one of them it happens.

Nothing of this is in the product: the shim takes the place of functions of ``os``, ``io`` and ``time`` in a
process of the benchmark.
"""

from __future__ import annotations

import builtins
import errno
import io
import json
import os
import random
import resource
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stress_faults import change_input, tamper

WRITES = ("fsync", "rename", "replace", "mkdir", "write")


class Shim:
    """Counts calls in ``out`` and in the folder of the study; ``fault`` says what happens, and where.

    ``fault``: ``action`` (see ``_act``), ``calls`` (names of those that count), ``at`` (number of the call),
    ``seed``, and ``note``, a file that is made when the fault happens (once, in whichever process).
    """

    def __init__(self, fault: dict[str, Any], out: Path, study: Path) -> None:
        self.fault, self.out, self.study = fault, out, study
        self.counts: Counter[str] = Counter()
        self.number = 0
        self.broken = 0
        self.chance = random.Random(fault.get("seed", 0))
        self.disk = Disk(out)
        self.inside = False

    def install(self) -> None:
        """Take the place of the functions."""
        if self.fault.get("action") == "small files only":
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.fault["at"], resource.RLIM_INFINITY))
            self._happens()
        real_open = builtins.open
        os.fsync = self._wrapped("fsync", os.fsync, lambda handle: f"/proc/self/fd/{handle}")  # type: ignore[assignment]
        for name in ("rename", "replace", "mkdir"):
            setattr(os, name, self._wrapped(name, getattr(os, name), lambda path, *_: path))

        def opened(file: Any, mode: str = "r", *arguments: Any, **more: Any) -> Any:
            kind = "write" if set(mode) & set("wax+") else "read"
            return self._around(kind, real_open, file, (file, mode, *arguments), more)

        io.open = builtins.open = opened  # type: ignore[assignment]

    def _wrapped(self, name: str, real: Callable[..., Any], path: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            return self._around(name, real, path(*arguments), arguments, more)

        return call

    def _around(self, name: str, real: Any, path: Any, arguments: Any, more: Any) -> Any:
        if self.inside or not self._is_ours(path):
            return real(*arguments, **more)
        self.counts[name] += 1
        now = False
        if name in self.fault.get("calls", ()):
            self.number += 1
            now = self.number == self.fault.get("at") and self._happens()
            if self.broken and name != "read":
                raise OSError(self.broken, os.strerror(self.broken), os.fspath(path))
        if now and self.fault.get("when") != "after":
            self._act(path)
        value = real(*arguments, **more)
        self.disk.note(name, arguments)
        if now and self.fault.get("when") == "after":
            self._act(path)
        return value

    def _is_ours(self, path: Any) -> bool:
        if isinstance(path, int):
            return False
        text = os.fspath(path)
        text = str(Path(text).readlink()) if str(text).startswith("/proc/self/fd/") else str(text)
        return f"{text}/".startswith((f"{self.out}/", f"{self.study}/")) and "__pycache__" not in text

    def _happens(self) -> bool:
        """Whether it is this process in which it happens: the first that comes to the place."""
        if "note" not in self.fault:
            return False
        try:
            os.close(os.open(self.fault["note"], os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def _act(self, path: Any) -> None:
        self.inside = True
        try:
            action, seed = self.fault["action"], self.fault["seed"]
            if action == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            elif action == "power":
                self.disk.lose(self.chance)
                os.kill(os.getpid(), signal.SIGKILL)
            elif action in ("full", "broken"):
                code = errno.ENOSPC if action == "full" else errno.EIO
                self.broken = code if self.fault.get("stays") else 0
                raise OSError(code, os.strerror(code), os.fspath(path))
            elif action == "tamper":
                tamper(self.out, self.fault["how"], random.Random(seed), running=True)
            elif action == "input":
                change_input(self.study / "weights.txt")
            elif action == "clock":
                self._jump(self.fault["by"])
            else:
                raise ValueError(action)
        finally:
            self.inside = False

    def _jump(self, seconds: float) -> None:
        real, real_ns = time.time, time.time_ns
        time.time = lambda: real() + seconds
        time.time_ns = lambda: real_ns() + int(seconds * 1e9)
        for file in self.out.rglob("*.json"):
            if file.name in ("step.json", "timing.json", "run.json") and self.chance.random() < 0.5:
                os.utime(file, (real() + seconds, real() + seconds))


class Disk:
    """What would be left after a power cut: names and contents that were not forced to the disk may be gone.

    Files and names that were there at the start are taken to be on the disk.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.contents: dict[int, tuple[int, int]] = {}
        self.names: dict[int, set[str]] = {}
        self.moves: list[tuple[Path, Path]] = []
        for place in [out, *out.rglob("*")] if out.exists() else []:
            self._forced(place)

    def _forced(self, place: Path) -> None:
        stat = place.stat()
        if place.is_dir():
            self.names[stat.st_ino] = {item.name for item in place.iterdir()}
            self.moves = [(old, new) for old, new in self.moves if new.parent != place]
        else:
            self.contents[stat.st_ino] = (stat.st_size, stat.st_mtime_ns)

    def note(self, name: str, arguments: Any) -> None:
        """Follow a call that has been made."""
        if name == "fsync":
            self._forced(Path(f"/proc/self/fd/{arguments[0]}").readlink())
        elif name in ("rename", "replace"):
            self.moves.append((Path(arguments[0]), Path(arguments[1])))

    def lose(self, chance: random.Random) -> None:
        """Take away, each with some chance, what was not forced: the last moves, names, contents."""
        for old, new in reversed(self.moves):
            if chance.random() < 0.3:
                break  # moves become durable in order
            if new.exists() and old.parent.is_dir() and not old.exists():
                new.rename(old)
        for place in sorted(self.out.rglob("*"), reverse=True):
            if not place.exists():
                continue
            stat, parent = place.stat(), place.parent.stat().st_ino
            if place.name not in self.names.get(parent, ()) and chance.random() < 0.5:
                shutil.rmtree(place) if place.is_dir() else place.unlink()
            elif place.is_file() and self.contents.get(stat.st_ino) != (stat.st_size, stat.st_mtime_ns):
                keep = chance.choice([0, stat.st_size // 2])
                content = place.read_bytes()[:keep] + b"\0" * (stat.st_size - keep) * chance.choice([0, 1])
                place.write_bytes(content)


def install_from_environment() -> Shim | None:
    """Install the fault that the environment describes, if any."""
    if "STRESS_FAULT" not in os.environ:
        return None
    about = json.loads(os.environ["STRESS_FAULT"])
    shim = Shim(about["fault"], Path(about["out"]), Path(about["study"]))
    shim.install()
    return shim
