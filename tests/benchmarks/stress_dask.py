"""Faults of a Dask cluster: a worker, or the scheduler, is killed while a run is under way."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

from dask_kit import loopback
from stress_kit import Ended, References, Verdict, fresh, judge, set_weights

PATIENCE = 120


def strike_dask(references: References, folder: Path, kind: str, chance: random.Random) -> Verdict:
    """Kill when a random number of instances is done; then run again in one process."""
    target, out = (chance.randrange(2), chance.randrange(2)), folder / "out"
    reference = references.of(target)
    folder.mkdir(parents=True)
    set_weights(references.study, target)
    with loopback(folder / "dask") as cluster:
        fresh(references, out, None)
        started = references.server.start(
            references.study, out, target, fault={"action": "none"}, scheduler=cluster.address
        )
        ready, until = chance.randint(1, 18), time.monotonic() + PATIENCE
        while len(Ended(0, started[1].read_text() if started[1].exists() else "").finished()) < ready:
            time.sleep(0.005)
            assert time.monotonic() < until, "the run does not go on"
        victims = cluster.worker_processes() if "worker" in kind else [cluster.scheduler.pid]
        os.kill(chance.choice(victims), signal.SIGKILL)
        ended = references.server.end(started)
    verdict = Verdict(ended.code)
    if "worker" in kind and ended.code != 0:
        verdict.losses.append(f"the run did not survive its worker: {ended.text[-300:]}")
    assert reference
    return judge(references, out, target, ended.finished(), verdict)
