"""Fixtures; ``run_pipeline`` comes from isocortex."""

import numpy as np
import pytest

pytest_plugins = ["isocortex.testing_fixtures"]


@pytest.fixture
def folder(tmp_path):
    """Two subjects, four conditions, three runs."""
    root = tmp_path / "study"
    root.mkdir()
    conditions, runs = ["a", "b", "c", "d"] * 6, ["1", "2", "3"] * 8
    for number, name in enumerate(["sub-01", "sub-02"]):
        rng = np.random.default_rng(number)
        patterns = np.tile(rng.normal(size=(4, 20)), (6, 1)) + 0.2 * rng.normal(size=(24, 20))
        np.savez(root / f"{name}.npz", patterns=patterns, conditions=conditions, runs=runs)
    return root
