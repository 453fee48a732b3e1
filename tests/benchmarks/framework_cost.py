"""Cost of the framework: 1,000 trivial step instances, computed and then reused.

Run: python tests/benchmarks/framework_cost.py [instances]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import isocortex as ic
from isocortex.pipeline.plan import make_plan
from isocortex.pipeline.runner import Runner

PLUGIN = """
import isocortex as ic

def trivial(number: int) -> ic.Table:
    \"\"\"One number.\"\"\"
    return ic.Table({"number": [number]})

def total(parts: ic.Collected[ic.Table]) -> ic.Table:
    \"\"\"Sum of all.\"\"\"
    return ic.Table({"total": [sum(int(part["number"][0]) for part in parts.values())]})

@ic.hookimpl
def register_steps(register):
    register("trivial", trivial)
    register("total", total)
"""

PIPELINE = """
name: trivial
plugins: [trivial_plugin.py]
axes: {{number: {numbers}}}
steps:
  one: {{use: trivial, with: {{number: $number}}, over: number}}
  all: {{use: total, from: one}}
"""


def measure(count: int, workers: int = 1) -> dict[str, float]:
    """Milliseconds a step instance: planning, computing, reusing."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "trivial_plugin.py").write_text(PLUGIN)
        (folder / "p.yaml").write_text(PIPELINE.format(numbers=list(range(count))))
        result = {}
        began = time.perf_counter()
        plan = make_plan(folder / "p.yaml")
        result["plan"] = time.perf_counter() - began
        for what in ("compute", "reuse"):
            began = time.perf_counter()
            event = Runner(make_plan(folder / "p.yaml"), folder / "out", workers).run()
            result[what] = time.perf_counter() - began
            assert not event.failed, event.failed
        assert len(event.reused) == len(plan.instances) == count + 1
        began = time.perf_counter()
        ic.run(folder / "p.yaml", folder / "out")
        result["reuse, with report and record"] = time.perf_counter() - began
    return {what: 1000 * seconds / (count + 1) for what, seconds in result.items()}


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for what, milliseconds in measure(number).items():
        print(f"{what}: {milliseconds:.2f} ms a step instance ({number} instances)")
