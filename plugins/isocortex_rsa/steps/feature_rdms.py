"""Model RDMs from the features of a network."""

from __future__ import annotations

import warnings
from typing import Any, Literal, NamedTuple, cast

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
from isocortex_rsa.metrics.feature_components import Signs, feature_components
from isocortex_rsa.metrics.features import FeatureMetric, feature_rdm
from isocortex_rsa.metrics.scaled_features import averaged, scaled_feature_rdm, scaled_features

_BY_BLOCKS = {
    correlation: "correlation",
    cosine: "cosine",
    euclidean: "euclidean",
    sqeuclidean: "sqeuclidean",
}

_ANY_AXES = ("cosine", "euclidean", "sqeuclidean")
"""Metrics that are the same whichever way the axes of the patterns point."""

_WITHOUT_PCA = ("cosine", "euclidean")
"""Metrics that are the same between all components as between all units."""


class _Ways(NamedTuple):
    """How the RDM of a layer is made."""

    metric: MetricHandle
    standardise: bool
    variance: float | None
    signs: Signs

    @property
    def known(self) -> str | None:
        """Name of the metric where it is one that is computed block by block."""
        component = self.metric.component
        return _BY_BLOCKS.get(component) if callable(component) else None


class _Layer(NamedTuple):
    """Its dissimilarities, its constant units where these were counted, and what rounding decides in it."""

    values: Array
    constant: int = 0
    unsure: str = ""


def feature_rdms(
    features: Features | Collected[Features],
    metric: RDMMetric = "correlation",  # type: ignore[assignment]
    average: Literal["none", "category"] = "none",
    layers: list[str] | None = None,
    standardise: bool = False,
    pca_variance: float | None = None,
    component_signs: Signs = "scores",
) -> RDMs:
    """Compute an RDM of each layer's features, named by the layer (and its axis values).

    Study A (Lee et al. 2023): standardise: true, pca_variance: 0.9, average: category, metric: correlation.
    What standardise and pca_variance do depends on all stimuli together: another set gives other RDMs.

    Correlation, cosine, Euclidean and squared Euclidean read the features block by block, in bounded memory,
    and so does any metric of principal components; any other metric gets a whole layer at once.

    Parameters
    ----------
    features : of one axis value or of several; each layer of each has an RDM.
    metric : the dissimilarity. One that needs runs or the noise (crossnobis, mahalanobis) is an error.
    average : "none": an RDM of all stimuli; "category": the features (or component scores) of a category's
        stimuli are averaged first, and the RDM is of categories.
    layers : which, in this order (default: all).
    standardise : bring each unit to mean 0 and variance 1 over the stimuli first. Units that do not vary
        count for nothing; a warning says how many.
    pca_variance : compare the scores on the fewest principal components that explain more than this share of
        the variance (above 0, up to 1: all) instead of the units. null: no PCA.
    component_signs : which way components point. Correlation over components depends on this convention
        (cosine and Euclidean distances do not: prefer cosine, unless you repeat a study). "scores": the
        stimulus with the largest absolute score scores positive, as in study A (scikit-learn up to 1.4);
        "loadings": the unit with the largest absolute weight weighs positive (scikit-learn since 1.5).
    """
    handle = metric_handle(metric)
    if handle.needs:
        raise DataError(f"feature_rdms: the metric {handle.name!r} needs {', '.join(sorted(handle.needs))}")
    if pca_variance is not None and not 0 < pca_variance <= 1:
        raise DataError(f"feature_rdms: pca_variance is {pca_variance}; give a share above 0, up to 1")
    if pca_variance is None and component_signs != "scores":
        raise DataError("feature_rdms: component_signs says nothing without pca_variance; give both or none")
    ways = _Ways(handle, standardise, pca_variance, component_signs)
    parts, constant = [], []
    for axes, item in items_of(features):
        part, counts = _layers(item, name_of(axes), ways, average, layers)
        parts.append(part)
        constant += counts
    if constant and standardise:
        told = ", ".join(constant)
        warnings.warn(f"units that are constant over the stimuli count for nothing: {told}", stacklevel=2)
    return RDMs.stack(parts)


def _layers(
    features: Features, where: str, ways: _Ways, average: str, layers: list[str] | None
) -> tuple[RDMs, list[str]]:
    """RDMs of one item, and how many units of which layers are constant."""
    if average == "category" and features.categories is None:
        raise DataError("feature_rdms: these features carry no categories to average over")
    groups = features.categories if average == "category" else None
    names = list(features.layers) if layers is None else layers
    require_unique(names, "feature_rdms: layers")
    titles = [f"{where}: {name}" if where else name for name in names]
    found = [
        _layer(features.matrix(name), title, ways, groups, features.stimuli)
        for name, title in zip(names, titles, strict=True)
    ]
    constant = [
        f"{title} {layer.constant} of {features.matrix(name).shape[1]}"
        for name, title, layer in zip(names, titles, found, strict=True)
        if layer.constant
    ]
    for title, layer in zip(titles, found, strict=True):
        _warn(title, layer, ways)
    conditions = features.stimuli if groups is None else unique(groups)
    values = np.stack([layer.values for layer in found])
    return RDMs(values, conditions, tuple(titles), ways.metric.name), constant


def _warn(title: str, layer: _Layer, ways: _Ways) -> None:
    undefined = int(np.isnan(layer.values).sum())
    if undefined:
        why = "features hold NaN, or are constant over units"
        if ways.variance is not None:
            why = "scores are constant over components, as a single one is"
        warnings.warn(
            f"{title}: {undefined} of {layer.values.size} dissimilarities are undefined "
            f"({ways.metric.name}); {why}",
            stacklevel=4,
        )
    if layer.unsure:
        warnings.warn(f"{title}: {layer.unsure}", stacklevel=4)


def _layer(
    values: Array, title: str, ways: _Ways, groups: tuple[str, ...] | None, stimuli: tuple[str, ...]
) -> _Layer:
    try:
        if ways.variance is not None and not (ways.variance == 1 and ways.known in _WITHOUT_PCA):
            return _of_components(values, ways, groups, stimuli)
        if ways.variance is None and not ways.standardise:
            return _Layer(_rdm(values, ways, groups))
        if ways.known is not None:
            known = cast("FeatureMetric", ways.known)
            return _Layer(*scaled_feature_rdm(values, known, groups, ways.standardise, stimuli))
        scaled, constant = scaled_features(values, groups, ways.standardise, stimuli)
    except DataError as error:
        raise type(error)(f"{title}: {error}") from None
    return _Layer(np.asarray(ways.metric(scaled)), constant)


def _of_components(values: Array, ways: _Ways, groups: Any, stimuli: tuple[str, ...]) -> _Layer:
    assert ways.variance is not None
    found = feature_components(values, ways.variance, ways.standardise, ways.signs, stimuli)
    count = found.scores.shape[1]
    unsure = ""
    if found.open_end:
        unsure = (
            f"which {count} components explain {ways.variance:g} of the variance is decided by rounding "
            "alone (equal eigenvalues, or a share hit exactly), and so is this RDM; "
            "ask for another pca_variance"
        )
    elif found.undetermined and ways.known not in _ANY_AXES:
        unsure = (
            f"the signs or directions of {found.undetermined} of {count} components are decided by rounding "
            f"alone, and {ways.metric.name} depends on them: use cosine or Euclidean distances"
        )
    return _Layer(np.asarray(ways.metric(averaged(found.scores, groups))), found.constant, unsure)


def _rdm(values: Array, ways: _Ways, groups: tuple[str, ...] | None) -> Array:
    if ways.known is not None:
        return feature_rdm(values, cast("FeatureMetric", ways.known), groups)
    if groups is None:
        return np.asarray(ways.metric(np.asarray(values)))
    labels = np.array(groups)
    means = [values[labels == group].mean(axis=0, dtype=np.float64) for group in unique(groups)]
    return np.asarray(ways.metric(np.stack(means)))
