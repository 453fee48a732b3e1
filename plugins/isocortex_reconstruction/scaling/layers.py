"""One layer after the other on disk: each sample scaled, and what is NaN filled or refused."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np

from isocortex.data import Features
from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex.formats.scratch import ScratchArray
from isocortex_reconstruction.scaling.methods import Method
from isocortex_reconstruction.scaling.spread import Floats

Missing = Literal["error", "train_mean"]


@dataclass(frozen=True)
class LayerScaling:
    """How one layer is scaled: the method (None: not at all), the SD it comes to, the training mean.

    ``mean`` is needed where the method takes it off, and to fill NaN.
    """

    method: Method | None
    sd: float = 1.0
    mean: Floats | None = None

    def apply(self, sample: Array) -> Floats:
        """Scale one sample; its NaN become the training mean of their units, if that is given."""
        missing = np.isnan(sample)
        values = np.asarray(sample, dtype=np.float64)
        if self.method is not None:
            values = self.method.scale(sample, self.sd, self.mean)
        if missing.any() and self.mean is not None:
            values = np.where(missing, self.mean, values)
        return values


def scaled_layer(features: Features, layer: str, scaling: LayerScaling, missing: Missing) -> Array:
    """Scale a layer into a scratch file, sample by sample; the same type, in the same order.

    Raises ``DataError`` naming layer and stimulus for infinity, for NaN (``missing`` "error"), for a sample
    that has no spread and for what its type cannot hold.
    """
    values = features.layers[layer]
    names = {stimulus: f"scale_features: layer {layer!r} of {stimulus!r}" for stimulus in features.stimuli}
    counts = [_missing_units(values[row], what, missing) for row, what in enumerate(names.values())]
    if scaling.method is None and not any(counts):
        return values
    with ScratchArray(values.shape, values.dtype) as out:
        for row, what in enumerate(names.values()):
            try:
                found = scaling.apply(values[row])
            except DataError as error:
                raise DataError(f"{what} cannot be scaled: {error}") from None
            with np.errstate(over="ignore"):
                out.values[row] = found
            if not np.isfinite(out.values[row]).all():
                raise DataError(f"{what}: scaled, it holds values that {values.dtype} cannot")
        done = out.done()
    filled = {name: count for name, count in zip(names, counts, strict=True) if count}
    _warn_of(filled, layer, int(np.prod(values.shape[1:])))
    return done


def _missing_units(sample: Array, what: str, missing: Missing) -> int:
    finite = np.isfinite(sample)
    if finite.all():
        return 0
    if np.isinf(sample).any():
        raise DataError(f"{what} holds infinity ({int(np.isinf(sample).sum())} units)")
    count = int(np.isnan(sample).sum())
    if missing == "error":
        raise DataError(
            f"{what} holds NaN ({count} of {sample.size} units); decode them, or let nan be train_mean"
        )
    return count


def _warn_of(filled: dict[str, int], layer: str, units: int) -> None:
    if filled:
        first = next(iter(filled))
        warnings.warn(
            f"scale_features: layer {layer!r}: NaN became the training mean in {len(filled)} stimuli "
            f"({sum(filled.values())} values; {filled[first]} of {units} units of {first!r})",
            stacklevel=3,
        )
