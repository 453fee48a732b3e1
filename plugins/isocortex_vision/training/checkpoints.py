"""A training on disk, so that it goes on after a kill: ``.npz`` and JSON, whole or not at all.

A folder holds one training. ``checkpoint.json`` names the arrays' file beside it and its digest; it is
replaced last, so it always speaks of a file that is complete.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError
from isocortex.formats.arrays import Npz, described, inside, sync, write_json
from isocortex.pipeline.digests import digest_file

FORMAT = 1
_INDEX = "checkpoint.json"


class Checkpoint(NamedTuple):
    """After how many epochs and steps, the rows of the history so far, and the arrays."""

    epochs: int
    step: int
    history: list[dict[str, Any]]
    arrays: dict[str, Array]


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other processes from training in the same folder."""
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise DataError(f"{folder}: another process trains here; wait, or give another folder") from None
    try:
        yield
    finally:
        lock.release()


def write_checkpoint(folder: Path, checkpoint: Checkpoint, digest: str) -> None:
    """Write a checkpoint and then remove the one before it."""
    name = f"epoch-{checkpoint.epochs:05d}.npz"
    part = folder / f".{name}.{os.getpid()}.part"
    with part.open("wb") as file:
        np.savez(file, **checkpoint.arrays)  # type: ignore[arg-type]
    sync(part)
    part.replace(folder / name)
    index = folder / f".{_INDEX}.{os.getpid()}.part"
    content = {
        "format": FORMAT,
        "training": digest,
        "epochs": checkpoint.epochs,
        "step": checkpoint.step,
        "arrays": name,
        "sha256": digest_file(folder / name),
        "history": [_without_nan(row) for row in checkpoint.history],
    }
    write_json(index, content)
    index.replace(folder / _INDEX)
    sync(folder)
    for old in (*folder.glob("epoch-*.npz"), *folder.glob(".*.part")):
        if old.name != name:
            old.unlink(missing_ok=True)


def read_checkpoint(folder: Path, digest: str, shapes: Mapping[str, tuple[int, ...]]) -> Checkpoint | None:
    """Read the checkpoint of a training; None where there is none yet.

    Parameters
    ----------
    digest : of all that decides the training's course (``loop.digest_of``).
    shapes : of the arrays that it has to hold.

    Raises
    ------
    DataError : it belongs to a training of other settings or pictures.
    DamagedFile : it cannot be read.
    """
    if not (folder / _INDEX).exists():
        return None
    with described(folder / _INDEX) as info:
        if info["format"] != FORMAT or info["training"] != digest:
            raise DataError(
                f"{folder}: the checkpoint is of a training with other settings, pictures, seed or version "
                "of TensorFlow; give another folder, or delete this one to begin anew"
            )
        path = inside(folder, info["arrays"])
        if digest_file(path) != info["sha256"]:
            raise DamagedFile(f"{path}: the checkpoint has changed since it was written; delete the folder")
        epochs, step = int(info["epochs"]), int(info["step"])
        history = [_with_nan(row) for row in info["history"]]
    with Npz(path) as file:
        arrays = {key: file.read(key) for key in file.keys}
    if {key: array.shape for key, array in arrays.items()} != dict(shapes):
        raise DamagedFile(f"{path}: does not hold the arrays of this network; delete the folder")
    return Checkpoint(epochs, step, history, arrays)


def _without_nan(row: dict[str, Any]) -> dict[str, Any]:
    """JSON has no NaN: null stands for it."""
    return {key: None if value != value else value for key, value in row.items()}


def _with_nan(row: dict[str, Any]) -> dict[str, Any]:
    return {key: float("nan") if value is None else value for key, value in row.items()}
