"""Reads in one process what is kept: sound inputs give values, kept ones no finding, nor do some spoilt ones.

It first checks that the watch sees what it is there for. Prints what is wrong as a list in JSON.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fuzz_all import TARGETS
from fuzz_target import ERROR, VALUE, Target, outcome
from fuzz_watch import Watch
from fuzz_worker import folder_for, seeds_of, spoilt

from isocortex.errors import DamagedFile, DataError

FRESH = 6
"""Spoilt inputs of each target that are read besides."""


_CODE = compile("1", "input", "exec")


class _Payload:
    def __reduce__(self) -> tuple[Any, ...]:
        return eval, ("1 + 1",)


def _endless(_: Path) -> None:
    while True:
        pass


def _hidden(path: Path) -> None:
    """Does what is forbidden and passes the error on as its own: it has to be seen all the same."""
    try:
        path.parent.parent.joinpath("outside").write_text("x")
    except Exception:
        raise DamagedFile(f"{path}: damaged") from None


def _fail(path: Path, message: str) -> None:
    raise DataError(message.format(path=path))


def _control(path: Path) -> None:
    error = DataError(f"{path}: damaged")
    error.args = (f"{path}: \x1b[31mdamaged",)
    raise error


BAD: dict[str, Callable[[Path], Any]] = {
    "forbidden: os.system": lambda path: os.system("true"),
    "forbidden: subprocess.Popen": lambda path: subprocess.run(["true"], check=True),
    "forbidden: exec": lambda path: exec(_CODE),
    "forbidden: compile": lambda path: eval("1"),
    "forbidden: pickle.find_class": lambda path: pickle.loads(pickle.dumps(_Payload())),
    "forbidden: opens": _hidden,
    "forbidden: os.mkdir": lambda path: path.parent.joinpath("..", "made").mkdir(),
    "forbidden: os.symlink": lambda path: path.with_name("link").symlink_to("/etc"),
    "forbidden: took": lambda path: len(bytearray(b"x") * (300 << 20)),
    "hang": _endless,
    "ZeroDivisionError": lambda path: 1 / 0,
    "the error does not name": lambda path: _fail(path, "damaged"),
    "control characters": _control,
}


def _seen(watch: Watch) -> Iterator[str]:
    """What the watch overlooks."""
    for wanted, read in BAD.items():
        target = Target("bad", "own", lambda at: [], read, seconds=0.2 if wanted == "hang" else 20.0)
        with folder_for(target) as folder:
            found = outcome(target, b"x", folder, watch)
        if found.kind != "finding" or not found.what.startswith(wanted):
            yield f"{wanted} is not seen, but {found}"
    harmless = Target("good", "own", lambda at: [], lambda path: path.with_name("own").write_bytes(b"x"))
    with folder_for(harmless) as folder:
        if outcome(harmless, b"x", folder, watch).kind != VALUE:
            yield "what is allowed is not"


def _replayed(target: Target, watch: Watch) -> Iterator[str]:
    seeds, kept = seeds_of(target), target.corpus()
    with folder_for(target) as folder:
        for place, content in enumerate(seeds[: len(seeds) - len(kept)]):
            found = outcome(target, content, folder, watch)
            if found.kind != VALUE:
                yield f"{target.name}: sound input {place}: {found}"
        for place, content in enumerate(kept):
            found = outcome(target, content, folder, watch)
            if found.kind not in (VALUE, ERROR):
                yield f"{target.name}: kept input {place}: {found}"
        for number in range(FRESH):
            found = outcome(target, spoilt(target, seeds, 0, number), folder, watch)
            if found.kind not in (VALUE, ERROR):
                yield f"{target.name}: spoilt input {number}: {found}"


def main(groups: list[str]) -> None:
    """Replay the targets of some groups."""
    watch = Watch()
    wrong = list(_seen(watch))
    for target in TARGETS.values():
        if target.group in groups:
            wrong += _replayed(target, watch)
    print(json.dumps(wrong))


if __name__ == "__main__":
    main(sys.argv[1:])
