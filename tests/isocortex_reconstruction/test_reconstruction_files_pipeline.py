"""Scaling, finishing and files wired in a pipeline, on made features in the lab's folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.io

import isocortex as ic
from isocortex.data import Decoded, Features
from isocortex_decoding import write_decoded, write_decoder, write_features
from isocortex_reconstruction.scaling.spread import spread
from isocortex_reconstruction.scaling.statistics import training_mean

PLUGIN = '''
import numpy as np
import isocortex as ic
from isocortex.data import Features, Images, Table
from typing import NamedTuple


class Made(NamedTuple):
    images: Images
    losses: Table
    latents: Features


def made_images(features: Features) -> Made:
    """Images that show their features, so that a mix-up would be seen."""
    names = features.stimuli
    level = np.asarray(features.layers["fc6"])[:, :3]
    values = level[:, None, None] * np.arange(5, dtype=np.float32)[:, None] * np.ones((1, 4, 1, 1))
    table = {"stimulus": np.repeat(names, 2), "iteration": np.tile([1, 2], len(names))}
    return Made(
        Images(values.astype(np.float32), names),
        Table({**table, "loss": level[:, :2].ravel()}),
        Features({"latent": level}, names),
    )


@ic.hookimpl
def register_steps(register):
    register("made_images", made_images)
'''

PIPELINE = """
name: outputs
plugins: [made_plugin.py]
axes: {subject: [S1, S2], roi: [V1, VC]}
steps:
  decoded:
    use: load_decoded_folders
    with: {folder: decoded, subject: $subject, roi: $roi, averaged: 24}
    over: [subject, roi]
  known: {use: load_feature_folders, with: {folder: features}}
  shen:
    use: scale_features
    from: {decoded: decoded}
    with: {method: shen2019, feature_sd: sd.mat}
    over: [subject, roi]
  cookbook:
    use: scale_features
    from: {decoded: decoded, training: known}
    with: {decoders: decoders}
    over: [subject, roi]
  made: {use: made_images, from: {features: shen}, over: [subject, roi]}
  shown: {use: finish_images, from: {images: made.images}, over: [subject, roi]}
  files:
    use: export_images
    from: {images: made.images, losses: made.losses, latents: made.latents}
    with: {layout: cookbook2023}
  each: {use: export_images, from: {images: made.images}, with: {layout: plain}, over: [subject, roi]}
"""
LABELS = ("Img0002", "Img0010", "Img0001")


def study(root: Path) -> dict[tuple[str, str], Decoded]:
    """Decoded features, training features, decoders and SDs as files."""
    rng = np.random.default_rng(0)
    shapes = {"conv1_1": (3, 4, 2), "fc6": (6,)}
    known = {name: (rng.normal(size=(5, *shape)) * 4).astype(np.float32) for name, shape in shapes.items()}
    training = Features(known, tuple(f"n0{k}_1" for k in range(5)))
    write_features(root / "features", training, axes="channels_last")
    made = {}
    for subject in ("S1", "S2"):
        for roi in ("V1", "VC"):
            layers = {n: rng.normal(2, 1, (3, *shape)).astype(np.float32) for n, shape in shapes.items()}
            decoded = Decoded(layers, LABELS, subject=subject, roi=roi)
            write_decoded(root / "decoded", decoded, axes="channels_last")
            made[subject, roi] = decoded.select(sorted(LABELS))
            for name, shape in shapes.items():
                mean = np.moveaxis(training_mean(training, name, shape), -1, 0)
                ones, weights = np.ones(mean.shape), np.ones((2, *mean.shape))
                place = root / "decoders" / name / subject / roi / "model"
                write_decoder(place, weights, ones, np.zeros(2), np.ones(2), mean, ones)
    scipy.io.savemat(root / "sd.mat", {"conv1_1": [[54.19]], "fc6": [[11.587]], "relu1_1": [[1.0]]})
    return made


def test_scaling_and_files_in_a_pipeline(tmp_path: Path) -> None:
    decoded = study(tmp_path)
    (tmp_path / "made_plugin.py").write_text(PLUGIN, encoding="utf-8")
    file = tmp_path / "outputs.yaml"
    file.write_text(PIPELINE, encoding="utf-8")
    run: Any = ic.run(file, out=tmp_path / "out")
    for (subject, roi), given in decoded.items():
        key = f"{subject},{roi}"
        scaled = run["shen"][key]
        assert (scaled.subject, scaled.roi, scaled.averaged) == (subject, roi, (24, 24, 24))
        for row, label in enumerate(scaled.stimuli):
            sample = given.select([label]).layers["conv1_1"][0]
            wanted = sample / spread(sample, 0) * 54.19
            assert np.allclose(scaled.layers["conv1_1"][row], wanted, rtol=1e-5)
        assert not np.allclose(run["cookbook"][key].layers["fc6"], scaled.layers["fc6"])
        stored = tmp_path / "out" / "files" / subject / roi / "recon_image-Img0010.mat"
        content = scipy.io.loadmat(stored)
        level = scaled.select(["Img0010"]).layers["fc6"][0]
        assert np.allclose(content["recon_image"][0, 1], level[:3], rtol=1e-6)
        assert np.allclose(content["loss_history"][0], level[:2], rtol=1e-6)
        code = scipy.io.loadmat(stored.with_name("latent-Img0010.mat"))["latent"]
        assert np.allclose(code, level[None, :3], rtol=1e-6)
        inner = tmp_path / "out" / "each" / f"subject={subject}" / f"roi={roi}" / subject / roi
        assert len(list(inner.glob("*.tiff"))) == len(list(inner.glob("*.png"))) == 3
        assert run["shown"][key].values.dtype == np.uint8
    files = run["files"]
    assert [part.folders for part in files.parts] == [("S1", "V1"), ("S1", "VC"), ("S2", "V1"), ("S2", "VC")]
