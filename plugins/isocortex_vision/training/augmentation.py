"""Changing pictures at random in training: digits are moved, objects cropped, mirrored and tinted.

What is drawn depends on seed, epoch and position alone, so the same pictures come whatever is done in
parallel, and after a training has been taken up again.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex_vision._tensorflow import tf
from isocortex_vision.networks.resizing import resizing

Floats = npt.NDArray[np.float32]
Tensor = Any

SCALE = (1.00, 1.08)
SHIFT = 0.08
"""Largest shift, as a share of the picture's side."""
ANGLE = 15.0
"""Largest rotation in degrees."""
TINT = 0.1
"""Standard deviation of the tint, in standard deviations of the training objects' pixels."""

WHOLE = 9
"""The choice of an object's part that is no crop but the whole picture, made smaller."""


class Draws(NamedTuple):
    """What is drawn for an epoch, in its order: ``transforms`` (digits, 8), the rest by object."""

    transforms: Floats
    choices: npt.NDArray[np.int32]
    flips: npt.NDArray[np.bool_]
    tints: Floats


def draw(n_digits: int, n_objects: int, side: int, seed: int, epoch: int, lee2023: bool = False) -> Draws:
    """Draw the changes of an epoch's pictures.

    Parameters
    ----------
    side : height and width of the digits.
    lee2023 : as imgaug moves them in study A's code: by one distance in both directions (so along the
        diagonal). Otherwise horizontal and vertical shifts are independent.
    """
    rng = np.random.default_rng([seed, epoch, 1])
    scale = rng.uniform(*SCALE, n_digits)
    shift = rng.uniform(-SHIFT, SHIFT, (n_digits, 2)) * side
    angle = np.deg2rad(rng.uniform(-ANGLE, ANGLE, n_digits))
    if lee2023:
        shift = shift[:, [0, 0]]
    rng = np.random.default_rng([seed, epoch, 2])
    return Draws(
        inverse_transforms(scale, shift, angle, side),
        rng.integers(0, WHOLE + 1, n_objects, dtype=np.int32),
        rng.random(n_objects) < 0.5,
        rng.normal(0, TINT, (n_objects, 3)).astype(np.float32),
    )


def inverse_transforms(scale: Array, shift: Array, angle: Array, side: int) -> Floats:
    """Coefficients (n, 8) that lead from a place (x, y) in the changed picture to one in the old picture.

    The change enlarges by ``scale`` (n,) and turns by ``angle`` (n,), in radians, about the middle, then
    shifts by ``shift`` (n, 2) pixels in x and y.
    """
    middle = (side - 1) / 2
    cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
    x, y = middle + shift[:, 0], middle + shift[:, 1]
    rows = [cos, sin, middle - cos * x - sin * y, -sin, cos, middle + sin * x - cos * y]
    return np.stack([*rows, np.zeros_like(cos), np.zeros_like(cos)], axis=1).astype(np.float32)


def move(pictures: Tensor, transforms: Tensor, fill: float) -> Tensor:
    """Move pictures (n, side, side, 3), bilinearly; what comes in from outside is ``fill``."""
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=pictures,
        transforms=transforms,
        output_shape=tf.shape(pictures)[1:3],
        fill_value=fill,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )


def crop(pictures: Tensor, choices: Tensor, flips: Tensor, size: int) -> Tensor:
    """Cut one of nine squares out of each picture (3 x 3 from edge to edge), or take it whole; mirror some.

    Parameters
    ----------
    pictures : (n, side, side, 3), of at least ``size`` pixels.
    choices : (n,) 0 to 8 row by row, or ``WHOLE``.
    flips : (n,) which to mirror left to right.
    """
    side = pictures.shape[1]
    starts = tf.constant([0, (side - size) // 2, side - size], tf.int32)
    square = tf.minimum(choices, WHOLE - 1)
    rows = tf.gather(starts, square // 3)[:, None] + tf.range(size)
    columns = tf.gather(starts, square % 3)[:, None] + tf.range(size)
    cut = tf.gather(tf.gather(pictures, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)
    smaller = tf.constant(resizing(side, size), tf.float32)
    whole = tf.einsum("ih,nhwc,jw->nijc", smaller, pictures, smaller)
    chosen = tf.where((choices == WHOLE)[:, None, None, None], whole, cut)
    return tf.where(flips[:, None, None, None], tf.reverse(chosen, [2]), chosen)


def tint(pictures: Tensor, shifts: Tensor) -> Tensor:
    """Add a colour (n, 3) to each picture."""
    return pictures + shifts[:, None, None, :]


def lee2023_tint(pictures: Tensor, alphas: Tensor) -> Tensor:
    """Tint as study A's code does; the effect is far below one of 256 levels.

    Components of each picture's own pixels on the scale 0 to 1, the eigenvectors transposed, one number for
    all three components; what comes out is added on the scale 0 to 255.
    """
    flat = tf.cast(tf.reshape(pictures, [tf.shape(pictures)[0], -1, 3]), tf.float64) / 255.0
    centred = flat - tf.reduce_mean(flat, axis=1, keepdims=True)
    count = tf.cast(tf.shape(flat)[1] - 1, tf.float64)
    values, vectors = tf.linalg.eigh(tf.matmul(centred, centred, transpose_a=True) / count)
    scaled = tf.cast(alphas[:, :1], tf.float64) * tf.reverse(values, [1])
    shifts = tf.einsum("nji,nj->ni", tf.reverse(vectors, [2]), scaled)
    return tint(pictures, tf.cast(shifts, pictures.dtype))
