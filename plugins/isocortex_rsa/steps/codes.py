"""Category codes: model RDMs of 0 and 1 that say which pairs of conditions a concept sets apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from typing_extensions import TypedDict

from isocortex.data import Collected, Patterns, RDMs
from isocortex.data.base import Array
from isocortex.data.labels import same_labels
from isocortex.errors import DataError, suggestion


class Code(TypedDict, total=False):
    """Which pairs of conditions are dissimilar (1); all others are not (0).

    ``within``: the pairs inside one list of conditions. ``between``: the pairs across two or more lists.
    With both, the pairs of either.
    """

    within: list[str]
    between: list[list[str]]


Code.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[attr-defined]
"""Where settings are checked, a misspelt key is an error and not passed over."""


def category_codes(like: RDMs | Patterns | Collected[RDMs] | Collected[Patterns], **codes: Code) -> RDMs:
    """Make one model RDM a code, over all conditions of ``like``, named as the codes are.

    These are the human concept codes of Lee et al. 2023: with ten digits and six objects, the code
    ``digit: {within: [zero, ..., nine]}`` says that digits differ from one another (45 ones of 120 pairs).

    Parameters
    ----------
    like : what the codes are to be compared with; only its condition labels are used.
    codes : see ``Code``.
    """
    if not codes:
        raise DataError("category_codes: give at least one code, as in digit: {within: [zero, one, two]}")
    conditions = _conditions(like)
    rows = [code_rdm(conditions, name=name, **_checked(name, code)) for name, code in codes.items()]
    return RDMs(np.stack(rows), conditions, tuple(codes), "category code")


def code_rdm(
    conditions: Sequence[str],
    within: Sequence[str] = (),
    between: Sequence[Sequence[str]] = (),
    name: str = "code",
) -> Array:
    """Condensed RDM (pairs,) with 1 for the pairs inside ``within`` and those across the lists ``between``.

    Raises ``DataError`` for an unknown or repeated condition, and for a code of only zeros or only ones,
    which nothing can be correlated with.
    """
    place = {label: index for index, label in enumerate(conditions)}
    square = np.zeros((len(place), len(place)))
    inside = _places(within, place, f"code {name!r}: within")
    square[np.ix_(inside, inside)] = 1.0
    if len(between) == 1:
        raise DataError(
            f"code {name!r}: between has a single list; give two or more, as [[cat, dog], [bed, tree]]"
        )
    groups = [_places(group, place, f"code {name!r}: between") for group in between]
    everyone = [index for group in groups for index in group]
    if len(set(everyone)) < len(everyone):
        twice = sorted({conditions[index] for index in everyone if everyone.count(index) > 1})
        raise DataError(f"code {name!r}: between has {', '.join(twice)} in more than one list")
    for number, group in enumerate(groups):
        for other in groups[number + 1 :]:
            square[np.ix_(group, other)] = 1.0
            square[np.ix_(other, group)] = 1.0
    values = square[np.triu_indices(len(place), 1)]
    if not values.any() or values.all():
        which = "all pairs" if values.size and values.all() else "no pair"
        raise DataError(
            f"code {name!r}: it sets {which} of conditions apart, so that nothing can vary with it"
        )
    return values


def _conditions(like: RDMs | Patterns | Collected[RDMs] | Collected[Patterns]) -> tuple[str, ...]:
    items: list[RDMs | Patterns] = list(like.values()) if isinstance(like, Collected) else [like]
    lists = [item.condition_names if isinstance(item, Patterns) else item.conditions for item in items]
    if not lists:
        raise DataError("category_codes: there is nothing to take the conditions from")
    for other in lists[1:]:
        same_labels(lists[0], other, "category_codes: conditions")
    return tuple(lists[0])


def _checked(name: str, code: Code) -> Code:
    odd = [key for key in code if key not in ("within", "between")]
    if odd:
        raise DataError(f"code {name!r}: unknown key {odd[0]!r}; {suggestion(odd[0], ['within', 'between'])}")
    if not code:
        raise DataError(f"code {name!r}: give the conditions that it sets apart, by within: or between:")
    return code


def _places(labels: Sequence[str], place: dict[str, int], what: str) -> list[int]:
    if isinstance(labels, str):
        raise DataError(f"{what}: expected a list of conditions, got the text {labels!r}")
    unknown = [label for label in labels if label not in place]
    if unknown:
        raise DataError(f"{what}: no condition {unknown[0]!r}; {suggestion(unknown[0], place, 'conditions')}")
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if list(labels).count(label) > 1)
        raise DataError(f"{what}: {twice!r} is named more than once")
    return [place[label] for label in labels]
