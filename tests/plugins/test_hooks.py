"""Every hook: its example runs, it is documented, and it does what it says in a real pipeline."""

from __future__ import annotations

import contextlib
import re
import runpy
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import isocortex as ic
from isocortex import contracts
from isocortex.errors import StepFailed
from isocortex.plugins import spec
from isocortex.plugins.registry import KINDS

DOCS = Path(__file__).parents[2] / "docs" / "plugins.md"
HOOKS = {name: hook for name, hook in vars(spec).items() if hasattr(hook, "isocortex_spec")}
BEHAVIOUR: dict[str, Callable[..., None]] = {}
"""Hook -> the test of what it does."""


def behaviour(*hooks: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Say which hooks a test is about."""

    def note(test: Callable[..., None]) -> Callable[..., None]:
        BEHAVIOUR.update(dict.fromkeys(hooks, test))
        return test

    return note


def test_there_are_few_hooks() -> None:
    assert len(HOOKS) < 15
    assert set(KINDS.values()) == {name for name in HOOKS if name.startswith("register_")}


@pytest.mark.parametrize("name", HOOKS)
def test_the_example_in_the_docstring_runs(name: str) -> None:
    doc = HOOKS[name].__doc__ or ""
    assert "Example::\n" in doc, f"{name} has no example"
    example = textwrap.dedent(doc.partition("Example::\n")[2])
    assert f"def {name}(" in example and "hookimpl" in example
    exec(compile(example, f"<example of {name}>", "exec"), {"__name__": "example"})


@pytest.mark.parametrize("name", HOOKS)
def test_it_has_a_section_in_the_docs(name: str) -> None:
    sections = re.findall(rf"^### {name}$(.*?)(?=^##|\Z)", DOCS.read_text(encoding="utf-8"), re.S | re.M)
    assert len(sections) == 1 and len(sections[0].split()) > 8


@pytest.mark.parametrize("name", HOOKS)
def test_it_has_a_test_of_what_it_does(name: str) -> None:
    assert name in BEHAVIOUR


def test_the_code_in_the_docs_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.S | re.M)
    assert len(blocks) > 3
    for block in blocks:
        Path("block.py").write_text(block, encoding="utf-8")
        runpy.run_path("block.py", run_name="block")


# --- what the register hooks do: the component is used, through a pipeline


def mean_of(values: Any, label: str = "x") -> ic.Table:
    return ic.Table({label: [float(np.mean(values))]})


class Tools:
    """Steps that use one component of each kind."""

    @ic.hookimpl
    def register_steps(self, register: Any) -> None:
        def model(model: contracts.Model) -> ic.Table:
            return mean_of(model.features(np.ones((1, 2, 2, 3)), ["only"])["only"])

        def generator(generator: contracts.Generator) -> ic.Table:
            return mean_of(generator.generate(np.ones((1, 2))))

        def rdm_metric(metric: contracts.RDMMetric) -> ic.RDMs:
            return metric(ic.Patterns(np.eye(3), ("a", "b", "c")))

        def similarity(similarity: contracts.Similarity) -> ic.Table:
            return mean_of(similarity.compare(np.ones((1, 3)), np.ones((1, 3))))

        def decoder(decoder: contracts.Decoder) -> ic.Table:
            return mean_of(decoder.fit(np.eye(2), np.ones(2)).predict(np.eye(2)))

        def reconstructor(reconstructor: contracts.Reconstructor) -> ic.Table:
            return mean_of(reconstructor.reconstruct({}, None, rng=None).images)  # type: ignore[arg-type]

        def data_source(source: contracts.DataSource) -> ic.Table:
            return mean_of([len(source.axes()["subject"])])

        for step in (model, generator, rdm_metric, similarity, decoder, reconstructor, data_source):
            register(f"use_{step.__name__}", step)


def use(kind: str, setting: str, component: object, tmp_path: Path) -> Any:
    """Register a component under the name "new" and run a pipeline whose only step uses it."""
    hook = KINDS[kind]

    class New:
        pass

    def implementation(self: object, register: Any) -> None:
        register("new", component, summary="new")

    implementation.__name__ = hook
    setattr(New, hook, ic.hookimpl(implementation))
    path = tmp_path / "p.yaml"
    path.write_text(f"name: p\nsteps: {{only: {{use: use_{kind}, with: {{{setting}: new}}}}}}\n")
    return ic.run(path, tmp_path / "out", plugins=[Tools(), New()])["only"]


class Net:
    layers = ("only",)
    image_size = (2, 2)

    def features(self, images: Any, layers: Any) -> Any:
        return {"only": images.reshape(len(images), -1) * 3}

    def loss_gradient(self, *given: Any, **more: Any) -> Any:
        raise NotImplementedError


class Maker:
    latent_shape = (2,)
    latent_bounds = None

    def generate(self, latents: Any) -> Any:
        return np.full((len(latents), 2, 2, 3), 7.0)

    def pullback(self, latents: Any, image_gradient: Any) -> Any:
        raise NotImplementedError


def ones(patterns: Any) -> Any:
    """A metric."""
    return np.ones(len(patterns) * (len(patterns) - 1) // 2)


class Dot:
    def embed(self, rdms: Any) -> Any:
        return rdms


class Constant:
    def fit(self, X: Any, y: Any) -> Any:
        return self

    def predict(self, X: Any) -> Any:
        return np.full(len(X), 5.0)


class Finder:
    def reconstruct(self, *given: Any, **more: Any) -> Any:
        from isocortex.contracts import Reconstruction

        return Reconstruction(np.full((1, 2, 2, 3), 9.0), np.zeros((1, 1)), None)


class Pair:
    loads: ClassVar[dict[str, tuple[str, ...]]] = {}

    def axes(self) -> Any:
        return {"subject": ["S1", "S2"]}

    def check(self) -> Any:
        return []

    def files(self, kind: str, **axes: str) -> Any:
        return []


@behaviour("register_models")
def test_register_models(tmp_path: Path) -> None:
    assert use("model", "model", Net, tmp_path)["x"].tolist() == [3.0]


@behaviour("register_generators")
def test_register_generators(tmp_path: Path) -> None:
    assert use("generator", "generator", Maker, tmp_path)["x"].tolist() == [7.0]


@behaviour("register_rdm_metrics")
def test_register_rdm_metrics(tmp_path: Path) -> None:
    rdms = use("rdm_metric", "metric", ones, tmp_path)
    assert rdms.metric == "new" and rdms.values.tolist() == [[1.0, 1.0, 1.0]]


@behaviour("register_similarities")
def test_register_similarities(tmp_path: Path) -> None:
    assert use("similarity", "similarity", Dot, tmp_path)["x"].tolist() == [3.0]


@behaviour("register_decoders")
def test_register_decoders(tmp_path: Path) -> None:
    assert use("decoder", "decoder", Constant, tmp_path)["x"].tolist() == [5.0]


@behaviour("register_reconstructors")
def test_register_reconstructors(tmp_path: Path) -> None:
    assert use("reconstructor", "reconstructor", Finder, tmp_path)["x"].tolist() == [9.0]


@behaviour("register_data_sources")
def test_register_data_sources(tmp_path: Path) -> None:
    assert use("data_source", "source", Pair, tmp_path)["x"].tolist() == [2.0]


@behaviour("register_pipelines")
def test_register_pipelines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "hooked_study"
    package.mkdir()
    (package / "__init__.py").write_text("")
    step = "{use: use_generator, with: {generator: new}}"
    (package / "study.yaml").write_text(f"name: study\nsteps: {{one: {step}}}\n")
    monkeypatch.syspath_prepend(tmp_path)

    class Plugin(Tools):
        @ic.hookimpl
        def register_pipelines(self, register: Any) -> None:
            register("hooked", "hooked_study:study.yaml")

        @ic.hookimpl
        def register_generators(self, register: Any) -> None:
            register("new", Maker)

    assert ic.run("hooked", tmp_path / "out", plugins=[Plugin()])["one"]["x"].tolist() == [7.0]


# --- what the lifecycle hooks are told


class Counting:
    """Notes every lifecycle hook."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    @ic.hookimpl
    def run_started(self, run: Any) -> None:
        self.heard.append(("run_started", run.name, run.instances, run.folder.is_dir()))

    @ic.hookimpl
    def step_started(self, step: Any) -> None:
        self.heard.append(("step_started", step.id, step.use, dict(step.axes)))

    @ic.hookimpl
    def step_finished(self, step: Any, outputs: Any) -> None:
        values = {name: table["x"].tolist() for name, table in outputs.items()}
        self.heard.append(("step_finished", step.id, step.reused, values))

    @ic.hookimpl
    def step_failed(self, step: Any, error: Any) -> None:
        self.heard.append(("step_failed", step.id, str(error)))

    @ic.hookimpl
    def run_finished(self, run: Any) -> None:
        self.heard.append(("run_finished", list(run.failed), list(run.skipped), list(run.reused)))

    def about(self, *hooks: str) -> list[tuple[Any, ...]]:
        return [item[1:] for item in self.heard if item[0] in hooks]


STEPS = """
import isocortex as ic

def count(number: int = 1) -> ic.Table:
    return ic.Table({"x": [float(number)]})

def break_down() -> ic.Table:
    raise RuntimeError("the step is broken")

def after(table: ic.Table) -> ic.Table:
    return table

@ic.hookimpl
def register_steps(register):
    for name, step in {"count": count, "break": break_down, "after": after}.items():
        register(name, step)
"""
PIPELINE = """
name: told
plugins: [steps.py]
axes: {number: [1, 2]}
steps:
  good: {use: count, with: {number: $number}, over: number}
"""
BROKEN = """
  bad: {use: break}
  late: {use: after, from: bad}
"""


@pytest.fixture
def listen(tmp_path: Path) -> Callable[[str], Counting]:
    def run(text: str) -> Counting:
        counting = Counting()
        (tmp_path / "steps.py").write_text(STEPS)
        (tmp_path / "told.yaml").write_text(text)
        with contextlib.suppress(StepFailed):
            ic.run(tmp_path / "told.yaml", tmp_path / "out", plugins=[counting])
        return counting

    return run


@behaviour("register_steps", "run_started")
def test_run_started_comes_first(listen: Callable[[str], Counting]) -> None:
    heard = listen(PIPELINE).heard
    assert heard[0] == ("run_started", "told", ("good[number=1]", "good[number=2]"), True)


@behaviour("step_started")
def test_step_started_names_the_instance(listen: Callable[[str], Counting]) -> None:
    started = listen(PIPELINE).about("step_started")
    assert started == [(f"good[number={n}]", "count", {"number": n}) for n in "12"]


@behaviour("step_finished")
def test_step_finished_gives_the_outputs_also_of_reused_results(listen: Callable[[str], Counting]) -> None:
    for reused in (False, True):
        told = listen(PIPELINE)
        expected = [(f"good[number={n}]", reused, {"result": [float(n)]}) for n in "12"]
        assert told.about("step_finished") == expected
        assert len(told.about("step_started")) == (0 if reused else 2)


@behaviour("step_failed")
def test_step_failed_gives_the_error_and_others_still_run(listen: Callable[[str], Counting]) -> None:
    told = listen(PIPELINE + BROKEN)
    [(step, message)] = told.about("step_failed")
    assert step == "bad" and "the step is broken" in message
    assert len(told.about("step_finished")) == 2


@behaviour("run_finished")
def test_run_finished_says_how_it_went(listen: Callable[[str], Counting]) -> None:
    told = listen(PIPELINE + BROKEN)
    assert told.heard[-1] == ("run_finished", ["bad"], ["late"], [])
    again = listen(PIPELINE)
    assert again.heard[-1] == ("run_finished", [], [], ["good[number=1]", "good[number=2]"])
    # two hooks of a step come in this order
    order = [item[:2] for item in told.heard if item[1] == "good[number=1]"]
    assert order == [("step_started", "good[number=1]"), ("step_finished", "good[number=1]")]
