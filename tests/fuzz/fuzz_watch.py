"""What an input must not do: run code, touch files outside of its folder, take memory or time without end."""

from __future__ import annotations

import os
import resource
import signal
import site
import sys
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jinja2.environment

ROOT = Path(__file__).resolve().parents[2]
MEMORY = 3 * 2**29
"""Bytes of address space that a reader may take beyond what its process has when it begins."""
GROWTH = 256 * 2**20
"""Bytes by which the largest memory of the process may grow with one input of some KB."""

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = {
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.mkdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
    "shutil.rmtree",
}
_STARTS = (
    "os.system",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "subprocess.Popen",
)
_NEVER = (*_STARTS, "pickle.find_class", "socket.", "ctypes.dlopen", "urllib.Request", "webbrowser.open")
_READABLE = tuple(
    str(Path(place).resolve()) + os.sep
    for place in {
        sys.prefix,
        sys.base_prefix,
        *site.getsitepackages(),
        str(ROOT),
        "/usr",
        "/proc",
        "/sys",
        "/etc",
    }
)
_COMPILERS = ("<frozen importlib._bootstrap>", typing.__file__, jinja2.environment.__file__)
_SURVEY = ["-m", "isocortex_vision.weights.h5_survey"]
_DEVICES = ("/dev/null", "/dev/urandom")


class Hang(BaseException):
    """An input that takes too long; no reader's ``except Exception`` catches it."""


def _peak() -> int:
    """Most memory of this process so far, in bytes; ``ru_maxrss`` would begin with that of its parent."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


class Watch:
    """Listens to what Python does while an input is read; ``seen`` says what was not allowed.

    An audit hook stays for the rest of the process, so there is one of these in a process.
    """

    def __init__(self) -> None:
        self.folder: str | None = None
        self.seen: list[str] = []
        sys.addaudithook(self._heard)
        sys.unraisablehook = self._lost
        signal.signal(signal.SIGPROF, _too_long)

    @contextmanager
    def over(self, folder: Path, seconds: float) -> Iterator[None]:
        """Watch a block that may work in ``folder`` and take so many seconds of a processor."""
        self.seen.clear()
        before = _peak()
        self.folder = str(folder.resolve()) + os.sep
        signal.setitimer(signal.ITIMER_PROF, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            self.folder = None
            grown = _peak() - before
            if grown > GROWTH:
                self.seen.append(f"took {grown >> 20} MiB of memory")

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.folder is None:
            return
        if event.startswith(_NEVER):
            if event == "subprocess.Popen" and list(arguments[1][1:3]) == _SURVEY:
                return  # the product reads HDF5 files of Keras in a child process
            self._refuse(f"{event} {str(arguments)[:200]}")
        elif event == "open":
            self._opened(*arguments)
        elif event in _CHANGES and not all(self._own(place) for place in _paths(event, arguments)):
            self._refuse(f"{event} {str(arguments)[:200]}")
        elif event in ("exec", "compile"):
            name = arguments[0].co_filename if event == "exec" else arguments[1]
            literal = event == "compile" and name == "<unknown>"  # ast.literal_eval, which runs nothing
            if not (literal or _is_installed(name) or _is_of_the_program()):
                self._refuse(f"{event} of {name!r}")

    def _opened(self, path: Any, mode: Any, flags: Any) -> None:
        if isinstance(path, int) or self._own(path):
            return
        text = os.fsdecode(path)
        writes = bool(flags & _WRITES) or bool(set(mode or "") & set("wax+"))
        if text in _DEVICES or (not writes and os.path.realpath(text).startswith(_READABLE)):
            return
        self._refuse(f"opens {text!r} to {'write' if writes else 'read'}")

    def _own(self, path: Any) -> bool:
        assert self.folder is not None
        return (os.path.realpath(os.fsdecode(path)) + os.sep).startswith(self.folder)

    def _refuse(self, what: str) -> None:
        self.seen.append(what)
        raise PermissionError(f"the fuzzer does not allow: {what}")

    def _lost(self, unraisable: Any) -> None:
        if self.folder is not None and not issubclass(unraisable.exc_type, Hang):
            self.seen.append(
                f"an error that nobody sees: {unraisable.exc_value!r} in {unraisable.object!r}"[:300]
            )


def _paths(event: str, arguments: tuple[Any, ...]) -> list[Any]:
    """The paths of a change; what ``shutil.rmtree`` removes below its folder is relative to open folders."""
    if event in ("os.remove", "os.rmdir") and arguments[-1] >= 0:
        return []
    return [item for item in arguments if isinstance(item, (str, bytes, os.PathLike))]


def _is_installed(name: Any) -> bool:
    text = os.fsdecode(name) if isinstance(name, (str, bytes)) else ""
    there = text[:1] == os.sep and os.path.realpath(text).startswith(_READABLE)
    return there or text.startswith("<frozen ")


def _is_of_the_program() -> bool:
    """Whether code is compiled for an import of what is installed, for annotations or our own templates."""
    frame: Any = sys._getframe()
    while frame is not None:
        if frame.f_code.co_filename in _COMPILERS:
            return True
        frame = frame.f_back
    return False


def _too_long(*_: Any) -> None:
    raise Hang


def limit_memory(more: int = MEMORY) -> None:
    """Let this process take so much more address space than it has now; leave no core files."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
