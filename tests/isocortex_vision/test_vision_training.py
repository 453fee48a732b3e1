"""A training learns, minimises what it declares, and comes out the same after a break."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from training_pictures import DIGITS, OBJECTS, digit_pictures, joined, made_objects, real_objects, some

from isocortex.data import Images
from isocortex.errors import DamagedFile, DataError, LabelMismatch
from isocortex.testing import check_model, check_step
from isocortex_vision.models.vgg import VGG16
from isocortex_vision.networks.architecture import Dropout
from isocortex_vision.training.evaluation import score
from isocortex_vision.training.initial import starting_weights
from isocortex_vision.training.loop import Schedule
from isocortex_vision.training.session import Session
from isocortex_vision.training.steps import Training, classify_images, train_network
from isocortex_vision.training.trainable import Trainable
from isocortex_vision.training.trained import Form, TrainedNetwork

CLASSES = (*DIGITS, *OBJECTS)
SMALL = {"image_size": 32, "width": 1 / 16}


def few() -> Images:
    return joined(some(digit_pictures(False), 8), made_objects(8, 0))


def session(**settings: object) -> Session:
    options = {"seed": 3, "network": SMALL, "shares": None} | settings
    options.pop("shares")
    from isocortex_vision.training.sampling import Shares

    return Session.prepare([few()], CLASSES, DIGITS, None, Shares(10, 6), **options)


def trained(**settings: object) -> Training:
    learning = {"epochs": 3, "learning_rate": 1e-3} | settings.pop("learning", {})
    return train_network(
        settings.pop("images", None) or few(), np.random.default_rng(0), "lee2023", classes="lee2023",
        network=SMALL | settings.pop("network", {}), learning=learning,
        pictures={"digits_per_batch": 10, "objects_per_batch": 6}, **settings,
    )  # fmt: skip


def same(first: TrainedNetwork, second: TrainedNetwork) -> bool:
    pairs = zip(first.layers.values(), second.layers.values(), strict=True)
    return all(a.tobytes() == b.tobytes() for one, other in pairs for a, b in zip(one, other, strict=True))


def test_a_small_network_learns(tmp_path: Path) -> None:
    """Two digits and two kinds of object, told apart after a few seconds, in pictures that were held out."""
    names = ("Zero", "One", "Bed", "Bird")

    def part(images: Images) -> Images:
        pairs = zip(images.stimuli, images.categories or (), strict=True)
        return images.select([label for label, name in pairs if name in names])

    pictures = part(joined(digit_pictures(False), made_objects(80, 0)))
    held_out = part(joined(digit_pictures(True), made_objects(20, 1)))
    done = train_network(
        pictures, np.random.default_rng(0), ["Zero", "One"], held_out, network=SMALL,
        learning={"epochs": 10, "learning_rate": 2e-3},
        pictures={"digits_per_batch": 15, "objects_per_batch": 9},
    )  # fmt: skip
    assert done.network.classes == tuple(dict.fromkeys(pictures.categories or ()))
    answers = classify_images(held_out, done.network).answers
    assert answers["correct"].mean() > 0.9
    np.testing.assert_allclose(done.history["validation_accuracy"][-1], answers["correct"].mean(), atol=1e-12)
    assert done.history["validation_loss"][-1] < done.history["validation_loss"][0]
    rows = done.confusion["category"] == done.confusion["answer"]
    assert done.confusion["count"].sum() == len(held_out)
    assert done.confusion["count"][rows].sum() == answers["correct"].sum()


@pytest.mark.slow
def test_held_out_digits_pass_95_per_cent(real_data: Path) -> None:
    """The 16 classes of study A: real digits, real pictures of objects, a VGG16 of an eighth of the width."""
    pictures = joined(digit_pictures(False), real_objects(real_data, False))
    held_out = joined(digit_pictures(True), real_objects(real_data, True))
    done = train_network(
        pictures, np.random.default_rng(0), "lee2023", held_out, classes="lee2023",
        network={"image_size": 32, "width": 1 / 8},
        learning={"epochs": 30, "learning_rate": 1e-3, "decay_steps": 200, "decay_rate": 0.85},
    )  # fmt: skip
    answers = classify_images(held_out, done.network).answers
    digits = np.isin(answers["category"], DIGITS)
    assert answers["correct"][digits].mean() > 0.95
    assert answers["correct"][~digits].mean() > 0.4  # chance is a sixteenth


@pytest.mark.slow
def test_one_seed_gives_one_result() -> None:
    first, second = trained(), trained()
    assert same(first.network, second.network)
    for name, values in first.history.columns.items():
        np.testing.assert_array_equal(values, second.history[name])


@pytest.mark.slow
def test_interrupted_and_taken_up_equals_uninterrupted(tmp_path: Path) -> None:
    whole = session()
    whole.run({"epochs": 3, "learning_rate": 1e-3})

    class Stop(Exception):
        pass

    def stop(row: dict) -> None:
        if row["epoch"] == 2:
            raise Stop

    with pytest.raises(Stop):
        session().run({"epochs": 3, "learning_rate": 1e-3}, tmp_path, stop)
    seen = []
    again = session()
    done = again.run({"epochs": 3, "learning_rate": 1e-3}, tmp_path, seen.append)
    assert [row["epoch"] for row in seen] == [3] and done.history["epoch"].tolist() == [1, 2, 3]
    assert same(whole.trained(), again.trained())
    longer, longest = session(), session()  # a finished training can be made longer
    longer.run({"epochs": 4, "learning_rate": 1e-3}, tmp_path)
    longest.run({"epochs": 4, "learning_rate": 1e-3})
    assert same(longer.trained(), longest.trained())


KILLED = """
import sys
sys.path.insert(0, sys.argv[2])
from test_vision_training import trained
from pathlib import Path
found = trained(learning={"epochs": 40}, checkpoints=Path(sys.argv[1]) / "checkpoints")
found.network.save(Path(sys.argv[1]) / "network")
"""


@pytest.mark.slow
def test_killed_and_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    """kill -9 at some moment of three runs; the fourth ends, with the weights of a run without a break."""
    (tmp_path / "network").mkdir()
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(Path(__file__).parent)]
    survived = False
    for attempt in range(4):
        process = subprocess.Popen(command, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
        before = set(tmp_path.rglob("epoch-*.npz"))
        while attempt < 3 and process.poll() is None and set(tmp_path.rglob("epoch-*.npz")) <= before:
            time.sleep(0.01)
        if attempt < 3:
            time.sleep(0.05 * attempt)
            process.send_signal(signal.SIGKILL)
        survived = process.wait() == 0
    assert survived
    assert same(TrainedNetwork.load(tmp_path / "network"), trained(learning={"epochs": 40}).network)


def test_checkpoints_of_another_training_are_refused(tmp_path: Path) -> None:
    from isocortex_vision.training.loop import train

    def run(rate: float, epochs: int = 1) -> None:
        made = session()
        network = Trainable(made.form.architecture(16), made.start.weights, made.start.preprocessing)
        train(network, made.batches, CLASSES, Schedule(epochs, rate), None, tmp_path)

    run(1e-3, 2)
    with pytest.raises(DataError, match="a training with other settings"):
        run(1e-4)
    with pytest.raises(DataError, match="after 2 epochs, and 1 are asked for"):
        run(1e-3, 1)
    with (tmp_path / "epoch-00002.npz").open("r+b") as file:
        file.seek(5000)
        file.write(b"\0\1\2")
    with pytest.raises(DamagedFile, match="has changed"):
        run(1e-3, 2)
    (tmp_path / "checkpoint.json").write_text("{}")
    with pytest.raises(DamagedFile, match=r"checkpoint\.json"):
        run(1e-3, 2)


def test_a_step_is_adams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loss, gradient and update against Keras, without dropout, with weight decay, over several steps."""
    import tensorflow as tf

    made = session()
    table = made.form.architecture(16)
    layers = tuple(layer for layer in table.layers if not isinstance(layer, Dropout))
    table = type(table)(table.name, layers, table.shape_in)
    network = Trainable(table, made.start.weights, made.start.preprocessing, weight_decay=0.01)
    other = Trainable(table, made.start.weights, made.start.preprocessing)
    adam = tf.keras.optimizers.Adam(1e-3, epsilon=1e-8)
    for step, (pictures, classes) in enumerate(list(made.batches(0))[:3]):
        with tf.GradientTape() as tape:
            logits = other._forward(pictures, None)
            loss = tf.reduce_mean(
                tf.keras.losses.sparse_categorical_crossentropy(classes, logits, from_logits=True)
            )
            kernels = [v for name, v in other.variables.items() if name.endswith("kernel")]
            loss += 0.005 * tf.add_n([tf.reduce_sum(kernel**2) for kernel in kernels])
        values = list(other.variables.values())
        adam.apply_gradients(zip(tape.gradient(loss, values), values, strict=True))
        np.testing.assert_allclose(network.learn(pictures, classes, step, 1e-3), loss, rtol=1e-5)
    for one, two in zip(network.variables.values(), values, strict=True):
        np.testing.assert_allclose(one.numpy(), two.numpy(), rtol=1e-3, atol=2e-5)


@pytest.mark.slow
def test_units_are_dropped_in_training_only() -> None:
    made = session()
    network = Trainable(made.form.architecture(16), made.start.weights, made.start.preprocessing, seed=4)
    pictures = few().values[:4].astype(np.float32)
    used = network.logits(pictures)
    np.testing.assert_array_equal(used, network.logits(pictures))
    first, second = network.dropped_logits(pictures, 0), network.dropped_logits(pictures, 1)
    assert not np.allclose(first, used) and not np.allclose(first, second)
    np.testing.assert_array_equal(first, network.dropped_logits(pictures, 0))
    many = np.mean([network.dropped_logits(pictures, step) for step in range(400)], axis=0)
    assert np.abs(many - used).max() < 0.2 * np.abs(used).max()


def test_learning_rate_falls_in_stairs() -> None:
    schedule = Schedule()
    assert schedule.rate(0) == schedule.rate(8049) == 1e-5
    assert schedule.rate(8050) == 1e-5 * 0.96 and schedule.rate(16100) == 1e-5 * 0.96**2
    history = trained(learning={"epochs": 3, "decay_steps": 8, "decay_rate": 0.5}).history
    steps = history["step"]
    np.testing.assert_allclose(history["learning_rate"], 1e-3 * 0.5 ** ((steps - 1) // 8))


@pytest.mark.slow
def test_network_is_saved_and_read_by_vgg16(tmp_path: Path) -> None:
    network = trained(learning={"epochs": 1}).network
    network.save(tmp_path)
    again = TrainedNetwork.load(tmp_path)
    assert same(network, again) and repr(again) == repr(network)
    assert (again.classes, again.form, again.preprocessing) == (CLASSES, network.form, network.preprocessing)
    assert again.origins == network.origins
    direct = VGG16(weights=tmp_path / "weights.npz", head="lee2023", image_size=32, width=1 / 16)
    pictures = few().values[:5]
    ours = again.model()
    check_model(ours)
    assert ours.layers == direct.layers
    for name, values in ours.features(pictures, ours.layers).items():
        np.testing.assert_array_equal(values, direct.features(pictures, [name])[name])
    (tmp_path / "network.json").write_text('{"form": {"depth": 16}}')
    with pytest.raises(DamagedFile, match="does not describe"):
        TrainedNetwork.load(tmp_path)


def test_training_starts_from_a_file_and_draws_the_rest(tmp_path: Path) -> None:
    network = trained(learning={"epochs": 1}).network
    network.save(tmp_path)
    architecture = Form(image_size=32, width=1 / 16).architecture(5)
    with pytest.raises(DataError, match=r"'fc8'.*name it in new_layers"):
        starting_weights(architecture, tmp_path / "weights.npz", 0)
    start = starting_weights(architecture, tmp_path / "weights.npz", 0, ["fc8"], "xavier")
    np.testing.assert_array_equal(start.weights["fc6"][0], network.layers["fc6"][0])
    kernel, bias = start.weights["fc8"]
    limit = np.sqrt(6 / (64 + 5))
    assert kernel.shape == (1, 1, 64, 5) and not bias.any() and 0.9 * limit < np.abs(kernel).max() <= limit
    assert start.origins["fc8"] == "xavier" and "weights.npz" in start.origins["conv1_1"]
    drawn = starting_weights(architecture, None, 0).weights["conv3_2"][0]
    np.testing.assert_allclose(drawn.std(), np.sqrt(2 / (9 * 16)), rtol=0.1)
    with pytest.raises(DataError, match="new_layers names 'fc9'"):
        starting_weights(architecture, None, 0, ["fc9"])


@pytest.mark.parametrize("quirks", [None, "lee2023"])
def test_quirks_of_the_study_run(quirks: str | None) -> None:
    found = trained(learning={"epochs": 1}, quirks=quirks)
    assert np.isfinite(found.history["training_loss"]).all()
    assert found.history["step"].tolist() == [8]
    assert np.isnan(found.history["validation_loss"]).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning": {"epochs": 0}}, "epochs"),
        ({"learning": {"rate": 1}}, "learning has no 'rate'"),
        ({"learning": {"weight_decay": -1.0}}, "weight_decay"),
        ({"learning": {"learning_rate": 1e9, "epochs": 2}}, "smaller learning_rate"),
        ({"network": {"image_size": 16}}, "image_size"),
        ({"network": {"head": "none"}}, "head"),
        ({"validation": few()}, "more than once"),
        ({"validation": Images(np.zeros((1, 32, 32, 3)), ["x"], ["Eleven"])}, "'Eleven' is not among"),
        ({"images": some(digit_pictures(False), 3)}, "no training images of Bed"),
    ],
)
def test_what_cannot_be_trained_is_said(settings: dict, message: str) -> None:
    with pytest.raises((DataError, LabelMismatch), match=message):
        trained(**settings)


def test_images_without_categories() -> None:
    network = trained(learning={"epochs": 1}).network
    plain = Images(few().values, few().stimuli)
    with pytest.raises(DataError, match="no categories"):
        train_network(plain, np.random.default_rng(0), [])
    found = classify_images(plain, network)
    assert list(found.answers.columns) == ["stimulus", "answer", "probability"] and not len(found.confusion)
    assert found.confusion["category"].dtype.kind == "U"
    assert found.answers["stimulus"].tolist() == list(plain.stimuli)


def test_scores_against_scikit_learn() -> None:
    from sklearn.metrics import accuracy_score, confusion_matrix, log_loss

    rng = np.random.default_rng(0)
    logits, classes = rng.normal(0, 5, (50, 4)).astype(np.float32), rng.integers(0, 4, 50)
    found = score(logits, classes, 4)
    chances = np.exp(logits.astype(np.float64)) / np.exp(logits.astype(np.float64)).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.loss, log_loss(classes, chances, labels=range(4)), rtol=1e-9)
    assert found.accuracy == accuracy_score(classes, logits.argmax(axis=1))
    np.testing.assert_array_equal(
        found.confusion, confusion_matrix(classes, logits.argmax(axis=1), labels=range(4))
    )


def test_steps_have_schemas() -> None:
    schema = check_step(train_network)
    assert list(schema.inputs) == ["images", "validation", "more"]
    assert list(schema.outputs) == ["network", "history", "confusion"] and schema.rng == "rng"
    assert list(schema.settings["learning"].problems({"epoch": 3}))
    assert check_step(classify_images).inputs["network"].single == (TrainedNetwork,)
