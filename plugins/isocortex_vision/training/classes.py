"""Which categories a network tells apart, in which order, and which of them are digits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from isocortex.data import Images
from isocortex.data.labels import Labels, as_labels, require_unique, unique
from isocortex.errors import DataError, suggestion

LEE2023_DIGITS = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
LEE2023_CLASSES = (*LEE2023_DIGITS, "Bed", "Bird", "Cat", "Dog", "House", "Tree")
"""The 16 classes of Lee et al. 2023, in their order."""

Names = list[str] | Literal["lee2023"]


def categories_of(images: Images, what: str) -> Labels:
    """Give the category of each image; pictures without categories cannot be learnt from."""
    if images.categories is None:
        raise DataError(f"{what}: the images have no categories, so there is nothing to tell apart")
    if not len(images):
        raise DataError(f"{what}: there are no images")
    return images.categories


def class_order(found: Sequence[str], classes: Names | None, what: str) -> Labels:
    """Order the classes: as given, as in study A, or of first appearance; raises where an image has none."""
    if classes is None:
        order = unique(found)
    else:
        order = LEE2023_CLASSES if classes == "lee2023" else as_labels(classes, f"{what}: classes")
        require_unique(order, f"{what}: classes")
    _known(unique(found), order, f"{what}: classes")
    if len(order) < 2:
        raise DataError(f"{what}: there is one class; telling classes apart needs two or more")
    return order


def digit_classes(classes: Labels, digits: Names, what: str) -> Labels:
    """Give the classes that are augmented as digits, in the order of the classes."""
    names = LEE2023_DIGITS if digits == "lee2023" else as_labels(digits, f"{what}: digits")
    _known(names, classes, f"{what}: digits")
    return tuple(name for name in classes if name in names)


def _known(names: Sequence[str], order: Labels, what: str) -> None:
    for name in names:
        if name not in order:
            raise DataError(
                f"{what}: {name!r} is not among the classes; {suggestion(name, order, 'classes')}"
            )
