"""Seconds until the command line answers (median of fresh processes, after one to warm the disk).

Run: python tests/benchmarks/start_time.py [runs]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time


def measure(arguments: list[str], runs: int) -> float:
    """Median seconds of a command."""
    taken = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "isocortex.cli", *arguments], check=True, capture_output=True)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[1:])


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    for arguments in (["--help"], ["list"], ["plugins"]):
        print(f"isocortex {' '.join(arguments)}: {measure(arguments, number):.3f} s (median of {number})")
