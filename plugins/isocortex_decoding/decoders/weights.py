"""Linear weights of many units, as few numbers as they need."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Weights(NamedTuple):
    """Weights of units on voxels.

    ``selected`` (units, n), int32, or None where every unit has all voxels in order; ``values`` (units, n)
    the weights on those; ``centre`` (voxels,) what is taken from the voxels first; ``offset`` (units,) what a
    unit is at the centre. Prediction: ``offset + (x - centre)[selected] @ values``.
    """

    selected: Array | None
    values: Array
    centre: Array
    offset: Array

    def dense(self) -> Array:
        """Weights (units, voxels), 0 where there is none."""
        if self.selected is None:
            return self.values
        out = np.zeros((len(self.values), len(self.centre)), self.values.dtype)
        np.put_along_axis(out, self.selected, self.values, axis=1)
        return out

    def intercept(self) -> Array:
        """What a unit is where all voxels are 0 (units,)."""
        centre = self.centre if self.selected is None else self.centre[self.selected]
        own = self.values.astype(np.float64) * centre
        return np.asarray((self.offset - own.sum(axis=1)).astype(self.values.dtype))

    def predict(self, X: Array) -> Array:
        """Predict units (samples, units) from voxels (samples, voxels), which hold no NaN."""
        from isocortex.threads import one_blas_thread, over
        from isocortex_decoding.decoders import _ridge_kernels as kernels

        dtype = self.values.dtype
        rows = np.ascontiguousarray((X - self.centre).T, dtype=dtype)
        offset = self.offset.astype(dtype)
        out = np.empty((len(self.values), len(X)), dtype)

        def some(start: int, stop: int) -> None:
            part = slice(start, stop)
            if self.selected is None:
                out[part] = self.values[part] @ rows + offset[part, None]
            else:
                kernels.predict(rows, self.selected[part], self.values[part], offset[part], out[part])

        with one_blas_thread():
            over(len(out), some, UNITS)
        return out.T


UNITS = 64
"""Units that are worked on together. Fixed: the last bit of a matrix product can depend on its shape."""


def joined(parts: list[Weights]) -> Weights:
    """Weights of consecutive blocks of units as one."""
    first = parts[0]
    index = (
        None
        if first.selected is None
        else np.concatenate([p.selected for p in parts if p.selected is not None])
    )
    values = np.concatenate([part.values for part in parts])
    return Weights(index, values, first.centre, np.concatenate([part.offset for part in parts]))
