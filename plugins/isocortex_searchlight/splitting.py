"""How the searchlight steps are cut: ranges of planes of centres, put together to the same maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from isocortex.data import Patterns, RDMs
from isocortex.pipeline.splitting import Part
from isocortex_searchlight.engine import Searchlight
from isocortex_searchlight.permutations import Null
from isocortex_searchlight.results import SearchlightRSA
from isocortex_searchlight.rsa import Comparison, compare


def comparison(patterns: Patterns, models: RDMs, rng: Any = 0, **settings: Any) -> Comparison:
    """What a step with these arguments compares."""
    settings = {**settings, "dtype": settings.get("precision")}
    settings.pop("precision", None)
    return compare(patterns, None, models, seed=rng, **settings)


def pieces(**arguments: Any) -> list[tuple[int, int]]:
    """Ranges of planes; what cannot be run has none, so that the step says why."""
    if arguments.get("permutations", 1) < 1:
        return []
    found = comparison(**arguments)
    return _light(found).ranges(found.limit())


def part(piece: tuple[int, int], **arguments: Any) -> Part:
    """Similarities of the centres in a range, and what the permutations reach there."""
    found = comparison(**arguments)
    where, block, status = _light(found).block((piece[0], piece[1]))
    found.take(where, block, status)
    arrays = {"found": found.found[:, where], "status": found.status[where]}
    info: dict[str, Any] = {"start": where.start, "stop": where.stop}
    null = found.null
    if null is not None:
        arrays |= {"reached": null.reached[:, where], "slack": null.slack[where], "largest": null.largest}
        info["number"] = null.number
    return Part(arrays, info)


def merged(parts: Sequence[Part], **arguments: Any) -> SearchlightRSA:
    """All centres together; raises where some are missing or there twice."""
    whole = comparison(**arguments)
    spans = [(part.info["start"], part.info["stop"]) for part in parts]
    ends = [0, *(stop for _, stop in spans)]
    if [start for start, _ in spans] != ends[:-1] or ends[-1] != len(whole.light.centres):
        raise ValueError(f"parts {spans} of {len(whole.light.centres)} centres do not follow one another")
    for (start, stop), one in zip(spans, parts, strict=True):
        whole.found[:, start:stop] = one.arrays["found"]
        whole.status[start:stop] = one.arrays["status"]
    if not whole.permutations:
        return whole.result()
    collected = [[one.arrays[name] for one in parts] for name in ("reached", "largest", "slack")]
    null = Null(
        np.empty((0, 0), whole.light.dtype), len(whole.models), whole.tail == "two-sided",
        np.concatenate(collected[0], axis=1), np.max(np.stack(collected[1]), axis=0),
        parts[0].info["number"], 0.0, np.concatenate(collected[2]),
    )  # fmt: skip
    return whole.result(null)


def _light(found: Comparison) -> Searchlight:
    assert isinstance(found.light, Searchlight)  # steps give no adjacency
    return found.light
