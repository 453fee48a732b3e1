"""What a step changes around itself ends with the step, whether it shares a process with others or not."""

from __future__ import annotations

import contextlib
import os
import random
import sys
import warnings
from collections.abc import Iterator, Sequence

import numpy as np


@contextlib.contextmanager
def isolated(entropy: Sequence[int]) -> Iterator[list[warnings.WarningMessage]]:
    """Give what is warned of inside, and put back afterwards what a step may have changed.

    That is the working folder, the environment, standard output and error, the warning filters, numpy's
    handling of floating-point errors, and the global generators of ``random`` and ``numpy.random``. These
    start from ``entropy``, so that a library which draws from them gives the same in every process.
    """
    with contextlib.ExitStack() as stack, warnings.catch_warnings(record=True) as caught:
        for keep in (_folder, _environment, _streams, np.errstate, generators_kept):
            stack.enter_context(keep())
        warnings.simplefilter("default")
        random.seed(int.from_bytes(b"".join(word.to_bytes(4, "big") for word in entropy), "big"))
        np.random.seed(list(entropy))  # noqa: NPY002  # for those who draw from it
        yield caught


@contextlib.contextmanager
def _folder() -> Iterator[None]:
    try:
        before = os.getcwd()  # noqa: PTH109  # as text, as it is
    except FileNotFoundError:
        yield
        return
    try:
        yield
    finally:
        os.chdir(before)


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    before = dict(os.environ)
    try:
        yield
    finally:
        if os.environ != before:
            os.environ.clear()
            os.environ.update(before)


@contextlib.contextmanager
def _streams() -> Iterator[None]:
    before = sys.stdout, sys.stderr
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


@contextlib.contextmanager
def generators_kept() -> Iterator[None]:
    """Leave the global generators of ``random`` and ``numpy.random`` as they were before.

    A step that may be cut does so around each piece of its work where somebody else's component can draw
    from them: every piece then draws what it draws on a worker that does nothing else.
    """
    before, numpy_before = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(numpy_before)  # noqa: NPY002
