"""What ``execution:`` may hold, the jobs that come of it, and the examples of docs/clusters.md."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from small_study import write_study

import isocortex as ic
from isocortex.cli import main
from isocortex.errors import IsocortexError, PipelineError
from isocortex.pipeline.cluster.calls import Call, Worker, require, taker
from isocortex.pipeline.cluster.clusters import batch_cluster
from isocortex.pipeline.execution import ExecutionPart, chosen, size_of
from isocortex.pipeline.yaml_text import parse_yaml

DOCS = Path(__file__).resolve().parents[2] / "docs" / "clusters.md"


def block(name: str) -> str:
    """A marked block of code of the page."""
    found = re.search(rf"<!-- run: {name} -->\n```\w+\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert found, name
    return found[1]


def settings(name: str) -> dict[str, Any]:
    """What stands under ``execution:`` in a block."""
    value: dict[str, Any] = parse_yaml(block(name), name).value["execution"]
    return value


def test_the_job_script_of_the_docs(tmp_path: Path) -> None:
    execution = chosen(ExecutionPart(), {}, settings("slurm"))
    with batch_cluster("slurm", execution) as cluster:
        script = cluster.job_script()
    for line in (
        "#SBATCH -p normal",
        "#SBATCH -A my-lab",
        "#SBATCH --cpus-per-task=8",
        "#SBATCH --mem=16G",
        "#SBATCH -t 04:00:00",
        "export DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE=False",
        "source /shared/venv/bin/activate",
    ):
        assert line in script.splitlines()
    assert f"{sys.executable} -m distributed.cli.dask_worker tcp://" in script
    assert "--nthreads 8 --memory-limit 16.00GiB" in script and "--nworkers" not in script, "one worker a job"


def test_the_other_examples_of_the_docs() -> None:
    from isocortex.pipeline.splitting import in_parts

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(block("job script"), {})
    assert "#SBATCH --mem=16G" in printed.getvalue()
    execution = chosen(ExecutionPart(), {"maps": None}, settings("resources"))
    assert execution.needs("maps") == (32 * 2**30, 16)
    assert execution.needs("other") == (8 * 2**30, None)
    names: dict[str, Any] = {}
    exec(block("splits"), names)
    import numpy as np

    values = np.random.default_rng(0).normal(size=(250, 3))
    features = ic.Features({"fc8": values}, [f"i{number}" for number in range(250)])
    found = in_parts(names["squares"], features=features)
    assert found.layers["fc8"].tobytes() == names["squares"](features).layers["fc8"].tobytes()


@pytest.mark.parametrize(("scheduler", "lines"), [
    ("pbs", ["#PBS -q long", "#PBS -l walltime=01:00:00"]),
    ("sge", ["#$ -q long"]),
])  # fmt: skip
def test_jobs_of_other_systems(scheduler: str, lines: list[str]) -> None:
    execution = ExecutionPart(cluster={"queue": "long", "cores": 2, "memory": "4 GB", "walltime": "01:00:00"})
    with batch_cluster(scheduler, execution) as cluster:
        assert set(lines) <= set(cluster.job_script().splitlines())


@pytest.mark.parametrize(("values", "message"), [
    ({"scheduler": "slurmy"}, "execution: scheduler: "
     "expected tcp://host:port, local:N, slurm, pbs or sge, got 'slurmy'"),
    ({"memory": "lots"}, "execution: memory: expected a size such as 8 GiB or 500 MB, got 'lots'"),
    ({"memry": 3}, "execution: memry: there is no such key; did you mean 'memory'?"),
    ({"steps": {"raw": {"thread": 3}}}, "execution: steps.raw.thread: "
     "there is no such key; did you mean 'threads'?"),
    ({"steps": {"rav": {"threads": 3}}}, "execution: steps: there is no step 'rav'; did you mean 'raw'?"),
    ({"retries": -1}, "execution: retries: expected 0 or more, got -1"),
])  # fmt: skip
def test_mistakes_in_given_settings(values: dict[str, Any], message: str) -> None:
    with pytest.raises(IsocortexError) as caught:
        chosen(ExecutionPart(), {"raw": None}, values)
    assert str(caught.value) == message


@pytest.mark.parametrize(("cluster", "message"), [
    ({"cores": 2}, "say how many cores and how much memory a job gets (memory is missing)"),
    ({"cores": 2, "memory": "much"}, "memory: expected a size such as 8 GiB or 500 MB"),
    ({"cores": 2, "memory": "1 GB", "wall_time": "x"},
     "there is no setting 'wall_time'; did you mean 'walltime'?"),
])  # fmt: skip
def test_mistakes_in_settings_of_jobs(cluster: dict[str, Any], message: str) -> None:
    with pytest.raises(IsocortexError, match=re.escape(f"execution: cluster: {message}")):
        batch_cluster("slurm", ExecutionPart(cluster=cluster))


def test_mistakes_in_the_pipeline_have_their_line(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    path.write_text(
        path.read_text() + "execution:\n  steps: {rav: {memory: 1 GiB}, raw: {memry: 1}}\n  scheduler: x\n"
    )
    with pytest.raises(PipelineError) as caught:
        ic.check(path)
    said = str(caught.value)
    assert "execution.steps.raw.memry: there is no key 'memry' here; did you mean 'memory'?" in said
    assert "execution.scheduler: expected tcp://host:port, local:N, slurm, pbs or sge, got 'x'" in said
    path.write_text(path.read_text().replace("memry: 1", "memory: 1").replace("  scheduler: x\n", ""))
    with pytest.raises(
        PipelineError, match=r"execution.steps.rav: there is no step 'rav'; did you mean 'raw'"
    ):
        ic.check(path)


def test_what_is_given_goes_before_what_the_pipeline_says(tmp_path: Path) -> None:
    own = ExecutionPart.model_validate({"scheduler": "slurm", "memory": "1 GiB", "cluster": {"jobs": 3}})
    assert chosen(own, {}).scheduler == "slurm"
    assert chosen(own, {}, workers=2).scheduler is None
    assert chosen(own, {}, scheduler="local:2").scheduler == "local:2"
    (tmp_path / "lab.yaml").write_text("execution: {scheduler: pbs, threads: 3}\n")
    found = chosen(own, {}, tmp_path / "lab.yaml")
    assert (found.scheduler, found.needs("x"), found.cluster) == ("pbs", (2**30, 3), {"jobs": 3})
    with pytest.raises(IsocortexError, match="not both"):
        chosen(own, {}, workers=2, scheduler="local:2")
    with pytest.raises(IsocortexError, match=r"no\.yaml: cannot be read"):
        chosen(own, {}, tmp_path / "no.yaml")


def test_nothing_of_it_is_in_the_key(tmp_path: Path) -> None:
    path = write_study(tmp_path / "study")
    first = ic.run(path, tmp_path / "out", execution={"threads": 1})
    assert not first.reused
    path.write_text(path.read_text() + "execution: {threads: 2, retries: 3, steps: {raw: {memory: 1 GiB}}}\n")
    assert len(ic.run(path, tmp_path / "out").reused) == 15


def test_without_dask_there_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    path = write_study(tmp_path / "study")
    found = CliRunner().invoke(
        main, ["run", str(path), "--out", str(tmp_path / "out"), "--scheduler", "local:2"]
    )
    assert found.exit_code == 2
    assert found.stderr == "Error: the scheduler local:2 needs Dask: pip install 'isocortex[dask]'\n"
    assert not (tmp_path / "out").exists()


def test_the_smallest_worker_that_is_enough_takes_a_task() -> None:
    workers = {"big": Worker(64e9, 8), "small": Worker(4e9, 1), "middle": Worker(16e9, 4)}

    def takes(memory: int | None, threads: int | None) -> str | None:
        return taker(Call(print, (), (memory, threads), None), workers)

    assert [takes(None, None), takes(int(8e9), None), takes(None, 8), takes(int(65e9), None)] == [
        "small", "middle", "big", None,
    ]  # fmt: skip
    require("a", (int(60e9), 8), workers)
    with pytest.raises(
        IsocortexError, match=r"'a' needs 93.13 GiB of memory and 2 threads, and no worker has that"
    ):
        require("a", (int(100e9), 2), workers)


def test_sizes() -> None:
    assert [size_of(text) for text in ("8 GiB", "1.5kB", 7, "2 TB")] == [8 * 2**30, 1500, 7, 2 * 10**12]
    for wrong in ("", "8 GiG", "-1", "0", "GiB"):
        with pytest.raises(ValueError, match="a size such as 8 GiB"):
            size_of(wrong)
