"""What all models that run in TensorFlow share: checked input, batches, features, losses and gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from isocortex.contracts import Gradient
from isocortex.data.base import Array
from isocortex.errors import DataError, suggestion
from isocortex_vision.networks.precision import Precision, dtype_of

if TYPE_CHECKING:
    from isocortex_vision.networks.functions import Functions

MANY = 16
"""Images in a batch from which on it is worth some seconds to compile faster code for that number."""

LOSS_NAMES = ("l2", "l1", "inner", "gram")


class Forward(Protocol):
    """A network on images as they come: RGB of 0 to 255, of any size."""

    def prepare(self, wanted: Sequence[str], many: bool = False) -> None:
        """Read the weights that the wanted layers need."""
        ...

    def __call__(self, images: Any, wanted: Sequence[str], many: bool = False) -> dict[str, Any]:
        """Run as deep as the deepest wanted layer; ``many`` images are worth some preparation."""
        ...


class TensorFlowModel:
    """A model (``isocortex.contracts.Model``) made of a ``Forward``; subclasses say which.

    Features are (n, height, width, channels) for maps and (n, units) for rows. ``batch_size`` images are run
    at once by ``features``; ``loss_gradient`` runs all images that it is given together.
    """

    name: str = "model"
    image_size: tuple[int, int]
    layers: tuple[str, ...]
    precision: Precision = "float32"
    batch_size: int = 32

    @property
    def layer_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Layer -> shape of one image's activity."""
        raise NotImplementedError

    @cached_property
    def _forward(self) -> Forward:
        raise NotImplementedError

    @cached_property
    def _functions(self) -> Functions:
        from isocortex_vision.networks.functions import Functions

        wide = "float64" if self.precision == "float64" else "float32"
        return Functions(self._forward, dtype_of(wide))

    def features(self, images: Array, layers: Sequence[str]) -> dict[str, Array]:
        """Activities of the named layers, each (n, ...units): float32, or float64 in that precision.

        Names decide, not their order. Raises ``DataError`` for a layer that the model does not have, and for
        images that are not RGB of 0 to 255.
        """
        wanted = self._in_order(layers)
        pictures = self._pictures(images)
        self._require_levels(pictures)
        parts = [
            self._batch(pictures[start : start + self.batch_size], wanted)
            for start in range(0, len(pictures), self.batch_size)
        ]
        if not parts:
            return {name: np.empty((0, *self.layer_shapes[name]), dtype=np.float32) for name in layers}
        return {
            name: parts[0][name] if len(parts) == 1 else np.concatenate([part[name] for part in parts])
            for name in layers
        }

    def _batch(self, pictures: Array, wanted: tuple[str, ...]) -> dict[str, Array]:
        many = len(pictures) >= MANY
        self._forward.prepare(wanted, many)
        return self._functions.features(pictures, wanted, many)

    def loss_gradient(
        self,
        images: Array,
        targets: Mapping[str, Array],
        weights: Mapping[str, Any],
        loss: str = "l2",
        masks: Mapping[str, Array] | None = None,
    ) -> Gradient:
        """Compare layers with target features; differentiate the weighted loss by the images.

        Parameters
        ----------
        images : (n, height, width, 3), RGB of 0 to 255.
        targets : layer -> (n, ...units).
        weights : layer -> one number, or one for each image (n,).
        loss : "l2", "l1", "inner" or "gram" (see ``networks.losses``).
        masks : layer -> (...units) or (n, ...units), factors of the units; other layers count whole.
        """
        pictures = self._pictures(images, self._wide)
        goals, factors, shades = self._aims(targets, weights, loss, masks, len(pictures))
        self._forward.prepare(tuple(goals))
        total, by_layer, gradient = self._functions.loss_gradient(pictures, goals, factors, loss, shades)
        given = np.asarray(images).dtype
        return Gradient(total, by_layer, gradient.astype(given) if given.kind == "f" else gradient)

    def objective(
        self,
        generator: Any,
        targets: Mapping[str, Array],
        weights: Mapping[str, Any],
        loss: str = "l2",
        masks: Mapping[str, Array] | None = None,
    ) -> Callable[[Array], Gradient] | None:
        """Prepare ``loss_gradient`` for many calls: targets, weights and masks are checked and kept once.

        The function that is given takes images (n, height, width, 3), or codes (n, latent) where
        ``generator`` is this plugin's ``dgn``: generator, network, losses and gradient are then one graph.
        There have to be as many as the targets have. What a preparation of the image adds and another one
        takes away is left out. The first call compiles, for about 10 seconds (VGG19 on two cores).

        It equals ``generate``, ``loss_gradient`` and ``pullback`` to rounding: to 1e-12 in float64; in
        float32 losses to 1e-6 and VGG19's gradient to some 1e-3 of its norm, since a last digit decides which
        unit a rectifier or pool lets through (as between any two programs). Where all pixels of a pool are
        the same (images of one colour) rounding decides which of them has the gradient.

        Parameters
        ----------
        generator : None, or a generator; with one that is not this plugin's the answer is None.
        targets, weights, loss, masks : as in ``loss_gradient``; the number of images is that of the targets.
        """
        source = None
        if generator is not None:
            source = getattr(generator, "tensorflow_source", None)
            if source is None:
                return None
        count = next((np.shape(target)[0] for target in targets.values() if np.ndim(target)), 0)
        goals, factors, shades = self._aims(targets, weights, loss, masks, count)
        self._forward.prepare(tuple(goals))
        from isocortex_vision.networks.objective import Goal, Objective

        aims = {name: Goal(goal, factors[name], shades.get(name)) for name, goal in goals.items()}
        return Objective(
            self._forward, source and source(), aims, loss, self._states(generator, count), self._wide
        )

    def _states(self, generator: Any, count: int) -> Callable[[Array], Array]:
        """Function that checks what an objective is called with."""

        def checked(states: Array) -> Array:
            found = self._pictures(states, self._wide) if generator is None else generator.codes(states)
            if len(found) != count:
                raise DataError(f"{self.name}: the targets are of {count} images, and {len(found)} are given")
            return found

        return checked

    @property
    def _wide(self) -> Any:
        return np.float64 if self.precision == "float64" else np.float32

    def _aims(
        self,
        targets: Mapping[str, Array],
        weights: Mapping[str, Any],
        loss: str,
        masks: Mapping[str, Array] | None,
        count: int,
    ) -> tuple[dict[str, Array], dict[str, Array], dict[str, Array]]:
        """Targets, weights and masks by layer, in forward order, checked."""
        if loss not in LOSS_NAMES:
            raise DataError(f"{self.name}: no loss {loss!r}; {suggestion(loss, LOSS_NAMES, 'losses')}")
        layers = self._in_order(targets)
        goals = {name: self._target(name, targets[name], count) for name in layers}
        factors = {name: self._weight(name, weights, count) for name in layers}
        for name in (*(masks or ()), *weights):
            if name not in goals:
                raise DataError(f"{self.name}: a weight or mask names {name!r}, which is no target layer")
        shades = {name: self._mask(name, mask, count) for name, mask in (masks or {}).items()}
        if loss == "gram" and (flat := [name for name in layers if len(self.layer_shapes[name]) != 3]):
            raise DataError(f"{self.name}: the loss 'gram' is for maps, and {', '.join(flat)} has none")
        return goals, factors, shades

    def _in_order(self, names: Mapping[str, Any] | Sequence[str]) -> tuple[str, ...]:
        for name in names:
            if name not in self.layers:
                raise DataError(f"{self.name}: no layer {name!r}; {suggestion(name, self.layers, 'layers')}")
        if not names:
            raise DataError(f"{self.name}: no layer is asked for")
        return tuple(name for name in self.layers if name in names)

    def _pictures(self, images: Array, dtype: Any = None) -> Array:
        pictures = np.asarray(images)
        if pictures.ndim != 4 or pictures.shape[3] != 3 or 0 in pictures.shape[1:]:
            raise DataError(
                f"{self.name}: expected images (n, height, width, 3) in RGB, got shape {pictures.shape}"
            )
        self._require_scale(pictures)
        if dtype is None:
            keep = (np.uint8, np.float64) if self.precision == "float64" else (np.uint8,)
            dtype = pictures.dtype if pictures.dtype in keep else np.float32
        return np.ascontiguousarray(pictures, dtype=dtype)

    def _require_scale(self, pictures: Array) -> None:
        """Refuse what cannot be grey levels; gradients may take floats anywhere."""
        if pictures.dtype.kind not in "uif":
            raise DataError(f"{self.name}: images are {pictures.dtype}; give numbers of 0 to 255")
        if not pictures.size or pictures.dtype == np.uint8:
            return
        if pictures.dtype.kind == "f" and not np.isfinite(pictures).all():
            raise DataError(f"{self.name}: images hold NaN or infinity")
        if pictures.dtype.kind != "f" and (pictures.min() < 0 or pictures.max() > 255):
            raise DataError(f"{self.name}: whole numbers of images have to lie within 0 to 255")

    def _require_levels(self, pictures: Array) -> None:
        if pictures.dtype.kind == "f" and pictures.size and pictures.min() >= 0 and 0 < pictures.max() <= 1:
            raise DataError(
                f"{self.name}: these images lie between 0 and {pictures.max():.3g}; models take the scale 0 "
                "to 255: multiply by 255"
            )

    def _target(self, name: str, target: Array, count: int) -> Array:
        values, shape = np.asarray(target), tuple(self.layer_shapes[name])
        if values.shape == (count, *shape):
            if not np.isfinite(values).all():
                raise DataError(f"{self.name}: the target of layer {name!r} holds NaN or infinity")
            return values
        hint = ""
        if len(shape) == 3 and values.shape[1:] == (shape[2], *shape[:2]):
            hint = "; it seems to be (channels, height, width), as Caffe and PyTorch have it: move its axes"
        raise DataError(
            f"{self.name}: the target of layer {name!r} has the shape {values.shape}, expected "
            f"{(count, *shape)}{hint}"
        )

    def _weight(self, name: str, weights: Mapping[str, Any], count: int) -> Array:
        if name not in weights:
            raise DataError(f"{self.name}: no weight is given for the target layer {name!r}")
        values = np.asarray(weights[name], dtype=np.float64)
        if values.shape not in ((), (count,)):
            raise DataError(
                f"{self.name}: the weight of layer {name!r} has the shape {values.shape}; give one number, "
                f"or one for each of the {count} images"
            )
        return np.broadcast_to(values, (count,))

    def _mask(self, name: str, mask: Array, count: int) -> Array:
        values, shape = np.asarray(mask), tuple(self.layer_shapes[name])
        if values.shape == shape:
            return values[None]
        if values.shape == (count, *shape):
            return values
        raise DataError(
            f"{self.name}: the mask of layer {name!r} has the shape {values.shape}, expected {shape} or "
            f"{(count, *shape)}"
        )
