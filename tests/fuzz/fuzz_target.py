"""What a target is, and the outcome of reading one input: a value, one clear error, or a finding."""

from __future__ import annotations

import re
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_mutation import Mutate, spoil
from fuzz_watch import ROOT, Hang, Watch

from isocortex.errors import IsocortexError, PipelineError

VALUE, ERROR = "value", "error"
CORPUS = Path(__file__).resolve().parent / "corpus"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]|\n(?=.)")


@dataclass(frozen=True)
class Target:
    """A reader: ``read`` takes the path of a file with the input, in a folder of its own.

    Parameters
    ----------
    group : "own" for our parsers, else the library that reads: "h5py", "tensorflow", "nibabel", "pillow".
    seeds : makes sound inputs, in an empty folder.
    file : name that the input has.
    share : how much of the inputs of its group it gets.
    names_file : whether errors have to name the file.
    seconds : of a processor that an input may take.
    contained : whether the product itself reads in a child process, so that a crash of it is one error.
    prepare : puts into the folder what has to lie beside the input; called once, before inputs are watched.
    """

    name: str
    group: str
    seeds: Callable[[Path], list[bytes]]
    read: Callable[[Path], Any]
    mutate: Mutate = spoil
    file: str = "input.bin"
    share: float = 1.0
    names_file: bool = True
    seconds: float = 5.0
    contained: bool = False
    prepare: Callable[[Path], object] | None = None

    def corpus(self) -> list[bytes]:
        """Inputs kept in the tests: seeds that need a tool to make, and what once went wrong."""
        return [path.read_bytes() for path in sorted((CORPUS / self.name).glob("*"))]


@dataclass(frozen=True)
class Outcome:
    """What became of an input; ``what`` is the same for findings of one cause, ``detail`` is of this one."""

    kind: str
    what: str = ""
    detail: str = ""


def outcome(target: Target, content: bytes, folder: Path, watch: Watch) -> Outcome:
    """Read one input in a folder and say what became of it."""
    path = folder / target.file
    path.write_bytes(content)
    found = _tried(target, path, folder, watch)
    if watch.seen:
        return Outcome("finding", f"forbidden: {watch.seen[0].split()[0]}", watch.seen[0])
    return found


def _tried(target: Target, path: Path, folder: Path, watch: Watch) -> Outcome:
    try:
        with watch.over(folder, target.seconds), warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", "select: top")  # the selection says that so few have a value
            touch(target.read(path))
    except IsocortexError as error:
        return _clear(error, target, folder)
    except Hang as error:
        return Outcome("finding", f"hang: {_origin(error)}")
    except Exception as error:
        return Outcome("finding", f"{type(error).__name__}: {_origin(error)}", str(error)[:160])
    return Outcome(VALUE)


def _clear(error: IsocortexError, target: Target, folder: Path) -> Outcome:
    """One sentence that names the file, and nothing that a terminal would obey."""
    text = str(error)
    parts = [str(problem) for problem in error.problems] if isinstance(error, PipelineError) else [text]
    if target.names_file and target.file not in text and folder.name not in text:
        return Outcome("finding", f"the error does not name the file: {_origin(error)}", text[:160])
    if any(_CONTROL.search(part) for part in parts):
        return Outcome("finding", f"control characters in an error: {_origin(error)}", repr(text[:160]))
    if any(len(part) > 3000 for part in parts):
        return Outcome("finding", f"an error without end: {_origin(error)}", f"{len(text)} characters")
    return Outcome(ERROR)


def _origin(error: BaseException) -> str:
    """The innermost line of the product that an error came through."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/core/isocortex" in frame.filename or "/plugins/" in frame.filename]
    if not own:
        return "?"
    return f"{Path(own[-1].filename).relative_to(ROOT)}:{own[-1].lineno}"


def touch(value: Any, depth: int = 0) -> None:
    """Use what was read: every byte of its arrays, and its text form, as a step or the report would."""
    if isinstance(value, np.ndarray):
        if value.nbytes > 2**28:
            raise MemoryError(f"an array of {value.nbytes} bytes")
        value.tobytes()
    elif isinstance(value, dict) and depth < 20:
        for key, item in list(value.items())[:200]:
            touch(key, depth + 1)
            touch(item, depth + 1)
    elif isinstance(value, (list, tuple, set, frozenset)) and depth < 20:
        for item in list(value)[:200]:
            touch(item, depth + 1)
