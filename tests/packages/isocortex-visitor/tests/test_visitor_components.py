"""Each component keeps its contract; ``isocortex.testing`` knows what that means."""

import isocortex as ic
import numpy as np
import pytest
from isocortex import testing
from isocortex.errors import DamagedFile, DataError
from isocortex.plugins.registry import KINDS
from sklearn.utils.estimator_checks import check_estimator

from isocortex_visitor import steps
from isocortex_visitor.decoder import Neighbours
from isocortex_visitor.generator import Squashed
from isocortex_visitor.metric import MeanDifference
from isocortex_visitor.network import TwoLayers
from isocortex_visitor.reconstructor import Descent
from isocortex_visitor.similarity import Concordance
from isocortex_visitor.source import Folder


@pytest.mark.parametrize("kind", KINDS)
def test_one_of_each_kind_is_registered(kind):
    registry = ic.plugin_manager().registry
    assert [entry for entry in registry.all(kind) if entry.plugin.name == "visitor"]


@pytest.mark.parametrize("exponent", [0.5, 1.0])
def test_the_metric(exponent):
    metric = MeanDifference(exponent)
    testing.check_rdm_metric(metric)
    assert metric(np.array([[0.0, 0.0], [3.0, 3.0]])) == pytest.approx([9**exponent])


def test_the_similarity():
    testing.check_similarity(Concordance())
    rdm = np.array([[1.0, 2.0, 4.0]])
    assert Concordance().compare(rdm, rdm)[0, 0] == pytest.approx(1)
    assert Concordance().compare(rdm, rdm + 1)[0, 0] < 1


def test_the_model():
    model = TwoLayers()
    testing.check_model(model)
    testing.check_model(model, np.random.default_rng(0).uniform(0, 255, (3, 13, 21, 3)))
    with pytest.raises(DataError, match="did you mean 'relu1'"):
        model.features(np.zeros((1, 8, 8, 3)), ["relu_1"])


@pytest.mark.parametrize("layer", TwoLayers.layers)
def test_the_gradient_of_each_layer_is_that_of_the_loss(layer):
    model, rng = TwoLayers(), np.random.default_rng(0)
    images, other = rng.uniform(0, 255, (2, 1, 8, 8, 3))
    target, weights = model.features(other, [layer]), {layer: 0.5}
    mask = {layer: rng.integers(0, 2, target[layer].shape)}
    step = 1e-3 * rng.normal(size=images.shape)
    loss = [model.loss_gradient(images + sign * step, target, weights, "l2", mask).losses for sign in (1, -1)]
    slope = model.loss_gradient(images, target, weights, "l2", mask).gradient
    assert (loss[0] - loss[1]).sum() / 2 == pytest.approx((slope * step).sum(), rel=1e-5)


def test_the_generator():
    testing.check_generator(Squashed())


def test_the_decoder():
    testing.check_decoder(Neighbours())
    check_estimator(Neighbours(), on_skip=None)


@pytest.mark.parametrize("generator", [None, Squashed()])
def test_the_reconstructor(generator):
    model = TwoLayers()
    testing.check_reconstructor(Descent(), model, generator)
    target = model.features(Squashed().generate(np.ones((2, 10))), model.layers)
    found = Descent(100).reconstruct(target, model, generator, rng=np.random.default_rng(0))
    assert (found.losses[:, -1] < 0.2 * found.losses[:, 0]).all()


def test_the_data_source(folder, tmp_path):
    testing.check_data_source(Folder(folder))
    assert Folder(folder).axes() == {"subject": ["sub-01", "sub-02"]}
    assert Folder(tmp_path).check() == [f"there is no .npz file in {tmp_path}"]
    with pytest.raises(DataError, match="did you mean 'sub-01'"):
        Folder(folder).load_patterns("sub-1")
    (folder / "sub-02.npz").write_bytes(b"nothing")
    with pytest.raises(DamagedFile, match=r"sub-02\.npz"):
        Folder(folder).load_patterns("sub-02")


@pytest.mark.parametrize(
    "name", ["stimuli", "halves", "rdm", "agreement", "accuracy", "reconstruct", "collect"]
)
def test_the_steps(name):
    testing.check_step(getattr(steps, name), name)


def test_halves_keep_labels_with_their_rows(folder):
    patterns = Folder(folder).load_patterns("sub-01")
    first, second = steps.halves(patterns, np.random.default_rng(0))
    assert first.n_samples == second.n_samples == 12
    assert set(first.conditions) == set(second.conditions) == set("abcd")


def test_the_pipeline(folder, tmp_path):
    run = ic.run("visitor-study", out=tmp_path / "out", set={"root": str(folder)})
    assert run["accuracies"]["accuracy"].tolist() == [1.0, 1.0]
    assert (run["agreements"]["similarity"] > 0.8).all()
    assert len(run["generated"]) == 3


def test_a_pipeline_of_ones_own(folder, run_pipeline):
    text = """
        name: own
        parameters: {root: null}
        axes: {subject: {from: visitor-folder, root: $root}}
        steps:
          patterns: {use: load_patterns, with: {source: visitor-folder, root: $root}, over: subject}
          accuracy: {use: visitor_accuracy, from: patterns, with: {decoder: neighbours}, over: subject}
    """
    assert list(run_pipeline(text, root=str(folder))["accuracy"]) == ["sub-01", "sub-02"]
