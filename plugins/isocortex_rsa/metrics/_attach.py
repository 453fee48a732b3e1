"""Attach to a metric what the searchlight and the framework want to know of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


def has(**attributes: Any) -> Callable[[Function], Function]:
    """Set attributes of a metric.

    ``from_moments``, ``channel_factors``, ``needs``; ``every_run``, which says that
    each condition must occur in each run.
    """

    def attach(metric: Function) -> Function:
        for name, value in attributes.items():
            setattr(metric, name, value)
        return metric

    return attach
