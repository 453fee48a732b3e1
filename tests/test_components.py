"""From a name and settings to a component: every kind of target, and every wrong setting in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from scipy.spatial.distance import pdist

import isocortex as ic
from isocortex import components, contracts
from isocortex.errors import IsocortexError, PluginError, UnknownComponent
from isocortex.handles import MetricHandle
from isocortex.plugins.manager import PluginManager

PATTERNS = np.random.default_rng(0).normal(size=(4, 6))


class Provider:
    """A plugin that registers what it is given."""

    def __init__(self, **parts: tuple[str, object]) -> None:
        self.parts = parts

    def _register(self, kind: str, register: Any) -> None:
        for name, (own, component) in self.parts.items():
            if own == kind:
                register(name, component)

    @ic.hookimpl
    def register_rdm_metrics(self, register: Any) -> None:
        self._register("rdm_metric", register)

    @ic.hookimpl
    def register_similarities(self, register: Any) -> None:
        self._register("similarity", register)

    @ic.hookimpl
    def register_decoders(self, register: Any) -> None:
        self._register("decoder", register)

    @ic.hookimpl
    def register_data_sources(self, register: Any) -> None:
        self._register("data_source", register)


def get(kind: str, target: object, **settings: Any) -> Any:
    return components.build(PluginManager([Provider(new=(kind, target))]), kind, "new", settings)


def power(patterns: Any, exponent: float = 1.0, form: Literal["a", "b"] = "a") -> Any:
    """A metric that is a function."""
    return pdist(patterns) ** exponent


power.from_moments = lambda *sums: 0.0  # type: ignore[attr-defined]


class Power:
    """A metric that is a class."""

    def __init__(self, exponent: float = 1.0) -> None:
        self.exponent = exponent

    def __call__(self, patterns: Any) -> Any:
        return pdist(patterns) ** self.exponent

    @property
    def from_moments(self) -> Callable[..., float]:
        exponent = self.exponent
        return lambda count, a, b, aa, bb, ab: (aa + bb - 2 * ab) ** (exponent / 2)


class Decoder:
    def __init__(self, alpha: float, names: list[str] | None = None, root: Path = Path()) -> None:
        self.alpha, self.names, self.root = alpha, names, root

    def fit(self, X: Any, y: Any) -> Any: ...

    def predict(self, X: Any) -> Any: ...


@pytest.mark.parametrize("target", [power, Power, Power()])
def test_metrics_are_functions_classes_or_objects(target: object) -> None:
    metric = get("rdm_metric", target)
    assert isinstance(metric, MetricHandle) and metric.name == "new"
    assert np.array_equal(metric(PATTERNS), pdist(PATTERNS))


@pytest.mark.parametrize("target", [power, Power])
def test_settings_of_a_metric(target: object) -> None:
    assert np.array_equal(get("rdm_metric", target, exponent=2.0)(PATTERNS), pdist(PATTERNS) ** 2)


def test_from_moments_is_never_that_of_other_settings() -> None:
    assert hasattr(get("rdm_metric", power), "from_moments")
    assert not hasattr(get("rdm_metric", power, exponent=2.0), "from_moments")
    assert get("rdm_metric", Power, exponent=4.0).from_moments(1, 0, 0, 1, 2, 0) == 9


def test_needs_of_a_metric_are_no_settings() -> None:
    def crossed(patterns: Any, conditions: Any, runs: Any, scale: float = 1.0) -> Any:
        return np.array([scale])

    crossed.needs = {"runs"}  # type: ignore[attr-defined]
    manager = PluginManager([Provider(new=("rdm_metric", crossed))])
    assert list(components.settings_of(manager.find("rdm_metric", "new")).settings) == ["scale"]
    metric = components.build(manager, "rdm_metric", "new", {"scale": 3.0})
    assert metric.needs == {"runs"}
    patterns = ic.Patterns(PATTERNS, ("a", "b", "a", "b"), ("1", "1", "2", "2"))
    assert metric(patterns).values.tolist() == [[3.0]]


def test_functions_make_components_of_other_kinds() -> None:
    def make(alpha: float = 2.0) -> Decoder:
        return Decoder(alpha)

    assert get("decoder", make).alpha == 2.0
    assert get("decoder", make, alpha=0.5).alpha == 0.5


def test_text_becomes_a_path_and_numbers_of_numpy_are_numbers() -> None:
    built = get("decoder", Decoder, alpha=np.float32(0.5), names=["a"], root="somewhere")
    assert (built.alpha, built.names, built.root) == (0.5, ["a"], Path("somewhere"))
    assert get("decoder", Decoder, alpha=1).names is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "decoder 'new': needs the setting alpha"),
        ({"alpha": 1.0, "name": []}, "there is no setting 'name'; did you mean 'names'"),
        ({"alpha": "much"}, "the setting 'alpha': expected .*number, got 'much'"),
        ({"alpha": 1.0, "names": [3]}, r"the setting 'names': .*text"),
        ({"alpha": 1.0, "names": "abc"}, r"the setting 'names': expected .*list"),
    ],
)
def test_wrong_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(PluginError, match=message):
        get("decoder", Decoder, **settings)


def test_a_wrong_literal() -> None:
    with pytest.raises(PluginError, match="expected 'a' or 'b', got 'c'"):
        get("rdm_metric", power, form="c")


class Alone:
    def fit(self, X: Any, y: Any) -> Any: ...


@pytest.mark.parametrize(
    ("kind", "target", "message"),
    [
        ("decoder", Alone, "does not keep its contract: it lacks predict"),
        ("data_source", Alone, "it lacks axes, check, files, loads"),
        ("similarity", Alone, "has neither embed nor compare"),
        ("rdm_metric", 3, "does not keep its contract"),
    ],
)
def test_what_keeps_no_contract(kind: str, target: object, message: str) -> None:
    with pytest.raises(PluginError, match=message) as caught:
        get(kind, target)
    assert "'new'" in str(caught.value) and "'Provider'" in str(caught.value)


class Wrapper:
    """A metric around another one."""

    def __init__(self, inner: contracts.RDMMetric = "first", scale: float = 2.0) -> None:  # type: ignore[assignment]
        self.inner, self.scale = inner, scale

    def __call__(self, patterns: Any) -> Any:
        return self.scale * self.inner(patterns)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, 2 * pdist(PATTERNS)),
        ({"inner": "second"}, 2 * pdist(PATTERNS)),
        ({"inner": {"use": "second", "with": {"exponent": 2.0}}, "scale": 1}, pdist(PATTERNS) ** 2),
        ({"inner": pdist}, 2 * pdist(PATTERNS)),
    ],
)
def test_a_component_that_wants_another(settings: dict[str, Any], expected: Any) -> None:
    parts = {"first": power, "second": Power, "wrapper": Wrapper}
    manager = PluginManager([Provider(**{name: ("rdm_metric", part) for name, part in parts.items()})])
    built = components.build(manager, "rdm_metric", "wrapper", settings)
    assert np.array_equal(built(PATTERNS), expected)
    with pytest.raises(UnknownComponent, match="'thrid'"):
        components.build(manager, "rdm_metric", "wrapper", {"inner": "thrid"})
    with pytest.raises(PluginError, match=r"the setting 'inner': .*no key 'whit'"):
        components.build(manager, "rdm_metric", "wrapper", {"inner": {"use": "first", "whit": {}}})


WRAPPED = """
name: p
axes: {subject: {from: simulated, n_subjects: 1, n_voxels: 20}}
steps:
  load: {use: load_patterns, over: subject, with: {source: simulated, n_subjects: 1, n_voxels: 20}}
  plain: {use: compute_rdms, from: load, over: subject, with: {metric: first}}
  wrapped:
    use: compute_rdms
    from: load
    over: subject
    with: {metric: {use: wrapper, with: {scale: 3, inner: {use: second, with: {exponent: 2}}}}}
"""


def test_a_component_that_wants_another_in_a_pipeline(tmp_path: Path) -> None:
    parts = {"first": power, "second": Power, "wrapper": Wrapper}
    plugin = Provider(**{name: ("rdm_metric", part) for name, part in parts.items()})
    path = tmp_path / "p.yaml"
    path.write_text(WRAPPED)
    run = ic.run(path, tmp_path / "out", plugins=[plugin])
    plain, wrapped = run["plain"]["S1"].values, run["wrapped"]["S1"].values  # type: ignore[index]
    assert np.allclose(wrapped, 3 * plain**2)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("cosine", ("cosine", {})),
        ({"use": "cosine"}, ("cosine", {})),
        ({"use": "cosine", "with": None}, ("cosine", {})),
        ({"use": "cosine", "with": {"a": 1}}, ("cosine", {"a": 1})),
    ],
)
def test_how_components_are_written(value: Any, expected: Any) -> None:
    assert components.written(value) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"use": "cosine", "wiht": {}}, "there is no key 'wiht' here; did you mean 'with'"),
        ({"with": {}}, "expected a component's name"),
        ({"use": "cosine", "with": 3}, "expected a component's name"),
        (3, "expected a component's name"),
    ],
)
def test_how_components_are_not_written(value: Any, message: str) -> None:
    assert message in components.written(value)


def test_steps_and_pipelines_are_not_built() -> None:
    assert callable(ic.get("step", "compute_rdms"))
    with pytest.raises(IsocortexError, match="give it its settings when you call it"):
        ic.get("step", "compute_rdms", metric="cosine")
    with pytest.raises(IsocortexError, match="a pipeline is run, not got"):
        ic.get("pipeline", "concept-codes")
