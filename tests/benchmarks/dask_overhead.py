"""Cost of a task on Dask: trivial step instances on workers of this machine, against the same in one process.

Run: python tests/benchmarks/dask_overhead.py [instances] [workers]

The instances depend on each other in a chain, so that nothing runs at the same time and a difference is the
way to a worker and back.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import isocortex as ic
from isocortex.pipeline.execution import ExecutionPart
from isocortex.pipeline.plan import make_plan
from isocortex.pipeline.runner import Runner

PLUGIN = """
import isocortex as ic

def first() -> ic.Table:
    \"\"\"One number.\"\"\"
    return ic.Table({"number": [0]})

def following(table: ic.Table) -> ic.Table:
    \"\"\"The same again.\"\"\"
    return table

@ic.hookimpl
def register_steps(register):
    register("first", first)
    register("following", following)
"""


class Clock:
    """Seconds from the end of the first instance to the end of the last: connecting is not in it."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    @ic.hookimpl
    def step_finished(self, step: object) -> None:
        """Note the time."""
        self.ends.append(time.perf_counter())

    def milliseconds(self) -> float:
        """Mean time of an instance, the first ones left out, where a worker loads the plugins."""
        skip = min(5, len(self.ends) // 2)
        return 1000 * (self.ends[-1] - self.ends[skip]) / (len(self.ends) - 1 - skip)


def measure(folder: Path, count: int, scheduler: str | None, out: str) -> float:
    """Milliseconds an instance."""
    clock = Clock()
    plan = make_plan(folder / "chain.yaml", plugins=[clock])
    event = Runner(plan, folder / out, execution=ExecutionPart(scheduler=scheduler)).run()
    assert not event.failed and len(event.finished) == count, event.failed
    return clock.milliseconds()


def main(count: int, workers: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "chain_plugin.py").write_text(PLUGIN)
        steps = ["  s0: {use: first}"]
        steps += [f"  s{number}: {{use: following, from: s{number - 1}}}" for number in range(1, count)]
        text = "name: chain\nplugins: [chain_plugin.py]\nsteps:\n" + "\n".join(steps) + "\n"
        (folder / "chain.yaml").write_text(text)
        here = [measure(folder, count, None, f"here{round}") for round in range(2)]
        there = [measure(folder, count, f"local:{workers}", f"there{round}") for round in range(2)]
    print(f"in this process: {min(here):.1f} ms an instance")
    print(f"on Dask, {workers} workers: {min(there):.1f} ms an instance")
    print(f"overhead: {min(there) - min(here):.1f} ms (bar: 20 ms), ratio {min(there) / min(here):.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 150, int(sys.argv[2]) if len(sys.argv) > 2 else 2)
