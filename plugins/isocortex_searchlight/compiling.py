"""Saying that the kernels are being compiled, which happens once on a machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

_said = False


def announce(kernel: Any) -> None:
    """Say once that numba compiles, when it has neither a compiled kernel nor one in its cache on disk."""
    global _said
    if _said or kernel.signatures or _cached(kernel):
        return
    _said = True
    print("isocortex: compiling the searchlight for this machine (once, some seconds) ...", file=sys.stderr)


def _cached(kernel: Any) -> bool:
    try:
        stats = kernel.stats
        folder = Path(stats.cache_path)
        return any(folder.glob(f"kernels.{kernel.__name__}-*.nbi"))
    except (AttributeError, OSError, TypeError):
        return False
