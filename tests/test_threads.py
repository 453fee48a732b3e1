"""Work in pieces over threads: every item once, errors raised, as many threads as allowed."""

from __future__ import annotations

import threading

import pytest

from isocortex.threads import one_blas_thread, over, processors


@pytest.mark.parametrize(("count", "piece"), [(0, 1), (1, 1), (7, 3), (6, 3), (5, 100), (4, 0)])
def test_every_item_belongs_to_one_piece(count: int, piece: int) -> None:
    seen: list[int] = []
    lock = threading.Lock()

    def work(start: int, stop: int) -> None:
        with lock:
            seen.extend(range(start, stop))

    over(count, work, piece)
    assert sorted(seen) == list(range(count))


def test_an_error_in_a_piece_is_raised() -> None:
    def work(start: int, stop: int) -> None:
        if start == 3:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        over(6, work)


def test_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    assert processors() == 1
    names: set[str] = set()
    over(4, lambda start, stop: names.add(threading.current_thread().name))
    assert names == {threading.current_thread().name}


def test_blas_has_one_thread_inside() -> None:
    import numpy as np
    from threadpoolctl import threadpool_info

    np.ones((2, 2)) @ np.ones((2, 2))
    with one_blas_thread():
        assert {item["num_threads"] for item in threadpool_info() if item["user_api"] == "blas"} <= {1}
