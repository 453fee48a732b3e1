"""VGG and the deep generator once more, in numpy and Caffe's order (n, channels, height, width).

Written from the papers' and Caffe's definitions alone; nothing of isocortex_vision is used. Weights are as
Caffe stores them: convolution (out, in, 3, 3), fully connected (out, in), transposed convolution
(in, out, k, k).
"""

from __future__ import annotations

from typing import Any

import numpy as np

Weights = dict[str, tuple[Any, Any]]
VGG16 = (2, 2, 3, 3, 3)
VGG19 = (2, 2, 4, 4, 4)


def conv(x: Any, kernel: Any, bias: Any, pad: int = 1) -> Any:
    """Cross-correlation of stride 1, one product for each tap of the kernel."""
    height, width = x.shape[2] + 2 * pad - kernel.shape[2] + 1, x.shape[3] + 2 * pad - kernel.shape[3] + 1
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    out = np.zeros((len(x), len(kernel), height * width), x.dtype)
    for i in range(kernel.shape[2]):
        for j in range(kernel.shape[3]):
            part = padded[:, :, i : i + height, j : j + width].reshape(*x.shape[:2], -1)
            out += kernel[:, :, i, j] @ part
    return (out + bias[:, None]).reshape(len(x), len(kernel), height, width)


def conv_back(gradient: Any, kernel: Any, pad: int = 1) -> Any:
    """Transpose of ``conv`` by its input."""
    flipped = kernel[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
    return conv(gradient, flipped, np.zeros(len(flipped), gradient.dtype), kernel.shape[2] - 1 - pad)


def deconv(x: Any, kernel: Any, bias: Any, stride: int, pad: int) -> Any:
    """Caffe's Deconvolution: every input adds its kernel, ``stride`` apart; ``pad`` is cut off."""
    n, _, height, width = x.shape
    size, out = kernel.shape[2], kernel.shape[1]
    big = np.zeros((n, out, (height - 1) * stride + size, (width - 1) * stride + size), x.dtype)
    for i in range(size):
        for j in range(size):
            part = np.einsum("nchw,co->nohw", x, kernel[:, :, i, j], optimize=True)
            big[:, :, i : i + height * stride : stride, j : j + width * stride : stride] += part
    end = big.shape[2] - pad
    return big[:, :, pad:end, pad:end] + bias[:, None, None]


def deconv_back(gradient: Any, kernel: Any, stride: int, pad: int) -> Any:
    """Transpose of ``deconv`` by its input."""
    size, n, out = kernel.shape[2], len(gradient), gradient.shape[2] // stride
    big = np.pad(gradient, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    back = np.zeros((n, len(kernel), out, out), gradient.dtype)
    for i in range(size):
        for j in range(size):
            part = big[:, :, i : i + out * stride : stride, j : j + out * stride : stride]
            back += np.einsum("nohw,co->nchw", part, kernel[:, :, i, j], optimize=True)
    return back


def leaky(x: Any, slope: float) -> Any:
    return np.where(x > 0, x, slope * x)


def squares(x: Any) -> Any:
    """The 2 x 2 squares of maps: (n, c, h / 2, w / 2, 4)."""
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h // 2, w // 2, 4)


def unsquares(x: Any) -> Any:
    n, c, h, w, _ = x.shape
    return x.reshape(n, c, h, w, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, 2 * h, 2 * w)


class Vgg:
    """A VGG on images (n, 3, h, w), BGR minus the mean."""

    def __init__(
        self, blocks: tuple[int, ...], weights: Weights, slope: float = 0.0, average: bool = False
    ) -> None:
        self.weights, self.slope, self.average = weights, slope, average
        self.plan: list[tuple[str, str]] = []
        for block, count in enumerate(blocks, start=1):
            self.plan += [("conv", f"{block}_{number}") for number in range(1, count + 1)]
            self.plan.append(("pool", str(block)))
        self.plan += [("fc", number) for number in ("6", "7", "8") if f"fc{number}" in weights]

    def forward(self, x: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for kind, number in self.plan:
            if kind == "pool":
                x = squares(x).mean(-1) if self.average else squares(x).max(-1)
                found[f"pool{number}"] = x
                continue
            kernel, bias = self.weights[f"{kind}{number}"]
            x = conv(x, kernel, bias) if kind == "conv" else x.reshape(len(x), -1) @ kernel.T + bias
            found[f"{kind}{number}"] = x
            if number != "8":
                x = found[f"relu{number}"] = leaky(x, self.slope)
        return found

    def loss_gradient(self, image: Any, targets: Weights, weights: dict[str, float]) -> tuple[Any, Any]:
        """Weighted sum of squares over target layers, and its gradient by the image."""
        found = self.forward(image)
        losses = sum(
            weights[name] * ((found[name] - target) ** 2).reshape(len(image), -1).sum(1)
            for name, target in targets.items()
        )
        slopes = {name: 2 * weights[name] * (found[name] - target) for name, target in targets.items()}
        down: Any = 0.0
        for index in range(len(self.plan) - 1, -1, -1):
            kind, number = self.plan[index]
            down = down + slopes.get(f"{'pool' if kind == 'pool' else 'relu'}{number}", 0.0)
            before = self._input(found, image, index)
            if kind == "pool":
                down = self._pool_back(down, before) if np.ndim(down) else 0.0
                continue
            own = found[f"{kind}{number}"]
            if number != "8":
                down = down * np.where(own > 0, 1.0, self.slope)
            down = down + slopes.get(f"{kind}{number}", 0.0)
            if not np.ndim(down):
                continue
            kernel = self.weights[f"{kind}{number}"][0]
            down = conv_back(down, kernel) if kind == "conv" else (down @ kernel).reshape(before.shape)
        return losses, down

    def _input(self, found: dict[str, Any], image: Any, index: int) -> Any:
        if index == 0:
            return image
        kind, number = self.plan[index - 1]
        return found[f"{'pool' if kind == 'pool' else 'relu'}{number}"]

    def _pool_back(self, down: Any, before: Any) -> Any:
        four = squares(before)
        if self.average:
            return unsquares(np.repeat(down[..., None] / 4, 4, axis=-1))
        first = four.argmax(-1)[..., None] == np.arange(4)  # ties go to the first, as in both libraries
        return unsquares(first * down[..., None])


UP = ("deconv5", "conv5_1", "deconv4", "conv4_1", "deconv3", "conv3_1", "deconv2", "deconv1", "deconv0")


class Dgn:
    """The fc7 generator: codes (n, latent) -> images (n, 3, 256, 256), BGR minus the mean."""

    def __init__(self, weights: Weights, slope: float = 0.3) -> None:
        self.weights, self.slope = weights, slope

    def forward(self, codes: Any) -> tuple[Any, list[tuple[str, Any]]]:
        x, before = codes, []
        for name in ("defc7", "defc6", "defc5"):
            kernel, bias = self.weights[name]
            y = x @ kernel.T + bias
            before.append((name, y))
            x = leaky(y, self.slope)
        x = x.reshape(len(x), -1, 4, 4)
        for name in UP:
            kernel, bias = self.weights[name]
            stride = 2 if name.startswith("deconv") else 1
            y = deconv(x, kernel, bias, stride, pad=1)
            before.append((name, y))
            x = y if name == "deconv0" else leaky(y, self.slope)
        return x, before

    def pullback(self, codes: Any, gradient: Any) -> Any:
        _, before = self.forward(codes)
        down = gradient
        for name, y in reversed(before):
            kernel = self.weights[name][0]
            if name != "deconv0":
                down = down.reshape(y.shape) * np.where(y > 0, 1.0, self.slope)
            if name.startswith("defc"):
                down = down @ kernel
            else:
                down = deconv_back(down, kernel, 2 if name.startswith("deconv") else 1, pad=1)
        return down


def vgg_weights(blocks: tuple[int, ...], size: int, width: float = 1.0, classes: int = 1000) -> Weights:
    """Random weights in Caffe's order, of a standard deviation that keeps activities in range."""
    rng, weights, channels = np.random.default_rng(7), {}, 3
    for block, (count, filters) in enumerate(zip(blocks, (64, 128, 256, 512, 512), strict=True), start=1):
        for number in range(1, count + 1):
            out = round(filters * width)
            weights[f"conv{block}_{number}"] = _drawn(rng, (out, channels, 3, 3), 9 * channels)
            channels = out
    inputs = channels * (size // 32) ** 2
    for name, units in (("fc6", round(4096 * width)), ("fc7", round(4096 * width)), ("fc8", classes)):
        weights[name] = _drawn(rng, (units, inputs), inputs)
        inputs = units
    return weights


def dgn_weights(width: float = 1.0, latent: int = 4096) -> Weights:
    rng, maps = np.random.default_rng(8), round(256 * width)
    fc = round(4096 * width)
    weights = {
        "defc7": _drawn(rng, (fc, latent), latent),
        "defc6": _drawn(rng, (fc, fc), fc),
        "defc5": _drawn(rng, (16 * maps, fc), fc),
    }
    inputs = maps
    for name, filters in zip(UP, (256, 512, 256, 256, 128, 128, 64, 32, 3), strict=True):
        out, size = (3 if name == "deconv0" else round(filters * width)), 4 if name.startswith("de") else 3
        weights[name] = _drawn(rng, (inputs, out, size, size), inputs * (4 if size == 4 else 9))
        weights[name] = weights[name][0], rng.normal(0, 0.1, out).astype(np.float32)
        inputs = out
    return weights


def _drawn(rng: np.random.Generator, shape: tuple[int, ...], inputs: int) -> tuple[Any, Any]:
    kernel = rng.standard_normal(shape, dtype=np.float32) * np.float32((2 / inputs) ** 0.5)
    return kernel, rng.standard_normal(shape[0], dtype=np.float32) * np.float32(0.1)
