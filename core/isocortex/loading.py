"""One load from a data source, as the steps that load do it."""

from __future__ import annotations

import inspect
from typing import TypeVar

import numpy as np

from isocortex.contracts import DataSource
from isocortex.data.base import Data
from isocortex.errors import DataError
from isocortex.pipeline.settings import AxisValues

Loaded = TypeVar("Loaded", bound=Data)


def load_one(
    source: DataSource, kind: str, expected: type[Loaded], axes: AxisValues, rng: np.random.Generator
) -> Loaded:
    """Load data of a kind for one step instance.

    The step has to run over exactly the axes that the source needs for this kind: with fewer it could not say
    whose data are wanted, and with more it would give the same data again under another name.
    """
    name = type(source).__name__
    if kind not in source.loads:
        have = ", ".join(source.loads) or "nothing"
        raise DataError(f"the data source {name} has no {kind}; it has {have}")
    needed = tuple(source.loads[kind])
    if set(needed) != set(axes):
        raise DataError(
            f"the data source {name} gives {kind} by {' x '.join(needed) or 'no axis'}, but this step runs "
            f"over {' x '.join(axes) or 'no axis'}; write over: [{', '.join(needed)}]"
        )
    load = getattr(source, f"load_{kind}")
    drawing = {"rng": rng} if "rng" in inspect.signature(load).parameters else {}
    data = load(**{axis: axes[axis] for axis in needed}, **drawing)
    if not isinstance(data, expected):
        raise DataError(f"the data source {name} gave {type(data).__name__}, not {expected.__name__}")
    return data
