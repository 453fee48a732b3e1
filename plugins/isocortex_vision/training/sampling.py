"""Which pictures an epoch shows, and in which batches."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isocortex.errors import DataError

Positions = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Shares:
    """Pictures of each kind in a batch (study A: 20 digits and 12 objects)."""

    digits: int = 20
    objects: int = 12


@dataclass(frozen=True, eq=False)
class Epoch:
    """Positions of digits and of objects in the order in which an epoch shows them."""

    digits: Positions
    objects: Positions
    shares: Shares
    n_batches: int

    def batch(self, number: int) -> tuple[slice, slice]:
        """Where the digits and the objects of a batch stand in the epoch's order."""
        digits, objects = self.shares.digits, self.shares.objects
        return slice(number * digits, (number + 1) * digits), slice(number * objects, (number + 1) * objects)


def draw_epoch(
    digit_codes: Positions,
    object_codes: Positions,
    shares: Shares,
    seed: int,
    epoch: int,
    lee2023: bool = False,
) -> Epoch:
    """Draw the pictures of an epoch anew, the same for the same seed and epoch.

    Each object class is drawn down to the smallest, and the digits to 5/3 of the objects' number (as the
    batches have it: ``shares``), equally many of each digit; where there are too few digits, objects are
    drawn down instead. Every picture can be drawn.

    Parameters
    ----------
    digit_codes, object_codes : (pictures,) class of each picture; one of the two may be empty.
    lee2023 : as study A's code: digits are drawn without regard to their class, the last picture of each
        kind in the epoch's order is left out, and the batches are as many as fit whole.
    """
    rng = np.random.default_rng([seed, epoch, 0])
    groups = [_by_class(codes) for codes in (digit_codes, object_codes)]
    n_digits, n_objects = _class_sizes(groups[0], groups[1], shares)
    digits, objects = _draw(groups[0], n_digits, rng), _draw(groups[1], n_objects, rng)
    if lee2023:
        return _as_lee2023(digits, objects, len(digit_codes), shares, rng)
    counts = [(len(digits), shares.digits), (len(objects), shares.objects)]
    return Epoch(digits, objects, shares, max(math.ceil(count / share) for count, share in counts))


def _as_lee2023(
    digits: Positions, objects: Positions, n_digits: int, shares: Shares, rng: np.random.Generator
) -> Epoch:
    if len(objects) and len(digits):
        wanted = len(objects) * shares.digits // shares.objects
        digits = rng.permutation(n_digits)[:wanted]
    n_batches = (len(digits) + len(objects)) // (shares.digits + shares.objects)
    if n_batches < 1:
        raise DataError(
            f"training: {len(digits)} digits and {len(objects)} objects make no full batch of "
            f"{shares.digits} and {shares.objects}; give more pictures or make the batches smaller"
        )
    return Epoch(digits[:-1], objects[:-1], shares, n_batches)


def _by_class(codes: Positions) -> list[Positions]:
    return [np.flatnonzero(codes == code) for code in np.unique(codes)]


def _class_sizes(digits: list[Positions], objects: list[Positions], shares: Shares) -> tuple[int, int]:
    """How many pictures of each digit and of each object class keep the classes and the shares."""
    most = [min((len(rows) for rows in group), default=0) for group in (digits, objects)]
    if not digits or not objects:
        return most[0], most[1]
    fitting = most[1] * len(objects) * shares.digits // (shares.objects * len(digits))
    n_digits = min(most[0], fitting)
    n_objects = min(most[1], -(-n_digits * len(digits) * shares.objects // (shares.digits * len(objects))))
    if n_digits < 1 or n_objects < 1:
        raise DataError(
            f"training: the smallest digit class has {most[0]} pictures and the smallest object class "
            f"{most[1]}; too few for batches of {shares.digits} digits and {shares.objects} objects"
        )
    return n_digits, n_objects


def _draw(group: list[Positions], count: int, rng: np.random.Generator) -> Positions:
    """Draw so many of each class, in one random order."""
    if not group:
        return np.empty(0, dtype=np.intp)
    return rng.permutation(np.concatenate([rng.permutation(rows)[:count] for rows in group]))
