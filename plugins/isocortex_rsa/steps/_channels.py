"""Leaving out channels that cannot be used, counted and said aloud."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from isocortex.data import Patterns
from isocortex.errors import DataError


def finite_channels(patterns: Patterns) -> npt.NDArray[np.bool_]:
    """Which channels (channels,) hold neither NaN nor infinity in any sample."""
    return np.asarray(np.isfinite(patterns.values).all(axis=0))


def drop_channels(patterns: Patterns, name: str = "patterns") -> Patterns:
    """Leave out channels with NaN or infinity in any sample, with a warning; raise if none is left."""
    if not patterns.n_channels:
        raise DataError(f"{name}: the patterns have no channels")
    finite = finite_channels(patterns)
    if not finite.any():
        raise DataError(
            f"{name}: each of the {patterns.n_channels} channels holds NaN or infinity in some sample; "
            "look for samples that are empty throughout, or for a mask that reaches out of the brain"
        )
    return keep_channels(patterns, finite, f"{name}: dropped", "with NaN or infinity")


def keep_channels(patterns: Patterns, keep: npt.NDArray[np.bool_], what: str = "", why: str = "") -> Patterns:
    """Keep channels (and their voxels of the mask); with ``what``, warn: ``<what> 3 of 9 channels <why>``."""
    dropped = int(np.count_nonzero(~keep))
    if not dropped:
        return patterns
    if what:
        warnings.warn(f"{what} {dropped} of {patterns.n_channels} channels {why}", stacklevel=4)
    channels, space = patterns.channels, patterns.space
    if channels is not None:
        channels = tuple(label for label, kept in zip(channels, keep, strict=True) if kept)
    if space is not None:
        mask = space.mask.copy()
        mask[space.mask] = keep
        space = replace(space, mask=mask)
    return replace(patterns, values=patterns.values[:, keep], channels=channels, space=space)
