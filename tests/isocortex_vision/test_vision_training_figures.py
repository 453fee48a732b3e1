"""Curves and confusions are drawn from their tables, the same each time."""

import io

import numpy as np
import pytest
from PIL import Image

from isocortex.data import Table
from isocortex.errors import DataError
from isocortex.testing import check_step
from isocortex_vision.training.evaluation import confusion_table
from isocortex_vision.training.figures import confusion_figure, training_figure

HISTORY = {
    "epoch": [1, 2, 3],
    "training_loss": [2.0, 1.0, 0.5],
    "training_accuracy": [0.2, 0.6, 0.9],
    "validation_loss": [2.1, 1.2, 0.8],
    "validation_accuracy": [0.1, 0.5, 0.755],
}


def pixels(png: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(png)).convert("RGB")).reshape(-1, 3)


def test_curves_of_training_and_validation() -> None:
    figure = training_figure(Table(HISTORY))
    assert "90.0% (training), 75.5% (validation)" in figure.caption
    assert figure.png == training_figure(Table(HISTORY)).png
    orange = (pixels(figure.png) == (0xD5, 0x5E, 0x00)).all(axis=1)
    alone = {**HISTORY, "validation_loss": [np.nan] * 3, "validation_accuracy": [np.nan] * 3}
    without = training_figure(Table(alone))
    assert orange.any() and not (pixels(without.png) == (0xD5, 0x5E, 0x00)).all(axis=1).any()
    assert "validation" not in without.caption
    with pytest.raises(DataError, match="no epochs"):
        training_figure(Table({name: np.empty(0) for name in HISTORY}))


def test_confusions() -> None:
    table = confusion_table(np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]]), ("cat", "dog", "tree"))
    figure = confusion_figure(table)
    assert figure.caption == "Answers to 8 pictures of 3 categories; 87.5% are right."
    assert np.isnan(table["share"][-3:]).all() and table["share"][1] == 0.25
    order = np.random.default_rng(0).permutation(9)
    shuffled = Table({name: values[order] for name, values in table.columns.items()})
    assert confusion_figure(shuffled).caption == figure.caption
    with pytest.raises(DataError, match="one row for each pair"):
        confusion_figure(Table({name: values[:8] for name, values in table.columns.items()}))
    with pytest.raises(DataError, match="no rows"):
        confusion_figure(Table({"category": [], "answer": [], "count": [], "share": []}))


def test_steps_have_schemas() -> None:
    assert list(check_step(training_figure).inputs) == ["history"]
    assert list(check_step(confusion_figure).inputs) == ["confusion"]
