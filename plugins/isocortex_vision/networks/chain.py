"""Losses of a network's layers and their gradient by its input, forward and back without a tape.

Between two products of matrices (convolutions, fully connected layers) all that is done to single units is
one fused block (``networks.activation``), and convolutions use ``winograd`` where that is faster. Of the way
forward only the activity before each rectifier is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from isocortex_vision._tensorflow import tf
from isocortex_vision.networks import activation, winograd
from isocortex_vision.networks.activation import Aim, Kind
from isocortex_vision.networks.architecture import Pool, Stage, WithWeights, rectified
from isocortex_vision.networks.graph import NetworkGraph, reshaping, weighted
from isocortex_vision.networks.losses import LOSSES
from isocortex_vision.networks.objective import Goal

Tensor = Any


class Done(NamedTuple):
    """What a link of the chain gives: what goes on, losses (n,), and how to get back."""

    out: Tensor
    losses: dict[str, Tensor]
    back: Callable[[Tensor], Tensor]
    """Gradient by ``out`` (None where nothing follows) -> gradient by what came in, losses included."""


Link = Callable[[Tensor], Done]


class Chain:
    """A network up to its deepest goal; called with prepared images it gives losses and the gradient."""

    def __init__(self, network: NetworkGraph, goals: Mapping[str, Goal], loss: str) -> None:
        self._goals, self._loss = dict(goals), loss
        deepest = next(name for name in reversed(network.architecture.addresses) if name in goals)
        stages = list(network.architecture.until(deepest).stages())
        self._links: list[Link] = []
        while stages:
            stage = stages.pop(0)
            if isinstance(stage.layer, WithWeights):
                self._weighted(network, stage, stages, deepest)
            else:
                self._links.append(_taped(lambda x, layer=stage.layer: reshaping(layer, x)))
                self._tapped(stage.layer.name)

    def __call__(self, x: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Weighted losses (n,) by layer in the order of the goals, and the gradient of their sum."""
        losses: dict[str, Tensor] = {}
        ways = []
        for link in self._links:
            done = link(x)
            x, losses = done.out, losses | done.losses
            ways.append(done.back)
        gradient = None
        for back in reversed(ways):
            gradient = back(gradient)
        return {name: losses[name] for name in self._goals}, gradient

    def _weighted(self, network: NetworkGraph, stage: Stage, rest: list[Stage], deepest: str) -> None:
        """A layer with weights, its rectifier, and a pool that follows."""
        layer = stage.layer
        before, after = layer.name, rectified(layer.name)
        self._links.append(_linear(network, stage))
        apart = self._loss == "gram"  # not a sum over units: on its own
        if apart:
            self._tapped(before)
            if deepest == before:
                return
        names = () if apart else tuple(name for name in (before, after) if name in self._goals)
        pool = (
            rest.pop(0).layer
            if rest and _even_pool(rest[0]) and not (apart and after in self._goals)
            else None
        )
        following = next((later for later in rest if isinstance(later.layer, WithWeights)), None)
        as_it_is = pool is not None and pool.name in self._goals  # and so without zeros around
        kind = Kind(
            slope=layer.slope,
            pool=pool.kind if isinstance(pool, Pool) else None,
            loss=self._loss,
            places=tuple(name == after for name in names),
            dtype=network.dtype_at((following or stage).layer.name),
            padded=following is not None
            and following is rest[0]
            and network.minimal(following) is not None
            and not (as_it_is or (apart and after in self._goals)),
            padded_back=network.minimal(stage) is not None and not (apart and before in self._goals),
        )
        aims = [_aim(self._goals[name]) for name in names]
        self._links.append(_units(kind, names, aims, last=deepest in names))
        if apart:
            self._tapped(after)
        if pool is not None:
            self._tapped(pool.name)

    def _tapped(self, name: str) -> None:
        """Compare a layer with its goal, where it has one, by the plain definition of the loss."""
        if name in self._goals:
            self._links.append(_tap(name, self._goals[name], self._loss))


def _linear(network: NetworkGraph, stage: Stage) -> Link:
    """Convolution or fully connected layer."""
    layer, transformed = stage.layer, network.minimal(stage)
    kernel, bias = network.tensors(layer.name)
    if transformed is None:
        return _taped(lambda x: weighted(layer, tf.cast(x, kernel.dtype), kernel, bias))
    height, width = stage.shape_in[:2]

    def ready(x: Tensor) -> Tensor:
        return winograd.padded(x) if tuple(x.shape[1:3]) == (height, width) else x

    def link(x: Tensor) -> Done:
        def back(over: Tensor) -> Tensor:
            return winograd.convolved_in_pieces(ready(over), (height, width), transformed, None, flipped=True)

        y = winograd.convolved_in_pieces(ready(x), (height, width), transformed, bias)
        return Done(y, {}, back)

    return link


def _units(kind: Kind, names: tuple[str, ...], aims: list[Aim], last: bool) -> Link:
    """What is done to single units; nothing goes on after the last."""

    def link(y: Tensor) -> Done:
        losses = dict(zip(names, activation.sums(kind, y, aims) if aims else [], strict=True))
        out = None if last else activation.onward(kind)(y)
        return Done(out, losses, lambda over: activation.back(kind)(y, over, aims))

    return link


def _taped(function: Callable[[Tensor], Tensor]) -> Link:
    """What TensorFlow derives by itself."""

    def link(x: Tensor) -> Done:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            y = function(x)
        return Done(y, {}, lambda over: tape.gradient(y, x, output_gradients=over))

    return link


def _tap(name: str, goal: Goal, loss: str) -> Link:
    def link(x: Tensor) -> Done:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            found = goal.weight * LOSSES[loss](tf.cast(x, goal.target.dtype), goal.target, goal.mask)

        def back(over: Tensor) -> Tensor:
            own = tape.gradient(found, x)
            return own if over is None else over + own

        return Done(x, {name: found}, back)

    return link


def _aim(goal: Goal) -> Aim:
    """A goal whose weight has as many axes as its target."""
    rank = goal.target.shape.rank
    return Aim(goal.target, tf.reshape(goal.weight, [-1] + [1] * (rank - 1)), goal.mask)


def _even_pool(stage: Stage) -> bool:
    """Pools of odd sizes leave a row or column out; TensorFlow does them."""
    return isinstance(stage.layer, Pool) and not any(side % 2 for side in stage.shape_in[:2])
