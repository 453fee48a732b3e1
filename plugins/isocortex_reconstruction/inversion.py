"""The reconstructor: images whose features come close to target features (Shen et al. 2019)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from isocortex.contracts import Generator, Gradient, Model, Reconstruction
from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex.memory import kept
from isocortex.pipeline.settings import InputFile
from isocortex_reconstruction.algorithms.problem import Floats, Goal, Latents, Pixels, require_generated
from isocortex_reconstruction.algorithms.recording import Callback
from isocortex_reconstruction.algorithms.schedules import Line
from isocortex_reconstruction.goals import Weighting, goal_of
from isocortex_reconstruction.optimisers import (
    ClippingSettings,
    OptimiserName,
    PriorSettings,
    optimiser_of,
)
from isocortex_reconstruction.presets import PresetName, require_used, settings_of
from isocortex_reconstruction.searches import Search
from isocortex_reconstruction.starts import Start, starting_state

MEAN = (122.679, 116.669, 104.007)
"""Channel means of ilsvrc_2012_mean.npy in RGB (study B), for models that do not say their own."""


class FeatureInversion:
    """Change pixels, or a generator's latents, until a network's layers do what the targets say.

    The loss is the sum over layers of weight * difference; see ``Model.loss_gradient``. All targets given
    together are worked on at once, each as if it were alone. What is None below is the preset's, or else:
    with a generator descent with momentum from a latent of zeros, without one L-BFGS-B from the mean image.

    Parameters
    ----------
    preset : "shen2019": the paper's code, with and without generator (the image returned with a generator
        belongs to the latent before its last update). "cookbook2023": the lab's PyTorch version, 1,000
        iterations from a random latent that all images share (here with a seed).
    optimiser : "descent" (momentum), "lbfgs" (SciPy's L-BFGS-B), "block-lbfgs" (one evaluation an iteration,
        all images together: faster where the network is), "adam", "adamw".
    iterations : of the optimiser. An L-BFGS-B iteration may take several evaluations; losses are given for
        each evaluation, and an image that is done early keeps its last.
    loss : "l2", "l1", "inner" or "gram".
    layer_weights : "inverse-squared-norm" (of the target), "equal", or a number for each layer.
    channels, masks : layer -> numbers of the channels that count; layer -> ``.npy`` of factors of its units.
    start : "mean" (pixels), "zero" (latents), "noise", or a file.
    step, momentum : of descent; ``step`` also of Adam (0.1). A number, or [start, end] of a straight line.
    decay : share of a state (an image minus its mean) that is lost in each iteration; of AdamW per step.
    normalise : divide gradients by their mean absolute value (descent).
    jitter, blur, p_norm, total_variation, clip_extreme, clip_small_norm, clip_small_contribution : for
        descent on pixels, see ``algorithms.descent``.
    returned : "evaluated" states are those the last loss belongs to, "updated" those after the last step.
    image_mean : the level (RGB) that pixels decay to and start from; default the model's own.
    resize_generated : let the model resize what the generator makes, instead of refusing another size.
    float32_iterations : the last iterations of a model in bfloat16 that are run in float32.
    loss_scale : factor of the loss for SciPy's L-BFGS-B, whose thresholds are absolute; default what makes an
        image's first loss 10,000 (with the preset "shen2019" 1, unless the model is in bfloat16, where
        differences of small losses drown in rounding).
    """

    def __init__(
        self,
        preset: PresetName | None = None,
        optimiser: OptimiserName | None = None,
        iterations: int | None = None,
        loss: Literal["l2", "l1", "inner", "gram"] | None = None,
        layer_weights: Weighting | dict[str, float] | None = None,
        channels: dict[str, list[int]] | None = None,
        masks: dict[str, InputFile] | None = None,
        start: Start | None = None,
        step: Line | None = None,
        momentum: Line | None = None,
        decay: Line | None = None,
        normalise: bool | None = None,
        jitter: int = 0,
        blur: Line | None = None,
        p_norm: PriorSettings | None = None,
        total_variation: PriorSettings | None = None,
        clip_extreme: ClippingSettings | None = None,
        clip_small_norm: ClippingSettings | None = None,
        clip_small_contribution: ClippingSettings | None = None,
        returned: Literal["evaluated", "updated"] | None = None,
        image_mean: tuple[float, float, float] | None = None,
        resize_generated: bool = False,
        float32_iterations: int = 0,
        loss_scale: float | None = None,
    ) -> None:
        self.preset: PresetName | None = preset
        self.channels = channels or {}
        self.masks = masks or {}
        self.image_mean = image_mean
        self.resize_generated = resize_generated
        self.float32_iterations = float32_iterations
        self.loss_scale = loss_scale
        self._given = {
            "optimiser": optimiser, "iterations": iterations, "loss": loss, "layer_weights": layer_weights,
            "start": start, "step": step, "momentum": momentum, "decay": decay, "normalise": normalise,
            "blur": blur, "returned": returned,
        }  # fmt: skip
        self._pixel_only = {
            "jitter": jitter, "p_norm": p_norm, "total_variation": total_variation,
            "clip_extreme": clip_extreme, "clip_small_norm": clip_small_norm,
            "clip_small_contribution": clip_small_contribution,
        }  # fmt: skip
        self._require_use()

    def settings(self, generated: bool) -> dict[str, Any]:
        """All settings, with (or without) a generator."""
        return {**settings_of(self.preset, generated, self._given), **self._pixel_only}

    def _require_use(self) -> None:
        """Say now what is wrong with pixels and latents alike; what is for one of them is said there."""
        problems = []
        for generated in (False, True):
            try:
                self._checked(generated)
            except DataError as error:
                problems.append(error)
        if len(problems) == 2:
            raise problems[self.preset == "cookbook2023"]

    def _checked(self, generated: bool) -> dict[str, Any]:
        """All settings, or what is wrong with them."""
        settings = self.settings(generated)
        require_used(settings["optimiser"], self._given)
        if settings["iterations"] < 1 or not 0 <= self.float32_iterations <= settings["iterations"]:
            raise DataError(
                f"iterations is {settings['iterations']}, float32_iterations {self.float32_iterations}; give "
                "one iteration or more, and not more of float32"
            )
        if self.loss_scale is not None and not 0 < self.loss_scale < np.inf:
            raise DataError(f"loss_scale is {self.loss_scale:g}; give a number above 0")
        optimiser_of(settings, generated)
        return settings

    def reconstruct(
        self,
        targets: Mapping[str, Array],
        model: Model,
        generator: Generator | None = None,
        *,
        rng: np.random.Generator,
        callback: Callback | None = None,
        checkpoint: Path | None = None,
    ) -> Reconstruction:
        """Find images whose features come close to the targets (layer -> (n, ...units)).

        ``checkpoint`` is a folder where evaluations are kept, so that a run that is killed goes on (see
        ``algorithms.replaying``); it is emptied at the end. Losses are weighted, (n, evaluations), and by
        layer too. Warns of targets whose loss did not fall.
        """
        settings = self._checked(generator is not None)
        if generator is not None:
            require_generated(generator, model, self.resize_generated)
        masks = {name: _mask(path) for name, path in self.masks.items()}
        goal = goal_of(targets, settings["layer_weights"], settings["loss"], self.channels, masks)
        space = self._space(model, generator, goal)
        count = len(next(iter(goal.targets.values())))
        seed = int(rng.integers(2**63))
        state = starting_state(space, settings["start"], np.random.default_rng([seed, 0]))
        search = Search(settings, seed, goal, checkpoint)
        start = np.repeat(state[None], count, axis=0)
        with kept():
            found = search.run(space, self._finer(model, generator, goal), start, self._scaling(model),
                               self.float32_iterations, callback)  # fmt: skip
            images = np.asarray(space.images(found.states))
        _warn_of_failures(found.recorder.losses, start, found.states)
        latents = None if generator is None else found.states
        return Reconstruction(images, found.recorder.losses, latents, found.recorder.by_layer)

    def _space(self, model: Model, generator: Generator | None, goal: Goal) -> Pixels | Latents:
        if generator is not None:
            return Latents(model, generator, goal)
        mean = self.image_mean or getattr(model, "image_mean", None) or MEAN
        return Pixels(model, goal, mean)

    def _finer(self, model: Model, generator: Generator | None, goal: Goal) -> Pixels | Latents | None:
        """The same space in float32, for the last iterations."""
        if not self.float32_iterations or getattr(model, "precision", "float32") != "bfloat16":
            return None
        finer: Any = getattr(model, "with_precision", None)
        if finer is None:
            raise DataError("float32_iterations: this model cannot change its precision")
        made = generator
        if generator is not None and hasattr(generator, "with_precision"):
            made = generator.with_precision("float32")
        return self._space(finer("float32"), made, goal)

    def _scaling(self, model: Model) -> Any:
        """Factor (n,) of the loss that an optimiser sees, given the first evaluation."""
        fixed = self.loss_scale
        if fixed is not None:
            return lambda found: np.full(len(found.losses), fixed)
        exact = self.preset == "shen2019" and getattr(model, "precision", "float32") != "bfloat16"
        return None if exact else _to_ten_thousand


def _to_ten_thousand(found: Gradient) -> Floats:
    losses = np.abs(np.asarray(found.losses, dtype=np.float64))
    return np.divide(1e4, losses, out=np.ones_like(losses), where=losses > 0)


def _mask(path: Any) -> Array:
    from isocortex.formats.arrays import read_array

    return path if isinstance(path, np.ndarray) else read_array(Path(path))


def _warn_of_failures(losses: Floats, start: Floats, states: Floats) -> None:
    """Say which targets were not come closer to: an image without a word would look like a result."""
    same = (start == states).reshape(len(start), -1).all(axis=1)
    worse = losses[:, -1] >= losses[:, 0]
    for bad, what in (
        (same, "did not move from the start: the gradient is zero there, or no step lowers the loss"),
        (worse & ~same, "end with a loss that is no smaller than at the start"),
    ):
        if bad.any() and losses.shape[1] > 1:
            numbers = ", ".join(str(row + 1) for row in np.flatnonzero(bad)[:8])
            warnings.warn(f"{int(bad.sum())} of {len(bad)} targets ({numbers}) {what}", stacklevel=3)
