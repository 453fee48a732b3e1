"""BData: the HDF5 file in which the Kamitani lab keeps samples x columns, and what each column is.

``/dataset`` holds the numbers, ``/metadata/{key, description, value}`` what the columns are (1: the column
belongs to the key; NaN: does not apply; or a coordinate, a statistic), ``/vmap/<key>/<number>`` the names
behind numbers. Older files say ``/dataSet`` and ``/metaData`` [bdpy, bdata.py].
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np
import numpy.typing as npt

from isocortex.data import Patterns, Space
from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError, suggestion
from isocortex.formats import hdf5
from isocortex.pipeline import outlines
from isocortex.pipeline.costs import Cost
from isocortex_decoding.files.selection import Mask, selected
from isocortex_decoding.files.stimulus_labels import MISSING, labels_of
from isocortex_decoding.files.voxel_grid import voxel_space

_KIND = "a BData file"
_BLOCK = 2**26
_SLICES = 64
LIBRARIES = 20 * 2**20
"""h5py and the labels (measured)."""


class BData:
    """A BData file, opened; columns are read when they are asked for, never the whole matrix.

    Use as a context manager. Raises ``DamagedFile`` for what is not a whole BData file.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        with contextlib.ExitStack() as stack:
            self._file = stack.enter_context(hdf5.opened(self.path, _KIND))
            self._data, self.keys, self.descriptions, self._values = _layout(self._file, str(self.path))
            self._open = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return int(self._data.shape[0])

    @property
    def n_columns(self) -> int:
        """Number of columns: voxels, labels, and all else."""
        return int(self._data.shape[1])

    @property
    def is_single(self) -> bool:
        """Whether the file stores float32, which cannot hold the ids of images."""
        return bool(self._data.dtype.kind == "f" and self._data.dtype.itemsize < 8)

    def metadata(self, key: str) -> npt.NDArray[np.float64]:
        """What stands under a key for each column, (columns,); NaN where it does not apply."""
        if key not in self.keys:
            raise DataError(f"{self.path}: no key {key!r}; {suggestion(key, self.keys, 'keys')}")
        values: npt.NDArray[np.float64] = self._values[self.keys.index(key)]
        return values

    def columns(self, select: str) -> Mask:
        """Which columns an expression selects (see ``selection``), (columns,)."""
        try:
            return selected(select, self.keys, self.metadata, self.n_columns)
        except DataError as error:
            raise DataError(f"{self.path}: {error}") from None

    def select(self, select: str) -> Array:
        """Read the columns that an expression selects: (samples, selected), as stored or float64."""
        mask = self.columns(select)
        if not mask.any():
            raise DataError(f"{self.path}: select: {select!r} selects no column")
        return self.read(mask)

    def read(self, mask: Mask, dtype: npt.DTypeLike | None = None) -> Array:
        """Read columns: (samples, selected) in the order of the file, as ``dtype``.

        By default as stored; whole numbers and half precision become float64.
        """
        places = np.flatnonzero(mask)
        out = np.empty((self.n_samples, len(places)), dtype=self.dtype_read(dtype))
        with hdf5.reading(self.path, _KIND):
            self._read_into(out, places)
        return out

    def dtype_read(self, dtype: npt.DTypeLike | None = None) -> np.dtype[Any]:
        """Type of what ``read`` gives."""
        own = self._data.dtype.newbyteorder("=")
        return np.dtype(dtype or (own if own in (np.float32, np.float64) else np.float64))

    def cost(
        self,
        mask: Mask,
        stimuli: Sequence[str],
        conditions: Sequence[str],
        dtype: npt.DTypeLike | None = None,
        in_space: bool = True,
        copied: bool = True,
    ) -> Cost:
        """What reading columns as ``Patterns`` takes, of which no voxel is read.

        Parameters
        ----------
        stimuli, conditions : of the samples that are kept in the end.
        copied : whether samples are then taken out of what is read.
        """
        space, number = self.space(mask)[0] if in_space else None, int(np.count_nonzero(mask))
        itemsize = self.dtype_read(dtype).itemsize
        made = outlines.patterns(
            len(stimuli),
            conditions=len(set(conditions)),
            stimuli=len(set(stimuli)),
            itemsize=itemsize,
            **({"channels": number} if space is None else outlines.within(space.mask)),
        )
        read = self.n_samples * number * itemsize
        kept = len(stimuli) * number * itemsize if copied else 0
        beside = max(self._block_bytes(mask), 0 if space is None else read, kept)
        return Cost(LIBRARIES + self._values.nbytes + read + beside, {"result": made})

    def _block_bytes(self, mask: Mask) -> int:
        """Most bytes of what is stored that are read at a time."""
        gaps = len(_starts(np.flatnonzero(mask))) > _SLICES
        columns = self.n_columns if gaps else int(np.count_nonzero(mask))
        return int(min(_BLOCK, columns * self.n_samples * self._data.dtype.itemsize))

    def _read_into(self, out: Array, places: npt.NDArray[np.intp]) -> None:
        starts = _starts(places)
        if len(starts) > _SLICES:  # many gaps: whole rows
            for rows in self._rows(self.n_columns):
                out[rows] = self._data[rows][:, places]
            return
        for start, stop in zip(starts, [*starts[1:], len(places)], strict=True):
            for rows in self._rows(stop - start):
                out[rows, start:stop] = self._data[rows, places[start] : places[stop - 1] + 1]

    def _rows(self, columns: int) -> Iterator[slice]:
        """Some rows at a time: what is stored in another type than is wanted is read into an array first."""
        step = max(1, _BLOCK // max(1, columns * self._data.dtype.itemsize))
        for start in range(0, self.n_samples, step):
            yield slice(start, start + step)

    def column(self, key: str) -> npt.NDArray[np.float64]:
        """Read the one column that belongs to a key, (samples,), float64."""
        mask = self.metadata(key) == 1
        if np.count_nonzero(mask) != 1:
            raise DataError(f"{self.path}: key {key!r} has {np.count_nonzero(mask)} columns; a label has one")
        return self.read(mask)[:, 0].astype(np.float64)

    def names(self, key: str) -> dict[float, str] | None:
        """The names (vmap) behind the numbers of a column, or None where there are none."""
        with hdf5.reading(self.path, _KIND):
            group = hdf5.node(self._file, "vmap", str(self.path)) if hdf5.has(self._file, "vmap") else {}
            if not isinstance(group, h5py.Group) or not hdf5.has(group, key):
                return None
            return _names(hdf5.node(group, key, str(self.path)), f"{self.path}: vmap of {key!r}")

    def labels(self, key: str) -> tuple[str, ...]:
        """The labels in a column: by its vmap, else whole numbers or ImageNet ids; ``n/a`` for NaN."""
        return labels_of(self.column(key), self.names(key), self.is_single, f"{self.path}: key {key!r}")

    def runs(self, key: str | Sequence[str] | None = None) -> tuple[str, ...] | None:
        """A run label for each sample: of one key, or of several, joined (``2-1``: session 2, run 1).

        Without a key, Session and Run as far as they are there: the run number alone starts anew with each
        session in some files, and two runs would become one. None where there is neither.
        """
        if key is None:
            key = [name for name in ("Session", "Run") if name in self.keys]
        keys = [key] if isinstance(key, str) else list(key)
        parts = [self.labels(name) for name in keys]
        if any(MISSING in part for part in parts):
            raise DataError(f"{self.path}: {' and '.join(keys)}: some samples have no run")
        return tuple("-".join(sample) for sample in zip(*parts, strict=True)) if parts else None

    def patterns(
        self,
        select: str,
        label_key: str,
        category_key: str | None = None,
        run_key: str | Sequence[str] | None = None,
        missing: str = "error",
        in_space: bool = True,
        dtype: npt.DTypeLike | None = None,
    ) -> Patterns:
        """Read selected voxels as ``Patterns``: stimuli from ``label_key``, conditions from ``category_key``.

        Without ``category_key`` the conditions are the stimuli. Channels are named ``v<number>``, their place
        among the columns of ``VoxelData``. With ``in_space``, where the file tells voxel coordinates, the
        channels are brought into the order of the grid (see ``voxel_grid``); ``file_order`` undoes that.

        Parameters
        ----------
        missing : what becomes of samples without a label: "error", "drop", or "keep" (labelled ``n/a``).
        dtype : of the voxels, np.float32 to halve the memory; labels are always read as float64.
        """
        if missing not in ("error", "drop", "keep"):
            raise DataError(f"missing: error, drop or keep, not {missing!r}")
        mask = self.columns(select)
        if not mask.any():
            raise DataError(f"{self.path}: select: {select!r} selects no column")
        self._require_voxels(select, mask)
        stimuli = self.labels(label_key)
        conditions = stimuli if category_key is None else self.labels(category_key)
        lacking = np.array([MISSING in pair for pair in zip(stimuli, conditions, strict=True)], dtype=bool)
        if lacking.any() and missing == "error":
            raise DataError(
                f"{self.path}: {np.count_nonzero(lacking)} of {len(lacking)} samples have no label under "
                f"{label_key!r}{f' or {category_key!r}' if category_key else ''}; drop them (missing: drop)"
            )
        space, order = self.space(mask) if in_space else (None, None)
        values, places = self.read(mask, dtype), np.flatnonzero(mask)
        if order is not None:
            values, places = values[:, order], places[order]
        found = Patterns(
            values, conditions, self.runs(run_key), stimuli, space, _channel_names(self.voxels(), places)
        )
        return found.take(~lacking) if missing == "drop" else found

    def space(self, mask: Mask) -> tuple[Space, npt.NDArray[np.intp]] | tuple[None, None]:
        """Space of selected columns and the order that brings them into it; neither without coordinates."""
        return voxel_space(self.keys, self._values, mask, self.voxels())

    def _require_voxels(self, select: str, mask: Mask) -> None:
        """Raise where labels would be taken for voxels: a decoder would then read the answer."""
        others = mask & ~self.voxels()
        if others.any():
            names = [
                key for key, row in zip(self.keys, self._values, strict=True) if (row[others] == 1).any()
            ]
            raise DataError(
                f"{self.path}: select: {select!r} selects {np.count_nonzero(others)} columns that are no "
                f"voxels ({', '.join(names)}); take them out (& VoxelData)"
            )

    def where(self, wanted: Mapping[str, Sequence[float]]) -> Mask:
        """Which samples have one of the wanted numbers in each of the named columns (DataType: [1])."""
        mask = np.ones(self.n_samples, dtype=bool)
        for key, numbers in wanted.items():
            column = self.column(key)
            lacking = sorted(set(map(float, numbers)) - set(column.tolist()))
            if lacking:
                there = ", ".join(f"{number:g}" for number in np.unique(column[~np.isnan(column)])[:12])
                raise DataError(f"{self.path}: no sample has {lacking[0]:g} under {key!r}; there are {there}")
            mask &= np.isin(column, list(numbers))
        return mask

    def voxels(self) -> Mask:
        """Which columns are voxels: those of ``VoxelData``, or all where there is no such key."""
        if "VoxelData" in self.keys:
            return np.asarray(self.metadata("VoxelData") == 1)
        return np.ones(self.n_columns, dtype=bool)


def file_order(patterns: Patterns) -> Patterns:
    """Bring channels named ``v<number>`` back into the order of their file, as the lab's decoders expect."""
    names = patterns.channels or ()
    if not names or not all(name[:1] == "v" and name[1:].isdecimal() for name in names):
        raise DataError("file order: the channels are not named as those of BData are (v0, v1, ...)")
    order = np.argsort([int(name[1:]) for name in names])
    ordered = tuple(names[place] for place in order)
    return Patterns(
        patterns.values[:, order], patterns.conditions, patterns.runs, patterns.stimuli, None, ordered
    )


def _starts(places: npt.NDArray[np.intp]) -> list[int]:
    """Where, in ascending places, those begin that follow one another without a gap."""
    return [int(start) for start in np.flatnonzero(np.diff(places, prepend=-2) != 1)]


def _channel_names(voxels: Mask, places: npt.NDArray[np.intp]) -> tuple[str, ...]:
    rank = np.cumsum(voxels) - 1
    return tuple(f"v{rank[place]}" for place in places)


def _layout(file: Any, where: str) -> tuple[Any, list[str], list[str], npt.NDArray[np.float64]]:
    data = _either(file, ("dataset", "dataSet"), where)
    table = _either(file, ("metadata", "metaData"), where)
    if not isinstance(data, h5py.Dataset) or not isinstance(table, h5py.Group):
        raise DamagedFile(f"{where}: not a BData file (its parts are not what their names say)")
    hdf5.require_numbers(data, f"{where}: {data.name}")
    if data.ndim != 2 or data.dtype.kind not in "fiub":
        raise DamagedFile(
            f"{where}: {data.name} is {data.dtype} of shape {data.shape}, not a table of numbers"
        )
    hdf5.check_stored(data, f"{where}: {data.name}")
    keys = hdf5.texts(_either(table, ("key",), where), f"{where}: its keys")
    descriptions = hdf5.texts(_either(table, ("description",), where), f"{where}: its descriptions")
    values = hdf5.numbers(_either(table, ("value",), where), f"{where}: its metadata").astype(np.float64)
    if values.shape != (len(keys), data.shape[1]) or len(descriptions) != len(keys):
        raise DamagedFile(
            f"{where}: metadata of shape {values.shape} and {len(descriptions)} descriptions do not describe "
            f"{data.shape[1]} columns by {len(keys)} keys"
        )
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise DamagedFile(f"{where}: its metadata have the key {twice[0]!r} twice")
    return data, keys, descriptions, values


def _either(group: Any, names: tuple[str, ...], where: str) -> Any:
    for name in names:
        if hdf5.has(group, name):
            return hdf5.node(group, name, where)
    raise DamagedFile(f"{where}: not a BData file (no {' or '.join(names)} in it)")


def _names(group: Any, where: str) -> dict[float, str]:
    if not isinstance(group, h5py.Group):
        raise DamagedFile(f"{where}: it is no table of names")
    found: dict[float, str] = {}
    for key in group:
        texts = hdf5.texts(hdf5.node(group, key, where), where)
        try:
            number = float(key)
        except ValueError:
            raise DamagedFile(f"{where}: {key!r} is not a number") from None
        if len(texts) != 1 or number in found:
            raise DamagedFile(f"{where}: there is not one name for {key}")
        if not texts[0] or "\0" in texts[0]:
            raise DamagedFile(f"{where}: {texts[0]!r}, the name for {key}, cannot be a label")
        found[number] = texts[0]
    return found
