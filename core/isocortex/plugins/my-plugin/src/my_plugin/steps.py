"""A step: its annotations say what it takes and gives."""

import numpy as np
from isocortex import Patterns, Table
from isocortex.contracts import RDMMetric


def spread(patterns: Patterns, metric: RDMMetric = "my-plugin-taxi", percentile: float = 50.0) -> Table:
    """A percentile of the dissimilarities between all conditions.

    ``patterns`` is an input, the others are settings; ``metric`` takes the name of any RDM metric.
    """
    rdm = metric(patterns.condition_means())
    value = np.percentile(rdm.values, percentile)
    return Table({"percentile": [percentile], "dissimilarity": [value]})
