"""Progress with the time left: bars on a terminal, plain lines elsewhere. Lifecycle plugins."""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import Any, TextIO

from isocortex.pipeline.events import RunEvent, StepEvent
from isocortex.plugins.markers import hookimpl

SECONDS_BETWEEN = 10
"""Between two lines about the parts of one step."""


class TimeLeft:
    """Estimates the time left from what instances of the same step, else of any step, have taken."""

    def __init__(self, run: RunEvent) -> None:
        self.run = run
        self.left = Counter(instance.step for instance in run.plan.instances.values())
        self.spent: dict[str, list[float]] = {}

    def done(self, step: StepEvent) -> None:
        """Take in a finished or failed instance; a reused one tells how long it took when it was made."""
        self.left[step.name] -= 1
        if step.seconds is not None:
            self.spent.setdefault(step.name, []).append(step.seconds)

    def seconds(self) -> float | None:
        """Seconds left, or None as long as nothing is known."""
        if not self.spent:
            return None
        mean = {name: sum(taken) / len(taken) for name, taken in self.spent.items()}
        other = sum(mean.values()) / len(mean)
        left = self.left - Counter(self.run.plan.instances[key].step for key in self.run.skipped)
        at_once = max(1, min(self.run.workers, left.total()))
        return sum(count * mean.get(name, other) for name, count in left.items()) / at_once


def clock(seconds: float) -> str:
    """Seconds as people read them."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


class PlainProgress:
    """A line for every instance that was computed."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.count = 0

    @hookimpl
    def run_started(self, run: RunEvent) -> None:
        """Say what begins."""
        self.run, self.left, self.began = run, TimeLeft(run), time.monotonic()
        self.shown: dict[str, float] = {}
        run.watchers.append(self.part_done)
        self.say(f"{run.name}: {len(run.instances)} step instances into {run.folder}")

    def part_done(self, step: StepEvent, done: int, total: int) -> None:
        """Say now and then how far a step is that workers share."""
        last = self.shown.setdefault(step.id, time.monotonic())
        if time.monotonic() - last > SECONDS_BETWEEN and 0 < done < total:
            self.shown[step.id] = time.monotonic()
            self.say(f"    {step.id}: {done} of {total} parts")

    @hookimpl
    def step_finished(self, step: StepEvent) -> None:
        """Say what is done, and the time left."""
        self.count += 1
        self.left.done(step)
        if step.reused:
            return
        left = self.left.seconds()
        tail = (
            f", about {clock(left)} left" if left is not None and self.count < len(self.run.instances) else ""
        )
        self.say(f"[{self.count}/{len(self.run.instances)}] {step.id}: {clock(step.seconds or 0)}{tail}")
        for text in step.warnings:
            self.say(f"    warning: {text}")

    @hookimpl
    def step_failed(self, step: StepEvent, error: BaseException) -> None:
        """Say what failed."""
        self.count += 1
        self.left.done(step)
        self.say(f"[{self.count}/{len(self.run.instances)}] FAILED {error}")

    @hookimpl
    def run_finished(self, run: RunEvent) -> None:
        """Say how it went."""
        self.say(f"{closing(run)} in {clock(time.monotonic() - self.began)}")

    def say(self, text: str) -> None:
        """Write one line."""
        print(text, file=self.stream, flush=True)


class BarProgress(PlainProgress):
    """A bar for each step on a terminal."""

    @hookimpl
    def run_started(self, run: RunEvent) -> None:
        """Put up the bars."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self.run, self.left, self.began = run, TimeLeft(run), time.monotonic()
        self.console = Console(file=self.stream)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
        )
        self.bars: Any = Progress(*columns, console=self.console)
        counts = Counter(instance.step for instance in run.plan.instances.values())
        self.total = self.bars.add_task(f"[bold]{run.name}", total=len(run.instances), note="")
        self.tasks = {name: self.bars.add_task(name, total=count, note="") for name, count in counts.items()}
        self.bars.start()
        run.watchers.append(self.part_done)

    def part_done(self, step: StepEvent, done: int, total: int) -> None:
        """Show how far a step is that workers share."""
        place = ",".join(step.axes.values())
        self.bars.update(self.tasks[step.name], note=f"{place} {done}/{total}".strip())

    @hookimpl
    def step_started(self, step: StepEvent) -> None:
        """Show what is under way."""
        self.bars.update(self.tasks[step.name], note=",".join(step.axes.values()))

    @hookimpl
    def step_finished(self, step: StepEvent) -> None:
        """Move the bars."""
        self.left.done(step)
        left = self.left.seconds()
        self._advance(step, "reused" if step.reused else "")
        self.bars.update(self.total, note=f"about {clock(left)} left" if left else "")
        for text in step.warnings:
            self.say(f"{step.id}: warning: {text}")

    @hookimpl
    def step_failed(self, step: StepEvent, error: BaseException) -> None:
        """Show a failure above the bars."""
        self.left.done(step)
        self._advance(step, "failed")
        self.say(f"FAILED {error}")

    def _advance(self, step: StepEvent, note: str) -> None:
        self.bars.update(self.tasks[step.name], advance=1, note=note)
        self.bars.update(self.total, advance=1)

    @hookimpl
    def run_finished(self, run: RunEvent) -> None:
        """Take the bars down and say how it went."""
        self.bars.update(self.total, note="")
        self.bars.stop()
        self.say(f"{closing(run)} in {clock(time.monotonic() - self.began)}")

    def say(self, text: str) -> None:
        """Write one line above the bars; nothing in it is markup."""
        self.console.print(text, markup=False, highlight=False)


def closing(run: RunEvent) -> str:
    """How a run went, in a line."""
    computed = len(run.instances) - len(run.reused) - len(run.failed) - len(run.skipped)
    parts = [f"{len(run.reused)} reused"] * bool(run.reused)
    parts += [f"{len(run.failed)} failed"] * bool(run.failed)
    parts += [f"{len(run.skipped)} not run because of that"] * bool(run.skipped)
    return ", ".join([f"{run.name}: {computed} computed", *parts])


def progress(stream: TextIO | None = None) -> PlainProgress:
    """Bars where somebody can see them, lines elsewhere."""
    stream = stream or sys.stderr
    return BarProgress(stream) if stream.isatty() else PlainProgress(stream)
