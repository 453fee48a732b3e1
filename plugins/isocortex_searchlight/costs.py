"""What the searchlight steps take of memory and disk."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from isocortex.pipeline import outlines
from isocortex.pipeline.costs import Cost, Outline
from isocortex.threads import processors
from isocortex_searchlight.embedding import COUNTING, piece_of
from isocortex_searchlight.engine import BLOCK_BYTES
from isocortex_searchlight.permutations import ROWS, centres_of
from isocortex_searchlight.rsa import pieces_of

LIBRARIES = 110 * 2**20
"""numba, its compiled kernels, scipy (measured)."""


def volume_bytes(patterns: Outline, radius: float | None, precision: str | None) -> int:
    """The patterns as they are read, in a volume, and in the padded box that is summed over."""
    own, wide = patterns["itemsize"], _wide(patterns, precision)
    n, channels = patterns["conditions"], patterns["channels"]
    reach = 2 * math.ceil(3 if radius is None else radius)
    padded = math.prod(length + reach for length in patterns["box"])
    averaged = channels * n * (8 + own) if patterns["samples"] != n else 0
    read = patterns["samples"] * channels * own
    volume = math.prod(patterns["grid"]) * n * own
    return int(read + volume + max(averaged, (n + 1) * padded * wide))


def block_bytes(patterns: Outline, pairs: int, wide: int, pieces: int = 1) -> int:
    """A block of RDMs: some planes of centres together, but one at least."""
    whole = patterns["channels"] * pairs * wide
    return int(min(whole, max(patterns["plane"] * pairs * wide, min(BLOCK_BYTES, whole // pieces))))


def rsa(patterns: Outline, models: Outline, radius: Any, precision: str | None) -> Cost:
    """``searchlight_rsa``: never more than two blocks of RDMs."""
    wide, number = _wide(patterns, precision), models["number"]
    memory = _compared(patterns, radius, precision)
    memory += _mapped(patterns, number, wide)
    return Cost(LIBRARIES + memory, {"result": _made(patterns, number, wide)})


def tested(patterns: Outline, models: Outline, radius: Any, precision: str | None, permutations: int) -> Cost:
    """``searchlight_test``: the permuted models besides, and four results instead of one."""
    wide, number, n = _wide(patterns, precision), models["number"], patterns["conditions"]
    pairs = n * (n - 1) // 2
    queries = min(permutations, math.factorial(min(n, 12))) * number * pairs * wide
    products = processors() * centres_of(pairs) * (2 * pairs + ROWS) * wide
    memory = _compared(patterns, radius, precision, products, permutations * number) + queries
    memory += 4 * _mapped(patterns, number, wide)
    made = {"maps": _made(patterns, number, wide)}
    made |= {name: _p_maps(number, patterns, permutations, name != "p") for name in ("p", "p_fdr", "p_fwe")}
    return Cost(LIBRARIES + memory, {**made, "centres": outlines.small()})


def rdms(patterns: Outline, radius: Any, precision: str | None, centres: int | None) -> Cost:
    """``searchlight_rdms``: the RDMs of all centres, or of so many."""
    wide, n = _wide(patterns, precision), patterns["conditions"]
    number = patterns["channels"] if centres is None else min(centres, patterns["channels"])
    whole = number * (n * (n - 1) // 2) * wide
    made = Outline("searchlight_rdms", {"number": number, "conditions": n}, whole + number * 33)
    return Cost(LIBRARIES + volume_bytes(patterns, radius, precision) + whole, {"result": made})


def _p_maps(number: int, patterns: Outline, permutations: int, few: bool) -> Outline:
    """Maps of p, which has as many values as permutations and compresses well; corrected, most are 1."""
    maps, voxels = _made(patterns, number, 8), patterns["channels"]
    each = 0.4 if few else min(7.0, 0.34 * math.log2(permutations + 2))
    around = (maps.disk or 0) - outlines.maps(number, voxels, 8).disk  # the grid and the mask
    return replace(maps, disk=int(number * voxels * each) + around)


def _made(patterns: Outline, number: int, itemsize: int) -> Outline:
    """Maps over the voxels of the patterns."""
    return outlines.maps(number, patterns["channels"], itemsize, patterns["grid"])


def _compared(
    patterns: Outline, radius: Any, precision: str | None, products: int = 0, queries: int = 0
) -> int:
    """Volume, a block, its ranks, and what ranking or multiplying takes meanwhile."""
    wide, n = _wide(patterns, precision), patterns["conditions"]
    pairs = n * (n - 1) // 2
    block = block_bytes(patterns, pairs, wide, pieces_of(patterns["channels"], pairs, queries))
    sorting = processors() * piece_of(pairs) * pairs * (wide + 8) if pairs > COUNTING else 0
    return volume_bytes(patterns, radius, precision) + 2 * block + max(sorting, block // wide, products)


def _mapped(patterns: Outline, number: int, wide: int) -> int:
    """Maps of the models, and the volume that one file is written from."""
    return int(number * (patterns["channels"] + math.prod(patterns["grid"])) * wide)


def _wide(patterns: Outline, precision: str | None) -> int:
    given = {"float32": 4, "float64": 8}
    return given[precision] if precision else max(4, int(patterns["itemsize"]))
