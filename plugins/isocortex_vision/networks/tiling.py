"""Which convolutions are done in tiles (see ``winograd``): a question about shapes, without TensorFlow."""

from __future__ import annotations

from isocortex_vision.networks.architecture import Conv, Stage

TILE = 4
"""Height and width of what a tile gives."""

_MOST_PIXELS, _LEAST_CHANNELS = 56, 128
"""Height and width, and channels that come in, where it pays (measured on processors with AVX-512)."""
_LEAST_CHANNELS_IN_PIECES = 64


def pays(stage: Stage) -> bool:
    """Whether it is faster for any number of images together."""
    return applies(stage, _LEAST_CHANNELS) and max(stage.shape_in[:2]) <= _MOST_PIXELS


def applies(stage: Stage, channels: int | None = None) -> bool:
    """Whether a layer is a convolution that is faster in pieces (``convolved_in_pieces``)."""
    layer = stage.layer
    if not isinstance(layer, Conv) or layer.size != 3 or layer.padding != "SAME":
        return False
    height, width, given = stage.shape_in
    tiles = -(-height // TILE) * -(-width // TILE)
    worth = 36 * tiles <= 9 * height * width / 2  # small maps fill their tiles badly
    return worth and min(given, layer.filters) >= (channels or _LEAST_CHANNELS_IN_PIECES)
