"""Layers in two dimensions: as scikit-learn has them, the same each time, drawn with their categories."""

import io
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.distance import pdist, squareform
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness
from threadpoolctl import threadpool_limits

from isocortex.data import Collected, Features, Table
from isocortex.errors import DataError
from isocortex.testing import check_step
from isocortex_vision.inspection import embedding
from isocortex_vision.inspection.embedding import embed_layers
from isocortex_vision.inspection.embedding_figure import COLOURS, SHAPES, embedding_figure
from isocortex_vision.inspection.embedding_methods import mds, tsne, within_one

DIGITS, LABELS = (values[:150] for values in load_digits(return_X_y=True))


def network(samples: int = 150, categories: bool = True) -> Features:
    """Two layers of made features of real digits."""
    pixels = DIGITS[:samples] / 16
    hidden = np.maximum(pixels @ np.random.default_rng(0).standard_normal((64, 240)), 0)
    layers = {"pixels": pixels, "conv1": hidden.astype(np.float32).reshape(samples, 4, 10, 6)}
    names = tuple(f"digit {label}" for label in LABELS[:samples])
    return Features(layers, tuple(f"image{k}" for k in range(samples)), names if categories else None)


def places(table: Table, layer: str) -> np.ndarray:
    return np.stack([table["x"], table["y"]], axis=1)[table["layer"] == layer]


def embed(features: Features, *arguments: object, seed: int = 0, **settings: object) -> Table:
    return embed_layers(features, np.random.default_rng(seed), *arguments, **settings)


def test_rows_are_labelled() -> None:
    found = embed(network(20), "pca")
    assert found["layer"].tolist() == ["pixels"] * 20 + ["conv1"] * 20
    assert found["stimulus"].tolist() == list(network(20).stimuli) * 2
    assert found["category"].tolist() == list(network(20).categories) * 2
    assert "category" not in embed(network(20, categories=False), "pca").columns
    turned = embed(network(20), "pca", ["conv1", "pixels"])
    np.testing.assert_array_equal(places(turned, "pixels"), places(found, "pixels"))


@pytest.mark.parametrize("standardise", [True, False])
def test_components_are_those_of_sklearn(standardise: bool) -> None:
    found = embed(network(), "pca", standardise=standardise)
    for layer in ("pixels", "conv1"):
        values = network().matrix(layer).astype(np.float64)
        if standardise:
            spread = values.std(axis=0)
            values = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1)
        pca = PCA(2, svd_solver="full")
        want = pca.fit_transform(values)
        want *= np.where(want.max(axis=0) >= -want.min(axis=0), 1, -1)
        np.testing.assert_allclose(places(found, layer), within_one(want), atol=1e-9)
        share = found["fit"][found["layer"] == layer]
        np.testing.assert_allclose(share, pca.explained_variance_ratio_.sum(), rtol=1e-9)


def test_tsne_keeps_neighbours_as_sklearn_does() -> None:
    found = embed(network(), perplexity=20)
    values = network().matrix("conv1").astype(np.float64)
    peer = TSNE(perplexity=20, random_state=0)
    with threadpool_limits(1):
        other = peer.fit_transform(values)
    own = places(found, "conv1")
    assert trustworthiness(values, own) > max(0.95, trustworthiness(values, other) - 0.01)
    divergence = found["fit"][found["layer"] == "conv1"][0]
    assert divergence == pytest.approx(peer.kl_divergence_, rel=0.1)


def test_tsne_is_given_all_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    real = embedding.tsne
    monkeypatch.setattr(embedding, "tsne", lambda points, *rest: given.append(points) or real(points, *rest))
    embed(network(60), "tsne", ["conv1"], perplexity=5)
    assert given[0].shape == (60, 59)
    np.testing.assert_allclose(pdist(given[0]), pdist(network(60).matrix("conv1")), rtol=1e-5)


def test_one_seed_gives_one_picture() -> None:
    first, second = embed(network(100), seed=3), embed(network(100), seed=3)
    np.testing.assert_array_equal(first["x"], second["x"])
    alone = embed(network(100), "tsne", ["conv1"], seed=3)
    np.testing.assert_array_equal(places(alone, "conv1"), places(first, "conv1"))


@pytest.mark.slow
def test_the_number_of_threads_changes_nothing() -> None:
    points = np.random.default_rng(0).standard_normal((500, 8))
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(tsne(points, 10, seed=0).places)
    np.testing.assert_array_equal(*found)


def test_units_are_drawn_by_the_seed_and_by_layer() -> None:
    first, again, other = (embed(network(40), "pca", n_units=30, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first["x"], again["x"])
    assert np.abs(first["x"] - other["x"]).max() > 0.01
    small = embed(network(40), "pca", ["pixels"], n_units=64, seed=1)
    np.testing.assert_array_equal(small["x"], embed(network(40), "pca", ["pixels"])["x"])


def test_mds() -> None:
    found = mds(np.random.default_rng(0).standard_normal((40, 2)) * [3, 1])
    assert found.fit == pytest.approx(0, abs=1e-6)
    points = PCA().fit_transform(network(80).matrix("conv1").astype(np.float64))
    many = mds(points * 1000)
    wanted = pdist(points * 1000)
    error = np.sqrt(((pdist(many.places) - wanted) ** 2).sum() / (wanted**2).sum())
    assert many.fit == pytest.approx(error, rel=1e-9)
    start = np.sqrt(((pdist(points[:, :2] * 1000) - wanted) ** 2).sum() / (wanted**2).sum())
    assert many.fit < 0.9 * start
    from sklearn.manifold import smacof

    peer, _ = smacof(squareform(wanted), n_init=8, random_state=0, normalized_stress=False, eps=1e-7)
    best = np.sqrt(((pdist(peer) - wanted) ** 2).sum() / (wanted**2).sum())
    assert many.fit < 1.05 * best


def test_places_are_within_one() -> None:
    points = np.array([[0.0, 5.0], [4.0, 6.0], [2.0, 7.0]])
    np.testing.assert_allclose(within_one(points), [[0, 0.25], [1, 0.5], [0.5, 0.75]])
    np.testing.assert_allclose(within_one(points, each=True), [[0, 0], [1, 0.5], [0.5, 1]])
    np.testing.assert_array_equal(within_one(np.ones((3, 2))), np.full((3, 2), 0.5))
    found = embed(network(30), "pca", scale="each")
    for layer in ("pixels", "conv1"):
        assert places(found, layer).min(axis=0).tolist() == [0, 0]
        assert places(found, layer).max(axis=0).tolist() == [1, 1]


@pytest.mark.parametrize("method", ["tsne", "pca", "mds"])
def test_layers_on_a_line_and_equal_stimuli(method: str) -> None:
    line = np.repeat(np.arange(12.0), 2)[:, None] * np.ones((1, 7))
    found = embed(Features({"x": line}, tuple(f"s{k}" for k in range(24))), method, perplexity=5)
    assert np.isfinite(places(found, "x")).all()
    if method != "tsne":
        np.testing.assert_allclose(places(found, "x")[:, 1], 0.5)
        np.testing.assert_allclose(
            np.sort(places(found, "x")[:, 0]), np.repeat(np.arange(12), 2) / 11, atol=1e-6
        )


def test_memory_stays_bounded(tmp_path: Path) -> None:
    mapped = np.lib.format.open_memmap(tmp_path / "x.npy", mode="w+", dtype=np.float32, shape=(50, 10**6))
    for row in range(50):
        mapped[row] = np.random.default_rng(row).standard_normal(10**6, dtype=np.float32)
    mapped.flush()
    opened = Features({"x": np.load(tmp_path / "x.npy", mmap_mode="r")}, tuple(f"s{k}" for k in range(50)))
    embed(network(20), "pca")
    tracemalloc.start()
    embed(opened, "pca")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 9e7 < opened.matrix("x").nbytes / 2


def test_what_is_refused() -> None:
    for perplexity, most in ((30, 6), (20, 6), (0, 6), (float("nan"), 6)):
        with pytest.raises(DataError, match=rf"perplexity is .* for 20 stimuli; .* at most about {most}"):
            embed(network(20), perplexity=perplexity)
    with pytest.raises(DataError, match="2 stimuli are too few"):
        embed(network(20).select(["image0", "image1"]), "pca")
    with pytest.raises(DataError, match='no method \'umap\'; say "tsne", "pca" or "mds"'):
        embed(network(20), "umap")
    with pytest.raises(DataError, match="n_units is 0"):
        embed(network(20), "pca", n_units=0)
    with pytest.raises(DataError, match='scale is \'none\'; say "shared" or "each"'):
        embed(network(20), "pca", scale="none")
    with pytest.raises(DataError, match="no layer 'conv2'; did you mean 'conv1'"):
        embed(network(20), "pca", ["conv2"])
    with pytest.raises(DataError, match="no layers"):
        embed(network(20), "pca", [])
    broken = network(20).matrix("pixels").copy()
    broken[3, 5] = np.nan
    with pytest.raises(DataError, match="x: features hold NaN or infinity for stimulus 'b3'"):
        embed(Features({"x": broken}, tuple(f"b{k}" for k in range(20))), "mds")


def picture(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).reshape(-1, 3)


def shows(png: bytes, colour: str) -> bool:
    want = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return bool((np.abs(picture(png).astype(int) - want).max(axis=1) < 8).any())


def test_figure_is_the_same_each_time_and_shows_the_categories() -> None:
    table = embed(network(60), "pca")
    figure = embedding_figure(table)
    assert figure.png == embedding_figure(table).png
    assert figure.table is not None and figure.table["x"].tolist() == table["x"].tolist()
    assert "pixels" in figure.alt and "digit 7" in figure.alt and "60 stimuli" in figure.caption
    assert all(shows(figure.png, colour) for colour in COLOURS)
    few = embedding_figure(embed(network(60).select(["image0", "image1", "image2", "image10"]), "pca"))
    assert shows(few.png, COLOURS[2]) and not shows(few.png, COLOURS[3])
    assert embedding_figure(table, caption="Mine.").caption == "Mine."


def test_figure_says_how_faithful_it_is() -> None:
    assert "share of the variance" in embedding_figure(embed(network(20), "pca")).caption
    found = embedding_figure(embed(network(20), "mds"))
    assert "stress-1" in found.caption and "pixels (0." in found.alt
    assert "distances between them mean little" in embedding_figure(embed(network(20), perplexity=5)).caption


def test_figure_without_categories_and_with_very_many() -> None:
    assert "Categories" not in embedding_figure(embed(network(20, categories=False), "pca")).alt
    count = len(COLOURS) * len(SHAPES) + 1
    many = Features({"x": DIGITS[:60]}, tuple(f"s{k}" for k in range(60)), tuple(map(str, range(60))))
    assert "60 categories are too many to tell apart" in embedding_figure(embed(many, "pca")).caption
    fits = many.select(many.stimuli[: count - 1])
    assert "too many" not in embedding_figure(embed(fits, "pca")).caption


def test_figure_of_several_subjects() -> None:
    parts = {(name,): embed(network(20), "pca", seed=k) for k, name in enumerate(("S1", "S2"))}
    figure = embedding_figure(Collected(parts, ("subject",)), columns=2)
    assert "S1: pixels (" in figure.alt and "S2: conv1 (" in figure.alt
    assert figure.table is not None and figure.table["subject"].tolist() == ["S1"] * 40 + ["S2"] * 40


def test_figure_refusals() -> None:
    table = embed(network(20), "pca")
    with pytest.raises(DataError, match="columns is 0"):
        embedding_figure(table, columns=0)
    with pytest.raises(DataError, match="no column 'layer'"):
        embedding_figure(Table({"x": [1.0], "y": [2.0]}))
    with pytest.raises(DataError, match="NaN or infinite"):
        embedding_figure(Table({**table.columns, "x": np.full(40, np.nan)}))
    with pytest.raises(DataError, match="0 panels"):
        embedding_figure(Table({"layer": np.array([], dtype=str), "x": np.zeros(0), "y": np.zeros(0)}))


def test_both_are_steps() -> None:
    schema = check_step(embed_layers, "embed_layers")
    assert list(schema.inputs) == ["features"] and "rng" not in schema.settings
    assert list(check_step(embedding_figure, "embedding_figure").inputs) == ["table"]
