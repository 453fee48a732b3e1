"""An RDM metric with a setting."""

import numpy as np


class MeanDifference:
    """Mean squared difference over channels, to a power. It does not grow with the number of channels.

    A metric without settings can be a plain function; one with settings is a class whose ``__init__`` takes
    them.

    Parameters
    ----------
    exponent : 0.5 gives the root mean square, 1 the mean square.
    """

    def __init__(self, exponent: float = 0.5) -> None:
        self.exponent = exponent

    def __call__(self, patterns):
        """Patterns (conditions, channels) -> dissimilarities (pairs,), the upper triangle row by row."""
        patterns = np.asarray(patterns)
        first, second = np.triu_indices(len(patterns), 1)
        return ((patterns[first] - patterns[second]) ** 2).mean(axis=1) ** self.exponent

    @property
    def from_moments(self):
        """The same for one pair from sums over channels, in arithmetic that numba compiles."""
        exponent = self.exponent

        def moments(count, sum_a, sum_b, sum_aa, sum_bb, sum_ab):
            return (max(sum_aa + sum_bb - 2.0 * sum_ab, 0.0) / count) ** exponent

        return moments
