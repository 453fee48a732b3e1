"""The checks for plugin authors pass what is right and say what is wrong, for each kind of component."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.linear_model import LogisticRegression, Ridge

import isocortex as ic
from isocortex import components, contracts, testing
from isocortex.signatures import plain_path

# --- RDM metrics


def mean_square(patterns: Any, scale: float = 1.0) -> Any:
    return scale * pdist(patterns, "sqeuclidean") / patterns.shape[1]


def with_moments(moments: Any) -> Any:
    def metric(patterns: Any) -> Any:
        return mean_square(patterns)

    metric.from_moments = moments  # type: ignore[attr-defined]
    return metric


def with_factors(change: Any) -> Any:
    def metric(patterns: Any) -> Any:
        return mean_square(patterns)

    def factors(patterns: Any) -> Any:
        return change(patterns)[None], patterns[None]

    metric.channel_factors = factors  # type: ignore[attr-defined]
    return metric


def over_channels(patterns: Any) -> Any:
    return patterns * (patterns.shape[1] / 12)


def by_columns(patterns: Any) -> Any:
    rows, columns = np.triu_indices(len(patterns), 1)
    order = np.lexsort((rows, columns))
    return pdist(patterns)[order]


def crossed(patterns: Any, *, conditions: Any, runs: Any) -> Any:
    means = [[patterns[(conditions == c) & (runs == r)].mean(0) for c in range(5)] for r in (0, 1)]
    first, second = np.triu_indices(5, 1)
    a, b = (np.array(run)[first] - np.array(run)[second] for run in means)
    return np.einsum("ij,ij->i", a, b)


crossed.needs = {"runs"}  # type: ignore[attr-defined]


def whitened(patterns: Any, *, noise_precision: Any) -> Any:
    return pdist(patterns @ np.linalg.cholesky(noise_precision))


whitened.needs = {"noise_precision"}  # type: ignore[attr-defined]


def needy(patterns: Any) -> Any:
    return pdist(patterns)


needy.needs = {"voxels"}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "metric",
    [
        mean_square,
        crossed,
        whitened,
        with_moments(lambda n, a, b, aa, bb, ab: (aa + bb - 2 * ab) / n),
        lambda patterns: pdist(patterns, "correlation"),
        ic.get("rdm_metric", "correlation"),
    ],
)
def test_good_metrics(metric: Any) -> None:
    testing.check_rdm_metric(metric)


def test_a_metric_with_settings() -> None:
    testing.check_rdm_metric(mean_square, {"scale": 2.0})


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (by_columns, "order of the upper triangle"),
        (lambda patterns: pdist(patterns)[:-1], r"gave shape \(9,\)"),
        (lambda patterns: pdist(patterns).astype(int), "gave int64"),
        (lambda patterns: np.full(10, np.nan), "NaN or infinity"),
        (lambda patterns: pdist(patterns - patterns[0]) + patterns[0, 0], "upper triangle"),
        (lambda patterns: pdist(patterns) * patterns.dtype.itemsize, "float32 differs"),
        (with_moments(lambda n, a, b, aa, bb, ab: aa + bb - 2 * ab), "from_moments gives"),
        (with_factors(lambda patterns: 2 * patterns), "is not the metric"),
        (with_factors(over_channels), "must not depend on the others"),
        (needy, "names that nobody provides"),
    ],
)
def test_wrong_metrics(metric: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        testing.check_rdm_metric(metric)


# --- similarities


class Embeds:
    def embed(self, rdms: Any) -> Any:
        return rdms / np.linalg.norm(rdms, axis=1, keepdims=True)


class Compares:
    def compare(self, first: Any, second: Any) -> Any:
        return -np.abs(first[:, None] - second[None]).mean(axis=2)


class Centred(Embeds):
    def embed(self, rdms: Any) -> Any:
        return rdms - rdms.mean(axis=0)


class Flat(Embeds):
    def embed(self, rdms: Any) -> Any:
        return rdms.ravel()


class Swapped(Compares):
    def compare(self, first: Any, second: Any) -> Any:
        return super().compare(second, first)


class Undefined(Compares):
    def compare(self, first: Any, second: Any) -> Any:
        return np.full((len(first), len(second)), np.inf)


class Both(Embeds, Compares):
    pass


def test_good_similarities() -> None:
    for similarity in (Embeds(), Compares(), ic.get("similarity", "spearman")):
        testing.check_similarity(similarity)


@pytest.mark.parametrize(
    ("similarity", "message"),
    [
        (object(), "neither embed nor compare"),
        (Embeds, "not the class"),
        (Centred(), "depends on the other RDMs"),
        (Flat(), "embed gave shape"),
        (Swapped(), r"gave shape \(4, 3\)"),
        (Undefined(), "NaN or infinity"),
        (Both(), "embed and compare give different values"),
    ],
)
def test_wrong_similarities(similarity: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        testing.check_similarity(similarity)


# --- decoders


class Mean:
    def fit(self, X: Any, y: Any) -> Any:
        self.mean = y.mean()
        return self

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self.mean)


class Centring(Mean):
    def fit(self, X: Any, y: Any) -> Any:
        X -= X.mean(axis=0)
        return super().fit(X, y)


class OneForAll(Mean):
    def predict(self, X: Any) -> Any:
        return np.array([self.mean])


class Restless(Mean):
    def predict(self, X: Any) -> Any:
        self.mean += 1
        return super().predict(X)


def test_good_decoders() -> None:
    for decoder in (Mean(), Ridge(), LogisticRegression()):
        testing.check_decoder(decoder)


@pytest.mark.parametrize(
    ("decoder", "message"),
    [
        (Centring(), "changed the data"),
        (OneForAll(), r"shape \(1,\)"),
        (Restless(), "predicting twice"),
        (object(), "no 'fit'"),
        (Ridge, "not the class"),
    ],
)
def test_wrong_decoders(decoder: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        testing.check_decoder(decoder)


# --- data sources


class Source:
    loads: Any = {"patterns": ("subject",)}  # noqa: RUF012
    subjects: Any = ("S1", "S2")

    def axes(self) -> Any:
        return {"subject": self.subjects}

    def check(self) -> Any:
        return []

    def files(self, kind: str, **axes: str) -> Any:
        return [Path(__file__)]

    def load_patterns(self, subject: str, rng: Any) -> Any:
        return ic.Patterns(rng.normal(size=(2, 3)), ("a", "b"))


def source(**changes: Any) -> Any:
    return type("Changed", (Source,), changes)()


def drawn_anew(self: Any, subject: str) -> Any:
    return ic.Patterns(np.random.default_rng().normal(size=(2, 3)), ("a", "b"))


def test_good_data_sources() -> None:
    testing.check_data_source(Source())  # type: ignore[arg-type]
    testing.check_data_source(ic.get("data_source", "simulated", n_subjects=1, n_voxels=20))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"subjects": ()}, "must have values"),
        ({"subjects": ("S1", "S1")}, "each once"),
        ({"subjects": (1, 2)}, "must hold text"),
        ({"check": lambda self: ["no data"]}, r"check says \['no data'\]"),
        ({"loads": {"images": ()}}, "no load_images"),
        ({"loads": {"patterns": ("session",)}}, "needs the axes"),
        ({"files": lambda self, kind, **axes: [Path("nowhere")]}, "nowhere, which is not there"),
        ({"load_patterns": lambda self, subject: None}, "load_patterns gave NoneType"),
        ({"load_patterns": lambda self, subject: ic.Table({"x": [1.0]})}, "load_patterns gave Table"),
        ({"load_patterns": drawn_anew}, "different values each time"),
    ],
)
def test_wrong_data_sources(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        testing.check_data_source(source(**changes))


# --- steps


class Two(NamedTuple):
    near: ic.Table
    far: ic.RDMs


class Half(NamedTuple):
    near: ic.Table
    far: float


def good(patterns: ic.Patterns, rng: np.random.Generator, number: int = 1) -> Two:
    """A step."""
    raise NotImplementedError


def silent(patterns: ic.Patterns) -> ic.Table:
    raise NotImplementedError


def untyped(patterns: ic.Patterns, number=1) -> ic.Table:  # type: ignore[no-untyped-def]
    """A step."""
    raise NotImplementedError


def without_return(patterns: ic.Patterns):  # type: ignore[no-untyped-def]
    """A step."""
    raise NotImplementedError


def plain_return(patterns: ic.Patterns) -> float:
    """A step."""
    raise NotImplementedError


def half_return(patterns: ic.Patterns) -> Half:
    """A step."""
    raise NotImplementedError


def misspelt(patterns: "ic.Paterns") -> ic.Table:  # type: ignore[name-defined] # noqa: UP037
    """A step."""
    raise NotImplementedError


def plain_file(file: list[Path]) -> ic.Table:
    """Reads files that nobody watches."""
    return ic.Table({})


def test_a_good_step() -> None:
    schema = testing.check_step(good)
    assert list(schema.inputs) == ["patterns"] and list(schema.settings) == ["number"]
    assert schema.outputs == {"near": ic.Table, "far": ic.RDMs} and schema.rng == "rng"


@pytest.mark.parametrize("name", ic.plugin_manager().names("step"))
def test_every_registered_step(name: str) -> None:
    testing.check_step(ic.get("step", name), name)


@pytest.mark.parametrize("kind", contracts.CONTRACTS)
def test_no_registered_component_takes_a_path_from_wherever_it_runs(kind: str) -> None:
    manager = ic.plugin_manager()
    for name in manager.names(kind):
        for setting in components.settings_of(manager.find(kind, name)).settings.values():
            assert not plain_path(setting.annotation), (name, setting.name)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (silent, "no docstring"),
        (untyped, "'number' has no annotation"),
        (without_return, "return annotation must be a data type"),
        (plain_return, "return annotation must be a data type"),
        (half_return, "return annotation must be a data type"),
        (plain_file, "'file' is a plain Path, .*use InputFile"),
        (misspelt, "annotations of .* cannot be read"),
        (3, "must be a function, not int"),
    ],
)
def test_wrong_steps(step: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        testing.check_step(step)
