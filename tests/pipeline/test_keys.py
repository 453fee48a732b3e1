"""The key of a result: the same wherever it is computed, another for all that changes a result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from small_study import results, write_study
from tiny import write_tiny

import isocortex as ic
from isocortex.pipeline.digests import FileDigests, digest_json, entries, stamp
from isocortex.pipeline.verify import verify_all


def computed(path: Path, **options: Any) -> set[str]:
    """Run and give the ids of the instances that were computed."""
    run = ic.run(path, path.parent / "out", **options)
    return set(run.event.instances) - set(run.reused)


def test_equal_bytes_whatever_the_hash_seed_and_the_number_of_workers(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", subjects=1)
    found = []
    for number, (seed, workers) in enumerate((("1", "1"), ("2", "2"))):
        out = tmp_path / f"out{number}"
        command = [sys.executable, "-m", "isocortex.cli", "run", str(study), "--out", str(out)]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run(
            [*command, "--workers", workers], env=environment, check=True, capture_output=True, cwd=tmp_path
        )
        found.append(results(out))
    assert found[0] == found[1]
    assert [name for name in found[0] if name.endswith("step.json")]
    assert computed(study) and results(study.parent / "out") == found[0], "nor where they are computed"


STEPS = '''
def count(options: dict[str, int], flag: float | None = None) -> ic.Table:
    """Takes a mapping."""
    return ic.Table({"key": list(options), "value": list(options.values())})

def free(**codes: dict[str, int]) -> ic.Table:
    """Takes settings of any name."""
    return ic.Table({"code": [key for code in codes.values() for key in code]})

def chosen(names: set[str]) -> ic.Table:
    """Takes a set."""
    return ic.Table({"name": sorted(names)})

def numbered(weights: dict[int, float], more: dict[int, float] = {10: 1.0, 9: 2.0}) -> ic.Table:
    """Takes mappings with numbers as keys."""
    return ic.Table({"key": list(weights), "more": [len(more)] * len(weights)})

def gather(tables: ic.Collected[ic.Table]) -> ic.Table:
    """Names the axes."""
    return ic.Table({"axes": list(tables.axes)})

def along(axes: ic.AxisValues) -> ic.Table:
    """Nothing of its own."""
    return ic.Table({"x": [1]})
'''


def test_the_order_of_settings_is_no_change_that_of_a_list_is(tmp_path: Path) -> None:
    pipeline = "steps: {count: {use: count, with: {options: {a: 1, b: 2}, flag: 1.5}}}\n"
    path = write_tiny(tmp_path, STEPS, pipeline)
    assert computed(path) == {"count"}
    path.write_text(
        path.read_text().replace("options: {a: 1, b: 2}, flag: 1.5", "flag: 1.5, options: {a: 1, b: 2}")
    )
    assert computed(path) == set()
    assert digest_json({"a": 1, "b": [1, 2]}) == digest_json({"b": [1, 2], "a": 1})
    assert digest_json([1, 2]) != digest_json([2, 1])
    assert len({digest_json(value) for value in (float("nan"), float("inf"), None, "NaN", 0, 0.5, "0")}) == 7


def test_the_order_of_a_mapping_is_a_change(tmp_path: Path) -> None:
    step = "steps: {x: {use: %s, with: {%s}}}\n"
    for use, first, other in (
        ("count", "options: {a: 1, b: 2}", "options: {b: 2, a: 1}"),
        ("free", "a: {x: 1}, b: {x: 1}", "b: {x: 1}, a: {x: 1}"),
        ("free", "a: {x: 1, y: 1}", "a: {y: 1, x: 1}"),
    ):
        path = write_tiny(tmp_path, STEPS, step % (use, first))
        assert computed(path) == {"x"}
        path = write_tiny(tmp_path, STEPS, step % (use, other))
        (item,) = verify_all(tmp_path / "out").again
        assert item.reasons == ("a mapping among its settings is written in another order",)
        assert computed(path) == {"x"}
        assert computed(path) == set()


def test_mappings_with_numbers_as_keys(tmp_path: Path) -> None:
    path = write_tiny(
        tmp_path, STEPS, "steps: {numbered: {use: numbered, with: {weights: {2: 1.0, 10: 2.0}}}}\n"
    )
    assert computed(path) == {"numbered"}
    assert computed(path) == set()


def test_sets_have_no_order(tmp_path: Path) -> None:
    steps = "steps: {chosen: {use: chosen, with: {names: [d, a, c, b]}}}\n"
    assert computed(write_tiny(tmp_path, STEPS, steps)) == {"chosen"}
    record = json.loads((tmp_path / "out" / "chosen" / "step.json").read_text())
    assert record["settings"]["names"] == ["a", "b", "c", "d"]


def test_an_input_file_that_is_a_default_is_tracked(tmp_path: Path) -> None:
    path = write_tiny(
        tmp_path,
        '''
HERE = Path(__file__).parent

def with_default(
    file: ic.InputFile = HERE / "beside.txt", more: list[ic.InputFile] = [HERE / "b.txt"]
) -> ic.Table:
    """Reads what lies beside the plugin."""
    return ic.Table({"text": [file.read_text() + more[0].read_text()]})
''',
        "steps: {x: {use: with_default}}\n",
    )
    for file in ("beside.txt", "b.txt"):
        (tmp_path / file).write_text("a")
    assert computed(path) == {"x"}
    for file in ("beside.txt", "b.txt"):
        (tmp_path / file).write_text("b")
        assert computed(path) == {"x"}
    assert computed(path) == set()


def test_another_name_of_an_axis_is_a_change_for_who_collects_along_it(tmp_path: Path) -> None:
    pipeline = "axes: {one: [A]}\nsteps:\n  x: {use: along, over: one}\n  all: {use: gather, from: x}\n"
    path = write_tiny(tmp_path, STEPS, pipeline)
    assert ic.run(path, tmp_path / "out")["all"]["axes"].tolist() == ["one"]
    path = write_tiny(tmp_path, STEPS, pipeline.replace("one", "two"))
    assert ic.run(path, tmp_path / "out")["all"]["axes"].tolist() == ["two"]


METRIC = '''
import isocortex as ic
import numpy as np

def {name}(patterns, /):
    """A distance."""
    return np.abs(patterns[:, None] - patterns[None]).sum(-1)[np.triu_indices(len(patterns), 1)] * FACTOR

FACTOR = 1.0

@ic.hookimpl
def register_rdm_metrics(register):
    register("{name}", {name})
'''
USING = '''
from isocortex.contracts import RDMMetric

def patterns() -> ic.Patterns:
    """Made up."""
    return ic.Patterns(np.arange(12.0).reshape(3, 4) ** 2, ("a", "b", "c"))

def rdm(patterns: ic.Patterns, metric: RDMMetric) -> ic.RDMs:
    """Uses a metric."""
    return metric(patterns)
'''


def test_a_components_plugin_recomputes_the_steps_that_use_it(tmp_path: Path) -> None:
    path = write_tiny(
        tmp_path,
        USING,
        """
steps:
  data: {use: patterns}
  first: {use: rdm, from: data, with: {metric: taxi}}
  second: {use: rdm, from: data, with: {metric: block}}
""".replace("steps:", "steps:", 1),
    )
    path.write_text(path.read_text().replace("[steps.py]", "[steps.py, taxi_metric.py, block_metric.py]"))
    for name in ("taxi", "block"):
        (tmp_path / f"{name}_metric.py").write_text(METRIC.replace("{name}", name))
    assert computed(path) == {"data", "first", "second"}
    file = tmp_path / "block_metric.py"
    file.write_text(file.read_text().replace("1.0", "2.0"))
    assert computed(path) == {"second"}
    record = json.loads((tmp_path / "out" / "second" / "step.json").read_text())
    assert record["components"]["metric"]["code"]["component"] == "rdm_metric:block"
    assert computed(path) == set()


NESTED = '''
from isocortex.contracts import RDMMetric, Similarity

class _Inner:
    """A similarity that wants a metric."""

    def __init__(self, metric: RDMMetric, power: int = 1) -> None:
        self.metric, self.power = metric, power

    def compare(self, first, second):
        return np.full((len(first), len(second)), self.metric(np.eye(3)).sum() ** self.power)

def _one(patterns, /, scale: float = 1.0):
    """A metric."""
    return np.full(3, scale)

def use(similarity: Similarity) -> ic.Table:
    """Uses it."""
    return ic.Table({"x": [float(similarity.compare(np.ones((1, 3)), np.ones((1, 3)))[0, 0])]})

@ic.hookimpl
def register_rdm_metrics(register):
    register("one", _one)

@ic.hookimpl
def register_similarities(register):
    register("inner", _Inner)
'''


def test_components_among_the_settings_of_components(tmp_path: Path) -> None:
    metric = "metric: {use: one, with: {scale: 2.0}}"
    steps = NESTED.replace("@ic.hookimpl", "@ic.hookimpl")
    path = write_tiny(
        tmp_path,
        steps,
        f"steps: {{use: {{use: use, with: {{similarity: {{use: inner, with: {{{metric}, power: 2}}}}}}}}}}\n",
    )
    text = (tmp_path / "steps.py").read_text()
    (tmp_path / "steps.py").write_text(
        text.replace(
            '("register_steps",)', '("register_steps", "register_rdm_metrics", "register_similarities")'
        )
    )
    for workers in (1, 2):
        run = ic.run(path, tmp_path / f"out{workers}", workers=workers)
        assert run["use"]["x"].tolist() == [36.0]
    path.write_text(path.read_text().replace("scale: 2.0", "scale: 1.0"))
    run = ic.run(path, tmp_path / "out1")
    assert (run.reused, run["use"]["x"].tolist()) == ([], [9.0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of inputs."""
    folder = tmp_path / "data"
    (folder / "sub-1" / "deep").mkdir(parents=True)
    (folder / "sub-2").mkdir()
    (folder / "sub-1" / "a.txt").write_text("a")
    (folder / "sub-1" / "deep" / "b.txt").write_text("b")
    (folder / "sub-2" / "a.txt").write_text("A")
    (tmp_path / "elsewhere" / "inner").mkdir(parents=True)
    (tmp_path / "elsewhere" / "inner" / "c.txt").write_text("c")
    (folder / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (folder / "linked.txt").symlink_to(tmp_path / "elsewhere" / "inner" / "c.txt")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "within").symlink_to(folder / "sub-1", target_is_directory=True)
    (folder / "broken").symlink_to(tmp_path / "nowhere")
    return folder


def swap(folder: Path) -> None:
    one, two = folder / "sub-1" / "a.txt", folder / "sub-2" / "a.txt"
    one.write_text("A")
    two.write_text("a")


def relink(folder: Path) -> None:
    (folder / "within").unlink()
    (folder / "within").symlink_to("sub-2", target_is_directory=True)


CHANGES = {
    "content": lambda folder: (folder / "sub-1" / "deep" / "b.txt").write_text("B"),
    "new file": lambda folder: (folder / "sub-1" / "new.txt").write_text(""),
    "new empty folder": lambda folder: (folder / "sub-3").mkdir(),
    "file gone": lambda folder: (folder / "sub-1" / "a.txt").unlink(),
    "renamed": lambda folder: (folder / "sub-1" / "a.txt").rename(folder / "sub-1" / "z.txt"),
    "moved": lambda folder: (folder / "sub-1" / "a.txt").rename(folder / "sub-1" / "deep" / "a.txt"),
    "contents exchanged": swap,
    "a link within it to another folder": relink,
    "behind a linked folder": lambda folder: (folder.parent / "elsewhere" / "inner" / "c.txt").write_text(
        "C"
    ),
    "new behind a linked folder": lambda folder: (folder.parent / "elsewhere" / "d.txt").write_text("C"),
    "broken link mended": lambda folder: (folder.parent / "nowhere").write_text("here"),
    "hidden file": lambda folder: (folder / ".hidden").write_text("x"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_in_a_folder_is_seen(folder: Path, change: str) -> None:
    digests = FileDigests()
    before, stamped = digests.of(folder), stamp(folder)
    assert (digests.of(folder), stamp(folder)) == (before, stamped)
    time.sleep(0.01)
    CHANGES[change](folder)  # type: ignore[no-untyped-call]
    assert digests.of(folder) != before
    assert FileDigests().of(folder) == digests.of(folder)
    assert stamp(folder) != stamped


def test_links_back_and_empty_folders(folder: Path, tmp_path: Path) -> None:
    names = [name for name, _ in entries(folder)]
    assert "linked/inner/c.txt" in names and "loop/" in names
    assert [name for name in names if name.startswith("loop/")] == ["loop/", "loop/\0."]
    assert [name for name in names if name.startswith("within/")] == ["within/", "within/\0sub-1"]
    (tmp_path / "one").mkdir()
    (tmp_path / "two" / "one").mkdir(parents=True)
    assert FileDigests().of(tmp_path / "one") == FileDigests().of(tmp_path / "two" / "one")
    assert stamp(tmp_path / "nowhere") is None


def test_a_file_that_is_replaced_at_once_by_one_of_equal_size_and_time_is_seen(tmp_path: Path) -> None:
    file, digests = tmp_path / "a.txt", FileDigests()
    found = set()
    for text in ("1", "2", "3"):
        file.write_text(text)
        os.utime(file, ns=(0, 0))
        found.add(digests.of(file))
    assert len(found) == 3


SOURCE = '''
from typing import Annotated
from isocortex.contracts import DataSource
from isocortex.pipeline.settings import Load

class _Files:
    """One number a file."""

    loads = {"patterns": ("subject",)}

    def __init__(self, root: ic.InputFolder | None = None, names: str = "*.txt") -> None:
        self.root, self.names = Path(os.environ["ISOCORTEX_TEST_DATA_ROOT"]), names

    def axes(self):
        return {"subject": sorted(path.name for path in self.root.iterdir())}

    def check(self):
        return []

    def files(self, kind, subject):
        found = sorted((self.root / subject).glob(self.names))
        return found[::-1] if "ISOCORTEX_REVERSED" in os.environ else found

    def load_patterns(self, subject):
        numbers = [float(path.read_text()) for path in sorted(self.files("patterns", subject))]
        return ic.Patterns(np.array([numbers]), ("a",))

def load(source: Annotated[DataSource, Load("patterns")], axes: ic.AxisValues) -> ic.Patterns:
    """Loads."""
    return source.load_patterns(axes["subject"])

@ic.hookimpl
def register_data_sources(register):
    register("files", _Files)
'''


def test_files_of_a_data_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "root"
    for subject in ("S1", "S2"):
        (root / subject).mkdir(parents=True)
        for run in (1, 2):
            (root / subject / f"run-{run}.txt").write_text(str(run))
    monkeypatch.setenv("ISOCORTEX_TEST_DATA_ROOT", str(root))
    path = write_tiny(
        tmp_path,
        SOURCE,
        "axes: {subject: {from: files}}\nsteps: {load: {use: load, with: {source: files}, over: subject}}\n",
    )
    text = (tmp_path / "steps.py").read_text()
    (tmp_path / "steps.py").write_text(
        text.replace('("register_steps",)', '("register_steps", "register_data_sources")')
    )
    assert computed(path) == {"load[subject=S1]", "load[subject=S2]"}
    monkeypatch.setenv("ISOCORTEX_REVERSED", "1")
    assert computed(path) == set(), "the order in which a source lists its files is nothing"
    (root / "S1" / "run-1.txt").write_text("3")
    assert computed(path) == {"load[subject=S1]"}
    (root / "S2" / "run-3.txt").write_text("3")
    assert computed(path) == {"load[subject=S2]"}
    (root / "S2" / "run-1.txt").write_text("2")
    (root / "S2" / "run-2.txt").write_text("1")
    assert computed(path) == {"load[subject=S2]"}, "exchanged"
    (root / "S1" / "run-2.txt").unlink()
    assert computed(path) == {"load[subject=S1]"}


FOLDERS = '''
class _Folders:
    """One number a file, its folder as label."""

    loads = {"patterns": ()}

    def __init__(self, root: ic.InputFolder) -> None:
        self.root = root

    def axes(self):
        return {}

    def check(self):
        return []

    def files(self, kind):
        return list(self.root.rglob("*.txt"))

    def load_patterns(self):
        if "ISOCORTEX_TEST_LATE" in os.environ:
            (self.root / "late.txt").write_text("2")
        found = sorted(self.files("patterns"))
        return ic.Patterns(
            np.array([[float(path.read_text())] for path in found]), tuple(path.parent.name for path in found)
        )

def load(source: Annotated[DataSource, Load("patterns")]) -> ic.Patterns:
    """Loads."""
    return source.load_patterns()

@ic.hookimpl
def register_data_sources(register):
    register("folders", _Folders)
'''


def write_folders(folder: Path, steps: str, source: str, extra: str = "") -> Path:
    """Write a pipeline with one source; ``extra`` is more of the plugin."""
    head = "from typing import Annotated\nfrom isocortex.contracts import DataSource\n"
    path = write_tiny(folder, head + "from isocortex.pipeline.settings import Load\n" + source + extra, steps)
    text = (folder / "steps.py").read_text()
    hooks = '("register_steps",)', '("register_steps", "register_data_sources")'
    (folder / "steps.py").write_text(text.replace(*hooks))
    return path


def test_a_renamed_folder_of_a_data_source_is_a_change_a_moved_data_set_is_none(tmp_path: Path) -> None:
    (tmp_path / "root" / "zebra").mkdir(parents=True)
    (tmp_path / "root" / "zebra" / "a.txt").write_text("1")
    path = write_folders(
        tmp_path, "steps: {load: {use: load, with: {source: folders, root: root}}}\n", FOLDERS
    )
    assert computed(path) == {"load"}
    (tmp_path / "root" / "zebra").rename(tmp_path / "root" / "horse")
    assert computed(path) == {"load"}
    (tmp_path / "root").rename(tmp_path / "moved")
    path.write_text(path.read_text().replace("root: root", "root: moved"))
    assert computed(path) == set()


def test_a_file_that_comes_to_a_data_source_under_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a.txt").write_text("1")
    path = write_folders(
        tmp_path, "steps: {load: {use: load, with: {source: folders, root: root}}}\n", FOLDERS
    )
    for workers in (1, 2):
        monkeypatch.setenv("ISOCORTEX_TEST_LATE", "1")
        run = ic.run(path, tmp_path / "out", workers=workers)
        assert len(run["load"].values) == 2
        monkeypatch.delenv("ISOCORTEX_TEST_LATE")
        (tmp_path / "root" / "late.txt").unlink()
    record = json.loads((tmp_path / "out" / "load" / "step.json").read_text())
    assert record["key"] is None and "late.txt" in record["warnings"][0]
    assert computed(path) == {"load"}
    assert computed(path) == set()


WRAPPED = '''
class _Wrapped:
    """Another source."""

    loads = {"patterns": ()}

    def __init__(self, inner: DataSource) -> None:
        self.inner = inner
        self.files, self.load_patterns = inner.files, inner.load_patterns

    def axes(self):
        return {}

    def check(self):
        return []

'''


def test_sources_that_differ_in_the_source_within_have_files_of_their_own(tmp_path: Path) -> None:
    steps = "steps:\n"
    for name in ("A", "B"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.txt").write_text(name.replace("A", "1").replace("B", "2"))
        inner = f"{{use: folders, with: {{root: {name}}}}}"
        steps += f"  {name}: {{use: load, with: {{source: wrapped, inner: {inner}}}}}\n"
    path = write_folders(tmp_path, steps, FOLDERS + '    register("wrapped", _Wrapped)\n', WRAPPED)
    assert computed(path) == {"A", "B"}
    (tmp_path / "B" / "x.txt").write_text("3")
    assert computed(path) == {"B"}
