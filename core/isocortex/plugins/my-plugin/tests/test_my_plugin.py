"""Each component keeps its contract, and the pipeline runs."""

import isocortex as ic
import numpy as np
from isocortex import testing

from my_plugin import steps


def test_metric():
    """The metric under its registered name, against values worked out by hand."""
    taxi = ic.get("rdm_metric", "my-plugin-taxi")
    testing.check_rdm_metric(taxi)
    assert taxi(np.array([[0.0, 0.0], [1.0, -3.0]])).tolist() == [2.0]


def test_step():
    """The step's annotations, and its result."""
    testing.check_step(steps.spread)
    patterns = ic.Patterns(np.array([[0.0, 0.0], [1.0, 3.0]]), ["a", "b"])
    table = steps.spread(patterns, ic.get("rdm_metric", "my-plugin-taxi"))
    assert table["dissimilarity"].tolist() == [2.0]


def test_pipeline(tmp_path):
    """The pipeline on two simulated subjects."""
    run = ic.run("my-plugin-example", out=tmp_path)
    assert list(run["spread"]) == ["S1", "S2"]
