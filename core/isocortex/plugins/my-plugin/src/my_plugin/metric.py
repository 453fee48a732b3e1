"""An RDM metric."""

import numpy as np


def taxi(patterns):
    """Mean absolute difference over channels.

    Patterns (conditions, channels) -> dissimilarities (pairs,), the upper triangle row by row.
    """
    patterns = np.asarray(patterns)
    first, second = np.triu_indices(len(patterns), 1)
    return np.abs(patterns[first] - patterns[second]).mean(axis=1)
