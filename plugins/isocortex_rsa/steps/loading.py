"""Patterns from a data source."""

from __future__ import annotations

import numpy as np

from isocortex.contracts import DataSource
from isocortex.data import Patterns
from isocortex.loading import load_one
from isocortex.pipeline.costs import costs, loading
from isocortex.pipeline.settings import AxisValues


@costs(loading("patterns"))
def load_patterns(source: DataSource, axes: AxisValues, rng: np.random.Generator) -> Patterns:
    """Load the patterns of one instance (one subject, say) from a data source.

    The step has to run over exactly the axes that the source needs for patterns.

    Parameters
    ----------
    source : gives kind ``patterns``; its settings stand beside those of this step.
    """
    return load_one(source, "patterns", Patterns, axes, rng)
