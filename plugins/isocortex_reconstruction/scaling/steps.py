"""The scale of decoded features, as a step of pipelines."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from isocortex.choices import require_choice
from isocortex.data import Decoded, Features
from isocortex.data.labels import require_unique
from isocortex.errors import DataError
from isocortex.pipeline.settings import InputFile, InputFolder
from isocortex_reconstruction.scaling.layers import LayerScaling, Missing, scaled_layer
from isocortex_reconstruction.scaling.methods import METHODS, MethodName
from isocortex_reconstruction.scaling.spread import Floats
from isocortex_reconstruction.scaling.statistics import (
    DecoderMeans,
    Units,
    file_sd,
    training_mean,
    training_sd,
)

Kind = TypeVar("Kind", bound=Features)


def scale_features(
    decoded: Features,
    method: MethodName = "mean-centred",
    training: Features | None = None,
    feature_sd: InputFile | None = None,
    decoders: InputFolder | None = None,
    fold: str | None = None,
    layers: list[str] | None = None,
    nan: Missing = "error",
) -> Decoded:
    """Bring decoded features to the spread of true ones, before they are inverted.

    What is decoded from noise spreads less than what it stands for, and inverted as it is gives a dull image.
    The spread s of a sample is the SD over units (rows), or the mean over channels of the SD over positions
    (maps); sd is that of true features, of a training set, never of the test stimuli.

    Layers are matched by name. A sample without spread, a layer that has no SD and units of another shape are
    errors. The result has the labels, order and types of what comes in; memory holds one sample at a time.

    Parameters
    ----------
    decoded : features by layer, rows (units) or maps (height, width, channels). With ``decoders`` they must
        name subject and ROI.
    method : "shen2019": f / s * sd, with ddof 0, as the original study. "std": (f - m) / s * sd + m, with m
        the mean of the sample and ddof 1. "mean-centred": the same after the training mean of each unit is
        taken off, which is added again (the lab's cookbook of 2023). "mean-centred-2026": without m (the
        cookbook since). "none": nothing but what ``nan`` says.
    training : features of the training stimuli, for what the two files below do not give.
    feature_sd : ``estimated_*_feat_std.mat``: sd by layer, or by channel (then averaged).
    decoders : the lab's folder of decoders (``<layer>/<subject>/<roi>/model``), for the training mean.
    fold : of the decoders of a cross-validation.
    layers : which, in this order (default: all).
    nan : "error", or "train_mean": NaN counts for nothing in s and m and becomes the training mean of its
        unit; a warning counts them.
    """
    found = scaled(decoded, method, training, feature_sd, decoders, fold, layers, nan)
    if isinstance(found, Decoded):
        return found
    return Decoded(found.layers, found.stimuli, found.categories, found.model, units=found.units)


def scaled(
    features: Kind,
    method: MethodName = "mean-centred",
    training: Features | None = None,
    feature_sd: Path | None = None,
    decoders: Path | None = None,
    fold: str | None = None,
    layers: list[str] | None = None,
    nan: Missing = "error",
) -> Kind:
    """Scale features as ``scale_features`` does; the result is of the same type."""
    require_choice(method, MethodName, "method")
    require_choice(nan, Missing, "nan")
    names = list(features.layers) if layers is None else layers
    require_unique(names, "scale_features: layers")
    for name in names:
        features.matrix(name)  # a layer that is not there is an error before the work, not after
    _warn_of_shared(features, training)
    true = _True(features, training, feature_sd, decoders, fold)
    made = {}
    for name in names:
        shape = features.layers[name].shape[1:]
        if len(shape) not in (1, 3):
            raise DataError(
                f"scale_features: layer {name!r} has units of shape {shape}; expected (units,) or (height, "
                "width, channels)"
            )
        made[name] = scaled_layer(features, name, true.scaling(name, shape, method, nan), nan)
    return replace(features, layers=made, units=features.units_of(made))


class _True:
    """What is known of true features."""

    def __init__(
        self,
        features: Features,
        training: Features | None,
        feature_sd: Path | None,
        decoders: Path | None,
        fold: str | None,
    ) -> None:
        from isocortex_decoding import read_feature_sd

        self._training = training
        self._path = None if feature_sd is None else Path(feature_sd)
        self._sds = {} if self._path is None else read_feature_sd(self._path)
        self._decoders = decoders if decoders is None else self._of_decoders(features, Path(decoders), fold)
        if decoders is None and fold is not None:
            raise DataError("scale_features: a fold is one of decoders; name their folder")

    @staticmethod
    def _of_decoders(features: Features, root: Path, fold: str | None) -> DecoderMeans:
        subject, roi = (str(getattr(features, name, "")) for name in ("subject", "roi"))
        return DecoderMeans(root, subject, roi, fold)

    def scaling(self, layer: str, shape: Units, method: str, nan: Missing) -> LayerScaling:
        """How a layer is to be scaled."""
        how = METHODS.get(method)
        needs_mean = nan == "train_mean" or (how is not None and how.training_mean)
        mean = self._mean(layer, shape, method) if needs_mean else None
        if how is None:
            return LayerScaling(None, mean=mean)
        return LayerScaling(how, self._sd(layer, shape, how.ddof), mean)

    def _sd(self, layer: str, shape: Units, ddof: int) -> float:
        if self._path is not None:
            return file_sd(self._sds, layer, shape, self._path)
        if self._training is None:
            raise DataError(
                "scale_features: the SD of true features is not known; give feature_sd, or the features of "
                "the training stimuli"
            )
        return training_sd(self._training, layer, shape, ddof)

    def _mean(self, layer: str, shape: Units, method: str) -> Floats:
        if self._decoders is not None:
            return self._decoders(layer, shape)
        if self._training is None:
            raise DataError(
                f"scale_features: method {method!r} needs the training mean of each unit here; give the "
                "features of the training stimuli, or the folder of the decoders"
            )
        return training_mean(self._training, layer, shape)


def _warn_of_shared(features: Features, training: Features | None) -> None:
    both = [] if training is None else sorted(set(features.stimuli) & set(training.stimuli))
    if both:
        warnings.warn(
            f"scale_features: {len(both)} of the stimuli are among the training features too (the first is "
            f"{both[0]!r}); the scale of a stimulus must not come from its own true features",
            stacklevel=3,
        )
