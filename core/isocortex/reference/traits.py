"""What can be seen of a component without using it: what it needs, and what is fast with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isocortex.reference.site import Item


def traits(item: Item) -> str:
    """Sentences about what a metric needs, how a measure compares, and what a data source gives."""
    found: Any = item.entries[0].load()
    kind = item.entries[0].kind
    if kind == "rdm_metric":
        return _metric(found)
    if kind == "similarity":
        return _similarity(found)
    if kind == "data_source":
        return _source(found)
    return ""


def _metric(found: Any) -> str:
    sentences = []
    needs = getattr(found, "needs", ())
    if isinstance(needs, (set, frozenset, tuple, list)) and needs:
        sentences.append(f"Needs {' and '.join(f'`{name}`' for name in sorted(needs))}.")
    if hasattr(found, "from_moments") or hasattr(found, "channel_factors"):
        sentences.append("The searchlight computes it from running sums.")
    return " ".join(sentences)


def _similarity(found: Any) -> str:
    if not hasattr(found, "embed"):
        return ""
    most = getattr(found, "max_embedded_pairs", None)
    limit = f" (up to {most:,} pairs)" if isinstance(most, int) else ""
    return f"An inner product after a transform{limit}: all permutations are one matrix product."


def _source(found: Any) -> str:
    loads = getattr(found, "loads", None)
    if not isinstance(loads, Mapping):
        return ""
    kinds = [f"`{kind}`" + (f" (of one {', '.join(axes)})" if axes else "") for kind, axes in loads.items()]
    return f"Gives {', '.join(kinds)}." if kinds else ""
