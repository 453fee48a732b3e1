"""The layer table of the deep generator network for fc7 codes (Dosovitskiy & Brox 2016)."""

from __future__ import annotations

from isocortex_vision.networks.architecture import Architecture, Deconv, Dense, Layer, Unflatten

SLOPE = 0.3
"""Of its rectifiers below zero."""

_UP = (("deconv5", 256), ("deconv4", 256), ("deconv3", 128), ("deconv2", 64), ("deconv1", 32))
_SAME = {"deconv5": ("conv5_1", 512), "deconv4": ("conv4_1", 256), "deconv3": ("conv3_1", 128)}


def dgn(width: float = 1.0, latent: int = 4096) -> Architecture:
    """Make the table: 3 fully connected layers, then transposed convolutions from 4 x 4 to 256 x 256.

    Parameters
    ----------
    width : factor on the numbers of filters and units (not of the latent), for small machines.
    latent : units of the code; 4,096 in the published generator.
    """

    def scaled(units: int) -> int:
        return max(1, round(units * width))

    maps = scaled(256)
    layers: list[Layer] = [Dense(name, scaled(4096), SLOPE) for name in ("defc7", "defc6")]
    layers += [Dense("defc5", 16 * maps, SLOPE), Unflatten("reshape", (4, 4, maps))]
    for name, filters in _UP:
        layers.append(Deconv(name, scaled(filters), size=4, stride=2, slope=SLOPE))
        if name in _SAME:
            same, filters = _SAME[name]
            layers.append(Deconv(same, scaled(filters), size=3, stride=1, slope=SLOPE))
    layers.append(Deconv("deconv0", 3, size=4, stride=2, slope=None))
    return Architecture("dgn", tuple(layers), (latent,))
