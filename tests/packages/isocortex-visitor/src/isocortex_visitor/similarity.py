"""A similarity measure that is no inner product, so it gives ``compare`` and not ``embed``."""

import numpy as np


class Concordance:
    """Lin's concordance correlation (Lin 1989): 1 only where two RDMs agree in value, not just in shape."""

    def compare(self, first, second):
        """Compare RDMs (n, pairs) with RDMs (m, pairs); gives (n, m)."""
        a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
        mean_a, mean_b = a.mean(axis=1), b.mean(axis=1)
        covariance = (a - mean_a[:, None]) @ (b - mean_b[:, None]).T / a.shape[1]
        spread = a.var(axis=1)[:, None] + b.var(axis=1)[None, :]
        return 2 * covariance / (spread + (mean_a[:, None] - mean_b[None, :]) ** 2)
