"""Patterns from a data source."""

from __future__ import annotations

import inspect

import numpy as np

from isocortex.contracts import DataSource
from isocortex.data import Patterns
from isocortex.errors import DataError
from isocortex.pipeline.settings import AxisValues


def load_patterns(source: DataSource, axes: AxisValues, rng: np.random.Generator) -> Patterns:
    """Load the patterns of one instance (one subject, say) from a data source.

    The step has to run over exactly the axes that the source needs for patterns: with fewer it could not say
    whose patterns are wanted, and with more it would give the same patterns again under another name.
    """
    name = type(source).__name__
    if "patterns" not in source.loads:
        have = ", ".join(source.loads) or "nothing"
        raise DataError(f"the data source {name} has no patterns; it has {have}")
    needed = tuple(source.loads["patterns"])
    if set(needed) != set(axes):
        raise DataError(
            f"the data source {name} gives patterns by {' x '.join(needed) or 'no axis'}, but this step runs "
            f"over {' x '.join(axes) or 'no axis'}; write over: [{', '.join(needed)}]"
        )
    load = source.load_patterns  # type: ignore[attr-defined]
    wanted = {axis: axes[axis] for axis in needed}
    if "rng" in inspect.signature(load).parameters:
        wanted["rng"] = rng  # type: ignore[assignment]
    patterns = load(**wanted)
    if not isinstance(patterns, Patterns):
        raise DataError(f"the data source {name} gave {type(patterns).__name__}, not Patterns")
    return patterns
