"""A part of the places on a grid, evenly spread."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_TURN = np.array([0, 7, 3, 4, 5, 2, 6, 1])
"""When each corner (x, y, z as bits) of a block of 2 x 2 x 2 is taken: opposite ones one after the other."""


def evenly(places: npt.NDArray[np.integer], limit: int) -> npt.NDArray[np.intp]:
    """Rows of ``limit`` places (n, 3), evenly spread; all rows where there are no more. In order of the rows.

    Voxels of a grid have a fixed order, that of ordered dithering (Bayer 1973, in three dimensions): first
    every 2^k-th along all axes, then those amid them, and so on; the first ones are taken. So places of two
    masks that differ a little are mostly the same, and a part of a part is even as well. Nothing is random.
    """
    if len(places) <= limit:
        return np.arange(len(places))
    turn = np.zeros(len(places), dtype=np.int64)
    for bit in range(int(places.max()).bit_length()):
        x, y, z = places.T >> bit & 1
        turn = 8 * turn + _TURN[4 * x + 2 * y + z]
    return np.sort(np.argsort(turn, kind="stable")[:limit])
