"""One step instance in parts: which pieces there are, then the parts, then all put together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from isocortex.pipeline.part_tasks import Pieces, begin, merge_parts, perform_part
from isocortex.pipeline.tasks import Outcome, Task


class Sender(Protocol):
    """What sends calls to workers."""

    def send(self, function: Callable[..., Any], *arguments: Any, needs: Any, group: object) -> Future[Any]:
        """Call ``function(*arguments, manager)`` on a worker."""

    def drop(self, group: object) -> None:
        """Forget what waits in a group."""


class Spread:
    """Follows one instance from its pieces to its result; the first failure of a part ends it."""

    def __init__(self, sender: Sender, task: Task, needs: Any, told: Callable[[int, int], None]) -> None:
        self._sender, self._task, self._needs, self._told = sender, task, needs, told
        self._future: Future[Outcome] = Future()
        self._lock = threading.Lock()
        self._pieces: tuple[Any, ...] = ()
        self._done = 0

    def start(self) -> Future[Outcome]:
        """Begin; the future gives the outcome of the whole."""
        self._send(self._begun, begin, self._task)
        return self._future

    def _send(self, then: Callable[[Any], None], function: Callable[..., Any], *arguments: Any) -> None:
        def arrived(future: Future[Any]) -> None:
            """Go on with what a call gave."""
            try:
                then(future.result())
            except BaseException as error:  # of the call, or of what follows from it: nobody else would hear
                self._end(error)

        sent = self._sender.send(function, *arguments, needs=self._needs, group=self)
        sent.add_done_callback(arrived)

    def _begun(self, found: Pieces | Outcome) -> None:
        if isinstance(found, Outcome):
            self._end(found)
            return
        self._pieces = found.pieces
        self._told(0, len(self._pieces))
        for number, piece in enumerate(self._pieces):
            self._send(self._part_done, perform_part, self._task, number, piece)

    def _part_done(self, outcome: Outcome) -> None:
        if outcome.error is not None:
            self._end(outcome)
            return
        with self._lock:
            self._done += 1
            done = self._done
        self._told(done, len(self._pieces))
        if done == len(self._pieces):
            self._send(self._end, merge_parts, self._task, self._pieces)

    def _end(self, result: Outcome | BaseException) -> None:
        with self._lock:
            if self._future.done():
                return
            if isinstance(result, BaseException):
                self._future.set_exception(result)
            else:
                self._future.set_result(result)
        self._sender.drop(self)
