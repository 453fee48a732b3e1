"""What a run would do: for ``--dry-run``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from isocortex.errors import IsocortexError
from isocortex.pipeline import fingerprint
from isocortex.pipeline.estimates import Size, Sizes, estimate
from isocortex.pipeline.execution import ExecutionPart
from isocortex.pipeline.keys import KeyMaker
from isocortex.pipeline.plan import Instance, Plan
from isocortex.pipeline.room import in_words
from isocortex.pipeline.store import Output, Store

RUN, REUSE, AFTER = "run", "reuse", "run or reuse, depending on what comes before"


def preview(plan: Plan, out: Path, execution: ExecutionPart) -> tuple[str, Sizes]:
    """Say for each step what would run and what is reused, and what it takes of memory and disk."""
    fingerprint.forget()
    fates, finished = fates_of(plan, out)
    sizes = estimate(plan, fates, finished, execution)
    lines = [f"{plan.name} into {out}:"]
    for step, part in plan.document.steps.items():
        instances = plan.of_step(step)
        counts = Counter(fates[instance.id] for instance in instances)
        what = ", ".join(f"{count} {fate}" for fate, count in counts.items())
        own = [sizes.of[instance.id] for instance in instances if instance.id in sizes.of]
        lines.append(f"  {step} ({part.use}): {what}; {_memory(instances, finished)}{_takes(own)}")
    todo = sum(fate != REUSE for fate in fates.values())
    lines.append(f"{todo} of {len(fates)} step instances to do, {sizes.workers} at a time")
    if todo:
        lines.append(sizes.line())
    return "\n".join(lines), sizes


def fates_of(
    plan: Plan, out: Path, keys: KeyMaker | None = None
) -> tuple[dict[str, str], dict[str, Mapping[str, Output]]]:
    """Say of every instance whether it would run, and give the outputs of those that are reused."""
    store, keys = Store(Path(out).resolve()), keys or KeyMaker(plan.document.seed)
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


def _takes(sizes: Sequence[Size]) -> str:
    """What the instances of a step that are to be done take, the largest of them and all together."""
    if not sizes:
        return ""
    lacking = next((size for size in sizes if size.memory is None), None)
    if lacking is not None:
        return f"; takes unknown memory and disk: {lacking.reason}"
    text = f"; takes {in_words(max(size.memory or 0 for size in sizes))} of memory"
    if any(size.disk is None for size in sizes):
        return f"{text}, unknown disk"
    return f"{text}, {in_words(sum(size.disk or 0 for size in sizes))} of disk"
