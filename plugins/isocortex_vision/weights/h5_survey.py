"""Where the layers lie in an HDF5 file of Keras, found out in a process of its own.

HDF5's library can be made to crash by a damaged file (seen: an attribute of which a byte was changed), and
would take the whole program with it. So it runs in a child that says what is where; the values are then read
from the file without it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from isocortex.errors import DamagedFile, DataError
from isocortex_vision.weights.h5_reading import H5, Node

_SECONDS = 120


class Stored(NamedTuple):
    """A layer of the file: its name there, the group it lies in, its arrays."""

    name: str
    group: str
    arrays: tuple[Node, ...]


def survey(path: Path) -> list[Stored]:
    """Find all layers of the file in a child process; one that crashes is a ``DamagedFile``."""
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    command = [sys.executable, "-m", __name__, str(path)]
    places = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, env=places, check=False)
        found = json.loads(done.stdout) if done.returncode == 0 else {}
        if "error" in found:
            raise DamagedFile(found["error"])
        return [
            Stored(n, g, tuple(Node(a, tuple(s), d, o) for a, s, d, o in arrays))
            for n, g, arrays in found["layers"]
        ]
    except (ValueError, LookupError, TypeError, subprocess.TimeoutExpired):
        raise DamagedFile(f"{path}: a damaged HDF5 file, on which HDF5's own library fails") from None


def legacy(file: H5) -> list[Stored]:
    """Find the layers of Keras 1 and 2: names in attributes; a nested model lists all its weights at once."""
    root = "model_weights" if file.has("model_weights") else ""
    names = file.texts(root, "layer_names")
    if names is None:
        return []
    found: list[Stored] = []
    for name in names:
        group = f"{root}/{name}".strip("/")
        weights = file.texts(group, "weight_names") or []
        parts: dict[str, list[Node]] = {}
        for weight in weights:
            inner = weight.rsplit("/", 1)[0].rsplit("/", 1)[-1] if len(weights) > 2 else name
            parts.setdefault(inner, []).append(file.node(f"{group}/{weight}"))
        found += [Stored(inner, group, tuple(nodes)) for inner, nodes in parts.items()]
    return found


def keras_3(file: H5) -> Iterator[Stored]:
    """Find the layers of Keras 3: groups with ``vars/0``, ``vars/1``; the name is a note beside them."""
    places: dict[str, dict[int, Node]] = {}
    for node in file.datasets():
        group, _, last = node.name.rpartition("/vars/")
        if last.isdecimal() and len(last) < 4:
            places.setdefault(group, {})[int(last)] = node
    for group, arrays in places.items():
        if sorted(arrays) != list(range(len(arrays))):
            raise DamagedFile(f"{file.path}: the variables of {group!r} are {sorted(arrays)}")
        name = file.text(f"{group}/vars", "name") or group.rsplit("/", 1)[-1]
        yield Stored(name, group, tuple(arrays[place] for place in sorted(arrays)))


def _main(path: Path) -> None:
    """Write what is where, or what is wrong, as JSON."""
    _limit_memory(path.stat().st_size)
    try:
        with H5(path) as file:
            found = legacy(file) or list(keras_3(file))
        print(json.dumps({"layers": found}))
    except DataError as error:
        print(json.dumps({"error": str(error)}))


def _limit_memory(size: int) -> None:
    """Let the child take no more than a file of this size can need, where the system can do that."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limit = 4 * 2**30 + 2 * size
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
