"""Which sample belongs to which label: the delay of the response, blocks, one-back repeats, averages."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex_decoding.preprocessing.groups import Groups, Rows, as_samples, rows_of


class Shifted(NamedTuple):
    """Rows of the samples that are left, and of the labels that belong to them."""

    samples: Rows
    labels: Rows


class Averaged(NamedTuple):
    """Means (groups, voxels), the row of each group's first sample, and how many samples it has."""

    values: Array
    first: Rows
    counts: npt.NDArray[np.intp]


def shift_samples(n_samples: int, shift: int, groups: Groups = None) -> Shifted:
    """Pair each sample with the label ``shift`` samples before it, within its run (the response comes late).

    The first ``shift`` samples of each run go, and so do its last ``shift`` labels, for which there are no
    data; no label reaches into another run [bdpy, ShiftSample; a shift of 0 keeps all]. Raises ``DataError``
    for a run that is not longer than the shift.
    """
    if shift < 0:
        raise DataError(f"shift_samples: a shift of {shift}; the response cannot come before its stimulus")
    samples, labels = [np.empty(0, dtype=np.intp)], [np.empty(0, dtype=np.intp)]
    for name, rows in rows_of(groups, n_samples, in_time=True):
        if len(rows) <= shift:
            raise DataError(
                f"shift_samples: run {name!r} has {len(rows)} samples, a shift of {shift} leaves none"
            )
        samples.append(rows[shift:])
        labels.append(rows[: len(rows) - shift])
    return Shifted(np.concatenate(samples), np.concatenate(labels))


def blocks_of(
    labels: Sequence[str], groups: Groups = None, length: int | None = None, rest: Sequence[str] = ("n/a",)
) -> Rows:
    """Number the blocks (samples,): successive samples of one label in one run.

    With ``length`` a stretch of one label is cut into blocks of so many samples, as a one-back repeat follows
    its first showing at once; a stretch of ``rest`` is one block. Only the last block of a run may be
    shorter; another is a ``DataError``.
    """
    if length is not None and length < 1:
        raise DataError(f"blocks: a length of {length} samples")
    codes = np.empty(len(labels), dtype=np.intp)
    count = 0
    for name, rows in rows_of(groups, len(labels), in_time=True):
        own = np.array([labels[row] for row in rows])
        edges = [0, *(np.flatnonzero(own[1:] != own[:-1]) + 1).tolist(), len(rows)] if len(own) else []
        for start, stop in itertools.pairwise(edges):
            size = stop - start if length is None or own[start] in rest else length
            if (stop - start) % size and stop != len(rows):
                raise DataError(
                    f"blocks: {stop - start} samples of {str(own[start])!r} in run {name!r} (from its sample "
                    f"{start + 1}) do not make blocks of {size}"
                )
            codes[rows[start:stop]] = count + np.arange(stop - start) // size
            count += -(-(stop - start) // size)
    return codes


def one_back_repeats(
    blocks: npt.NDArray[np.intp], labels: Sequence[str], groups: Groups = None, rest: Sequence[str] = ("n/a",)
) -> npt.NDArray[np.bool_]:
    """Mark the samples (samples,) of blocks that show the stimulus of the block before them in their run.

    Blocks with a label of ``rest`` are looked past. Of three in a row the second and third are marked.
    """
    found = np.zeros(len(labels), dtype=bool)
    for _, rows in rows_of(groups, len(labels), in_time=True):
        before: tuple[int, str] | None = None
        for row in rows:
            label, block = labels[row], int(blocks[row])
            if label in rest:
                continue
            if before is not None and block == before[0]:
                found[row] = found[row - 1] if row and blocks[row - 1] == block else found[row]
                continue
            found[row] = before is not None and label == before[1]
            before = (block, label)
    return found


def average_samples(values: Array, groups: Groups) -> Averaged:
    """Average the samples of each group, groups in order of first appearance [bdpy, Average].

    Sums are float64; float32 comes out as float32. NaN in a sample is NaN in its mean.
    """
    samples, dtype = as_samples(values, "average_samples")
    means, first, counts = [], [], []
    for _, rows in rows_of(groups, len(samples)):
        means.append(samples[rows].astype(np.float64).mean(axis=0).astype(dtype))
        first.append(rows[0])
        counts.append(len(rows))
    if not means:
        raise DataError("average_samples: there are no samples")
    return Averaged(np.stack(means), np.array(first, dtype=np.intp), np.array(counts, dtype=np.intp))
