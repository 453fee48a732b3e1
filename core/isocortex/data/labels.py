"""Labels decide what belongs together, never positions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from isocortex.errors import LabelMismatch

Labels = tuple[str, ...]


def as_labels(values: Iterable[object], what: str) -> Labels:
    """Turn names or whole numbers into labels; other things raise, since their text is not unique.

    A float is refused: the text of 1518878.005958 differs between float32 and float64.
    """
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise LabelMismatch(f"{what}: expected a list of labels, got only {values!r}")
    labels = tuple(_as_label(value, what) for value in values)
    if "" in labels:
        raise LabelMismatch(f"{what}: label {labels.index('') + 1} is empty")
    return labels


def _as_label(value: object, what: str) -> str:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (str, bytes, int, np.integer)):
        raise LabelMismatch(f"{what}: {value!r} cannot be a label; give names or whole numbers")
    try:
        text = value.decode("utf-8") if isinstance(value, bytes) else str(value)
        text.encode("utf-8")  # half a surrogate pair could not be written down
    except UnicodeError:
        raise LabelMismatch(f"{what}: {value!r} is not Unicode text") from None
    if "\0" in text:  # numpy's text drops it at the end, and two labels would become one
        raise LabelMismatch(f"{what}: {text!r} holds a NUL character")
    return text


def require_length(labels: Sequence[str], length: int, what: str) -> None:
    """Raise when there is not exactly one label for each row."""
    if len(labels) != length:
        raise LabelMismatch(f"{what}: {len(labels)} labels for {length} rows")


def require_unique(labels: Sequence[str], what: str) -> None:
    """Raise and name the labels that occur more than once."""
    twice = [label for label, count in Counter(labels).items() if count > 1]
    if twice:
        raise LabelMismatch(f"{what}: {_some(twice)} occur{'s' if len(twice) == 1 else ''} more than once")


def unique(labels: Sequence[str]) -> Labels:
    """Keep each label once, in order of first appearance."""
    return tuple(dict.fromkeys(labels))


def codes(labels: Sequence[str], order: Sequence[str] | None = None) -> npt.NDArray[np.intp]:
    """Number labels by their place in ``order`` (default: of first appearance), which holds them all."""
    return positions(labels, unique(labels) if order is None else order, "labels to number")


def positions(wanted: Sequence[str], have: Sequence[str], what: str) -> npt.NDArray[np.intp]:
    """Find each wanted label among those that there are (which must be unique).

    Raises ``LabelMismatch`` naming all labels that are missing.
    """
    require_unique(have, what)
    place = {label: index for index, label in enumerate(have)}
    missing = [label for label in wanted if label not in place]
    if missing:
        raise LabelMismatch(f"{what}: no {_some(missing)}; there are {_some(have) or 'none'}")
    return np.array([place[label] for label in wanted], dtype=np.intp)


def same_labels(first: Sequence[str], second: Sequence[str], what: str) -> npt.NDArray[np.intp]:
    """Give the order that brings ``second`` into the order of ``first``.

    Raises ``LabelMismatch`` naming what either side lacks.
    """
    require_unique(first, what)
    one, other = set(first), set(second)
    left = [label for label in first if label not in other]
    right = [label for label in second if label not in one]
    if left or right:
        parts = [f"only the first has {_some(left)}"] * bool(left)
        parts += [f"only the second has {_some(right)}"] * bool(right)
        raise LabelMismatch(f"{what}: the labels differ: {' and '.join(parts)}")
    return positions(first, second, what)


def _some(labels: Sequence[str]) -> str:
    shown = ", ".join(repr(label) for label in labels[:8])
    return shown + (f", ... ({len(labels)} in all)" if len(labels) > 8 else "")
