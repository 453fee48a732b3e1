"""A network is trained, kept, used again and looked into by a pipeline; checkpoints change nothing."""

from pathlib import Path

import numpy as np
import pytest
from training_pictures import digit_pictures, joined, made_objects, some

import isocortex as ic
from isocortex_vision.inspection.contact_sheet import image_sheet
from isocortex_vision.inspection.steps import maximise_network_activation
from isocortex_vision.training.figures import confusion_figure
from isocortex_vision.training.steps import classify_images, train_network
from isocortex_vision.training.trained import TrainedNetwork


def small_pictures(each: int = 6) -> ic.Images:
    """Some digits and made objects."""
    return joined(some(digit_pictures(False), each), made_objects(each, 0))


class Steps:
    """What the pipeline needs, by the names that the built-in plugin gives."""

    @ic.hookimpl
    def register_steps(self, register) -> None:  # type: ignore[no-untyped-def]
        register("small-pictures", small_pictures)
        register("train-it", train_network)
        register("classify-it", classify_images)
        register("look-into-it", maximise_network_activation)
        register("sheet-of-it", image_sheet)
        register("confusions-of-it", confusion_figure)


PIPELINE = """
name: training
seed: 3
steps:
  pictures: {use: small-pictures}
  training:
    use: train-it
    from: {images: pictures}
    with:
      digits: lee2023
      classes: lee2023
      network: {image_size: 32, width: 0.0625}
      learning: {epochs: 2, learning_rate: 0.001}
      pictures: {digits_per_batch: 10, objects_per_batch: 6}
      CHECKPOINTS
  answers: {use: classify-it, from: {images: pictures, network: training.network}}
  preferred:
    use: look-into-it
    from: {network: training.network}
    with: {units: [Tree, Zero], schedule: [{iterations: 2, sigma: [1, 0.5], step: [3, 1]}]}
  sheet: {use: sheet-of-it, from: {images: preferred.images}}
  confusions: {use: confusions-of-it, from: {confusion: answers.confusion}}
"""


@pytest.mark.slow
def test_pipeline_trains_and_looks_inside(tmp_path: Path) -> None:
    networks = []
    for number, checkpoints in enumerate(("", f"checkpoints: {tmp_path / 'kept'}")):
        file = tmp_path / f"training{number}.yaml"
        file.write_text(PIPELINE.replace("CHECKPOINTS", checkpoints))
        out = tmp_path / f"out{number}"
        ic.run(file, out=out, plugins=[Steps()])
        found = next((out / "training").rglob("network.json")).parent
        networks.append(TrainedNetwork.load(found))
        assert list((out / "sheet").rglob("figure.png")) and list((out / "confusions").rglob("figure.png"))
    for one, other in zip(networks[0].layers.values(), networks[1].layers.values(), strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
    assert len(list((tmp_path / "kept").glob("*/checkpoint.json"))) == 1
