"""The batches of an epoch, prepared while the network learns from the one before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isocortex_vision._tensorflow import tf
from isocortex_vision.training import augmentation
from isocortex_vision.training.pools import Pool
from isocortex_vision.training.sampling import Epoch, Shares, draw_epoch

Tensor = Any
_PARALLEL, _AHEAD = 2, 2


@dataclass(frozen=True, eq=False)
class Batches:
    """Draws, reads and changes the pictures of each epoch.

    Parameters
    ----------
    digits, objects : the pictures; digits are ``image_size`` high and wide, objects that or more.
    components : (3, 3) colours along which objects are tinted (``colours.colour_components``).
    shares : pictures of each kind in a batch.
    image_size : height and width of what comes out.
    seed : of all that is random.
    fill : level (0 to 255) of what comes in where a digit has moved away from the edge.
    lee2023 : repeat the quirks of study A's code.
    """

    digits: Pool
    objects: Pool
    components: npt.NDArray[np.float64]
    shares: Shares
    image_size: int
    seed: int
    fill: float = 0.0
    lee2023: bool = False

    def epoch(self, number: int) -> Epoch:
        """Which pictures the epoch shows."""
        return draw_epoch(self.digits.codes, self.objects.codes, self.shares, self.seed, number, self.lee2023)

    def __call__(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Go through the batches of an epoch: pictures (n, size, size, 3), 0 to 255, and classes (n,)."""
        epoch = self.epoch(number)
        draws = augmentation.draw(
            len(epoch.digits), len(epoch.objects), self.image_size, self.seed, number, self.lee2023
        )
        tints = draws.tints
        if not self.lee2023:
            tints = (tints @ self.components.T).astype(np.float32)

        def read(batch: npt.NDArray[np.int64]) -> tuple[Any, ...]:
            digits, objects = epoch.batch(int(batch))
            which, others = epoch.digits[digits], epoch.objects[objects]
            codes = np.concatenate([self.digits.codes[which], self.objects.codes[others]]).astype(np.int32)
            return (
                self.digits.take(which), draws.transforms[digits], self.objects.take(others),
                draws.choices[objects], draws.flips[objects], tints[objects], codes,
            )  # fmt: skip

        def made(batch: Tensor) -> tuple[Tensor, Tensor]:
            parts = tf.numpy_function(read, [batch], _TYPES, stateful=False)
            return self._changed(parts)

        batches = tf.data.Dataset.range(epoch.n_batches).map(made, _PARALLEL, deterministic=True)
        return iter(batches.prefetch(_AHEAD))

    def _changed(self, parts: Any) -> tuple[Tensor, Tensor]:
        """Change the pictures of one batch as drawn."""
        digits, transforms, objects, choices, flips, tints, codes = parts
        made = []
        if len(self.digits):
            digits.set_shape([None, self.digits.side, self.digits.side, 3])
            made.append(augmentation.move(digits, transforms, self.fill))
        if len(self.objects):
            objects.set_shape([None, self.objects.side, self.objects.side, 3])
            parted = augmentation.crop(objects, choices, flips, self.image_size)
            tinted = augmentation.lee2023_tint if self.lee2023 else augmentation.tint
            made.append(tinted(parted, tf.ensure_shape(tints, [None, 3])))
        return tf.clip_by_value(tf.concat(made, axis=0), 0.0, 255.0), tf.ensure_shape(codes, [None])


_TYPES = [tf.float32, tf.float32, tf.float32, tf.int32, tf.bool, tf.float32, tf.int32]
