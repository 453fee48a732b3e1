"""Parts of steps as workers carry them out, without a cluster: which of them a run may use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tiny import write_tiny

import isocortex as ic
from isocortex.pipeline import part_tasks
from isocortex.pipeline.runner import Runner
from isocortex.pipeline.tasks import Task

CUT = '''
def _pieces(axes):
    return [1, 2]

def _part(piece, axes):
    _log("part")
    return ic.Part({"x": np.array([piece])}, {"got": GOT})

def _merge(parts, axes):
    return ic.Table({"x": [int(part.arrays["x"][0]) for part in parts]})

@ic.splits(_pieces, _part, _merge)
def cut(axes: ic.AxisValues) -> ic.Table:
    """One and two."""
    return ic.Table({"x": [1, 2]})
'''
ASKS = 'ic.get("rdm_metric", "cosine").name'


def begun(path: Path, out: Path) -> tuple[Any, list[Task]]:
    """What a new run begins with: its plugins and the tasks of its instances."""
    runner = Runner(ic.check(path), out)
    runner.store.prepare()
    tasks = []
    for instance in runner.plan.instances.values():
        folder = runner.store.folder(instance.step, instance.axes)
        tasks.append(runner._task(instance, folder, *runner.keys.watched(instance, {})))
    return runner.plan.manager, tasks


def test_a_part_that_asked_the_registry_is_good_for_its_own_run_only(tmp_path: Path) -> None:
    for got, used in (("None", True), (ASKS, False)):
        path = write_tiny(tmp_path / str(used), CUT.replace("GOT", got), "steps: {cut: {use: cut}}\n")
        found = []
        for _ in range(2):
            manager, (task,) = begun(path, tmp_path / str(used) / "out")
            for _ in range(2):
                outcome = part_tasks.perform_part(task, 0, 1, manager)
                assert outcome.error is None
                found.append(not outcome.seconds)
        assert found == [False, True, used, True]


def test_instances_with_the_same_key_keep_their_parts_apart(tmp_path: Path) -> None:
    steps = "steps: {one: {use: cut}, two: {use: cut}}\n"
    manager, tasks = begun(write_tiny(tmp_path / "s", CUT.replace("GOT", "None"), steps), tmp_path / "out")
    assert tasks[0].record["key"] == tasks[1].record["key"]
    for task in tasks:
        for number, piece in enumerate([1, 2]):
            assert part_tasks.perform_part(task, number, piece, manager).error is None
    assert [part_tasks.merge_parts(task, [1, 2], manager).error for task in tasks] == [None, None]
