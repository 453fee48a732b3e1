"""Freed memory: kept within a block, given back at its end. Each case in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from isocortex.memory import _glibc, kept

pytestmark = pytest.mark.skipif(_glibc() is None, reason="the C library is not glibc")

SCRIPT = """
import resource
from contextlib import nullcontext

import numpy as np

from isocortex.memory import kept

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

def work():
    np.ones(20_000_000)  # 160 MB, freed at once

def counted(block):
    with block:
        work()
        before = faults()
        for _ in range(5):
            work()
        return faults() - before

before = resident()
inside = counted(kept())
with kept():
    with kept():
        pass
    nested = counted(nullcontext())
after = resident()
outside = counted(nullcontext())
print(inside, nested, outside, after - before)
"""


def test_memory_is_kept_inside_and_given_back() -> None:
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    inside, nested, outside, more = map(int, run.stdout.split())
    assert inside < 20 and nested < 20
    assert outside > 50 * max(inside, nested, 1)
    assert more < 40e6


def test_a_block_that_fails_gives_back_too() -> None:
    from isocortex import memory

    with pytest.raises(ZeroDivisionError), kept():
        raise ZeroDivisionError
    assert memory._users == 0
