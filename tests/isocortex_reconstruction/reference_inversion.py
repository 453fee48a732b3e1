"""Study B's reconstruction once more: numpy and scipy, float64, one image at a time, slow and obvious.

Written from the published description of the algorithms (Shen et al. 2019; the Caffe package icnn); nothing
of isocortex is used. Images are as Caffe has them: (3, height, width), BGR minus the mean; maps are
(channels, height, width).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from reference_networks import Cropped as Cropped
from reference_networks import Network as Network
from reference_networks import SmallGenerator as SmallGenerator
from scipy.ndimage import gaussian_filter
from scipy.optimize import minimize

Features = Mapping[str, Any]
Slope = tuple[float, float]


def l2(f: Any, t: Any, mask: Any) -> tuple[float, Any]:
    return float((mask * (f - t) ** 2).sum()), 2 * mask * (f - t)


def l1(f: Any, t: Any, mask: Any) -> tuple[float, Any]:
    return float(np.abs((f - t) * mask).sum()), np.sign(f - t) * np.abs(mask)


def inner(f: Any, t: Any, mask: Any) -> tuple[float, Any]:
    return -float((f * t * mask).sum()), -t * mask


def gram(f: Any, t: Any, mask: Any) -> tuple[float, Any]:
    """The exact gradient; icnn's own leaves the mask out of one of its factors."""
    channels, positions = f.shape[0], f.shape[1] * f.shape[2]
    a, b = (f * mask).reshape(channels, -1), (t * mask).reshape(channels, -1)
    difference = a @ a.T - b @ b.T
    scale = 4 * channels**2 * positions**2
    return float((difference**2).sum() / scale), (4 * difference @ a / scale).reshape(f.shape) * mask


LOSSES: dict[str, Callable[[Any, Any, Any], tuple[float, Any]]] = {
    "l2": l2,
    "l1": l1,
    "inner": inner,
    "gram": gram,
}


def layer_weights(targets: Features) -> dict[str, float]:
    """1 / squared norm of each layer's target, all together 1."""
    weights = {name: 1 / float((target**2).sum()) for name, target in targets.items()}
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


@dataclass
class Objective:
    """Weighted loss of the layers of one image, or of the image that a generator makes of a code."""

    network: Network
    targets: Features
    loss: str = "l2"
    weights: dict[str, float] | None = None
    masks: Features = field(default_factory=dict)
    generator: Any = None

    def image_of(self, state: Any) -> Any:
        return state if self.generator is None else self.generator.forward(state)

    def __call__(self, state: Any) -> tuple[float, dict[str, float], Any]:
        """Loss, its part of each layer, and the gradient by the state."""
        weights = layer_weights(self.targets) if self.weights is None else self.weights
        image, losses, slopes = self.image_of(state), {}, {}
        for name, values in self.network.layers_of(image, self.targets).items():
            loss, slope = LOSSES[self.loss](values, self.targets[name], self.masks.get(name, 1.0))
            losses[name], slopes[name] = weights[name] * loss, weights[name] * slope
        gradient = self.network.pulled_back(image, slopes)
        if self.generator is not None:
            gradient = self.generator.pulled_back(state, gradient)
        return sum(losses.values()), losses, gradient


@dataclass
class Found:
    """What an inversion gives: image, loss of each iteration, and the code.

    ``evaluations`` are the losses of all states that were looked at, of which L-BFGS-B may need several for
    an iteration; ``by_layer`` are the layers' parts of them.
    """

    image: Any = None
    latent: Any = None
    losses: list[float] = field(default_factory=list)
    evaluations: list[float] = field(default_factory=list)
    by_layer: list[dict[str, float]] = field(default_factory=list)


def at(slope: Slope, t: int, iterations: int) -> float:
    """Linear schedule, which never comes to its end."""
    return slope[0] + t * (slope[1] - slope[0]) / iterations


def normalised(gradient: Any) -> Any:
    mean = np.abs(gradient).mean()
    return gradient / mean if mean > 0 else gradient


def p_norm(image: Any, p: float) -> tuple[float, Any]:
    return float((np.abs(image) ** p).sum()), p * np.abs(image) ** (p - 1) * np.sign(image)


def tv_norm(image: Any, beta: float) -> tuple[float, Any]:
    """Sum of (squared differences to the neighbours below and right) ** (beta / 2), 0 beyond the border.

    In the gradient the power of the differences is at least 1e-5.
    """
    down, right = np.zeros_like(image), np.zeros_like(image)
    down[:, :-1], right[:, :, :-1] = np.diff(image, axis=1), np.diff(image, axis=2)
    power = (down**2 + right**2) ** (beta / 2)
    factor = beta * np.maximum(power, 1e-5) ** ((beta - 2) / beta)
    gradient = -factor * (down + right)
    gradient[:, 1:] += (factor * down)[:, :-1]
    gradient[:, :, 1:] += (factor * right)[:, :, :-1]
    return float(power.sum()), gradient


def without_extremes(image: Any, percent: float) -> Any:
    return np.clip(image, np.percentile(image, percent / 2), np.percentile(image, 100 - percent / 2))


def without_small(image: Any, size: Any, percent: float) -> Any:
    """Pixels whose size (height, width) is below the percentile become the mean colour."""
    return np.where(size < np.percentile(size, percent), 0.0, image)


@dataclass
class Pixels:
    """Settings of the descent by pixels; pairs are (start, end), ``clip_*`` are (every, start, end)."""

    rate: Slope = (2.0, 1e-10)
    momentum: Slope = (0.9, 0.9)
    decay: Slope = (0.2, 1e-10)
    normalise: bool = True
    blur: Slope | None = (2.0, 0.5)
    shifts: Any = None
    p_norm: tuple[float, float, float] | None = None
    tv_norm: tuple[float, float, float] | None = None
    image_norm: float = 1.0
    clip_extreme: tuple[int, float, float] | None = None
    clip_small_norm: tuple[int, float, float] | None = None
    clip_small_contribution: tuple[int, float, float] | None = None
    unshift_gradient: bool = False
    """icnn leaves the newest gradient in the jittered frame when it moves the momentum back."""


def descend_pixels(objective: Objective, start: Any, iterations: int, settings: Pixels) -> Found:
    """icnn_gd. The image is the one after the last update."""
    image, delta = start.copy(), np.zeros_like(start)
    found = Found(image)
    for t in range(iterations):
        x, y = (0, 0) if settings.shifts is None else settings.shifts[t]
        image, delta = _moved(image, x, y), _moved(delta, x, y)
        loss, by_layer, gradient = objective(image)
        found.evaluations.append(loss)
        found.by_layer.append(by_layer)
        gradient = normalised(gradient) if settings.normalise else gradient
        delta = (
            at(settings.momentum, t, iterations) * delta + gradient + _priors(settings, image, t, iterations)
        )
        image = image - at(settings.rate, t, iterations) * delta
        image = _clipped(settings, image, gradient, t, iterations)
        image = _moved(image, -x, -y)
        if settings.unshift_gradient:
            delta = _moved(delta, -x, -y)
        else:
            delta = _moved(delta - gradient, -x, -y) + gradient
        image = (1 - at(settings.decay, t, iterations)) * image
        if settings.blur is not None:
            sigma = at(settings.blur, t, iterations)
            image = np.stack([gaussian_filter(channel, sigma) for channel in image])
    found.image, found.losses = image, found.evaluations
    return found


def _moved(image: Any, x: int, y: int) -> Any:
    return np.roll(image, (y, x), axis=(-2, -1))


def _priors(settings: Pixels, image: Any, t: int, iterations: int) -> Any:
    total = np.zeros_like(image)
    for norm, setting in ((p_norm, settings.p_norm), (tv_norm, settings.tv_norm)):
        if setting is not None:
            gradient = norm(image, setting[0])[1] / settings.image_norm**2
            gradient = normalised(gradient) if settings.normalise else gradient
            total += at(setting[1:], t, iterations) * gradient
    return total


def _clipped(settings: Pixels, image: Any, gradient: Any, t: int, iterations: int) -> Any:
    def percent(setting: tuple[int, float, float] | None) -> float | None:
        return None if setting is None or (t + 1) % setting[0] else at(setting[1:], t, iterations)

    if (part := percent(settings.clip_extreme)) is not None:
        image = without_extremes(image, part)
    if (part := percent(settings.clip_small_norm)) is not None:
        image = without_small(image, np.sqrt((image**2).sum(0)), part)
    if (part := percent(settings.clip_small_contribution)) is not None:
        image = without_small(image, np.sqrt(((image * gradient) ** 2).sum(0)), part)
    return image


def descend_latents(
    objective: Objective,
    start: Any,
    iterations: int,
    rate: Slope = (2.0, 1e-10),
    momentum: Slope = (0.9, 0.9),
    decay: Slope = (0.01, 0.01),
    lower: Any = None,
    upper: Any = None,
) -> Found:
    """icnn_dgn_gd. The image is that of the code before the last update; that code is given."""
    code, delta = start.copy(), np.zeros_like(start)
    found = Found(latent=code)
    for t in range(iterations):
        found.latent = code
        loss, by_layer, gradient = objective(code)
        found.evaluations.append(loss)
        found.by_layer.append(by_layer)
        delta = at(momentum, t, iterations) * delta + normalised(gradient)
        code = code - at(rate, t, iterations) * delta
        code = (1 - at(decay, t, iterations)) * code
        code = code if lower is None else np.maximum(code, lower)
        code = code if upper is None else np.minimum(code, upper)
    found.image, found.losses = objective.image_of(found.latent), found.evaluations
    return found


def adam(
    objective: Objective,
    start: Any,
    iterations: int,
    rate: float,
    decay: float = 0.0,
    lower: Any = None,
    upper: Any = None,
) -> Found:
    """Kingma & Ba 2015; with ``decay`` AdamW (Loshchilov & Hutter 2019). The image is the last evaluated."""
    state, first, second = start.copy(), np.zeros_like(start), np.zeros_like(start)
    found = Found()
    for t in range(1, iterations + 1):
        loss, by_layer, gradient = objective(state)
        found.image, found.latent = objective.image_of(state), None if objective.generator is None else state
        found.losses.append(loss)
        found.evaluations.append(loss)
        found.by_layer.append(by_layer)
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        step = (first / (1 - 0.9**t)) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)
        state = state * (1 - rate * decay) - rate * step
        state = state if lower is None else np.clip(state, lower, upper)
    return found


def quasi_newton(
    objective: Objective,
    start: Any,
    iterations: int,
    lower: Any = None,
    upper: Any = None,
    first_loss: float | None = None,
) -> Found:
    """icnn_lbfgs and icnn_dgn_lbfgs: scipy's L-BFGS-B. One loss for each iteration, after it.

    ``first_loss`` is what the first loss is scaled to, in scipy's eyes (icnn: as it is).
    """
    found, scale = Found(), 1.0 if first_loss is None else first_loss / abs(objective(start)[0])

    def evaluated(state: Any) -> tuple[float, Any]:
        loss, by_layer, gradient = objective(state.reshape(start.shape))
        found.by_layer.append(by_layer)
        found.evaluations.append(loss)
        return scale * loss, scale * gradient.ravel()

    def kept(intermediate_result: Any) -> None:
        found.losses.append(float(intermediate_result.fun) / scale)

    bounds = list(zip(_each(lower, start), _each(upper, start), strict=True))
    result = minimize(
        evaluated,
        start.ravel(),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        callback=kept,
        options={"maxiter": iterations},
    )
    state = result.x.reshape(start.shape)
    found.image, found.latent = objective.image_of(state), None if objective.generator is None else state
    return found


def _each(bound: Any, start: Any) -> list[Any]:
    return [None] * start.size if bound is None else np.broadcast_to(bound, start.shape).ravel().tolist()


def pixel_bounds(mean: Any, shape: Any) -> tuple[Any, Any]:
    """0 and 255 in BGR minus the mean (BGR)."""
    low = np.broadcast_to(-np.asarray(mean, dtype=np.float64)[:, None, None], shape)
    return low, low + 255.0
