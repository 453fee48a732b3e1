"""Settings that change while an image is made, on a straight line from start to end."""

from __future__ import annotations

from isocortex.errors import DataError

Line = float | tuple[float, float]
"""A constant, or the values at the start and at the end."""


def at(line: Line, iteration: int, iterations: int) -> float:
    """Value at an iteration, counted from 0: ``start + iteration * (end - start) / iterations``.

    The end itself is not reached (Shen et al. 2019, icnn).
    """
    start, end = ends(line)
    return start + iteration * (end - start) / iterations


def ends(line: Line) -> tuple[float, float]:
    """Start and end."""
    return (line[0], line[1]) if isinstance(line, (tuple, list)) else (float(line), float(line))


def require(name: str, line: Line, low: float = 0.0, high: float = float("inf")) -> Line:
    """Raise unless both ends lie within bounds; gives the line."""
    if not all(low <= end <= high for end in ends(line)):  # a NaN does not
        upper = "" if high == float("inf") else f" and at most {high:g}"
        raise DataError(f"{name} is {line}; give numbers of at least {low:g}{upper}")
    return line
