"""Steps: images from target features, and images from latents."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isocortex.contracts import Generator, Model, Reconstruction, Reconstructor
from isocortex.data import Features, Images, Table
from isocortex.data.base import Array
from isocortex.data.units import require_whole
from isocortex.errors import DataError
from isocortex.layer_names import select_layers
from isocortex.pipeline.isolation import generators_kept
from isocortex.pipeline.settings import WorkFolder
from isocortex.pipeline.splitting import Part, splits
from isocortex_reconstruction.steps import splitting
from isocortex_reconstruction.steps.batching import Batch, batches, latents_of, losses_of


class Reconstructed(NamedTuple):
    """What ``reconstruct_images`` gives."""

    images: Images
    losses: Table
    latents: Features
    snapshots: Images


def _merge(parts: Sequence[Part], features: Features, **_: Any) -> Reconstructed:
    return Reconstructed(*splitting.merged(parts, features))


@splits(splitting.pieces, lambda piece, **given: splitting.part(reconstruct_images, piece, **given), _merge)
def reconstruct_images(
    features: Features,
    model: Model,
    rng: np.random.Generator,
    reconstructor: Reconstructor,
    generator: Generator | None = None,
    layers: str | list[str] | None = None,
    batch_size: int = 4,
    snapshot_every: int | None = None,
    checkpoints: WorkFolder | None = None,
) -> Reconstructed:
    """Find an image for each stimulus whose features come close to the given ones (decoded, or true).

    Parameters
    ----------
    features : as the model gives them: maps (n, height, width, channels). Scale decoded ones first
        (``scale_features``); no stimulus may have NaN or, with weights by norm, a layer of zeros.
    model : the network that is inverted; it must have all layers that are used.
    reconstructor : ``feature-inversion`` and its settings, or another.
    generator : images are made by it; without one pixels are changed.
    layers : names, patterns or short names of the model; default all layers of the features.
    batch_size : images that are worked on at once; memory grows with it, results do not depend on it but for
        rounding.
    snapshot_every : iterations between images that are kept on the way.
    checkpoints : a folder outside of the results, made where it is not there, for evaluations on the way: a
        run that was killed goes on from there, on the same course. What is done is removed from it.

    Returns
    -------
    images : not clipped (``finish_images`` does what is wanted before they are looked at), the features'
        stimuli in their order. losses : stimulus, iteration, loss, and a column for each layer (weighted).
        latents : layer ``latent``, or nothing without a generator. snapshots : labelled
        ``stimulus@iteration``.
    """
    chosen = _chosen(features, model, layers)
    if batch_size < 1 or (snapshot_every is not None and snapshot_every < 1):
        raise DataError("reconstruct_images: batch_size and snapshot_every have to be 1 or more")
    seed = int(rng.integers(2**63))
    keep: dict[str, Array] = {}
    parts = []
    for batch in batches(chosen, batch_size):
        saved = _Snapshots(batch.stimuli, snapshot_every, keep)
        found = _reconstructed(batch, model, generator, reconstructor, seed, saved, checkpoints)
        parts.append((batch, found))
    images = np.concatenate([np.asarray(found.images, dtype=np.float32) for _, found in parts])
    size = images.shape[1:]
    shots = np.stack(list(keep.values())) if keep else np.empty((0, *size), np.float32)
    return Reconstructed(
        Images(images, features.stimuli, features.categories),
        losses_of(parts),
        latents_of(parts),
        Images(shots, tuple(keep)),
    )


def generate_images(features: Features, generator: Generator, layer: str, batch_size: int = 8) -> Images:
    """Make images from decoded latents: a generator's input layer that was decoded itself.

    Parameters
    ----------
    features : hold the latents, a sample a stimulus; NaN and infinity are errors.
    generator : makes the images; the units of the layer must have the shape of its latents.
    layer : of the features, (n, ...latent). Latents outside of the generator's bounds are set to them, and a
        warning says how many there are.
    batch_size : images that are made at once; memory grows with it.
    """
    if batch_size < 1:
        raise DataError("generate_images: batch_size has to be 1 or more")
    if layer not in features.layers:
        raise DataError(f"generate_images: no layer {layer!r}; there are {', '.join(features.layers)}")
    latents = np.asarray(features.layers[layer], dtype=np.float64)
    shape = tuple(generator.latent_shape)
    if latents.shape[1:] != shape:
        raise DataError(f"generate_images: layer {layer!r} has units {latents.shape[1:]}, latents {shape}")
    if not np.isfinite(latents).all():
        raise DataError(f"generate_images: layer {layer!r} holds NaN or infinity")
    if generator.latent_bounds is not None:
        low, high = generator.latent_bounds
        outside = int(np.count_nonzero((latents < low) | (latents > high)))
        if outside:
            warnings.warn(
                f"generate_images: {outside} of {latents.size} latent units lie outside of the generator's "
                "bounds and are set to them",
                stacklevel=2,
            )
        latents = np.clip(latents, low, high)
    made = [
        np.asarray(generator.generate(latents[start : start + batch_size]), dtype=np.float32)
        for start in range(0, len(latents), batch_size)
    ]
    return Images(np.concatenate(made), features.stimuli, features.categories)


def _chosen(features: Features, model: Model, layers: str | list[str] | None) -> Features:
    """The features of the wanted layers, all of which have to be there."""
    if not features.n_samples:
        raise DataError("reconstruct_images: there are no stimuli to reconstruct")
    odd = [name for name in features.layers if name not in model.layers]
    if layers is None and odd:
        raise DataError(
            f"reconstruct_images: the model has no layer {', '.join(odd)}; it has {', '.join(model.layers)}"
        )
    wanted = list(features.layers) if layers is None else select_layers(model, layers)
    lacking = [name for name in wanted if name not in features.layers]
    if lacking:
        raise DataError(
            f"reconstruct_images: there are no features of {', '.join(lacking)}; there are those of "
            f"{', '.join(features.layers)}"
        )
    require_whole(features, wanted, "reconstruct_images")
    return Features({name: features.layers[name] for name in wanted}, features.stimuli)


def _reconstructed(
    batch: Batch,
    model: Model,
    generator: Generator | None,
    reconstructor: Reconstructor,
    seed: int,
    snapshots: Callable[[int, Array, Callable[[], Array]], None],
    checkpoints: Path | None,
) -> Reconstruction:
    more: dict[str, Any] = {}
    if checkpoints is not None:
        if "checkpoint" not in inspect.signature(reconstructor.reconstruct).parameters:
            raise DataError("reconstruct_images: this reconstructor keeps no checkpoints; leave them out")
        more["checkpoint"] = checkpoints
    with generators_kept(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = reconstructor.reconstruct(
                batch.targets, model, generator, rng=np.random.default_rng(seed), callback=snapshots, **more
            )
        except DataError as error:
            names = ", ".join(f"{number + 1}: {name}" for number, name in enumerate(batch.stimuli))
            raise DataError(f"reconstruct_images: {error} (targets {names})") from error
    for warning in caught:
        names = ", ".join(f"{number + 1}: {name}" for number, name in enumerate(batch.stimuli))
        warnings.warn(f"reconstruct_images: {warning.message} (targets {names})", stacklevel=3)
    if np.shape(found.images)[:1] != (len(batch.stimuli),):
        raise DataError(f"reconstruct_images: {len(batch.stimuli)} targets gave {len(found.images)} images")
    return found


class _Snapshots:
    """Keeps images of every so many iterations."""

    def __init__(self, stimuli: Sequence[str], every: int | None, into: dict[str, Array]) -> None:
        self._stimuli, self._every, self._into = stimuli, every, into

    def __call__(self, iteration: int, losses: Array, images: Callable[[], Array]) -> None:
        if self._every is None or (iteration + 1) % self._every:
            return
        for stimulus, image in zip(self._stimuli, images(), strict=True):
            self._into[f"{stimulus}@{iteration + 1}"] = np.asarray(image, dtype=np.float32)
