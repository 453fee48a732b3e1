"""The checks with the project's own reconstructor: as functions, with a generator, and in a pipeline."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from small_models import Mixer, Net, pictures

import isocortex as ic
from isocortex.data import Decoded, Features, Images, Table
from isocortex_reconstruction.controls.steps import check_reconstruction
from isocortex_reconstruction.inversion import FeatureInversion
from isocortex_reconstruction.steps.reconstructing import reconstruct_images

PIPELINE = """
name: controls-under-test
axes: {subject: [S1]}
steps:
  stimuli: {use: t_stimuli, with: {n: 12, seed: 1}}
  known: {use: t_stimuli, with: {n: 20, seed: 2, first: known}}
  shapes: {use: t_stimuli, with: {n: 8, seed: 3, first: shape}}
  decoded: {use: t_decoded, from: {images: stimuli}, over: subject}
  others: {use: t_decoded, from: {images: shapes}, over: subject}
  made:
    use: reconstruct_images
    from: {features: decoded}
    with:
      model: t-net
      reconstructor: &how {use: feature-inversion, with: {optimiser: block-lbfgs, iterations: 40}}
    over: subject
  made_shapes:
    use: reconstruct_images
    from: {features: others}
    with: {model: t-net, reconstructor: *how}
    over: subject
  checked:
    use: t_check
    from: {reconstructed: made.images, originals: stimuli, decoded: decoded, training: known}
    with: {model: t-net, reconstructor: *how, controls: [recovery, other, units], n_images: 3}
    over: subject
  bare:
    use: t_check
    from: {reconstructed: made.images, originals: stimuli, decoded: decoded}
    with: {model: t-net, reconstructor: *how, controls: [noise], layers: fc1}
    over: subject
  kinds:
    use: t_domains
    from:
      inside: made.images
      inside_originals: stimuli
      outside: made_shapes.images
      outside_originals: shapes
    over: subject
  layers:
    use: t_groups
    from: {decoded: decoded, originals: stimuli}
    with: {model: t-net, reconstructor: *how, groups: {first: [fc1], second: [fc2]}, n_images: 2}
    over: subject
report: [checked.findings, checked.scores, kinds.findings, layers.scores]
"""


def t_stimuli(n: int, seed: int, first: str = "test") -> Images:
    """Pictures."""
    return Images(pictures(n, seed=seed).astype(np.float32), tuple(f"{first}{k}" for k in range(n)))


def t_decoded(images: Images, rng: np.random.Generator) -> Decoded:
    """Features with noise, in another order."""
    order = rng.permutation(len(images))
    true = wide().features(images.values[order], Net.layers)
    layers = {name: v + 0.1 * v.std() * rng.normal(size=v.shape) for name, v in true.items()}
    return Decoded(layers, tuple(images.stimuli[k] for k in order))


def wide() -> Net:
    """A network whose first layer determines the picture."""
    return Net(units=60)


class Plugin:
    """The steps under names of their own."""

    @ic.hookimpl
    def register_models(self, register: Any) -> None:
        register("t-net", wide)

    @ic.hookimpl
    def register_steps(self, register: Any) -> None:
        register("t_stimuli", t_stimuli)
        register("t_decoded", t_decoded)
        place = "isocortex_reconstruction.controls"
        register("t_check", f"{place}.steps:check_reconstruction")
        register("t_domains", f"{place}.domains:check_domains")
        register("t_groups", f"{place}.groups:reconstruct_layer_groups")


def test_everything_in_one_pipeline(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(PIPELINE)
    out = tmp_path / "out"
    ic.run(file, out=out, plugins=[Plugin()])
    place = "subject=S1"
    findings = Table.load(out / "checked" / place / "findings")
    bad = [row for row in findings.rows() if row["severity"] == "warning"]
    assert bad == [], bad
    scores = Table.load(out / "checked" / place / "scores")
    rows = {row["control"]: row for row in scores.rows() if row["space"] == "pixels"}
    assert list(rows) == ["brain", "recovery", "other", "units"]
    assert rows["recovery"]["correlation"] > 0.95 > 0.5 > rows["other"]["correlation"]
    assert rows["brain"]["identification"] == 1
    assert len(Images.load(out / "checked" / place / "images")) == 9
    assert len(Table.load(out / "checked" / place / "nearest")) == 12
    assert len(Table.load(out / "bare" / place / "nearest")) == 0
    kinds = Table.load(out / "kinds" / place / "scores")
    assert kinds["images"].tolist() == [12, 8] and (kinds["identification"] > 0.9).all()
    groups = Table.load(out / "layers" / place / "scores")
    assert groups["group"].tolist() == ["first", "second"]
    assert groups["correlation"][0] > groups["correlation"][1]
    assert json.loads((out / "run.json").read_text())


def test_what_a_generator_can_and_cannot_show() -> None:
    """Stimuli that the generator can make are recovered; those that it cannot are a low ceiling."""
    drawn = np.random.default_rng(4)
    inversion = FeatureInversion(optimiser="block-lbfgs", iterations=60)
    within = np.asarray(Mixer().generate(drawn.uniform(0.2, 2.8, (8, 6))))
    for values, expected in ((within, "ok"), (pictures(8), "warning")):
        originals = Images(values.astype(np.float32), tuple(f"s{k}" for k in range(8)))
        decoded = Features(wide().features(values, Net.layers), originals.stimuli)
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")
            made = reconstruct_images(decoded, wide(), np.random.default_rng(0), inversion, Mixer())
            found = check_reconstruction(
                made.images, originals, decoded, wide(), inversion, np.random.default_rng(1), Mixer()
            )
        rows = {(row["guard"], row["where"]): row for row in found.findings.rows()}
        assert rows["recovery", "recovery"]["severity"] == expected
        assert rows["recovery", "recovery_pixels"]["severity"] == "ok"
        if expected == "ok":
            assert [row for row in rows.values() if row["severity"] == "warning"] == []
