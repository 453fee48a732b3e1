"""What steps are given for a metric or a similarity, as the handle that takes labelled data.

In a pipeline the framework hands over handles. Python users may also pass a component's name, or a component
of their own.
"""

from __future__ import annotations

from isocortex.handles import MetricHandle, SimilarityHandle


def metric_handle(metric: object) -> MetricHandle:
    """Give the handle of an RDM metric that came as handle, name or plain callable."""
    if isinstance(metric, str):
        import isocortex as ic

        metric = ic.get("rdm_metric", metric)
    if isinstance(metric, MetricHandle):
        return metric
    return MetricHandle(_name(metric), metric)


def similarity_handle(similarity: object) -> SimilarityHandle:
    """Give the handle of a similarity measure that came as handle, name or plain object."""
    if isinstance(similarity, str):
        import isocortex as ic

        similarity = ic.get("similarity", similarity)
    if isinstance(similarity, SimilarityHandle):
        return similarity
    return SimilarityHandle(_name(similarity), similarity)


def _name(component: object) -> str:
    return str(getattr(component, "__name__", type(component).__name__)).lower()
