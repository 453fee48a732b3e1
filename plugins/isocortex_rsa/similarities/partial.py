"""Correlation of RDMs beyond what control RDMs (pixels, size, reaction times) explain."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isocortex.errors import DataError
from isocortex_rsa.similarities._rows import Floats, checked, ranked, unit, without_mean

_NOTHING_LEFT = 1e-9
"""A residual shorter than this share of the RDM is rounding: the controls explain all of it."""


class PartialCorrelation:
    """Partial correlation: controls are regressed out of both RDMs, and the residuals are correlated.

    Parameters
    ----------
    controls : RDMs (n_controls, pairs) over the same pairs as the RDMs that are compared.
    ranks : correlate ranks (partial Spearman), and regress ranks of the controls out of them; else Pearson.
    """

    bounds = (-1.0, 1.0)
    whole_rdms = True

    def __init__(self, controls: npt.ArrayLike, ranks: bool = True) -> None:
        self._centred = _centred_ranks if ranks else without_mean
        rows = unit(self._centred(checked(controls)))
        if not len(rows) or np.isnan(rows).any():
            raise DataError("control RDMs must be there, vary over pairs and hold no NaN")
        _, singular, vectors = np.linalg.svd(rows, full_matrices=False)
        self._basis = vectors[singular > 1e-12 * singular[0]]

    def embed(self, rdms: npt.ArrayLike) -> Floats:
        """Residuals of unit length (n, pairs); NaN for an RDM that the controls leave nothing of."""
        return self.residuals(rdms)

    def residuals(self, rdms: npt.ArrayLike) -> Floats:
        """What the controls do not explain of RDMs (n, pairs), of unit length."""
        rows = self._prepared(rdms)
        left = rows - (rows @ self._basis.T) @ self._basis
        left -= (left @ self._basis.T) @ self._basis  # again, for what rounding left
        left[np.linalg.norm(left, axis=1) < _NOTHING_LEFT] = np.nan
        return unit(left)

    def _prepared(self, rdms: npt.ArrayLike) -> Floats:
        values = checked(rdms)
        if values.shape[1] != self._basis.shape[1]:
            raise DataError(
                f"control RDMs of {self._basis.shape[1]} pairs do not fit RDMs of {values.shape[1]} pairs"
            )
        return unit(self._centred(values))


class SemipartialCorrelation:
    """Semi-partial correlation: the controls are regressed out of the models (the second RDMs) only.

    Its square is the share of the RDM's variance that a model explains on top of the controls. Parameters
    as for ``PartialCorrelation``.
    """

    bounds = (-1.0, 1.0)
    whole_rdms = True

    def __init__(self, controls: npt.ArrayLike, ranks: bool = True) -> None:
        self._partial = PartialCorrelation(controls, ranks)

    def compare(self, first: npt.ArrayLike, second: npt.ArrayLike) -> Floats:
        """Correlate RDMs as they are with what the controls leave of the models: (n_first, n_second)."""
        return np.asarray(self._partial._prepared(first) @ self._partial.residuals(second).T)


def _centred_ranks(rdms: npt.ArrayLike) -> Floats:
    ranks = ranked(rdms)
    return np.asarray(ranks - (ranks.shape[1] + 1) / 2)
