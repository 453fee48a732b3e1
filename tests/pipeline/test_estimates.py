"""What a run would take of memory and disk: estimates against what is taken, and refusals."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import isocortex as ic
from isocortex.cli import main
from isocortex.pipeline import estimates, outlines, room
from isocortex.pipeline.costs import Cost, Outline, Unknown, costs, costs_of
from isocortex.pipeline.estimates import PROCESS, Size, Sizes, sizes_of
from isocortex.pipeline.room import NoRoom
from isocortex_studies.coloured_pictures import ColouredPictures
from isocortex_studies.simulated import Simulated

PLUGIN = """
import numpy as np
import isocortex as ic
from isocortex.pipeline import outlines
from isocortex.pipeline.costs import Cost, Unknown, costs

SPACE = ic.Space(np.ones((20, 20, 10), bool), np.eye(4))


def names(number):
    return [f"c{k}" for k in range(number)]


@costs(lambda conditions: Cost(
    0, {"result": outlines.patterns(conditions, 4000, grid=(20, 20, 10), plane=200)}))
def brain(rng: np.random.Generator, conditions: int = 30) -> ic.Patterns:
    "Noise."
    return ic.Patterns(rng.standard_normal((conditions, 4000), np.float32), names(conditions), space=SPACE)


@costs(lambda conditions: Cost(0, {"result": outlines.rdms(3, conditions)}))
def models(rng: np.random.Generator, conditions: int = 30) -> ic.RDMs:
    "Random models."
    pairs = conditions * (conditions - 1) // 2
    return ic.RDMs(rng.random((3, pairs)), names(conditions), ["x", "y", "z"], "random")


def silent(maps: ic.StatMaps) -> ic.Table:
    "Says nothing of what it takes."
    return ic.Table({"n": [len(maps)]})


def wrong():
    raise RuntimeError("a bug of a stranger")


@costs(wrong)
def broken(table: ic.Table) -> ic.Table:
    "Its estimate fails."
    return table


@costs(lambda maps: Cost(sum(map(lambda one: one["voxels"], maps.values())), {"result": outlines.small()}))
def gathering(maps: ic.Collected[ic.StatMaps]) -> ic.Table:
    "Takes many."
    return ic.Table({"n": [len(maps)]})


@ic.hookimpl
def register_steps(register):
    for step in (brain, models, silent, broken, gathering):
        register(step.__name__, step)
"""
PIPELINE = """
name: big
plugins: [big.py]
parameters: {conditions: 30}
axes: {subject: [S1, S2]}
steps:
  brain: {use: brain, with: {conditions: $conditions}, over: subject}
  models: {use: models, with: {conditions: $conditions}}
  maps: {use: searchlight_rsa, from: {patterns: brain, models: models}, over: subject}
  quiet: {use: silent, from: maps, over: subject}
  broken: {use: broken, from: quiet, over: subject}
  all: {use: gathering, from: maps}
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "big.py").write_text(PLUGIN)
    (tmp_path / "p.yaml").write_text(PIPELINE)
    return tmp_path / "p.yaml"


def sizes(study: Path, **parameters: Any) -> Sizes:
    found = sizes_of(ic.check(study, parameters), study.parent / "out")
    assert found is not None
    return found


def test_sizes_go_from_step_to_step_and_what_is_unknown_is_said(study: Path) -> None:
    found = sizes(study)
    assert found.of["all"].memory == PROCESS + 2 * 4000, "the voxels of both subjects"
    assert found.of["quiet[subject=S1]"].reason == "the step does not say"
    assert found.of["broken[subject=S1]"].reason == "RuntimeError: a bug of a stranger"
    assert found.unknown == ["quiet", "broken"]
    assert "not counted, since unknown: quiet, broken" in found.line() and "(maps[subject=" in found.line()
    small, large = (sizes(study, conditions=number).of["maps[subject=S1]"].memory or 0 for number in (30, 60))
    assert large > small


def test_what_is_reused_takes_nothing_and_its_sizes_are_read_from_its_files(study: Path) -> None:
    before, out = sizes(study), study.parent / "out"
    ic.run(study, out)
    assert sizes(study).of == {}
    study.write_text(
        PIPELINE.replace("over: subject}\n  quiet", "with: {radius: 2}, over: subject}\n  quiet")
    )
    after = sizes(study)
    assert "brain[subject=S1]" not in after.of and "maps[subject=S1]" in after.of
    text = CliRunner().invoke(main, ["run", str(study), "--out", str(out), "--dry-run"]).output
    assert "maps (searchlight_rsa): 2 run; reads up to" in text and "MiB of memory" in text
    assert "takes unknown memory and disk: the step does not say" in text
    for name in ("brain[subject=S1]", "models", "maps[subject=S1]"):
        step, _, axis = name.removesuffix("]").partition("[")
        files = [path for path in (out / step / axis).rglob("*") if path.is_file()]
        taken = sum(path.stat().st_size for path in files)
        assert before.of[name].disk == pytest.approx(taken, rel=0.25), name


def test_what_does_not_fit_is_refused_in_a_sentence(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = study.parent / "out"
    command = ["run", str(study), "--out", str(out), "--quiet"]
    monkeypatch.setattr(estimates, "free_memory", lambda: 100 * 2**20)
    told = CliRunner().invoke(main, command)
    assert told.exit_code == 2 and not out.exists()
    assert "maps[subject=S" in told.output and "100 MiB are free: say precision: float32" in told.output
    dry = CliRunner().invoke(main, [*command, "--dry-run"])
    assert dry.exit_code == 2 and "searchlight_rsa" in dry.output and "are free" in dry.output
    with pytest.raises(NoRoom, match="--no-size-check runs it anyway"):
        ic.run(study, out)
    monkeypatch.setattr(estimates, "free_memory", lambda: None)
    monkeypatch.setattr(estimates, "free_disk", lambda _: 1000)
    with pytest.raises(NoRoom, match=r"the results would take about .* or choose another disk with --out"):
        ic.run(study, out)
    assert CliRunner().invoke(main, [*command, "--no-size-check"]).exit_code == 0
    assert ic.run(study, out).reused, "nothing left to be done always fits"


def test_many_processes_take_more_and_a_cluster_is_not_this_machine(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from isocortex.pipeline.execution import ExecutionPart

    plan, out = ic.check(study), study.parent / "out"
    one, two, cluster = (
        sizes_of(plan, out, part)
        for part in (ExecutionPart(), ExecutionPart(workers=2), ExecutionPart(scheduler="slurm"))
    )
    assert one is not None and two is not None and cluster is not None
    monkeypatch.setattr(estimates, "free_memory", lambda: one.memory()[0] + 10)
    one.require_room(out)
    with pytest.raises(NoRoom, match="2 processes would take"):
        two.require_room(out)
    monkeypatch.setattr(estimates, "free_memory", lambda: 0)
    cluster.require_room(out)


def peak(work: Callable[[], object]) -> int:
    """Most bytes of arrays that it had at a time."""
    work()  # what is compiled or imported is not of interest
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def estimated(step: str, libraries: int, **arguments: Any) -> int:
    function = ic.get("step", step)
    found = costs_of(function)
    assert found is not None
    import inspect

    defaults = {name: part.default for name, part in inspect.signature(function).parameters.items()}
    values = {name: (lambda value=value: value) for name, value in {**defaults, **arguments}.items()}
    return found.of(values).memory - libraries


def test_the_memory_of_a_searchlight_is_as_estimated() -> None:
    from isocortex_searchlight import costs as own

    rng, n, shape = np.random.default_rng(0), 32, (16, 24, 24)
    names = [f"c{k}" for k in range(n)]
    space = ic.Space(np.ones(shape, bool), np.eye(4))
    data = ic.Patterns(rng.standard_normal((n, 9216), np.float32), names, space=space)
    models = ic.RDMs(rng.random((2, n * (n - 1) // 2)), names, ["x", "y"], "random")
    known = outlines.patterns(n, 9216, grid=shape, plane=576)
    given = {"patterns": known, "models": outlines.rdms(2, n)}
    held, libraries = data.values.nbytes, own.LIBRARIES + own.STATISTICS
    step = ic.get("step", "searchlight_rsa")
    expected = estimated("searchlight_rsa", libraries, **given) - held
    assert expected == pytest.approx(peak(lambda: step(data, models)), rel=0.25)
    test = ic.get("step", "searchlight_test")
    expected = estimated("searchlight_test", libraries, **given, permutations=50) - held
    measured = peak(lambda: test(data, models, np.random.default_rng(0), permutations=50))
    assert expected == pytest.approx(measured, rel=0.25)


def test_the_memory_of_a_searchlight_depends_on_metric_and_similarity() -> None:
    from isocortex_searchlight import costs as own

    def stranger(patterns: np.ndarray) -> np.ndarray:
        return np.asarray(ic.get("rdm_metric", "sqeuclidean")(patterns))

    stranger.from_moments = lambda n, a, b, aa, bb, ab: aa + bb - 2 * ab  # type: ignore[attr-defined]
    rng, n, shape = np.random.default_rng(0), 20, (12, 16, 16)
    names, space = [f"c{k}" for k in range(n)], ic.Space(np.ones(shape, bool), np.eye(4))
    values = rng.standard_normal((3 * n, 3072), np.float32)
    data = ic.Patterns(values, names * 3, runs=[f"r{k // n}" for k in range(3 * n)], space=space)
    once = ic.Patterns(values[:n], names, space=space)
    models = ic.RDMs(rng.random((2, n * (n - 1) // 2)), names, ["x", "y"], "random")
    step = ic.get("step", "searchlight_rsa")
    for metric, similarity in [
        ("crossnobis", "pearson"),
        (stranger, "cosine"),
        ("correlation", "kendall_tau_a"),
        ("correlation", "whitened_pearson"),
    ]:
        runs = 3 if metric == "crossnobis" else 1
        known = outlines.patterns(runs * n, 3072, conditions=n, grid=shape, plane=256)
        given = {"patterns": known, "models": outlines.rdms(2, n), "metric": metric, "similarity": similarity}
        patterns = data if runs == 3 else once
        expected = estimated("searchlight_rsa", own.LIBRARIES, **given) - patterns.values.nbytes
        taken = peak(partial(step, patterns, models, metric, similarity))
        assert 0.8 * taken <= expected <= 1.6 * taken, (metric, similarity, expected / taken)


def test_the_memory_of_decoding_is_as_estimated() -> None:
    from isocortex_decoding import VoxelSelectedRidge
    from isocortex_decoding.steps import costs as own

    rng, stimuli = np.random.default_rng(0), [f"s{k}" for k in range(300)]
    train = ic.Patterns(rng.standard_normal((300, 400), np.float32), stimuli, stimuli=stimuli)
    shown = [f"t{k % 10}" for k in range(30)]
    test = ic.Patterns(rng.standard_normal((30, 400), np.float32), shown, stimuli=shown)
    features = ic.Features({"one": rng.standard_normal((300, 3000), np.float32)}, stimuli)
    decoder = VoxelSelectedRidge(n_voxels=20)
    known = {
        "patterns": outlines.patterns(300, 400, stimuli=300),
        "test": outlines.patterns(30, 400, stimuli=10),
        "features": outlines.features(300, {"one": (3000,)}),
    }
    expected = estimated("decode_features", own.LIBRARIES, **known, decoder=decoder)
    step = ic.get("step", "decode_features")
    expected -= train.values.nbytes + test.values.nbytes
    assert expected == pytest.approx(peak(lambda: step(train, test, features, decoder)), rel=0.25)


def test_features_in_float64_and_large_pictures_take_more(tmp_path: Path) -> None:
    from isocortex_vision.models.vgg import VGG16

    step = ic.get("step", "extract_features")
    plain, double = (
        VGG16(width=0.0625, image_size=32, head="none", precision=precision)
        for precision in ("float32", "float64")
    )

    def cost(model: Any, size: int) -> Cost:
        found = costs_of(step)
        assert found is not None
        given = {"images": outlines.images(16, size, size), "model": model, "layers": "conv*"}
        rest = {"batch": 16, "units": None, "grid": None, "units_seed": 0}
        return found.of({name: (lambda value=value: value) for name, value in {**given, **rest}.items()})

    pixels = np.random.default_rng(0).integers(0, 255, (16, 32, 32, 3), dtype=np.uint8)
    made = step(ic.Images(pixels, [str(k) for k in range(16)]), double, "conv*")
    made.save(tmp_path)
    size = sum(path.stat().st_size for path in tmp_path.rglob("*.npy"))
    assert cost(double, 32).outputs["result"].disk == pytest.approx(size, rel=0.1)
    assert cost(plain, 32).outputs["result"].disk == pytest.approx(size / 2, rel=0.1)
    whole = 16 * 900 * 900 * 3  # as given, in the network's precision, and as that is resized
    assert 8 * whole < cost(plain, 900).memory - cost(plain, 32).memory < 10 * whole
    assert 16 * whole < cost(double, 900).memory - cost(double, 32).memory < 18 * whole


def test_an_outline_says_why_a_size_is_not_known() -> None:
    with pytest.raises(Unknown, match="the grid of the patterns are not known"):
        outlines.patterns(10, 20)["grid"]
    assert outlines.patterns(10, 20).get("grid") is None

    def step() -> ic.Table:
        return ic.Table({"x": [1]})

    assert costs_of(step) is None
    marked = costs(lambda: Cost(1, {"result": Outline("table")}))(step)
    found = costs_of(marked)
    assert found is not None and found.of({"unused": lambda: 1 / 0}).memory == 1


def test_the_limit_of_a_container_counts(tmp_path: Path) -> None:
    meminfo, own = tmp_path / "meminfo", tmp_path / "cgroup"
    meminfo.write_text("MemTotal: 16000 kB\nMemAvailable: 8000 kB\n")
    assert room.free_memory(meminfo, tmp_path, own) == 8000 * 1024
    own.write_text("4:memory:/job\n0::/slice/job\n")
    second, first = tmp_path / "slice" / "job", tmp_path / "memory" / "job"
    for folder, names in ((second, room._SECOND), (first, room._FIRST)):
        folder.mkdir(parents=True)
        for name, value in zip(names, (5_000_000, 3_000_000), strict=False):
            (folder / name).write_text(f"{value}\n")
        (folder / "memory.stat").write_text(f"{names[2]} 1000000\n")
    assert room.free_memory(meminfo, tmp_path, own) == 3_000_000
    (second / "memory.max").write_text("max\n")
    (first / "memory.limit_in_bytes").write_text(f"{2**63 - 4096}\n")
    assert room.free_memory(meminfo, tmp_path, own) == 8000 * 1024
    assert room.free_disk(tmp_path / "not" / "there") is not None
    assert [room.in_words(size) for size in (12, 2048, 3 * 2**30)] == ["12 B", "2.0 KiB", "3.0 GiB"]


@pytest.mark.parametrize(
    ("source", "kind", "axes"),
    [
        (Simulated(n_subjects=1, n_voxels=1500), "patterns", {"subject": "S1"}),
        (ColouredPictures(per_category=2, size=48), "images", {}),
    ],
)
def test_built_in_sources_say_what_they_load(
    source: Any, kind: str, axes: dict[str, str], tmp_path: Path
) -> None:
    told = source.cost(kind, **axes).outputs["result"]
    if kind == "patterns":
        made = source.load_patterns(**axes, rng=np.random.default_rng(0))
        assert (told["samples"], told["channels"]) == made.values.shape
        assert told["conditions"] == len(made.condition_names)
    else:
        made = source.load_images()
        assert (told["number"], told["height"], told["width"]) == made.values.shape[:3]
    made.save(tmp_path)
    size = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert 0.75 * size <= told.disk <= (1.25 if kind == "patterns" else 4) * size  # PNG: the most it can be


def test_nothing_is_said_of_a_run_of_which_nothing_is_known() -> None:
    assert not Sizes({"a": Size("a", None, None, "the step does not say")}, 1).known
    many = {f"s{number}": Size(f"s{number}", None, None, "") for number in range(9)}
    line = Sizes({"big": Size("big", 2**30, 2**20, ""), **many}, 1).line()
    assert "unknown: s0, s1, s2, s3 and 5 more" in line
