"""Weights as a file holds them, before a network takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from isocortex.data.base import Array

Layout = Literal["caffe", "tensorflow"]
"""Order of the axes.

"caffe" (PyTorch's too): convolution (out, in, height, width), transposed convolution (in, out, height,
width), fully connected (out, in) with inputs in the order channel, height, width.
"tensorflow": convolution (height, width, in, out), transposed convolution (height, width, out, in), fully
connected (in, out) with inputs in the order height, width, channel.
"""


class Preprocessing(NamedTuple):
    """What a network was trained on: RGB images of 0 to 255 become ``(image[channels] - mean) / scale``.

    ``mean`` and ``scale`` are in the order of ``channels``.
    """

    channels: Literal["RGB", "BGR"]
    mean: tuple[float, float, float]
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)

    @property
    def rgb_mean(self) -> tuple[float, float, float]:
        """The mean in the order of RGB."""
        first, second, third = self.mean
        return (first, second, third) if self.channels == "RGB" else (third, second, first)


class Slot(NamedTuple):
    """A layer of a network as far as files care: one with weights, or pooling (which takes a number)."""

    name: str
    kind: Literal["conv", "dense", "deconv", "pool"]


@dataclass(frozen=True)
class StoredWeights:
    """Layer name -> (kernel, bias or None) in the layout of the file; arrays may be views of a mapped file.

    Parameters
    ----------
    layers : by the name that the network has for the layer (``conv1_1``, ``fc6``, ``deconv5``); may be lazy.
    layout : how the axes are ordered.
    preprocessing : what the format says of the images; None where it says nothing.
    origin : file and format, for messages.
    """

    layers: Mapping[str, tuple[Array, Array | None]]
    layout: Layout
    preprocessing: Preprocessing | None
    origin: str
