"""Pearson correlations of decoded with true features: by unit, by sample, and of every sample with every one.

The definitions are those of bdpy's ``evals.metrics`` (profile and pattern correlation). All read memory maps
block by block, shift rows before they multiply so that nothing large cancels, and sum in float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex_decoding.evaluation.blocks import (
    BLOCK,
    Floats,
    Mask,
    finite_units,
    matrix_of,
    prepared,
    same_units,
    unit_blocks,
    usable_norms,
)

_FLOAT64_WORK = 2**37
"""Up to so many products float32 features are multiplied in float64."""

_ROWS = 2**22
"""How many correlations are held at a time: 32 MB (and some arrays of that size beside)."""


def profile_correlation(decoded: Any, true: Any, block: int = BLOCK) -> Floats:
    """Correlate each unit's decoded with its true values over samples.

    Parameters
    ----------
    decoded, true : arrays (samples, ...units), row by row the same stimulus; also memory maps.

    Returns
    -------
    (units,), NaN for units that are constant on either side, or not finite in some sample.
    """
    first, second = _pair(decoded, true, "profile correlation")
    if len(first) != len(second):
        raise DataError(f"profile correlation: {len(first)} decoded and {len(second)} true samples")
    return profile_by_rows(first, second, np.arange(len(first)), block)


def profile_by_rows(decoded: Array, true: Array, own: npt.NDArray[np.intp], block: int = BLOCK) -> Floats:
    """Do the same with sample i of ``decoded`` belonging to row ``own[i]`` of ``true``."""
    samples, units = decoded.shape
    out = np.full(units, np.nan)
    if samples < 2:
        return out
    small = min(rounding(decoded), rounding(true))
    for part in unit_blocks(units, 2 * samples, block):
        x = np.array(decoded[:, part], dtype=np.float64)
        y = np.array(true[:, part], dtype=np.float64)[own]
        with np.errstate(invalid="ignore", over="ignore"):
            levels = [(4 * small) ** 2 * np.square(z).sum(axis=0) for z in (x, y)]
            x -= x.mean(axis=0)
            y -= y.mean(axis=0)
            xx, yy = np.square(x).sum(axis=0), np.square(y).sum(axis=0)
            known = (xx > levels[0]) & (yy > levels[1]) & np.isfinite(xx) & np.isfinite(yy)
            r = (x * y).sum(axis=0) / np.sqrt(np.where(known, xx, 1.0)) / np.sqrt(np.where(known, yy, 1.0))
        out[part] = np.where(known, np.clip(r, -1.0, 1.0), np.nan)
    return out


def pattern_correlation(
    decoded: Any,
    true: Any,
    mean: Floats | None = None,
    norm: Floats | None = None,
    keep: Mask | None = None,
    block: int = BLOCK,
) -> Floats:
    """Correlate each decoded sample with its true one over units, after (value - mean) / norm.

    Parameters
    ----------
    decoded, true : arrays (samples, ...units), row by row the same stimulus; also memory maps.
    mean, norm : mean and standard deviation of each unit in the training data (``unit_statistics``); without
        them the values are taken as they are, and what all samples have in common raises the correlation.
    keep : (units,), those to use; default: finite in every sample, with a norm above zero.

    Returns
    -------
    (samples,), NaN where a pattern is constant over units.
    """
    first, second = _pair(decoded, true, "pattern correlation")
    if len(first) != len(second):
        raise DataError(f"pattern correlation: {len(first)} decoded and {len(second)} true samples")
    return pattern_by_rows(first, second, np.arange(len(first)), mean, norm, keep, block)


def pattern_by_rows(
    decoded: Array,
    true: Array,
    own: npt.NDArray[np.intp],
    mean: Floats | None = None,
    norm: Floats | None = None,
    keep: Mask | None = None,
    block: int = BLOCK,
) -> Floats:
    """Do the same with sample i of ``decoded`` belonging to row ``own[i]`` of ``true``."""
    used = usable_units(decoded, true, norm, keep, block)
    take = prepared(used, mean, norm)
    sums = _Sums(len(decoded), len(decoded))
    for part in unit_blocks(decoded.shape[1], 2 * len(decoded), block):
        x, y = take(decoded, part), take(true, part)[own]
        sums.shift(x, y)
        sums.product = sums.product + np.einsum("ij,ij->i", x, y)
    return sums.correlations(
        sums.product, sums.total[0] * sums.total[1], rounding(decoded), rounding(true), False
    )


def correlation_rows(
    decoded: Any,
    true: Any,
    mean: Floats | None = None,
    norm: Floats | None = None,
    keep: Mask | None = None,
    rows: int | None = None,
    block: int = BLOCK,
) -> Iterator[tuple[slice, Floats]]:
    """Correlate every decoded sample with every true one over units, some rows at a time.

    Parameters
    ----------
    decoded, true : arrays (n, ...units) and (m, ...units); also memory maps. They are read once for every
        ``rows`` decoded samples.
    mean, norm, keep : as in ``pattern_correlation``.
    rows : how many decoded samples at a time (default: what fits 32 MB).

    Yields
    ------
    Which rows, and their correlations (rows, m); NaN where a pattern is constant over units. Features in
    float32 are multiplied in float32 where there are very many, right to about 1e-6 (``tie_tolerance``).
    """
    first, second = _pair(decoded, true, "correlations")
    used = usable_units(first, second, norm, keep, block)
    dtype = product_dtype(first, second)
    take = prepared(used, mean, norm, dtype)
    step = max(1, _ROWS // max(len(second), 1)) if rows is None else rows
    for start in range(0, len(first), step):
        part = slice(start, min(start + step, len(first)))
        yield part, _correlations(first[part], second, take, dtype, block)


def correlation_matrix(decoded: Any, true: Any, **options: Any) -> Floats:
    """Do the same at once: (n, m)."""
    rows = [values for _, values in correlation_rows(decoded, true, **options)]
    return np.concatenate([np.empty((0, len(true))), *rows])


def usable_units(
    decoded: Array, true: Array, norm: Floats | None = None, keep: Mask | None = None, block: int = BLOCK
) -> Mask:
    """Units that are finite in every sample on both sides and have a usable norm, of ``keep`` if given."""
    if keep is not None:
        if keep.shape != decoded.shape[1:]:
            raise DataError(f"a choice of {keep.size} units does not belong to {decoded.shape[1]} units")
        return np.asarray(keep & usable_norms(norm, decoded.shape[1]))
    return np.asarray(finite_units(decoded, true, block=block) & usable_norms(norm, decoded.shape[1]))


def product_dtype(first: Array, second: Array) -> Any:
    """Type that two matrices are multiplied in: float32 where both are and there are very many products."""
    small = all(matrix.dtype.kind == "f" and matrix.dtype.itemsize <= 4 for matrix in (first, second))
    many = len(first) * len(second) * first.shape[1] > _FLOAT64_WORK
    return np.float32 if small and many else np.float64


def tie_tolerance(dtype: Any) -> float:
    """Correlations this close, computed in this type, may differ by rounding only."""
    return 4e-6 if dtype == np.float32 else 1e-10


class _Sums:
    """Running sums of rows x and y over units; ``shift`` takes away what each row begins with."""

    def __init__(self, first: int, second: int) -> None:
        self.units = 0
        self.shifts: tuple[Floats, Floats] | None = None
        self.total = [np.zeros(first), np.zeros(second)]
        self.square = [np.zeros(first), np.zeros(second)]
        self.product: Any = 0.0

    def shift(self, x: Array, y: Array) -> None:
        if not x.shape[1]:
            return
        if self.shifts is None:
            self.shifts = (x.mean(axis=1, dtype=np.float64), y.mean(axis=1, dtype=np.float64))
        self.units += x.shape[1]
        for side, values in enumerate((x, y)):
            values -= self.shifts[side][:, None].astype(values.dtype)
            self.total[side] += values.sum(axis=1, dtype=np.float64)
            self.square[side] += np.einsum("ij,ij->i", values, values, dtype=np.float64)

    def correlations(self, product: Any, totals: Any, first: float, second: float, cross: bool) -> Floats:
        if self.shifts is None:
            shape = (len(self.total[0]), len(self.total[1])) if cross else (len(self.total[0]),)
            return np.full(shape, np.nan)
        norms = []
        for side, eps in enumerate((first, second)):
            shift, total, square = self.shifts[side], self.total[side], self.square[side]
            raw = square + 2 * shift * total + self.units * shift**2
            own = square - total**2 / self.units
            known = np.isfinite(own) & (own > (4 * eps) ** 2 * raw)
            norms.append(np.sqrt(np.where(known, own, np.nan)))
        scale = np.outer(*norms) if cross else norms[0] * norms[1]
        return np.clip((product - totals / self.units) / scale, -1.0, 1.0)


def _correlations(first: Array, second: Array, take: Any, dtype: Any, block: int) -> Floats:
    sums = _Sums(len(first), len(second))
    product = np.zeros((len(first), len(second)))
    for part in unit_blocks(first.shape[1], len(first) + len(second), block):
        x, y = take(first, part), take(second, part)
        sums.shift(x, y)
        product += x @ y.T
    eps = float(np.finfo(dtype).eps)
    small = max(eps, rounding(first)), max(eps, rounding(second))
    return sums.correlations(product, np.outer(*sums.total) if sums.units else 0.0, *small, True)


def _pair(decoded: Any, true: Any, what: str) -> tuple[Array, Array]:
    first, second = matrix_of(decoded, f"{what}: decoded"), matrix_of(true, f"{what}: true")
    same_units(first, second, what)
    return first, second


def rounding(matrix: Array) -> float:
    """Rounding of the numbers as they are stored, but no coarser than float32's."""
    if matrix.dtype.kind != "f":
        return float(np.finfo(np.float64).eps)
    return float(np.finfo(np.float32 if matrix.dtype.itemsize <= 4 else np.float64).eps)
