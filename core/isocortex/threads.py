"""Work over all processors in pieces that do not depend on their number, BLAS on one thread in each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar

_most: ContextVar[int | None] = ContextVar("threads", default=None)


def processors() -> int:
    """Processors that this process may use (NUMBA_NUM_THREADS sets another number)."""
    most = _most.get()
    if "NUMBA_NUM_THREADS" in os.environ:
        found = max(1, int(os.environ["NUMBA_NUM_THREADS"]))
    elif hasattr(os, "sched_getaffinity"):
        found = len(os.sched_getaffinity(0))
    else:
        found = os.cpu_count() or 1
    return found if most is None else min(found, most)


@contextmanager
def at_most(threads: int | None) -> Iterator[None]:
    """Keep ``over`` and BLAS to so many threads inside, and TensorFlow where it has not begun yet.

    Without a number nothing is limited. Kernels of this project give the same bits on any number of threads.
    """
    if threads is None:
        yield
        return
    from threadpoolctl import threadpool_limits

    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    before = {name: os.environ.get(name) for name in names}
    token = _most.set(threads)
    os.environ.update(dict.fromkeys(names, str(threads)))
    try:
        with threadpool_limits(threads):
            yield
    finally:
        _most.reset(token)
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


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
