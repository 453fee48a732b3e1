"""Model RDMs from the features of a network."""

from __future__ import annotations

import warnings
from typing import Literal, cast

import numpy as np

from isocortex.contracts import RDMMetric
from isocortex.data import Collected, Features, RDMs
from isocortex.data.base import Array
from isocortex.data.labels import require_unique, unique
from isocortex.errors import DataError
from isocortex.handles import MetricHandle
from isocortex_rsa._components import metric_handle
from isocortex_rsa._items import items_of, name_of
from isocortex_rsa.metrics.angles import correlation, cosine
from isocortex_rsa.metrics.euclidean import euclidean, sqeuclidean
from isocortex_rsa.metrics.features import FeatureMetric, feature_rdm

_BY_BLOCKS = {
    correlation: "correlation",
    cosine: "cosine",
    euclidean: "euclidean",
    sqeuclidean: "sqeuclidean",
}


def feature_rdms(
    features: Features | Collected[Features],
    metric: RDMMetric = "correlation",  # type: ignore[assignment]
    average: Literal["none", "category"] = "none",
    layers: list[str] | None = None,
) -> RDMs:
    """Compute an RDM of each layer's features, named by the layer (and its axis values).

    Correlation, cosine, Euclidean and squared Euclidean read the features block by block, in bounded memory;
    any other metric gets a whole layer at once.

    Parameters
    ----------
    average : "none": an RDM of all stimuli; "category": the features of a category's stimuli are averaged
        first, and the RDM is of categories.
    layers : which, in this order (default: all).
    """
    handle = metric_handle(metric)
    if handle.needs:
        raise DataError(f"feature_rdms: the metric {handle.name!r} needs {', '.join(sorted(handle.needs))}")
    parts = [_layers(item, name_of(axes), handle, average, layers) for axes, item in items_of(features)]
    return RDMs.stack(parts)


def _layers(
    features: Features, where: str, handle: MetricHandle, average: str, layers: list[str] | None
) -> RDMs:
    if average == "category" and features.categories is None:
        raise DataError("feature_rdms: these features carry no categories to average over")
    groups = features.categories if average == "category" else None
    names = list(features.layers) if layers is None else layers
    require_unique(names, "feature_rdms: layers")
    rows = []
    for name in names:
        values = _rdm(features.matrix(name), handle, groups)
        undefined = int(np.isnan(values).sum())
        if undefined:
            warnings.warn(
                f"{name}: {undefined} of {values.size} dissimilarities are undefined ({handle.name}); "
                "features hold NaN, or are constant over units",
                stacklevel=3,
            )
        rows.append(values)
    titles = [f"{where}: {name}" if where else name for name in names]
    conditions = features.stimuli if groups is None else unique(groups)
    return RDMs(np.stack(rows), conditions, tuple(titles), handle.name)


def _rdm(values: Array, handle: MetricHandle, groups: tuple[str, ...] | None) -> Array:
    known = _BY_BLOCKS.get(handle.component) if callable(handle.component) else None
    if known is not None:
        return feature_rdm(values, cast("FeatureMetric", known), groups)
    if groups is None:
        return np.asarray(handle(np.asarray(values)))
    labels = np.array(groups)
    means = [values[labels == group].mean(axis=0, dtype=np.float64) for group in unique(groups)]
    return np.asarray(handle(np.stack(means)))
