"""Runs on a real Dask scheduler with two workers on loopback: the same bytes as in one process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dask_kit import Loopback, loopback
from small_study import results, write_study
from tiny import leftovers, run_record, statuses, write_tiny

import isocortex as ic
from isocortex.errors import IsocortexError, StepFailed

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")

CUT = '''
import time

def numbers(rng: np.random.Generator, count: int = 10) -> ic.Features:
    """Random rows."""
    return ic.Features({"x": rng.normal(size=(count, 3))}, [f"s{n}" for n in range(count)])

def _pieces(features, **rest):
    return [[start, min(start + 3, features.n_samples)] for start in range(0, features.n_samples, 3)]

def _part(piece, features, rng, pause, bad):
    _log(f"part {piece} {os.getpid()}")
    time.sleep(pause)
    if bad in range(*piece):
        raise ValueError(f"row {bad} is bad")
    warnings.warn(f"rows from {piece[0]}")
    shift = rng.normal()
    return ic.Part({"y": features.layers["x"][slice(*piece)] + shift}, {"rows": piece[1] - piece[0]})

def _merge(parts, features, rng, pause, bad):
    warnings.warn(f"{sum(part.info['rows'] for part in parts)} rows")
    return ic.Features({"y": np.concatenate([part.arrays["y"] for part in parts])}, features.stimuli)

@ic.splits(_pieces, _part, _merge)
def shifted(
    features: ic.Features, rng: np.random.Generator, pause: float = 0.0, bad: int = -1
) -> ic.Features:
    """All rows plus one number."""
    shift = rng.normal()
    rows = range(0, features.n_samples, 3)
    for row in rows:
        warnings.warn(f"rows from {row}")
    warnings.warn(f"{features.n_samples} rows")
    return ic.Features({"y": features.layers["x"] + shift}, features.stimuli)

def mean(features: ic.Features) -> ic.Table:
    """Mean of all."""
    return ic.Table({"mean": [float(features.layers["y"].mean())]})
'''
CUT_PIPELINE = """
parameters: {pause: 0.0, bad: -1, count: 10}
steps:
  numbers: {use: numbers, with: {count: $count}}
  shifted: {use: shifted, from: numbers, with: {pause: $pause, bad: $bad}}
  mean: {use: mean, from: shifted}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    """Two workers."""
    with loopback(tmp_path_factory.mktemp("dask")) as found:
        yield found


@pytest.fixture
def log(tmp_path: Path, cluster: Loopback, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the steps log; the workers, which were started before, learn of it from a file."""
    monkeypatch.setenv("ISOCORTEX_TEST_LOG", str(tmp_path / "log"))
    (tmp_path / "log").write_text("")
    return tmp_path / "log"


def logged(head: str, log: Path) -> str:
    """Plugin code whose log is a file, in whatever process it runs."""
    return f'os.environ["ISOCORTEX_TEST_LOG"] = {str(log)!r}\n' + head


def test_two_workers_give_the_same_bytes(tmp_path: Path, cluster: Loopback) -> None:
    path = write_study(tmp_path / "study")
    ic.run(path, tmp_path / "alone")
    ic.run(path, tmp_path / "shared", scheduler=cluster.address)
    assert results(tmp_path / "alone") == results(tmp_path / "shared")
    record = run_record(tmp_path / "shared")
    assert (record["status"], record["workers"], record["scheduler"]) == ("done", 2, cluster.address)
    assert leftovers(tmp_path / "shared") == []
    hosts = {path.read_text() for path in (tmp_path / "shared").rglob("timing.json")}
    assert not any(f'"process": {os.getpid()}' in text for text in hosts)
    assert len(ic.run(path, tmp_path / "shared", scheduler="tcp://127.0.0.1:9").reused) == 15, (
        "no cluster needed"
    )


def test_a_step_in_parts_gives_the_same_bytes(tmp_path: Path, cluster: Loopback, log: Path) -> None:
    path = write_tiny(tmp_path / "study", logged(CUT, log), CUT_PIPELINE)
    ic.run(path, tmp_path / "alone")
    assert log.read_text() == ""
    heard: list[tuple[str, int, int]] = []

    class Watch:
        @ic.hookimpl
        def run_started(self, run: object) -> None:
            run.watchers.append(lambda step, done, total: heard.append((step.id, done, total)))  # type: ignore[attr-defined]

    ic.run(path, tmp_path / "shared", scheduler=cluster.address, plugins=[Watch()])
    assert results(tmp_path / "alone") == results(tmp_path / "shared")
    parts = [line.split() for line in log.read_text().splitlines()]
    assert len(parts) == 4 and len({line[-1] for line in parts}) == 2, "two processes"
    assert heard == [("shifted", done, 4) for done in range(5)]
    warned = run_record(tmp_path / "shared")["steps"]["shifted"]["warnings"]
    assert warned == ["rows from 0", "rows from 3", "rows from 6", "rows from 9", "10 rows"]
    assert not (tmp_path / "shared" / ".isocortex" / "parts").exists()


def test_parts_that_are_done_are_used_again(tmp_path: Path, cluster: Loopback, log: Path) -> None:
    path = write_tiny(
        tmp_path / "study", logged(CUT, log) + FIXED, CUT_PIPELINE.replace("use: shifted", "use: fixable")
    )
    out, flag = tmp_path / "out", tmp_path / "study" / "fixed"
    with pytest.raises(StepFailed, match=r"shifted: ValueError: row 7 is not fixed \(steps.py:\d+\)"):
        ic.run(path, out, scheduler=cluster.address)
    assert statuses(out) == {"numbers": "done", "shifted": "failed", "mean": "skipped"}
    before = len(log.read_text().splitlines())
    kept = list((out / ".isocortex" / "parts").rglob("about.json"))
    assert kept
    (kept[0].parent / "y.npy").write_bytes(b"spoilt")
    flag.touch()
    run = ic.run(path, out, scheduler=cluster.address)
    again = len(log.read_text().splitlines()) - before
    assert again == 4 - (len(kept) - 1), "those that are whole are not computed again"
    assert np_equal(run["shifted"], out)


FIXED = '''
def _fixable_part(piece, features, rng, pause, bad):
    if 7 in range(*piece) and not Path(__file__).with_name("fixed").exists():
        time.sleep(0.5)
        raise ValueError("row 7 is not fixed")
    return _part(piece, features, rng, pause, bad)

@ic.splits(_pieces, _fixable_part, _merge)
def fixable(
    features: ic.Features, rng: np.random.Generator, pause: float = 0.0, bad: int = -1
) -> ic.Features:
    """As shifted."""
    return shifted(features, rng, pause, bad)
'''


def np_equal(found: object, out: Path) -> bool:
    """Whether the shifted rows are the numbers plus one shift."""
    import numpy as np

    numbers = np.load(out / "numbers" / "x.npy")
    difference = found.layers["y"] - numbers  # type: ignore[attr-defined]
    return bool(np.allclose(difference, difference[0, 0]))


def test_a_failing_step_is_told_in_its_own_words(tmp_path: Path, cluster: Loopback, log: Path) -> None:
    path = write_tiny(tmp_path / "study", logged(CUT, log), CUT_PIPELINE)
    with pytest.raises(StepFailed, match=r"shifted: ValueError: row 4 is bad \(steps.py:\d+\)"):
        ic.run(path, tmp_path / "out", scheduler=cluster.address, set={"bad": 4})
    assert statuses(tmp_path / "out") == {"numbers": "done", "shifted": "failed", "mean": "skipped"}
    assert leftovers(tmp_path / "out") == []


DEADLY = '''
import signal

def deadly(axes: ic.AxisValues) -> ic.Table:
    """Its process dies: once for S1, always for S2."""
    _log(axes["subject"])
    if axes["subject"] == "S2" or (axes["subject"] == "S1" and not Path(__file__).with_name("been").exists()):
        Path(__file__).with_name("been").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return ic.Table({"x": [1]})

def local(table: ic.Table) -> ic.Table:
    """Follows."""
    return table
'''
DEADLY_PIPELINE = """
axes: {subject: [S1, S2, S3]}
execution: {retries: 2}
steps:
  deadly: {use: deadly, over: subject}
  after: {use: local, from: deadly, over: subject}
"""


def test_what_a_dead_worker_held_is_tried_again_but_not_for_ever(
    tmp_path: Path, cluster: Loopback, log: Path
) -> None:
    path = write_tiny(tmp_path / "study", logged(DEADLY, log), DEADLY_PIPELINE)
    with pytest.raises(StepFailed) as caught:
        ic.run(path, tmp_path / "out", scheduler=cluster.address)
    assert str(caught.value).startswith("deadly[subject=S2]: its worker died ")
    assert str(caught.value).endswith(" times (killed, or out of memory?)")
    done = {key for key, status in statuses(tmp_path / "out").items() if status == "done"}
    assert done == {f"{step}[subject={name}]" for step in ("deadly", "after") for name in ("S1", "S3")}
    assert leftovers(tmp_path / "out") == []


def test_components_that_are_objects_stay_in_this_process(tmp_path: Path, cluster: Loopback) -> None:
    class Own:
        @ic.hookimpl
        def register_steps(self, register: object) -> None:
            def here() -> ic.Table:
                """The process."""
                return ic.Table({"process": [os.getpid()]})

            register("here", here)  # type: ignore[operator]

    (tmp_path / "p.yaml").write_text("name: p\nsteps: {a: {use: here}, b: {use: here}}\n")
    run = ic.run(tmp_path / "p.yaml", tmp_path / "out", plugins=[Own()], scheduler=cluster.address)
    assert [int(run[step]["process"][0]) for step in run] == [os.getpid()] * 2


def test_a_step_that_no_worker_can_take_is_said_at_once(tmp_path: Path, cluster: Loopback) -> None:
    path = write_study(tmp_path / "study")
    needs = {"steps": {"raw": {"threads": 64}}}
    with pytest.raises(IsocortexError, match="the step 'raw' needs 64 threads, and no worker has that"):
        ic.run(path, tmp_path / "out", scheduler=cluster.address, execution=needs)
    enough = {"steps": {"raw": {"threads": 1, "memory": "1 MiB"}}}
    assert not ic.run(path, tmp_path / "out", scheduler=cluster.address, execution=enough).reused


def test_workers_that_see_another_folder_or_other_versions_are_refused(
    tmp_path: Path, cluster: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    from isocortex.pipeline.cluster import on_worker

    path = write_study(tmp_path / "study")
    real = on_worker._versions
    monkeypatch.setattr(on_worker, "_versions", lambda: {**real(), "numpy": "0.9"})
    with pytest.raises(
        IsocortexError, match=r"the worker tcp://\S+ cannot take part: numpy is \S+ there and 0.9"
    ):
        ic.run(path, tmp_path / "out", scheduler=cluster.address)
    monkeypatch.undo()
    of = on_worker.Setup.of
    monkeypatch.setattr(
        on_worker.Setup, "of", lambda out, token, manager: of(tmp_path / "gone", token, manager)
    )
    with pytest.raises(IsocortexError, match=r"it cannot read .*gone .*on a disk that all share"):
        ic.run(path, tmp_path / "out", scheduler=cluster.address)


def test_a_plugin_that_was_edited_between_runs_is_read_anew(tmp_path: Path, cluster: Loopback) -> None:
    path = write_study(tmp_path / "study")
    ic.run(path, tmp_path / "out", scheduler=cluster.address)
    steps = path.with_name("steps.py")
    steps.write_text(steps.read_text().replace("OFFSET = 0.0", "OFFSET = 5.0"))
    ic.run(path, tmp_path / "out", scheduler=cluster.address)
    ic.run(path, tmp_path / "alone")
    assert results(tmp_path / "out") == results(tmp_path / "alone")


@pytest.mark.slow  # 10 s
def test_a_lost_scheduler_ends_the_run_which_goes_on_later(tmp_path: Path) -> None:
    path = write_study(tmp_path / "study")
    with loopback(tmp_path / "dask") as own:

        class Shoot:
            @ic.hookimpl
            def step_finished(self, step: object) -> None:
                os.kill(own.scheduler.pid, signal.SIGKILL)

        began = time.monotonic()
        with pytest.raises(
            IsocortexError, match=r"connection to the Dask scheduler .* is lost; the same command"
        ):
            ic.run(path, tmp_path / "out", set={"pause": 0.3}, scheduler=own.address, plugins=[Shoot()])
        assert time.monotonic() - began < 60
        assert run_record(tmp_path / "out")["status"] == "interrupted"
    run = ic.run(path, tmp_path / "out", set={"pause": 0.3})
    assert run.reused
    assert leftovers(tmp_path / "out") == []


def test_an_address_where_nothing_answers_is_a_wrong_request(tmp_path: Path) -> None:
    from isocortex.pipeline.cluster.clusters import _address

    with pytest.raises(
        IsocortexError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9 \(.*dask scheduler"
    ):
        _address("tcp://127.0.0.1:9", timeout=0.3)


def interrupted(command: list[str], log: Path, parts: int) -> str:
    """Start a run, press Ctrl-C when so many parts have begun; gives what it said."""
    heeded = signal.signal(signal.SIGINT, signal.default_int_handler)  # one that is ignored is inherited
    try:
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    finally:
        signal.signal(signal.SIGINT, heeded)
    for _ in range(1200):
        if len(log.read_text().splitlines()) >= parts:
            break
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1, said
    return said


@pytest.mark.slow  # 20 s
@pytest.mark.parametrize("kind", ["address", "local"])
def test_ctrl_c_leaves_what_the_next_run_goes_on_with(
    tmp_path: Path, cluster: Loopback, log: Path, kind: str
) -> None:
    path, out = write_tiny(tmp_path / "study", logged(CUT, log), CUT_PIPELINE), tmp_path / "out"
    scheduler = cluster.address if kind == "address" else "local:2"
    command = [sys.executable, "-m", "isocortex.cli", "run", str(path), "--out", str(out)]
    command += ["--set", "pause=1.0", "--set", "count=30", "--scheduler", scheduler]
    said = interrupted(command, log, 5)
    assert "Stopped. The same command goes on from here." in said and "Traceback" not in said, said
    assert run_record(out)["status"] == "interrupted" and leftovers(out) == []
    before = log.read_text().splitlines()
    if kind == "local":
        assert not any(Path("/proc", line.split()[-1]).exists() for line in before)
    run = ic.run(path, out, set={"pause": 1.0, "count": 30}, scheduler=cluster.address)
    assert run.reused == ["numbers"]
    again = log.read_text().splitlines()[len(before) :]
    assert len(again) < 10, "parts that were done are used"
    assert statuses(out) == {"numbers": "reused", "shifted": "done", "mean": "done"}
    ic.run(path, tmp_path / "alone", set={"pause": 0.0, "count": 30})
    same = [(folder / "shifted" / "y.npy").read_bytes() for folder in (out, tmp_path / "alone")]
    assert same[0] == same[1]


@pytest.mark.slow  # 10 s
def test_workers_of_this_machine_give_the_same_bytes(tmp_path: Path) -> None:
    path = write_study(tmp_path / "study")
    ic.run(path, tmp_path / "alone")
    ic.run(path, tmp_path / "shared", scheduler="local:2")
    assert results(tmp_path / "alone") == results(tmp_path / "shared")


@pytest.mark.slow  # 10 s
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_jobs_of_a_batch_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With dask-jobqueue's own local jobs in place of SLURM's."""
    from isocortex.pipeline.cluster import clusters

    monkeypatch.setitem(clusters.CLASSES, "slurm", ("dask_jobqueue.local", "LocalCluster"))
    monkeypatch.setattr(clusters, "_prologue", list)
    path = write_study(tmp_path / "study")
    jobs = {"jobs": 2, "cores": 1, "memory": "1 GiB", "scheduler_options": {"host": "127.0.0.1"}}
    ic.run(path, tmp_path / "shared", scheduler="slurm", execution={"cluster": jobs})
    ic.run(path, tmp_path / "alone")
    assert results(tmp_path / "alone") == results(tmp_path / "shared")


@pytest.mark.slow  # 60 s
def test_the_steps_of_a_study_give_the_same_bytes(tmp_path: Path, cluster: Loopback) -> None:
    ic.run("searchlight-codes", tmp_path / "alone", preset="quick")
    ic.run("searchlight-codes", tmp_path / "shared", preset="quick", scheduler=cluster.address)
    assert results(tmp_path / "alone") == results(tmp_path / "shared")


NETWORK = """
name: network
parameters: {model: {use: vgg16, with: {image_size: 32, width: 0.25, head: none}}}
steps:
  images: {use: images_from_folder, with: {folder: many, size: [32, 32]}}
  features:
    use: extract_features
    from: images
    with: {model: $model, layers: [conv1_1, conv5_3], batch: 16}
  few: {use: images_from_folder, with: {folder: few, size: [32, 32]}}
  targets: {use: extract_features, from: few, with: {model: $model, layers: [conv1_1, conv3_1]}}
  made:
    use: reconstruct_images
    from: {features: targets}
    with: {model: $model, reconstructor: {use: feature-inversion, with: {iterations: 5}}, batch_size: 2}
"""


@pytest.mark.slow  # 50 s
def test_a_network_gives_the_same_bytes_in_parts(tmp_path: Path, cluster: Loopback) -> None:
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for folder, count in (("many", 140), ("few", 5)):
        (tmp_path / folder).mkdir()
        for number in range(count):
            picture = Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8))
            picture.save(tmp_path / folder / f"i{number:03d}.png")
    (tmp_path / "network.yaml").write_text(NETWORK)
    ic.run(tmp_path / "network.yaml", tmp_path / "alone")
    parts: dict[str, int] = {}

    class Watch:
        @ic.hookimpl
        def run_started(self, run: object) -> None:
            run.watchers.append(lambda step, done, total: parts.update({step.id: total}))  # type: ignore[attr-defined]

    ic.run(tmp_path / "network.yaml", tmp_path / "shared", scheduler=cluster.address, plugins=[Watch()])
    assert parts == {"features": 3, "made": 3}
    assert results(tmp_path / "alone") == results(tmp_path / "shared")
