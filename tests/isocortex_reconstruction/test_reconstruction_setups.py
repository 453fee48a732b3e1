"""The seven published set-ups, from YAML, on decoded features in the authors' folders (a small network's)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import authors_files
import numpy as np
import pytest
from authors_files import LABELS, STUDY_B_MEAN, WIDTH

import isocortex as ic
from isocortex.errors import PipelineError

SETUPS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...], bool]] = {
    "natural": ("natural", ("VC",), ("all-conv-fc",), True),
    "natural-pixels": ("natural", ("VC",), ("all-conv-fc",), False),
    "layer-combinations": (
        "natural", ("VC",), ("layers-1to1", "layers-1to3", "layers-1to5", "layers-1to7"), False,
    ),
    "shapes": ("color_shape", ("VC",), ("all-conv-fc",), False),
    "shapes-by-roi": ("color_shape", ("V1", "V2", "V3", "V4", "HVC", "VC"), ("all-conv-fc",), False),
    "letters": ("alphabet", ("VC",), ("all-conv-fc",), False),
    "imagery": ("imagery", ("VC",), ("all-conv-fc",), False),
}  # fmt: skip
"""Preset -> image type, ROIs, sets of layers, whether with the generator (studies.md B.6)."""

CONVS = [
    f"conv{block}_{number}"
    for block, count in enumerate((2, 2, 4, 4, 4), 1)
    for number in range(1, count + 1)
]
LAST = {"layers-1to1": "conv1_2", "layers-1to3": "conv3_4", "layers-1to5": "conv5_4", "layers-1to7": "fc7"}


def layers_of(name: str) -> list[str]:
    """Layers of a set, from the paper."""
    every = [*CONVS, "fc6", "fc7", "fc8"]
    return every if name == "all-conv-fc" else every[: every.index(LAST[name]) + 1]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("decodedfeatures")
    for image_type, rois, _, _ in (
        SETUPS[name] for name in ("natural", "shapes-by-roi", "letters", "imagery")
    ):
        authors_files.write_type(root, image_type, ("S1",), rois)
    authors_files.write_feature_sd(root / "feat_std.mat")
    return root


def settings(files: Path, **more: Any) -> dict[str, Any]:
    return {
        "root": files, "subjects": ["S1"], "width": WIDTH, "latent": authors_files.LATENT,
        "feature_sd": files / "feat_std.mat", **more,
    }  # fmt: skip


def scaled(files: Path, image_type: str, roi: str) -> dict[str, Any]:
    """Targets as the paper scales them: f / s(f) * sd, written out."""
    given = authors_files.decoded(image_type, "S1", roi, LABELS[image_type])
    sds = authors_files.write_feature_sd(files / "feat_std.mat")
    made = {}
    for name, values in given.layers.items():
        wide = values.astype(np.float64)
        spread = wide.std(axis=(1, 2)).mean(axis=1) if wide.ndim == 4 else wide.std(axis=1)
        made[name] = wide / spread.reshape(-1, *[1] * (wide.ndim - 1)) * sds[name]
    return made


def first_losses(image_type: str, images: Any, targets: dict[str, Any], layers: list[str]) -> Any:
    """Weighted loss of images, written out."""
    found = authors_files.network(image_type).features(np.asarray(images, np.float32), layers)
    weights = {name: 1 / np.square(targets[name].reshape(2, -1)).sum(axis=1) for name in layers}
    total = sum(weights.values())
    return sum(
        weights[name] / total * np.square((found[name] - targets[name]).reshape(2, -1)).sum(axis=1)
        for name in layers
    )


@pytest.mark.slow
@pytest.mark.parametrize("preset", SETUPS)
def test_a_published_setup_runs_on_its_features_layers_and_network(
    preset: str, files: Path, tmp_path: Path
) -> None:
    image_type, rois, sets, generated = SETUPS[preset]
    quick = {"algorithm": None, "iterations": 2} if not generated else {"algorithm": None, "iterations": 3}
    run = ic.run("deep-image-reconstruction", out=tmp_path, preset=preset, set=settings(files, **quick))
    losses = run["reconstructed.losses"]
    assert list(losses) == [f"S1,{roi},{name}" for roi in rois for name in sets]
    if generated:
        from isocortex_vision.generators.dgn import DGN

        generator = DGN(width=WIDTH, latent=authors_files.LATENT, mean=STUDY_B_MEAN)
        start = generator.generate(np.zeros((2, authors_files.LATENT)))
    else:
        start = np.broadcast_to(np.float32(STUDY_B_MEAN), (2, 224, 224, 3))
    for roi in rois:
        targets = scaled(files, image_type, roi)
        for name in sets:
            table = losses[f"S1,{roi},{name}"]
            layers = layers_of(name)
            assert list(table.columns)[3:] == layers
            first = table["loss"][table["iteration"] == 1]
            assert np.allclose(first, first_losses(image_type, start, targets, layers), rtol=1e-4)
            last = [table["loss"][table["stimulus"] == label][-1] for label in LABELS[image_type]]
            assert (np.array(last) < first).all()
            images = run["finished"][f"S1,{roi},{name}"]
            assert images.stimuli == LABELS[image_type] and images.values.shape == (2, 224, 224, 3)
    assert "sheet" in (tmp_path / "report.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["natural", "natural-pixels"])
def test_a_published_setup_as_published(preset: str, files: Path, tmp_path: Path) -> None:
    run = ic.run("deep-image-reconstruction", out=tmp_path, preset=preset, set=settings(files))
    (table,) = run["reconstructed.losses"].values()
    counts = [int((table["stimulus"] == label).sum()) for label in LABELS["natural"]]
    assert counts == [200, 200] if preset == "natural" else min(counts) >= 200
    for label in LABELS["natural"]:
        loss = table["loss"][table["stimulus"] == label]
        assert loss[-1] < (0.9 if preset == "natural" else 0.8) * loss[0]  # a random generator reaches little


def test_a_folder_that_is_not_given_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"\$root is null .* give it a value \(--set root=\.\.\.\)"):
        ic.run("deep-image-reconstruction", out=tmp_path)


def test_a_wrong_folder_is_said_before_anything_runs(files: Path, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"there is no folder .*nowhere"):
        ic.run("deep-image-reconstruction", out=tmp_path, set=settings(files, root=files / "nowhere"))
