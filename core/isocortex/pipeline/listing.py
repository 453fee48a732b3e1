"""Which files a data source would read: asked when a run is planned, and again when they were read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isocortex.errors import IsocortexError


def files_of(source: Any, name: str, load: str | None, axes: Mapping[str, str]) -> list[Path]:
    """List what one load would read, or, where it is not said which, all that can be asked for here.

    Raises ``IsocortexError`` where the source has no such load, or needs an axis that is not here.
    """
    files: list[Path] = []
    for kind in [load] if load else list(source.loads):
        if kind not in source.loads:
            raise IsocortexError(f"the data source {name!r} gives {', '.join(source.loads)}, but no {kind}")
        needed = source.loads[kind]
        lacking = [axis for axis in needed if axis not in axes]
        if lacking and load:
            raise IsocortexError(
                f"the data source {name!r} gives {kind} by {' and '.join(needed)}: "
                f"this step must run along it (over: {', '.join(needed)})"
            )
        if not lacking:
            files += map(Path, source.files(kind, **{axis: axes[axis] for axis in needed}))
    return files
