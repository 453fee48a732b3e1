"""What a run would do: for ``--dry-run``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from isocortex.errors import IsocortexError
from isocortex.pipeline import fingerprint
from isocortex.pipeline.keys import KeyMaker
from isocortex.pipeline.plan import Instance, Plan
from isocortex.pipeline.store import Output, Store

RUN, REUSE, AFTER = "run", "reuse", "run or reuse, depending on what comes before"


def preview(plan: Plan, out: Path, workers: int) -> str:
    """Say for each step what would run and what is reused, and how much memory its inputs take."""
    fingerprint.forget()
    fates, finished = fates_of(plan, out)
    lines = [f"{plan.name} into {out}:"]
    for step, part in plan.document.steps.items():
        instances = plan.of_step(step)
        counts = Counter(fates[instance.id] for instance in instances)
        what = ", ".join(f"{count} {fate}" for fate, count in counts.items())
        lines.append(f"  {step} ({part.use}): {what}; {_memory(instances, finished)}")
    todo = sum(fate != REUSE for fate in fates.values())
    lines.append(f"{todo} of {len(fates)} step instances to do, {workers} at a time")
    return "\n".join(lines)


def fates_of(plan: Plan, out: Path) -> tuple[dict[str, str], dict[str, Mapping[str, Output]]]:
    """Say of every instance whether it would run, and give the outputs of those that are reused."""
    store, keys = Store(Path(out).resolve()), KeyMaker(plan.document.seed)
    fates: dict[str, str] = {}
    finished: dict[str, Mapping[str, Output]] = {}
    for key, instance in plan.instances.items():
        if any(fates[other] != REUSE for other in instance.depends()):
            missing = store.find(store.folder(instance.step, instance.axes)) is None
            fates[key] = RUN if missing else AFTER
            continue
        result = store.find(store.folder(instance.step, instance.axes))
        try:
            record = keys.record(instance, finished)
        except OSError as error:
            raise IsocortexError(f"{key}: an input file cannot be read: {error}") from error
        fates[key] = REUSE if result is not None and result.key and result.key == record["key"] else RUN
        if fates[key] == REUSE and result is not None:
            finished[key] = result.outputs
    return fates, finished


def _memory(instances: list[Instance], finished: Mapping[str, Mapping[str, Output]]) -> str:
    """Largest size of what one instance reads, as far as it is known before the run."""
    sizes = []
    for instance in instances:
        feeds = [feed for _, feeds in instance.feeds.values() for feed in feeds]
        if any(feed.instance not in finished for feed in feeds):
            return "inputs not made yet"
        size = sum(finished[feed.instance][feed.output].size for feed in feeds)
        sizes.append(size + sum(file.stat().st_size for file in instance.files if file.is_file()))
    return f"reads up to {max(sizes, default=0) / 2**20:.1f} MiB at a time"
