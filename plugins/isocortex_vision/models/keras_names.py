"""Which networks of keras.applications are models here, and how their images are prepared."""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal

Scheme = Literal["none", "caffe", "torch", "tf"]

_NONE = ("ConvNeXtTiny", "ConvNeXtSmall", "ConvNeXtBase", "MobileNetV3Small", "MobileNetV3Large")
_EFFICIENT = tuple(f"EfficientNetB{number}" for number in range(8))
_EFFICIENT_2 = tuple(f"EfficientNetV2{size}" for size in ("B0", "B1", "B2", "B3", "S", "M", "L"))
_BY_SCHEME: dict[Scheme, tuple[str, ...]] = {
    "none": (*_NONE, *_EFFICIENT, *_EFFICIENT_2),
    "caffe": ("ResNet50", "ResNet101", "ResNet152", "VGG16", "VGG19"),
    "torch": ("DenseNet121", "DenseNet169", "DenseNet201"),
    "tf": (
        "InceptionResNetV2",
        "InceptionV3",
        "MobileNet",
        "MobileNetV2",
        "NASNetLarge",
        "NASNetMobile",
        "ResNet50V2",
        "ResNet101V2",
        "ResNet152V2",
        "Xception",
    ),
}
APPLICATIONS = MappingProxyType({name: scheme for scheme, names in _BY_SCHEME.items() for name in names})
"""Name -> how its images are prepared ("none": the network has layers of its own for that)."""
