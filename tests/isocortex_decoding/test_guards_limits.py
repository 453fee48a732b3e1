"""On which side of their limits the guards speak."""

import numpy as np
import pytest
from decoding_study import pictures

from isocortex_decoding.evaluation.blocks import unit_statistics
from isocortex_decoding.guards.collapse import Span
from isocortex_decoding.guards.decoded import Layer, prediction_findings
from isocortex_decoding.guards.findings import Finding
from isocortex_decoding.guards.hashes import near_duplicates, perceptual_hashes, thumbnails
from isocortex_decoding.guards.variance import nearest_items


def findings(training: np.ndarray, test: np.ndarray, predicted: np.ndarray) -> dict[str, Finding]:
    names = [f"a{k}" for k in range(len(training))], [f"b{k}" for k in range(len(test))]
    found = prediction_findings(Layer(training, test, predicted), names, Span(training), "fc6")
    return {finding.guard: finding for finding in found}


def test_an_item_without_a_correlation_is_never_the_nearest() -> None:
    rng = np.random.default_rng(0)
    predicted = rng.normal(size=(1, 30))
    training = np.stack([np.ones(30), -predicted[0] + rng.normal(size=30), -predicted[0]])
    zero, one, keep = np.zeros(30), np.ones(30), np.ones(30, dtype=bool)
    found = nearest_items(predicted, predicted, training, zero, one, keep)
    assert found.item.tolist() == [1] and -1 < found.r[0] < 0 and found.own[0] == pytest.approx(1)
    alone = nearest_items(predicted, predicted, training[:1], zero, one, keep)
    assert np.isnan(alone.r[0])


def test_a_prediction_that_is_closer_to_its_own_target_is_no_copy() -> None:
    rng = np.random.default_rng(1)
    training, test = rng.normal(size=(20, 200)), rng.normal(size=(6, 200))
    training[4] = test[2] + 0.1 * rng.normal(size=200)  # a test item much like a training item
    mean, norm = unit_statistics(training)
    predicted = test + 0.02 * rng.normal(size=test.shape)
    near = nearest_items(predicted, test, training, mean, norm, np.ones(200, dtype=bool))
    assert near.r[2] > 0.95 and near.own[2] > near.r[2]
    assert findings(training, test, predicted)["copies of training items"].severity == "ok"
    predicted[2] = training[4]
    copies = findings(training, test, predicted)["copies of training items"]
    assert copies.severity == "warning" and copies.count == 1 and "b2 (training: a4)" in copies.finding


@pytest.mark.parametrize(
    ("ratio", "severity"), [(0.75, "note"), (0.85, "ok"), (1.2, "ok"), (1.3, "note"), (3.0, "note")]
)
def test_the_scale_of_predictions(ratio: float, severity: str) -> None:
    rng = np.random.default_rng(2)
    training, test = rng.normal(size=(12, 500)), rng.normal(size=(5, 500))
    spread = training.std(axis=1, ddof=1).mean()
    predicted = rng.normal(size=test.shape)
    predicted *= ratio * spread / predicted.std(axis=1, ddof=1, keepdims=True)
    scale = findings(training, test, predicted)["scale"]
    assert scale.value == pytest.approx(ratio) and scale.severity == severity


@pytest.mark.parametrize(("samples", "true_dimensions", "severity"), [
    (12, 6, "warning"), (12, 2, "ok"), (9, 6, "ok"),
])  # fmt: skip
def test_predictions_of_one_dimension(samples: int, true_dimensions: int, severity: str) -> None:
    rng = np.random.default_rng(3)
    training = rng.normal(size=(20, 60))
    test = rng.normal(size=(samples, true_dimensions)) @ rng.normal(size=(true_dimensions, 60))
    predicted = rng.normal(size=(samples, 1)) @ rng.normal(size=(1, 60))
    found = findings(training, test, predicted)["prediction variance"]
    assert found.severity == severity and found.value == pytest.approx(1.0)


def test_hashes_may_differ_by_so_many_bits() -> None:
    two = pictures(2, 64).astype(float)
    first, second = two[:1], 0.7 * two[:1] + 0.3 * two[1:]
    one, other = (perceptual_hashes(thumbnails(side))[0] for side in (first, second))
    bits = int(np.count_nonzero(one != other))
    assert bits >= 2
    assert len(near_duplicates(first, second, bits=bits, correlation=0.3)) == 1
    assert near_duplicates(first, second, bits=bits - 1, correlation=0.3) == []
