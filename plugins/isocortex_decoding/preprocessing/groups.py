"""Samples that belong together (runs, blocks): their rows, and whether they stand together in time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError

Rows = npt.NDArray[np.intp]
Groups = Sequence[Any] | npt.NDArray[Any] | None


def rows_of(groups: Groups, n_samples: int, in_time: bool = False) -> Iterator[tuple[str, Rows]]:
    """Walk over groups in order of first appearance: name and row numbers; without groups, all rows are one.

    With ``in_time``, a group whose rows do not stand together is an error: its time series would have a gap,
    and two runs with one number would be taken for one.
    """
    if groups is None:
        yield "all samples", np.arange(n_samples)
        return
    labels = np.asarray(groups)
    if labels.shape != (n_samples,):
        raise DataError(f"preprocessing: group labels of shape {labels.shape} for {n_samples} samples")
    _, first, codes = np.unique(labels, return_index=True, return_inverse=True)
    for code in np.argsort(first):
        rows = np.flatnonzero(codes == code)
        name = str(labels[rows[0]])
        if in_time and rows[-1] - rows[0] + 1 != len(rows):
            raise DataError(
                f"preprocessing: the samples of run {name!r} do not stand together (row {rows[0] + 1} to "
                f"{rows[-1] + 1} hold {len(rows)}); are these two runs with one label?"
            )
        yield name, rows


def as_samples(values: Array, what: str) -> tuple[Array, np.dtype[Any]]:
    """Check samples x voxels; give them as they are, and the type that the result shall have.

    Kernels compute in float64, run by run: all runs at once in float64 may be more than memory holds.
    """
    values = np.asarray(values)
    if values.ndim != 2 or values.dtype.kind not in "fiub":
        raise DataError(
            f"{what}: expected numbers of shape (samples, voxels), got {values.dtype} {values.shape}"
        )
    dtype = np.dtype(np.float32) if values.dtype == np.float32 else np.dtype(np.float64)
    return values, dtype
