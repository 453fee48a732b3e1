"""The conditions and concept codes of Lee, Jung, Lustig & Lee 2023 (Human Brain Mapping)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from isocortex_rsa import Code, code_rdm

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
OBJECTS = ("bed", "bird", "cat", "dog", "house", "tree")
CONDITIONS = DIGITS + OBJECTS

CODES: Mapping[str, Code] = MappingProxyType(
    {
        "digit": Code(within=list(DIGITS)),
        "object": Code(within=list(OBJECTS)),
        "digit_object": Code(between=[list(DIGITS), list(OBJECTS)]),
        "magnitude": Code(between=[["one", "two", "three"], ["seven", "eight", "nine"]]),
        "animacy": Code(between=[["bird", "cat", "dog"], ["house", "tree", "bed"]]),
    }
)
"""Digit and object recognition, digit against object, magnitude, animacy: 45, 15, 60, 9, 9 of 120 pairs."""


def geometry(name: str) -> npt.NDArray[np.float64]:
    """Place the conditions so that their squared distances are, as nearly as can be, a code of 0 and 1.

    Classical scaling (Torgerson 1952): the parts of the code that no geometry can have are left out. In the
    digit code, for example, all objects lie on one point, but digits that are 1 apart from one another
    cannot also be 0 apart from it; they come to lie on a sphere around it.

    Returns
    -------
    Coordinates (conditions, dimensions), with the mean of each dimension zero.
    """
    count = len(CONDITIONS)
    first, second = np.triu_indices(count, 1)
    squares = np.zeros((count, count))
    squares[first, second] = squares[second, first] = code_rdm(CONDITIONS, name=name, **CODES[name])
    centre = np.eye(count) - 1 / count
    values, vectors = np.linalg.eigh(-0.5 * centre @ squares @ centre)
    kept = values > 1e-10 * values.max()
    return np.asarray(vectors[:, kept] * np.sqrt(values[kept]))
