"""The layer tables of VGG16 and VGG19 (Simonyan & Zisserman 2015, configurations D and E)."""

from __future__ import annotations

from typing import Literal

from isocortex_vision.networks.architecture import (
    Architecture,
    Conv,
    Dense,
    Dropout,
    Layer,
    Pool,
    Pooling,
    Squeeze,
)

Depth = Literal[16, 19]
Head = Literal["fc", "lee2023", "none"]
"""What comes after pool5: the published fully connected layers; study A's; nothing."""

_FILTERS = (64, 128, 256, 512, 512)
_CONVOLUTIONS: dict[int, tuple[int, ...]] = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


def vgg(
    depth: Depth = 16,
    *,
    image_size: int = 224,
    width: float = 1.0,
    head: Head = "fc",
    classes: int | None = None,
    slope: float = 0.0,
    pooling: Pooling = "max",
) -> Architecture:
    """Make the table of a VGG.

    Parameters
    ----------
    image_size : height and width of the images; the published nets have 224.
    width : factor on the numbers of filters and units (not of classes), for small machines.
    head : "fc": fc6 and fc7 of 4,096 units and fc8; "lee2023": study A's (a convolution of 7 x 7 to 1,024
        maps, dropout, a convolution of 1 x 1 to the classes; at other image sizes the first is as large as
        the map); "none": the network ends at pool5.
    classes : units of fc8; default 1,000, and 16 for "lee2023".
    slope : of the rectifiers below zero; study B's network for imagery has 0.2.
    pooling : "max", or "average" as study B's network for imagery.
    """
    layers: list[Layer] = []
    for block, (filters, count) in enumerate(zip(_FILTERS, _CONVOLUTIONS[depth], strict=True), start=1):
        layers += [
            Conv(f"conv{block}_{n}", _scaled(filters, width), slope=slope) for n in range(1, count + 1)
        ]
        layers.append(Pool(f"pool{block}", pooling))
    layers += _head(head, image_size // 32, width, classes, slope)
    return Architecture(f"vgg{depth}", tuple(layers), (image_size, image_size, 3))


def _head(head: Head, size: int, width: float, classes: int | None, slope: float) -> list[Layer]:
    if head == "none":
        return []
    if head == "lee2023":
        return [
            Conv("fc6", _scaled(1024, width), size=size, padding="VALID", slope=slope),
            Dropout("dropout6"),
            Conv("fc8", classes or 16, size=1, padding="VALID", slope=None),
            Squeeze("squeeze8"),
        ]
    return [
        Dense("fc6", _scaled(4096, width), slope),
        Dropout("dropout6"),
        Dense("fc7", _scaled(4096, width), slope),
        Dropout("dropout7"),
        Dense("fc8", classes or 1000, None),
    ]


def _scaled(units: int, width: float) -> int:
    return max(1, round(units * width))
