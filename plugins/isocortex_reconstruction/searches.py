"""One search from its start to its last states: optimiser, log, and the change of precision at the end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isocortex.contracts import Gradient
from isocortex.errors import DataError
from isocortex_reconstruction.algorithms.problem import Evaluate, Floats, Goal, Latents, Pixels
from isocortex_reconstruction.algorithms.recording import Callback, Recorder
from isocortex_reconstruction.algorithms.replaying import Replayed
from isocortex_reconstruction.optimisers import optimiser_of

Space = Pixels | Latents


class Found(NamedTuple):
    """Last states (n, ...), and the recorder with the losses."""

    states: Floats
    recorder: Recorder


@dataclass(frozen=True)
class Search:
    """Settings (complete), seed, and goal; ``checkpoint`` is the folder of the log, or None."""

    settings: Mapping[str, Any]
    seed: int
    goal: Goal
    checkpoint: Path | None = None

    def run(
        self,
        space: Space,
        finer: Space | None,
        start: Floats,
        scale: Any,
        last: int,
        callback: Callback | None,
    ) -> Found:
        """Search in ``space``, and for the ``last`` iterations in ``finer``."""
        iterations = self.settings["iterations"]
        generated = isinstance(space, Latents)
        optimiser = optimiser_of(self.settings, generated, scale)
        rng = np.random.default_rng([self.seed, 1])
        steady = self.settings["optimiser"] != "lbfgs"  # one evaluation an iteration: no new start is needed
        switching = _Switching(space, finer if steady else None, iterations - last)
        with self._logged(switching, start, 0 if finer is None else last) as evaluate:
            recorder = Recorder(space, evaluate, callback)
            if finer is None or steady:
                states = optimiser.minimise(recorder, space, start, iterations, rng)
            else:
                states = start
                if iterations > last:
                    states = optimiser.minimise(recorder, space, states, iterations - last, rng)
                switching.switch(finer)
                states = optimiser.minimise(recorder, finer, states, last, rng)
            if self.settings["optimiser"] in ("lbfgs", "block-lbfgs"):
                recorder.finish(states)
            return Found(states, recorder)

    @contextmanager
    def _logged(self, evaluate: Evaluate, start: Floats, last: int) -> Iterator[Evaluate]:
        """Evaluations with a log, which is removed when all is done."""
        if self.checkpoint is None:
            yield evaluate
            return
        from filelock import FileLock, Timeout

        self.checkpoint.mkdir(parents=True, exist_ok=True)
        search = self._digest(start, last)
        path = self.checkpoint / f"{hashlib.blake2b(search, digest_size=10).hexdigest()}.evaluations"
        lock = FileLock(path.with_suffix(".lock"), timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise DataError(f"{path}: another process makes the same reconstruction here") from None
        try:
            log = Replayed(evaluate, path, search, tuple(self.goal.targets), start.shape)
            try:
                yield log
            finally:
                log.close()
            path.unlink()
        finally:
            lock.release()
        path.with_suffix(".lock").unlink(missing_ok=True)

    def _digest(self, start: Floats, last: int) -> bytes:
        """All that decides the course of the search but the network, which the log checks itself.

        The number of ``last`` iterations in another precision too: states do not tell which one answered.
        """
        made = hashlib.blake2b(json.dumps(_plain(self.settings), sort_keys=True).encode())
        made.update(f"{self.seed} {self.goal.loss} {last}".encode())
        for name in self.goal.targets:
            made.update(name.encode())
            for values in (self.goal.targets[name], self.goal.weights[name], self.goal.masks.get(name)):
                if values is not None:
                    made.update(np.ascontiguousarray(values).tobytes())
        made.update(np.ascontiguousarray(start).tobytes())
        return made.digest()


class _Switching:
    """Evaluates in one space, and after so many evaluations in another."""

    def __init__(self, space: Space, finer: Space | None, after: int) -> None:
        self._space, self._finer, self._left = space, finer, after

    def __call__(self, states: Floats) -> Gradient:
        if self._finer is not None and self._left <= 0:
            self.switch(self._finer)
        self._left -= 1
        return self._space.evaluate(states)

    def switch(self, finer: Space) -> None:
        """From now on, evaluate in ``finer``."""
        self._space, self._finer = finer, None


def _plain(settings: Mapping[str, Any]) -> dict[str, str]:
    return {name: repr(value) for name, value in settings.items()}
