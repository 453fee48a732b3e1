"""A VGG and generators in numpy that carry any gradient back: one image at a time, (3, height, width)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from reference import Dgn, Vgg, conv_back, deconv, deconv_back, leaky

Features = Mapping[str, Any]


class Network(Vgg):
    """A VGG that carries any slopes of its layers back to the image."""

    def up_to(self, kind: str, number: str) -> Network:
        """Leave out what is deeper."""
        self.plan = self.plan[: self.plan.index((kind, number)) + 1]
        return self

    def layers_of(self, image: Any, names: Any) -> dict[str, Any]:
        found = self.forward(image[None])
        return {name: found[name][0] for name in names}

    def pulled_back(self, image: Any, slopes: Features) -> Any:
        """Gradient by the image of a function whose gradient by each named layer is given."""
        images, down = image[None], None
        found = self.forward(images)
        left = dict(slopes)
        for index in reversed(range(len(self.plan))):
            kind, number = self.plan[index]
            before = self._input(found, images, index)
            if kind == "pool":
                down = _plus(down, left.pop(f"pool{number}", None))
                down = None if down is None else self._pool_back(down, before)
                continue
            name = f"{kind}{number}"
            if number != "8":
                down = _plus(down, left.pop(f"relu{number}", None))
                down = None if down is None else down * np.where(found[name] > 0, 1.0, self.slope)
            down = _plus(down, left.pop(name, None))
            if down is not None:
                kernel = self.weights[name][0]
                down = conv_back(down, kernel) if kind == "conv" else (down @ kernel).reshape(before.shape)
        assert not left, f"no layers {list(left)}"
        return np.zeros_like(image) if down is None else down[0]


def _plus(down: Any, slope: Any) -> Any:
    if slope is None:
        return down
    return slope[None] if down is None else down + slope[None]


class SmallGenerator:
    """Codes -> a fully connected layer -> 4 x 4 maps -> transposed convolutions: (3, side, side)."""

    def __init__(self, latent: int, channels: tuple[int, ...] = (8, 8, 6), seed: int = 0) -> None:
        rng, sizes = np.random.default_rng(seed), (*channels, 3)
        self.channels, self.slope = channels, 0.3
        self.kernel = rng.normal(0, (2 / latent) ** 0.5, (16 * channels[0], latent))
        self.bias = rng.normal(0, 0.1, len(self.kernel))
        self.ups = [
            (rng.normal(0, (1 / (2 * a)) ** 0.5, (a, b, 4, 4)), rng.normal(0, 0.1, b))
            for a, b in itertools.pairwise(sizes)
        ]
        self.ups[-1] = self.ups[-1][0] * 40, self.ups[-1][1] * 40

    def forward(self, code: Any) -> Any:
        return self._run(code)[0]

    def pulled_back(self, code: Any, gradient: Any) -> Any:
        _, before = self._run(code)
        down = gradient[None]
        for step in reversed(range(len(self.ups))):
            if step < len(self.ups) - 1:
                down = down * np.where(before[step + 1] > 0, 1.0, self.slope)
            down = deconv_back(down, self.ups[step][0], stride=2, pad=1)
        return (down.reshape(-1) * np.where(before[0] > 0, 1.0, self.slope)) @ self.kernel

    def _run(self, code: Any) -> tuple[Any, list[Any]]:
        y = self.kernel @ code + self.bias
        before = [y]
        x = leaky(y, self.slope).reshape(1, self.channels[0], 4, 4)
        for step, (kernel, bias) in enumerate(self.ups):
            y = deconv(x, kernel, bias, stride=2, pad=1)
            before.append(y)
            x = leaky(y, self.slope) if step < len(self.ups) - 1 else y
        return x[0], before


class Cropped:
    """The published generator, and the middle of what it makes."""

    def __init__(self, weights: Any, side: int) -> None:
        self.dgn, self.side = Dgn(weights), side
        self.first = (256 - side) // 2

    def forward(self, code: Any) -> Any:
        last = self.first + self.side
        return self.dgn.forward(code[None])[0][0, :, self.first : last, self.first : last]

    def pulled_back(self, code: Any, gradient: Any) -> Any:
        whole, last = np.zeros((1, 3, 256, 256)), self.first + self.side
        whole[0, :, self.first : last, self.first : last] = gradient
        return self.dgn.pullback(code[None], whole)[0]
