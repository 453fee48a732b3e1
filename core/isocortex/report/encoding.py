"""Numbers, JSON and files as text inside a page, so that nothing in them can end a tag or run."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from isocortex.data.base import Array

Bits = Literal[8, 16]
LARGEST = 1e300
"""Beyond it a number counts as infinite: the distance of two such ones cannot be written down."""
_ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


def json_text(value: Any) -> str:
    """JSON for a ``<script type="application/json">``: pure ASCII without a character that HTML reads."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).translate(_ESCAPES)


def base64_text(content: bytes) -> str:
    """Bytes as base64."""
    return base64.b64encode(content).decode("ascii")


def encoded_size(n_bytes: int) -> int:
    """Characters that so many bytes take in base64."""
    return 4 * ((n_bytes + 2) // 3)


@dataclass(frozen=True)
class Quantised:
    """Numbers as whole-number codes: ``offset + code * step``; the highest code is NaN.

    ``error`` is the largest difference between a finite number and what its code stands for.
    """

    codes: Array
    offset: float
    step: float
    low: float
    high: float
    error: float
    infinite: int

    def plain(self) -> dict[str, Any]:
        """For the page."""
        return {
            "codes": base64_text(np.ascontiguousarray(self.codes).tobytes()),
            "bits": 8 * self.codes.dtype.itemsize,
            "offset": self.offset,
            "step": self.step,
            "low": self.low,
            "high": self.high,
            "error": self.error,
        }


def quantise(values: Array, bits: Bits = 16) -> Quantised:
    """Code numbers of any shape in 8 or 16 bits; whole numbers of a small range are exact.

    NaN keeps a code of its own; infinite values get the code of the largest (or smallest) finite one and
    are counted. Without a finite value everything is NaN.
    """
    dtype = np.dtype(np.uint8 if bits == 8 else "<u2")
    missing = np.iinfo(dtype).max
    exact = np.asarray(values, dtype=np.float64)
    finite = np.abs(exact) <= LARGEST
    infinite = int((np.abs(exact) > LARGEST).sum())
    codes = np.full(exact.shape, missing, dtype=dtype)
    if not finite.any():
        return Quantised(codes, 0.0, 0.0, 0.0, 0.0, 0.0, infinite)
    low, high = float(exact[finite].min()), float(exact[finite].max())
    step = _step(exact[finite], low, high, missing - 1)
    known = ~np.isnan(exact)
    scaled = (np.clip(exact[known], low, high) - low) / (step or 1.0)
    codes[known] = np.clip(np.rint(scaled), 0, missing - 1).astype(dtype)
    error = float(np.abs(low + codes[finite].astype(np.float64) * step - exact[finite]).max())
    return Quantised(codes, low, step, low, high, error, infinite)


def _step(finite: Array, low: float, high: float, levels: int) -> float:
    if low == high:
        return 0.0
    if high - low <= levels and bool(np.all(finite == np.rint(finite))):
        return 1.0
    return (high - low) / levels
