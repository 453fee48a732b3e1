"""What each kind of component must offer. ``isocortex.testing`` checks it; nothing has to be inherited.

A component is registered under a name (see ``isocortex.plugins.spec``) as a class, which is built with the
settings that the user gives, or as a function, which takes the settings as further keyword arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import numpy.typing as npt

if TYPE_CHECKING:
    from isocortex.data import Decoded, Features, Images, Patterns, RDMs
    from isocortex.data.base import Array
else:
    Decoded = Features = Images = Patterns = RDMs = Any
    Array = Any


@runtime_checkable
class RDMMetric(Protocol):
    """Patterns (conditions, channels) -> condensed dissimilarities (pairs,), the upper triangle row by row.

    A metric may also have

    ``needs`` : a set out of {"runs", "noise_precision"}. With "runs" it is called as
        ``metric(patterns, conditions=codes, runs=codes)`` with samples x channels and whole-number codes,
        condition codes 0, 1, ...; with "noise_precision" as ``metric(patterns, noise_precision=matrix)``.
    ``from_moments(count, sum_a, sum_b, sum_aa, sum_bb, sum_ab)`` : the dissimilarity of one pair from
        the number of channels and the sums and products over them, in plain arithmetic that numba can
        compile. The searchlight then never gathers voxels. It gives NaN where the metric is undefined.
    ``channel_factors(patterns, **needs)`` : two arrays (parts, conditions, channels) for a metric that is the
        mean over channels, summed over parts, of products of their differences between two conditions. What
        it gives for a channel depends on that channel alone: the searchlight asks for some at a time.

    A metric with settings that change ``from_moments`` is a class, whose instances have the one that belongs
    to their settings. A function is used without its ``from_moments`` when it is given settings.
    """

    def __call__(self, patterns: Array, /, **needs: Any) -> Array:
        """Compute the dissimilarity of every pair."""
        ...


@runtime_checkable
class Embedding(Protocol):
    """A similarity measure that is an inner product: ``embed(a) @ embed(b).T`` compares all RDMs of a and b.

    ``embed`` takes RDMs (n, pairs) without NaN and gives (n, d). A row that the measure is undefined for
    (a constant one in a correlation) becomes NaN, and so do its comparisons.

    What else a similarity measure, embedding or comparison, may have:

    ``bounds`` : the smallest and largest value; results that rounding takes beyond are set to them.
    ``max_embedded_pairs`` : RDMs of more pairs are not embedded but compared by ``compare``, which the
        measure then has too (tau-a embeds by the signs of all differences, which soon are too many).
    ``whole_rdms`` : True where pairs cannot be left out (it needs to know which conditions a pair has).
    ``to_pool(rdms)`` : (n, pairs) -> (n, pairs), RDMs on the scale on which this measure averages them; the
        mean is the RDM that fits them all best, for noise ceilings. Without it they are averaged as they are.
    """

    def embed(self, rdms: Array) -> Array:
        """Transform RDMs so that inner products compare them."""
        ...


@runtime_checkable
class Comparison(Protocol):
    """A similarity measure that is no inner product: ``compare(a, b)`` gives (n_a, n_b)."""

    def compare(self, first: Array, second: Array) -> Array:
        """Compare every RDM of the first with every one of the second."""
        ...


@runtime_checkable
class Similarity(Protocol):
    """A measure of how alike RDMs are: an ``Embedding`` or a ``Comparison``, larger is more alike."""


class Gradient(NamedTuple):
    """What a model says of images and targets: losses (n,), losses by layer, gradient as the images."""

    losses: Array
    by_layer: Mapping[str, Array]
    gradient: Array


@runtime_checkable
class Model(Protocol):
    """A network whose layers can be looked at and inverted.

    Images are RGB, (n, height, width, 3) on the scale 0 to 255, of any size: resizing, channel order and
    mean belong to the model. Layer names state the side of the ReLU (``conv1_1`` before, ``relu1_1`` after).

    A model may also have ``objective(generator, targets, weights, loss, masks=None)``: ``loss_gradient``
    prepared for many calls with the same targets. It gives a function of images (generator None) or of
    latents to a ``Gradient``, whose ``gradient`` has the shape of what the function is called with, or None
    where it cannot look through this generator; ``generate``, ``loss_gradient`` and ``pullback`` are then
    chained instead. Both ways must agree to rounding.
    """

    @property
    def layers(self) -> Sequence[str]:
        """Layer names in forward order."""
        ...

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width that the network works at."""
        ...

    def features(self, images: Array, layers: Sequence[str]) -> Mapping[str, Array]:
        """Give the activity of the named layers, each (n, ...units), whatever the order of the names."""
        ...

    def loss_gradient(
        self,
        images: Array,
        targets: Mapping[str, Array],
        weights: Mapping[str, float],
        loss: str,
        masks: Mapping[str, Array] | None = None,
    ) -> Gradient:
        """Compare the layers with target features; differentiate the weighted loss by the images."""
        ...


@runtime_checkable
class Generator(Protocol):
    """A map from latents to images that can be differentiated."""

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """Shape of one latent."""
        ...

    @property
    def latent_bounds(self) -> tuple[Array, Array] | None:
        """Lower and upper bound of each latent unit, or None."""
        ...

    def generate(self, latents: Array) -> Array:
        """Make images (n, height, width, 3) from latents (n, *latent_shape)."""
        ...

    def pullback(self, latents: Array, image_gradient: Array) -> Array:
        """Carry a gradient over the images back to the latents."""
        ...


@runtime_checkable
class Decoder(Protocol):
    """scikit-learn's interface: X is (samples, channels), y (samples,) or (samples, units)."""

    def fit(self, X: Array, y: Array) -> Any:
        """Learn to predict y from X; gives itself."""
        ...

    def predict(self, X: Array) -> Array:
        """Predict y for new samples."""
        ...


class Reconstruction(NamedTuple):
    """Images (n, height, width, 3), losses (n, iterations) and latents (n, ...) or None.

    ``by_layer`` may say what each layer contributes to the losses: layer -> (n, iterations).
    """

    images: Array
    losses: Array
    latents: Array | None
    by_layer: Mapping[str, Array] | None = None


@runtime_checkable
class Reconstructor(Protocol):
    """Target features + model (+ generator) -> images.

    ``rng`` makes the result repeatable. ``callback(iteration, losses, images)`` is called after each
    iteration, losses (n,) and images a function that gives the present ones.
    """

    def reconstruct(
        self,
        targets: Mapping[str, Array],
        model: Model,
        generator: Generator | None = None,
        *,
        rng: Any,
        callback: Callable[[int, Array, Callable[[], Array]], None] | None = None,
    ) -> Reconstruction:
        """Find images whose features come close to the targets (layer -> (n, ...units))."""
        ...


@runtime_checkable
class DataSource(Protocol):
    """Where a study's data come from. Built with its settings; reads nothing before it is asked to.

    ``loads`` maps each kind of data that it can give to the axes that a single load needs:
    ``{"patterns": ("subject",), "rois": ("subject", "roi")}``. For each kind ``k`` there is a method
    ``load_<k>(**axes)``, out of ``load_patterns``, ``load_rdms``, ``load_images``, ``load_features`` and
    ``load_rois``. A method may take ``rng`` (numpy Generator): a source that simulates draws from it alone.
    """

    loads: Mapping[str, tuple[str, ...]]

    def axes(self) -> Mapping[str, Sequence[str]]:
        """Give the values of each axis, in order."""
        ...

    def check(self) -> Sequence[str]:
        """Say what is wrong with the settings or the files, one sentence each; cheap."""
        ...

    def files(self, kind: str, **axes: str) -> Sequence[Path]:
        """List the files that one load would read; they decide whether a result can be reused."""
        ...


@runtime_checkable
class Step(Protocol):
    """A typed function. Parameters annotated with a data type are inputs, the others are settings."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs from inputs and settings."""
        ...


CONTRACTS: Mapping[str, type] = {
    "model": Model,
    "generator": Generator,
    "rdm_metric": RDMMetric,
    "similarity": Similarity,
    "decoder": Decoder,
    "reconstructor": Reconstructor,
    "data_source": DataSource,
}
"""Kinds whose contract may stand as the annotation of a step's setting: the user then gives a name."""

ArrayLike = npt.ArrayLike
