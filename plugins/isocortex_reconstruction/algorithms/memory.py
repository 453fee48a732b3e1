"""What L-BFGS remembers of a search: its last steps and how the gradient changed along them.

The two loops of Nocedal 1980 need inner products only, and give a combination of the remembered vectors; so
the products are kept (Chen, Wang & Zhou 2014), and a direction takes two passes over memory, not forty.
Vectors are float32: they are differences, and the search is corrected by exact gradients.
"""

from __future__ import annotations

import numpy as np

from isocortex_reconstruction.algorithms.problem import Floats

_LEAST = 1e-10
"""Cosine of a step with the change of the gradient, below which it says nothing of the curvature."""


class Memory:
    """The last ``size`` pairs; row k holds a step, row ``size + k`` the change of the gradient."""

    def __init__(self, size: int, length: int) -> None:
        self._size = size
        self._rows = np.zeros((2 * size, length), dtype=np.float32)
        self._products = np.zeros((2 * size, 2 * size))
        self._order: list[int] = []

    def __bool__(self) -> bool:
        return bool(self._order)

    def clear(self) -> None:
        """Forget all."""
        self._order.clear()

    def add(self, moved: Floats, change: Floats) -> None:
        """Remember a pair in place of the oldest, if it shows a positive curvature."""
        product = float(moved @ change)
        if product <= _LEAST * np.sqrt(float(change @ change) * float(moved @ moved)):
            return
        slot = self._order.pop(0) if len(self._order) == self._size else len(self._order)
        self._order.append(slot)
        for row, vector in ((slot, moved), (self._size + slot, change)):
            self._rows[row] = vector
            self._products[row] = self._products[:, row] = self._rows @ self._rows[row]

    def curved(self, vector: Floats) -> Floats:
        """The estimate of the inverse Hessian times a vector (the vector itself without memory)."""
        if not self._order:
            return vector.copy()
        n = 2 * self._size
        products = np.zeros((n + 1, n + 1))
        products[:n, :n] = self._products
        products[n, :n] = products[:n, n] = self._rows @ vector.astype(np.float32)
        shares = np.zeros(n + 1)  # of the remembered vectors and the given one in the result
        shares[n] = 1.0
        taken = {}
        for slot in reversed(self._order):
            taken[slot] = products[slot] @ shares / products[slot, self._size + slot]
            shares[self._size + slot] -= taken[slot]
        last = self._order[-1]
        shares *= products[last, self._size + last] / products[self._size + last, self._size + last]
        for slot in self._order:
            back = products[self._size + slot] @ shares / products[slot, self._size + slot]
            shares[slot] += taken[slot] - back
        return shares[n] * vector + shares[:n].astype(np.float32) @ self._rows
