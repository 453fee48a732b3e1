"""Study A's published procedure (notebooks 03 to 06-2), written out, on a made ``Sample_Data``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

import isocortex as ic
from isocortex.data import Figure, StatMaps, Table
from isocortex_searchlight import SearchlightRDMs

CLASSES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "bed", "bird", "cat", "dog", "house", "tree",
]  # fmt: skip
LAYERS = [
    "relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3", "relu4_1", "relu4_2",
    "relu4_3", "relu5_1", "relu5_2", "relu5_3", "relu6", "fc8",
]  # fmt: skip
CODES = ("digit", "object", "digit_object", "magnitude", "animacy")


def settings(folder: Path, width: float = 1 / 32) -> dict[str, Any]:
    return {
        "root": folder,
        "pictures_root": folder,
        "trained": folder / "net-55.ckpt.index",
        "network": {"image_size": 224, "width": width},
        "schedule": [{"iterations": 2, "sigma": [1.0, 0.5], "step": [3.0, 1.0]}],
    }


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results(sample_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipeline's results under its preset."""
    import warnings

    out = tmp_path_factory.mktemp("runs") / "study-a"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the quirks warn, as they should: see the test of the warnings
        ic.run("digits-objects", out, settings(sample_data), preset="lee2023")
    return out


# the notebooks


def searchlights(beta: Any) -> tuple[Any, Any]:
    """Notebook 03: centres (n, 3) and RDMs (n, 16, 16)."""
    offsets = np.array([o for o in np.ndindex(7, 7, 7) if np.linalg.norm(np.array(o) - 3) <= 3]) - 3
    assert len(offsets) == 123
    centres, rdms = [], []
    for centre in np.argwhere((beta != 0).all(axis=3)):
        if (centre < 3).any() or (centre + 4 > beta.shape[:3]).any():
            continue
        members = beta[tuple((centre + offsets).T)]
        members = members[members.sum(axis=1) != 0]
        centres.append(centre)
        rdms.append(1 - np.corrcoef(members, rowvar=False))
    return np.array(centres), np.array(rdms)


def activities(layers: dict[str, tuple[Any, Any]], pictures: Any) -> list[Any]:
    """Notebooks 01 and 04: the 14 rectified layers and fc8 before its bias, (images, units) each."""
    import tensorflow as tf

    x = tf.constant((pictures.astype(np.float32) - np.float32([123.68, 116.779, 103.939]))[..., ::-1])
    found = []
    for name, (kernel, bias) in layers.items():
        if name == "fc8":
            found.append(tf.nn.conv2d(x, kernel, 1, "VALID"))
            break
        if name.endswith("_1") and name != "conv1_1":
            x = tf.nn.max_pool2d(x, 2, 2, "SAME")
        if name == "fc6":
            x = tf.nn.max_pool2d(x, 2, 2, "SAME")
        x = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "VALID" if name == "fc6" else "SAME") + bias)
        found.append(x)
    return [np.asarray(layer, np.float64).reshape(len(pictures), -1) for layer in found]


def layer_rdm(activity: Any, codes: Any) -> Any:
    """Notebook 04: StandardScaler, PCA(0.90), means of classes, 1 - Pearson.

    The study's scikit-learn has the component's largest score positive; since 1.5 it is the largest weight.
    """
    scores = PCA(n_components=0.90, svd_solver="full").fit_transform(StandardScaler().fit_transform(activity))
    largest = np.abs(scores).argmax(axis=0)
    scores = scores * np.sign(scores[largest, np.arange(scores.shape[1])])
    return 1 - np.corrcoef([scores[codes == code].mean(axis=0) for code in range(16)])


def reordered(rdm: Any) -> Any:
    """Notebook 05: Bed to the end, in the block of objects only."""
    found = rdm.copy()
    order = np.array([1, 2, 3, 4, 5, 0]) + 10
    found[10:, 10:] = rdm[np.ix_(order, order)]
    return found


def code_matrices() -> dict[str, Any]:
    """Notebook 05: the five codes, of reordered objects."""
    codes = {name: np.zeros((16, 16)) for name in CODES}
    codes["digit"][0:10, 0:10] = codes["object"][10:16, 10:16] = 1
    codes["digit_object"][0:10, 10:16] = codes["digit_object"][10:16, 0:10] = 1
    codes["magnitude"][7:10, 1:4] = codes["animacy"][13:16, 10:13] = 1
    return codes


LOWER, UPPER = np.tril_indices(16, -1), np.triu_indices(16, 1)


def block(name: str, rdm: Any) -> Any:
    """Notebook 06-2: the part of an RDM (reordered) that a code's region is looked at in."""
    objects = rdm[10:, 10:]
    parts = {
        "digit": lambda: rdm[:10, :10][np.triu_indices(10, 1)],
        "object": lambda: objects[np.triu_indices(6, 1)],
        "digit_object": lambda: rdm[:10, 10:].ravel(),
        "magnitude": lambda: rdm[7:10, 1:4].ravel(),
        "animacy": lambda: objects[3:6, 0:3].ravel(),
    }
    return parts[name]()


def rho(first: Any, second: Any) -> Any:
    """Spearman's rho of all rows with all rows, as scipy defines it: exactly 0 where it is 0."""
    one, two = (rankdata(rows, axis=1) - (np.shape(rows)[1] + 1) / 2 for rows in (first, second))
    return one @ two.T / np.sqrt(np.outer((one**2).sum(axis=1), (two**2).sum(axis=1)))


@pytest.fixture(scope="module")
def published(sample_data: Path, results: Path) -> dict[str, Any]:
    """What the notebooks give; the maps from the pipeline's layer RDMs (which have a test of their own)."""
    beta = np.load(sample_data / "Sample_fMRI_data.npz")["beta"]
    centres, neural = searchlights(beta)
    layers = ic.RDMs.load(results / "layers").square().astype(np.float64)
    codes = np.stack([matrix[LOWER] for matrix in code_matrices().values()])
    turned = np.stack([reordered(rdm) for rdm in neural])
    layer_rho = rho(layers[:, *UPPER], neural[:, *UPPER])
    code_rho = rho(codes, turned[:, *LOWER])
    return {
        "beta": beta, "centres": centres, "neural": neural, "turned": turned, "layers": layers,
        "layer_rho": layer_rho, "code_rho": code_rho,
    }  # fmt: skip


def significant(values: Any) -> Any:
    """Where the p of Spearman's rho of 120 pairs is at most .05: beyond the critical rho."""
    from scipy.stats import t

    limit = t.isf(0.025, 118)
    return np.abs(values) >= limit / np.sqrt(118 + limit**2)


def at(maps: StatMaps, centres: Any) -> Any:
    """Values of maps at centres."""
    return np.stack([maps.volume(name)[tuple(centres.T)] for name in maps.names])


def test_searchlights_and_their_rdms(results: Path, published: dict[str, Any]) -> None:
    centres, neural, beta = published["centres"], published["neural"], published["beta"]
    found = SearchlightRDMs.load(results / "neural" / "subject=Sample")
    assert found.conditions == tuple(CLASSES)
    place = {tuple(centre): row for row, centre in enumerate(found.centres.tolist())}
    rows = [place[tuple(centre)] for centre in centres.tolist()]
    assert np.abs(found.values[rows] - neural[:, *UPPER]).max() < 1e-11
    maps = StatMaps.load(results / "layer_maps" / "subject=Sample" / "maps")
    known = maps.space.voxels[np.isfinite(maps.values).all(axis=0)]
    np.testing.assert_array_equal(known, centres)
    np.testing.assert_array_equal(maps.space.mask, (beta != 0).all(axis=3))
    np.testing.assert_array_equal(
        maps.space.affine[:3], [[3, 0, 0, -94.5], [0, 3, 0, -130.5], [0, 0, 3, -76.5]]
    )
    # what the quirks are about is in these data: members that are no centres, centres that are no members
    total = beta.sum(axis=3)
    assert ((total != 0) & (beta == 0).any(axis=3)).sum() > 20 and (
        (beta != 0).all(axis=3) & (total == 0)
    ).any()


def test_layer_rdms(sample_data: Path, sample_layers: dict[str, Any], published: dict[str, Any]) -> None:
    with np.load(sample_data / "Val_data.npz") as file:
        pictures, codes = file["val_X"], file["val_y"].argmax(axis=1)
    for number, activity in enumerate(activities(sample_layers, pictures)):
        expected = layer_rdm(activity, codes)
        assert np.abs(published["layers"][number] - expected).max() < 1e-5, LAYERS[number]


def test_rho_maps_and_their_p(results: Path, published: dict[str, Any]) -> None:
    for step, key, names in (("layer", "layer_rho", LAYERS), ("code", "code_rho", CODES)):
        maps = StatMaps.load(results / f"{step}_maps" / "subject=Sample" / "maps")
        assert maps.names == tuple(names)
        found = at(maps, published["centres"])
        assert np.abs(found - published[key]).max() < 1e-9
        p = at(StatMaps.load(results / f"{step}_test" / "p"), published["centres"])
        shown = at(StatMaps.load(results / f"{step}_test" / "thresholded"), published["centres"])
        expected = significant(published[key]) & (published[key] > 0)
        np.testing.assert_array_equal(np.isfinite(shown), expected)
        assert expected.sum(axis=1).min() > 5, "something to look at for every model"
        for row, place in np.random.default_rng(0).integers(0, [len(names), found.shape[1]], (40, 2)):
            models = published["layers"] if step == "layer" else np.stack(list(code_matrices().values()))
            triangle = UPPER if step == "layer" else LOWER
            neural = published["neural" if step == "layer" else "turned"][place][triangle]
            scipy = spearmanr(models[row][triangle], neural)
            assert found[row, place] == pytest.approx(scipy.statistic, abs=1e-10)
            assert p[row, place] == pytest.approx(scipy.pvalue, rel=1e-6)


def test_map_of_the_maximally_similar_layer(results: Path, published: dict[str, Any]) -> None:
    kept = np.where(significant(published["layer_rho"]), published["layer_rho"], 0)
    assigned = np.zeros(kept.shape[1])
    for place, column in enumerate(kept.T):
        if (column > 0).any() and not (column < 0).all():
            assigned[place] = column.argmax() + 1
    assigned[assigned == 0] = np.nan
    found = at(StatMaps.load(results / "layer_map" / "number"), published["centres"])[0]
    ordered = np.sort(kept, axis=0)
    tied = (ordered[-1] > 0) & (ordered[-1] - ordered[-2] < 1e-9)
    np.testing.assert_array_equal(found[~tied], assigned[~tied])
    assert tied.mean() < 0.01 and np.isfinite(assigned).sum() > 100 and len(np.unique(found[found > 0])) > 5
    whole = StatMaps.load(results / "layer_map" / "number")
    assert np.isfinite(whole.values).sum() == np.isfinite(found).sum(), "and nowhere else"


def test_cosine_of_layers_and_codes(results: Path, published: dict[str, Any]) -> None:
    table = Table.load(results / "layers_codes")
    found = {(row["rdm"], row["model"]): row["similarity"] for row in table.rows()}
    assert len(found) == 75
    for name, code in code_matrices().items():
        for layer, rdm in zip(LAYERS, published["layers"], strict=True):
            a, b = code[LOWER], reordered(rdm)[LOWER]
            assert found[name, layer] == pytest.approx(
                a @ b / (np.linalg.norm(a) * np.linalg.norm(b)), abs=1e-12
            )


def test_bars_of_the_regions(results: Path, published: dict[str, Any]) -> None:
    bars = {
        (row["region"], row["model"]): row for row in Table.load(results / "region_bars" / "table").rows()
    }
    assert len(bars) == 75
    positive = 0
    for number, name in enumerate(CODES):
        inside = (published["code_rho"][number] > 0) & significant(published["code_rho"][number])
        neural = np.stack([block(name, rdm) for rdm in published["turned"][inside]])
        for layer, rdm in zip(LAYERS, published["layers"], strict=True):
            values = rho(block(name, reordered(rdm))[None], neural)[0]
            values = values[values > 0]
            bar = bars[name, layer]
            assert bar["voxels"] == len(values) and bar["error_is"] == "lee2023_sd_by_n"
            if not len(values):
                assert np.isnan(bar["mean"]) and np.isnan(bar["error"])
                continue
            positive += 1
            assert bar["mean"] == pytest.approx(values.mean(), abs=1e-10)
            assert bar["error"] == pytest.approx(values.std() / len(values), abs=1e-10)
    assert positive > 60


def test_figures_and_what_the_network_says(results: Path) -> None:
    for step in (
        "training",
        "confusions",
        "embedding",
        "layer_figure",
        "cosine_bars",
        "layer_picture",
        "code_picture",
    ):
        assert Figure.load(results / step).alt, step
    assert "no standard error" in Figure.load(results / "region_bars" / "figure").caption
    history = Table.load(results / "trained" / "history")
    assert len(history) == 1 and 0 <= history["validation_accuracy"][0] <= 1
    assert sum(sum(v for v in row.values() if isinstance(v, int)) for row in
               Table.load(results / "trained" / "confusion").rows()) == 32  # fmt: skip
