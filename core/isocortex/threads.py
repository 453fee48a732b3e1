"""Work over all processors in pieces that do not depend on their number, BLAS on one thread in each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


def processors() -> int:
    """Processors that this process may use (NUMBA_NUM_THREADS sets another number)."""
    if "NUMBA_NUM_THREADS" in os.environ:
        return max(1, int(os.environ["NUMBA_NUM_THREADS"]))
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def over(count: int, work: Callable[[int, int], None], piece: int = 1) -> None:
    """Call ``work(start, stop)`` for consecutive pieces of ``range(count)``, from several threads.

    What each piece computes must not depend on the others. The first error of a piece is raised.
    """
    piece = max(1, piece)
    starts = range(0, count, piece)
    workers = min(processors(), len(starts))
    if workers <= 1:
        for start in starts:
            work(start, min(count, start + piece))
        return
    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(work, start, min(count, start + piece)) for start in starts]:
            done.result()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep BLAS to one thread: the threads work on pieces, and its sums no longer depend on their number."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield
