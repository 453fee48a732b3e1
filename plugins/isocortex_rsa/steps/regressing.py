"""RDMs explained by several model RDMs at once."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from isocortex.data import Collected, RDMs, Table
from isocortex.data.base import Array
from isocortex.data.rdms import require_same_conditions
from isocortex.errors import DataError
from isocortex_rsa.similarities._rows import ranked, without_mean
from isocortex_rsa.similarities.regression import regress
from isocortex_rsa.steps._matching import matched

_OWN_COLUMNS = ("rdm", "model", "coefficient", "unique_r2", "r2", "scale")


def regress_rdms(
    rdms: RDMs | Collected[RDMs],
    models: RDMs | Collected[RDMs],
    nonnegative: bool = False,
    scale: Literal["zscore", "rank", "none"] = "zscore",
    intercept: bool = True,
) -> Table:
    """Fit each RDM by a weighted sum of all model RDMs, aligned by condition label.

    Parameters
    ----------
    rdms : to be fitted.
    models : model RDMs of the same conditions, all fitted together.
    nonnegative : no weight may be negative (non-negative least squares).
    scale : of RDMs and models before the fit: z-scores over pairs (weights are then comparable), ranks as
        z-scores, or none.
    intercept : fit a constant besides.

    Returns
    -------
    Table with a column for each axis, then ``rdm``, ``model``, ``coefficient``, ``unique_r2`` (how much R2
    falls without the model), ``r2`` (of all models together, on the data that they were fitted to) and
    ``scale``. NaN for a constant RDM. Models that are linearly dependent raise ``DataError``.
    """
    rows: list[dict[str, Any]] = []
    for axes, brain, model in matched(rdms, models, "regress_rdms", _OWN_COLUMNS):
        aligned = require_same_conditions(brain, model, "regress_rdms")
        for part, what in ((brain, "RDMs"), (aligned, "model RDMs")):
            if np.isnan(part.values).any():
                raise DataError(f"regress_rdms: the {what} hold NaN; find out where it comes from")
        if (np.ptp(aligned.values, axis=1) == 0).any():
            raise DataError("regress_rdms: a model RDM is constant; leave it out")
        fit = regress(_scaled(brain.values, scale), _scaled(aligned.values, scale), nonnegative, intercept)
        rows += [
            {
                **axes,
                "rdm": rdm,
                "model": name,
                "coefficient": float(fit.coefficients[i, j]),
                "unique_r2": float(fit.unique[i, j]),
                "r2": float(fit.r2[i]),
                "scale": scale,
            }
            for i, rdm in enumerate(brain.names)
            for j, name in enumerate(model.names)
        ]
    return Table.from_rows(rows)


def _scaled(values: Array, scale: str) -> Array:
    if scale == "none":
        return values
    rows = without_mean(ranked(values) if scale == "rank" else values)
    return np.asarray(rows / rows.std(axis=1, keepdims=True))  # NaN where constant
