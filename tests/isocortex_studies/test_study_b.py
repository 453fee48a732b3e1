"""Study B as pipelines: from fMRI and from decoded features to images, on made files in its layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import study_b_files as files
import yaml
from authors_files import STUDY_B_MEAN, WIDTH, network, write_feature_sd
from PIL import Image

import isocortex as ic
from isocortex.data import Decoded, Images
from isocortex.errors import PipelineError
from isocortex_decoding import write_decoded, write_features
from isocortex_studies.stimulus_steps import stimulus_features
from isocortex_vision.features.extraction import features_of
from isocortex_vision.generators.dgn import DGN

FMRI, DECODED = "deep-image-reconstruction-fmri", "deep-image-reconstruction"
RIDGE = {"alpha": 10, "n_voxels": 20, "intercept": "fastl2lir"}
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
NETWORKS = {"imagery": "VGG19_leaky"}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = files.write_study(tmp_path_factory.mktemp("study-b") / "shen2019")
    write_feature_sd(root / "feat_std.mat")
    return root


def settings(study: Path, **more: Any) -> dict[str, Any]:
    return {
        "root": study, "stimuli": study / "pictures", "width": WIDTH, "latent": 32, "algorithm": None,
        "permutations": 100, "decoder": {"use": "voxel-selected-ridge", "with": RIDGE}, **more,
    }  # fmt: skip


def pictures(part: str) -> dict[str, Any]:
    """Stimulus -> picture in the size that the network looks at."""
    return {
        name: np.asarray(Image.fromarray(picture).resize((224, 224), Image.Resampling.BILINEAR))
        for name, picture in files.made(part).pictures.items()
        if name != "fixation"
    }


def samples(study: Path, part: str, roi: str, count: int) -> tuple[Any, list[str]]:
    """Voxels as the file has them, and the stimulus of each sample as it was planted."""
    with h5py.File(study / "fmri" / f"sub-01_{files.STEMS[part]}_original_VC.h5") as file:
        voxels = file["dataset"][:, list(files.ROIS[roi])]
    names = files.names_of(part)
    return voxels, [names[number] for _, number in files.trials(part, count, 1)]


def ridge_by_hand(X: Any, Y: Any, test: Any) -> Any:
    """FastL2LiR for each unit: the 20 voxels of the largest |r|, a column of ones penalised like them."""
    r = (X - X.mean(0)).T @ (Y - Y.mean(0))
    r /= np.outer(X.std(0), Y.std(0)) * len(X)
    predicted = np.empty((len(test), Y.shape[1]))
    for unit in range(Y.shape[1]):
        best = np.argsort(np.abs(r[:, unit]))[-RIDGE["n_voxels"] :]
        own, new = (np.column_stack([part[:, best], np.ones(len(part))]) for part in (X, test))
        weights = np.linalg.solve(own.T @ own + RIDGE["alpha"] * np.eye(own.shape[1]), own.T @ Y[:, unit])
        predicted[:, unit] = new @ weights
    return predicted


def true_features(layers: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Layer -> training stimulus -> units, from the pictures."""
    known = pictures("training")
    found = network().features(np.stack(list(known.values())).astype(np.float32), layers)
    return {
        name: dict(zip(known, values.reshape(len(known), -1).astype(np.float64), strict=True))
        for name, values in found.items()
    }


def decoded_by_hand(study: Path, known: dict[str, Any], units: Any) -> dict[str, Any]:
    """What studies.md B.5 says, from the files: stimulus -> decoded units."""
    X, shown = samples(study, "training", "VC", 3)
    true = {name: values[units] for name, values in known.items()}
    each = np.stack([true[name] for name in dict.fromkeys(shown)])
    mean, sd = each.mean(axis=0), each.std(axis=0, ddof=1)
    Y = (np.stack([true[name] for name in shown]) - mean) / sd
    brain, seen = samples(study, "natural", "VC", 4)
    names = list(dict.fromkeys(seen))
    averaged = np.stack([brain[[label == name for label in seen]].mean(axis=0) for name in names])
    scaled = ((part - X.mean(axis=0)) / X.std(axis=0, ddof=1) for part in (X, averaged))
    return dict(zip(names, ridge_by_hand(*(next(scaled), Y, next(scaled))) * sd + mean, strict=True))


def identified(reconstructed: Images, originals: dict[str, Any]) -> float:
    """Share of pairs in which the own stimulus correlates more with a reconstruction than another does."""
    flat = {name: image.astype(float).ravel() for name, image in originals.items()}
    right = []
    for name, image in zip(reconstructed.stimuli, reconstructed.values, strict=True):
        r = {k: np.corrcoef(np.clip(image, 0, 255).ravel(), other)[0, 1] for k, other in flat.items()}
        right += [r[name] > r[other] for other in flat if other != name]
    return float(np.mean(right))


@pytest.mark.slow
def test_natural_images_from_fmri(study: Path, tmp_path: Path) -> None:
    wanted = settings(
        study, decoded_layers="layers-1to1", layer_sets=["layers-1to1"], iterations=8, voxels="stored",
        check_images=0,
    )  # fmt: skip
    run = ic.run(FMRI, tmp_path, wanted, preset="natural-pixels")
    decoded = run["decoded"]["S1,VC"]
    names = set(files.names_of("natural").values())
    assert set(decoded.stimuli) == names and decoded.averaged == (4,) * 5
    for layer, known in true_features(("conv1_1", "conv1_2")).items():
        units = np.random.default_rng(0).choice(decoded.matrix(layer).shape[1], 60, replace=False)
        by_hand = decoded_by_hand(study, known, units)
        for row, name in enumerate(decoded.stimuli):
            # the voxels are float64; features are float32
            np.testing.assert_allclose(decoded.matrix(layer)[row, units], by_hand[name], rtol=1e-4, atol=1e-3)
    images = run["reconstructed.images"]["S1,VC,layers-1to1"]
    assert images.stimuli == decoded.stimuli
    share = identified(images, pictures("natural"))
    (scored,) = [row for row in run["scores.scores"].rows() if row["measure"] == "identification_correlation"]
    assert scored["value"] == pytest.approx(share) and share >= 0.9 and scored["p"] < 0.05
    accuracy = {row["layer"]: row for row in run["accuracy.scores"].rows()}
    assert accuracy["conv1_1"]["profile_correlation"] > 0.8 and accuracy["conv1_1"]["identification"] > 0.9
    severity = {row["guard"]: row["severity"] for row in run["guards"].rows()}
    for guard in ("repeated stimuli", "shared categories", "repeated brain samples", "same images"):
        assert severity[guard] == "ok"
    report = (tmp_path / "report.html").read_text()
    assert all(step in report for step in ("accuracy_figure", "guards", "sheet", "scores"))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all presets, which share what does not differ."""
    return tmp_path_factory.mktemp("runs") / "fmri"


@pytest.mark.slow
@pytest.mark.parametrize("preset", list(SETUPS))
def test_every_preset_runs_from_fmri(preset: str, study: Path, results: Path) -> None:
    image_type, rois, sets, generated = SETUPS[preset]
    checked = preset in ("natural", "imagery")
    run = ic.run(FMRI, results, settings(study, iterations=3, check_images=int(checked)), preset=preset)
    names = set(files.names_of(image_type).values()) - {"fixation"}
    assert set(run["originals"].stimuli) == names
    assert list(run["decoded"]) == [f"S1,{roi}" for roi in rois]
    for decoded in run["decoded"].values():
        assert set(decoded.stimuli) == names and len(decoded.layers) == 19
    leaky = network(image_type)
    true = leaky.features(np.stack(list(pictures(image_type).values())).astype(np.float32), ["conv5_4"])
    order = [list(pictures(image_type)).index(name) for name in run["truth"].stimuli]
    np.testing.assert_allclose(run["truth"].layers["conv5_4"], true["conv5_4"][order], rtol=1e-3, atol=1e-3)
    tables = run["reconstructed.losses"]
    assert list(tables) == [f"S1,{roi},{name}" for roi in rois for name in sets]
    for key, table in tables.items():
        for name in names:
            loss = table["loss"][table["stimulus"] == name]
            assert np.isfinite(loss).all()
            assert generated or loss[-1] < loss[0]  # a random generator cannot make what is wanted
        images = run["finished"][key]
        assert set(images.stimuli) == names and images.values.shape == (len(names), 224, 224, 3)
        assert images.values.std() > 1
    first = next(iter(tables))
    latents = run["reconstructed.latents"][first].layers
    assert bool(latents) == generated
    if generated:
        maker = DGN(width=WIDTH, latent=32, mean=STUDY_B_MEAN)
        assert np.abs(latents["latent"]).max() > 0
        made = maker.generate(latents["latent"])
        np.testing.assert_allclose(made, run["reconstructed.images"][first].values, atol=0.1)
    scores = run["scores.scores"].rows()
    assert {row["roi"] for row in scores} == set(rois) and {row["layers"] for row in scores} == set(sets)
    assert len(run["sheet"]) == 1
    if checked:
        (table,) = run["checks.scores"].values()
        assert set(table["control"]) >= {"recovery", "other", "units"}


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["natural-pixels", "shapes", "imagery"])
def test_both_starts_give_the_same_images(preset: str, study: Path, tmp_path: Path) -> None:
    """What is decoded from fMRI, saved by number as the authors do, and inverted from there."""
    image_type = SETUPS[preset][0]
    more: dict[str, Any] = {
        "iterations": 2, "batch_size": 1, "layer_sets": ["layers-1to1"], "feature_sd": study / "feat_std.mat",
    }  # fmt: skip
    wanted = settings(study, decoded_layers="layers-1to1", check_images=0, **more)
    first = ic.run(FMRI, tmp_path / "fmri", wanted, preset=preset)
    decoded = first["decoded"]["S1,VC"]
    numbers = {name: number for number, name in files.names_of(image_type).items()}
    labels = [f"Img{numbers[name]:04d}" for name in decoded.stimuli]
    layers = dict(decoded.layers)
    if (
        image_type == "imagery"
    ):  # the published features hold the fixation point, of which there is no picture
        labels.append("Img0016")
        layers = {name: np.concatenate([values, values[:1]]) for name, values in layers.items()}
    net = NETWORKS.get(image_type, "VGG19")
    root = study / f"decodedfeatures-{preset}"
    saved = Decoded(layers, tuple(labels), subject="S1", roi="VC")
    place = root / image_type / net
    write_decoded(place, saved, "original", prefix=f"{image_type}-{net}", axes="channels_last")
    own = {**settings(study, **more), "root": root, "subjects": ["S1"]}
    own.pop("decoder")
    second = ic.run(DECODED, tmp_path / "decoded", own, preset=preset)
    one, other = (run["reconstructed.images"]["S1,VC,layers-1to1"] for run in (first, second))
    found = dict(zip(other.stimuli, other.values, strict=True))
    for name, image in zip(one.stimuli, one.values, strict=True):
        np.testing.assert_allclose(found[f"Img{numbers[name]:04d}"], image, atol=0.05)
    shares = [run["scores.scores"]["value"] for run in (first, second)]
    np.testing.assert_allclose(shares[0], shares[1], atol=2e-3)
    assert ("Img0016" in found) == (image_type == "imagery")
    assert "Img0016" not in second["scores.images"]["stimulus"]


@pytest.mark.slow
def test_true_features_from_folders_and_another_decoder(study: Path, tmp_path: Path) -> None:
    """The lab's folders take the place of pictures; without these nothing is compared with them."""
    for part in ("training", "natural"):
        shown = pictures(part)
        images = Images(np.stack(list(shown.values())), tuple(shown))
        true = features_of(images, network(), ["fc6", "fc7", "fc8"])
        write_features(tmp_path / "features" / part, true, "channels_last")
    slir = {"use": "sparse-linear-regression", "with": {"n_iter": 20, "n_voxels": 20}}
    wanted = settings(
        study, stimuli=None, features=tmp_path / "features", decoder=slir, layer_sets=["fc*"], iterations=2,
        decoded_layers=["fc6", "fc7", "fc8"],
    )  # fmt: skip
    run = ic.run(FMRI, tmp_path / "out", wanted, preset="natural-pixels")
    assert set(run["truth"].stimuli) == set(files.names_of("natural").values())
    assert set(run["truth"].categories) == {f"n{synset:08d}" for synset, _ in files.NATURAL.values()}
    assert run["accuracy.scores"]["identification"].min() > 0.5
    assert len(run["scores.scores"]) == 0 and len(run["checks.findings"]["S1,VC,fc*"]) == 0
    notes = [row["finding"] for row in run["guards"].rows() if row["guard"] == "same images"]
    assert len(notes) == 1 and "no images" in notes[0]


class Pixels:
    """A network whose only layer is the picture."""

    layers = ("fc6",)

    def features(self, images: Any, layers: Any) -> dict[str, Any]:
        return {name: images.reshape(len(images), -1) for name in layers}


def test_excluded_stimuli_take_no_part_with_pictures_or_folders(tmp_path: Path) -> None:
    images = Images(np.random.default_rng(0).random((3, 2, 2, 3)), ("letter_C", "letter_E", "letter_T"))
    write_features(tmp_path / "alphabet", features_of(images, Pixels(), ["fc6"]), "channels_last")
    for folder in (None, tmp_path):
        found = stimulus_features(images, Pixels(), "alphabet", "fc6", folder, ["letter_E", "letter_X"])
        assert found.stimuli == ("letter_C", "letter_T")
        np.testing.assert_allclose(found.matrix("fc6"), images.values[[0, 2]].reshape(2, -1), rtol=1e-6)


def test_both_pipelines_have_the_seven_presets() -> None:
    folder = Path(__file__).parents[2] / "pipelines"
    one, other = (yaml.safe_load((folder / f"{name}.yaml").read_text()) for name in (FMRI, DECODED))
    assert list(one["presets"]) == list(other["presets"]) == list(SETUPS)
    for name in SETUPS:
        first, second = dict(one["presets"][name]), dict(other["presets"][name])
        assert first.pop("exclude", None) == (["fixation"] if name == "imagery" else None)
        assert second.pop("without_picture", None) == (["Img0016"] if name == "imagery" else None)
        assert first == second
    assert tuple(one["parameters"]["mean"]) == STUDY_B_MEAN


def test_what_is_missing_is_said_before_anything_runs(study: Path, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="root: say which folder holds the study's fMRI files"):
        ic.run(FMRI, tmp_path)
    with pytest.raises(PipelineError, match=r"only: there is no roi 'V9'"):
        ic.run(FMRI, tmp_path, settings(study, rois=["V9"]))
    with pytest.raises(PipelineError, match="has no folder natural or test or ImageNetTest"):
        ic.run(FMRI, tmp_path, settings(study, stimuli=study / "fmri"))
    with pytest.raises(PipelineError, match=r"has no file sub-01_ImageNetTest_fmriprep_volume_native\.h5"):
        ic.run(FMRI, tmp_path, settings(study, version="fmriprep"))
