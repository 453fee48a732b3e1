"""Lifecycle hooks: told in order, with any subset of arguments, and never able to stop a run."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pluggy
import pytest
from tiny import statuses, write_tiny

import isocortex as ic
from isocortex.errors import StepFailed

STEPS = '''
def value(number: int) -> ic.Table:
    """One number."""
    if number == 13:
        raise ValueError("unlucky")
    return ic.Table({"number": [number]})
'''
PIPELINE = """
steps:
  one: {use: value, with: {number: 1}}
  two: {use: value, with: {number: 13}}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A pipeline with a step that works and one that fails."""
    return write_tiny(tmp_path, STEPS, PIPELINE)


class Listener:
    """Notes all that it is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    @ic.hookimpl
    def run_started(self, run: Any) -> None:
        self.heard.append(f"run_started {run.name} {len(run.instances)}")

    @ic.hookimpl
    def step_started(self) -> None:
        self.heard.append("step_started")

    @ic.hookimpl
    def step_finished(self, outputs: Any, step: Any) -> None:
        self.heard.append(f"step_finished {step.id} {outputs['result']['number'].tolist()}")

    @ic.hookimpl
    def step_failed(self, error: BaseException) -> None:
        self.heard.append(f"step_failed {error}")

    @ic.hookimpl
    def run_finished(self, run: Any) -> None:
        self.heard.append(f"run_finished {sorted(run.finished)} {sorted(run.failed)}")


def test_what_is_told(path: Path, tmp_path: Path) -> None:
    listener = Listener()
    for _ in range(2):
        with pytest.raises(StepFailed):
            ic.run(path, tmp_path / "out", plugins=[listener])
    failed = [heard for heard in listener.heard if heard.startswith("step_failed")]
    assert failed[0].startswith("step_failed two: ValueError: unlucky (steps.py:")
    rest = [heard for heard in listener.heard if heard not in failed]
    assert rest == [
        "run_started tiny 2",
        "step_started",
        "step_finished one [1]",
        "step_started",
        "run_finished ['one'] ['two']",
        "run_started tiny 2",
        "step_finished one [1]",
        "step_started",
        "run_finished ['one'] ['two']",
    ]


@pytest.mark.parametrize(
    "hook", ["run_started", "step_started", "step_finished", "step_failed", "run_finished"]
)
def test_a_hook_that_raises_is_reported_and_stops_nothing(path: Path, tmp_path: Path, hook: str) -> None:
    class Broken:
        """Raises in one hook."""

    def raises(self: object) -> None:
        raise RuntimeError("broken")

    setattr(Broken, hook, ic.hookimpl(raises))
    listener = Listener()
    with (
        pytest.warns(UserWarning, match=f"plugin 'Broken': {hook} raised RuntimeError: broken"),
        pytest.raises(StepFailed),
    ):
        ic.run(path, tmp_path / "out", plugins=[Broken(), listener])
    assert len(listener.heard) == 6
    assert statuses(tmp_path / "out") == {"one": "done", "two": "failed"}
    assert (tmp_path / "out" / "report.html").exists()


def test_order_and_wrappers_are_pluggys(tmp_path: Path) -> None:
    heard: list[str] = []

    def plugin(name: str, **options: Any) -> object:
        class Plugin:
            """Notes its name."""

            @ic.hookimpl(**options)
            def run_started(self) -> None:
                heard.append(name)

        Plugin.__name__ = name
        return Plugin()

    class New:
        """A wrapper of the new style."""

        @ic.hookimpl(wrapper=True)
        def run_started(self, run: Any) -> Generator[None, Any, Any]:
            heard.append("new begins")
            result = yield
            heard.append("new ends")
            return result

    class Old:
        """A wrapper of the old style."""

        @ic.hookimpl(hookwrapper=True)
        def run_started(self) -> Generator[None, pluggy.Result[Any], None]:
            heard.append("old begins")
            outcome = yield
            assert outcome.get_result() == []
            heard.append("old ends")

    plugins = [
        plugin("a"),
        plugin("last", trylast=True),
        New(),
        plugin("first", tryfirst=True),
        Old(),
        plugin("b"),
    ]
    path = write_tiny(tmp_path, STEPS, "steps: {one: {use: value, with: {number: 1}}}\n")
    ic.run(path, tmp_path / "out", plugins=plugins)
    ours, heard = heard, []
    manager = ic.plugin_manager(plugins)
    manager.hook.run_started(run=None)
    assert ours == heard
    assert ours == ["old begins", "new begins", "first", "b", "a", "last", "new ends", "old ends"]


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_wrapper_that_raises_is_reported(path: Path, tmp_path: Path, place: str) -> None:
    class Wrapper:
        """Raises on one side."""

        @ic.hookimpl(wrapper=True)
        def run_finished(self, run: Any) -> Generator[None, Any, Any]:
            if place == "before":
                raise RuntimeError(place)
            yield
            raise RuntimeError(place)

    listener = Listener()
    with (
        pytest.warns(UserWarning, match=f"run_finished raised RuntimeError: {place}"),
        pytest.raises(StepFailed),
    ):
        ic.run(path, tmp_path / "out", plugins=[Wrapper(), listener])
    assert len(listener.heard) == 6
