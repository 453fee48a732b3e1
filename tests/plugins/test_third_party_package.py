"""A stranger's package, really installed: all of its components from YAML, the command line and Python."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SOURCE = Path(__file__).parents[1] / "packages" / "isocortex-visitor"
MIXED = """
name: mixed
parameters: {n_voxels: 40}
axes: {subject: {from: simulated, n_subjects: 1, n_voxels: $n_voxels}}
steps:
  patterns:
    use: load_patterns
    with: {source: {use: simulated, with: {n_subjects: 1, n_voxels: $n_voxels}}}
    over: subject
  theirs:        {use: visitor_rdm, from: patterns, over: subject}
  their_metric:  {use: compute_rdms, from: patterns, with: {metric: mean-difference}, over: subject}
  ours:          {use: compute_rdms, from: patterns, with: {metric: correlation}, over: subject}
  after_theirs:  {use: mean_rdm, from: theirs}
"""
FROM_FILES = """
name: files
parameters: {root: study}
axes: {subject: {from: visitor-folder, root: $root}}
steps:
  patterns: {use: load_patterns, with: {source: visitor-folder, root: $root}, over: subject}
"""
USES_THEIRS = {"theirs[subject=S1]", "their_metric[subject=S1]"}


class Visitor:
    """The package, installed in an environment of its own."""

    def __init__(self, environment: Any, source: Path) -> None:
        self.environment, self.source = environment, source
        self.isocortex = environment.isocortex

    def install(self, version: str = "1.0.0") -> None:
        project = self.source / "pyproject.toml"
        text = (SOURCE / "pyproject.toml").read_text(encoding="utf-8")
        project.write_text(text.replace('version = "1.0.0"', f'version = "{version}"'), encoding="utf-8")
        self.environment.install(self.source)

    @property
    def installed(self) -> Path:
        return self.environment.packages / "isocortex_visitor"

    def statuses(self, pipeline: Path | str, out: Path, *arguments: str) -> dict[str, str]:
        """Run a pipeline; gives the status of each step instance."""
        self.isocortex("run", pipeline, "--out", out, "--quiet", *arguments)
        steps = json.loads((out / "run.json").read_text(encoding="utf-8"))["steps"]
        return {key: step["status"] for key, step in steps.items()}


@pytest.fixture(scope="module")
def visitor(new_environment: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> Visitor:
    source = tmp_path_factory.mktemp("source") / "isocortex-visitor"
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
    shutil.copytree(SOURCE, source, ignore=ignore)
    made = Visitor(new_environment("visitor"), source)
    made.install()
    return made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    folder.mkdir()
    for number, name in enumerate(["ann", "bob"]):
        write_subject(folder / f"{name}.npz", number)
    return folder


def write_subject(file: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    patterns = np.tile(rng.normal(size=(4, 10)), (6, 1)) + 0.2 * rng.normal(size=(24, 10))
    np.savez(file, patterns=patterns, conditions=["a", "b", "c", "d"] * 6, runs=["1", "2", "3"] * 8)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    path = tmp_path / "mixed.yaml"
    path.write_text(MIXED, encoding="utf-8")
    return path


@pytest.mark.slow
def test_its_own_tests_pass(visitor: Visitor) -> None:
    done = visitor.environment.run("-m", "pytest", "-q", "-p", "no:cacheprovider", visitor.source)
    assert done.returncode == 0, done.stdout


def test_it_is_listed(visitor: Visitor) -> None:
    rows = {row["name"]: row for row in json.loads(visitor.isocortex("plugins", "--json").stdout)}
    assert rows["visitor"]["status"] == "loaded"
    assert (rows["visitor"]["origin"], rows["visitor"]["version"]) == ("isocortex-visitor", "1.0.0")
    listed = json.loads(visitor.isocortex("list", "--json").stdout)
    theirs = {(row["kind"], row["name"]) for row in listed if row["plugin"] == "visitor"}
    assert {(kind, name) for kind, names in rows["visitor"]["provides"].items() for name in names} == theirs
    assert {kind for kind, _ in theirs} == set(rows["visitor"]["provides"])
    assert len({kind for kind, _ in theirs}) == 9
    shown = visitor.isocortex("show", "step", "visitor_reconstruct").stdout
    assert "isocortex-visitor 1.0.0" in shown and "reconstructor name [default: descent]" in shown


def test_each_component_from_python(visitor: Visitor, root: Path) -> None:
    script = f"""
import numpy as np
import isocortex as ic

source = ic.get("data_source", "visitor-folder", root={str(root)!r}, stimuli=1)
patterns = source.load_patterns(source.axes()["subject"][0])
first, second = ic.get("step", "visitor_halves")(patterns, np.random.default_rng(0))
metric = ic.get("rdm_metric", "mean-difference", exponent=1.0)
a, b = (metric(half.condition_means()) for half in (first, second))
assert sorted(a.conditions) == ["a", "b", "c", "d"] and a.metric == "mean-difference"
assert ic.get("similarity", "concordance").compare(a, b).shape == (1, 1)
assert ic.get("decoder", "neighbours", count=1).count == 1
images = source.load_images(np.random.default_rng(0)).values
model = ic.get("model", "two-layers")
generator = ic.get("generator", "squashed", latents=4)
assert generator.generate(np.zeros((1, 4))).shape == (1, 8, 8, 3)
found = ic.get("reconstructor", "descent", iterations=5).reconstruct(
    model.features(images, ["fc2"]), model, generator, rng=np.random.default_rng(0)
)
assert found.latents.shape == (1, 4) and found.losses.shape == (1, 5)
print("all there")
"""
    done = visitor.environment.run("-c", script)
    assert done.stdout == "all there\n", done.stderr


@pytest.mark.slow
def test_its_pipeline_uses_all_of_its_components(visitor: Visitor, root: Path, tmp_path: Path) -> None:
    arguments = ("--set", f"root={root}")
    alone = visitor.statuses("visitor-study", tmp_path / "one", *arguments)
    assert set(alone.values()) == {"done"} and "agreement[subject=bob]" in alone
    assert (tmp_path / "one" / "report.html").is_file()
    two = ("--workers", "2", "--preset", "square")
    assert visitor.statuses("visitor-study", tmp_path / "two", *arguments, *two) == alone
    files = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.npy")]
    differ = {
        file.parts[0]
        for file in files
        if (tmp_path / "one" / file).read_bytes() != (tmp_path / "two" / file).read_bytes()
    }
    assert differ == {"first", "second"} < {file.parts[0] for file in files}


@pytest.mark.slow
def test_its_files_decide_what_is_reused(visitor: Visitor, root: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "files.yaml", tmp_path / "out"
    path.write_text(FROM_FILES, encoding="utf-8")
    assert set(visitor.statuses(path, out).values()) == {"done"}
    write_subject(root / "bob.npz", 9)
    write_subject(root / "cat.npz", 3)
    expected = {"ann": "reused", "bob": "done", "cat": "done"}
    assert visitor.statuses(path, out) == {f"patterns[subject={name}]": is_ for name, is_ in expected.items()}


def test_switching_it_off(visitor: Visitor, mixed: Path, tmp_path: Path) -> None:
    rows = json.loads(visitor.isocortex("plugins", "--json", ISOCORTEX_DISABLE="visitor").stdout)
    assert next(row["status"] for row in rows if row["name"] == "visitor") == "disabled"
    listed = json.loads(visitor.isocortex("list", "--json", ISOCORTEX_DISABLE="visitor").stdout)
    assert listed and not [row for row in listed if row["plugin"] == "visitor"]
    for done in (
        visitor.isocortex("check", mixed, code=2, ISOCORTEX_DISABLE="visitor"),
        visitor.isocortex("run", mixed, "--out", tmp_path / "out", "--disable", "visitor", code=2),
    ):
        assert "there is no step 'visitor_rdm'" in done.stderr
        assert "switched off: 'visitor' (isocortex-visitor 1.0.0)" in done.stderr
    mixed.write_text(MIXED + "disable: [visitor]\n", encoding="utf-8")
    assert "there is no rdm_metric 'mean-difference'" in visitor.isocortex("check", mixed, code=2).stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_what_depends_on_it_is_computed_again_when_it_changes(
    visitor: Visitor, mixed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    every = set(visitor.statuses(mixed, out))
    try:
        with (visitor.installed / "similarity.py").open("a", encoding="utf-8") as file:
            file.write("\n# edited where it is installed: a package stands for all of its modules\n")
        edited = visitor.statuses(mixed, out)
        visitor.install(version="1.0.1")
        newer = visitor.statuses(mixed, out)
    finally:
        visitor.install()
    # what comes after is reused, since it is given the same bytes as before
    expected = {key: "done" if key in USES_THEIRS else "reused" for key in every}
    assert edited == newer == expected


@pytest.mark.slow
def test_without_it_the_message_helps(visitor: Visitor, mixed: Path, tmp_path: Path) -> None:
    visitor.environment.pip("uninstall", "--yes", "isocortex-visitor")
    try:
        done = visitor.isocortex("run", mixed, "--out", tmp_path / "out", code=2)
        by_name = visitor.isocortex("run", "visitor-study", code=2)
    finally:
        visitor.install()
    assert "mixed.yaml:10: steps.theirs.use: there is no step 'visitor_rdm'" in done.stderr
    assert "mixed.yaml:11: steps.their_metric.with.metric: there is no rdm_metric" in done.stderr
    assert "is a plugin missing? (see: isocortex plugins)" in done.stderr and "Traceback" not in done.stderr
    assert "there is no pipeline 'visitor-study'" in by_name.stderr
