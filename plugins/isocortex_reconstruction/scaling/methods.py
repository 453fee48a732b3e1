"""Ways to bring a decoded sample to the spread of true features."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex_reconstruction.scaling.spread import Floats, spread

MethodName = Literal["none", "shen2019", "std", "mean-centred", "mean-centred-2026"]


@dataclass(frozen=True)
class Method:
    """What is taken off a sample before it is stretched, and added again.

    Parameters
    ----------
    ddof : of the SDs, of the sample and of true features alike.
    training_mean : the mean of each unit over the training stimuli.
    own_mean : the mean over all units of the sample (after the training mean is taken off).
    """

    ddof: int
    training_mean: bool
    own_mean: bool

    def scale(self, sample: Array, sd: float, training_mean: Array | None = None) -> Floats:
        """Bring the spread of a sample to ``sd``; ``(f - means) * sd / spread + means``.

        Parameters
        ----------
        sample : (units,) or (height, width, channels), finite or NaN; NaN stays.
        sd : the spread of true features of this layer.
        training_mean : as the sample; not used unless ``training_mean`` is true.

        Raises ``DataError`` where the sample has no spread beyond what its numbers are rounded by.
        """
        values = np.asarray(sample, dtype=np.float64)
        centre = np.zeros(())
        if self.training_mean:
            if training_mean is None:
                raise DataError("this scaling takes off the training mean, which is not given")
            centre = np.asarray(training_mean, dtype=np.float64)
        centred = values - centre
        have = spread(centred, self.ddof)
        if math.isnan(have):
            raise DataError("too few of its values are numbers to have an SD")
        if have <= _rounding(np.asarray(sample), centre):
            raise DataError("its values do not vary" + " around the training mean" * self.training_mean)
        own = float(np.nanmean(centred)) if self.own_mean else 0.0
        return (centred - own) * (sd / have) + own + centre


def _rounding(sample: Array, centre: Floats) -> float:
    """What rounding alone can make a sample spread: a unit that was decoded as its mean is not quite it.

    A training mean may have been stored in float32 even if the sample is float64.
    """
    types = (sample.dtype, np.float32) if centre.ndim else (sample.dtype,)
    eps = max(float(np.finfo(kind).eps) for kind in types)
    largest = max(float(np.nanmax(np.abs(sample))), float(np.abs(centre).max()))
    return eps / 2 * largest


METHODS: dict[str, Method] = {
    "shen2019": Method(ddof=0, training_mean=False, own_mean=False),
    "std": Method(ddof=1, training_mean=False, own_mean=True),
    "mean-centred": Method(ddof=1, training_mean=True, own_mean=True),
    "mean-centred-2026": Method(ddof=1, training_mean=True, own_mean=False),
}
"""Name -> method; "none" has none.

"shen2019" multiplies without centring [DeepImageReconstruction, 2019]. The others are the lab's cookbook's:
"std" is ``feature_std`` of 2023 (``feature_std_layer_mean_center`` since), "mean-centred" is
``feature_std_train_mean_center`` as released in 2023, and "mean-centred-2026" as it is since, which no longer
spares the mean that is left after centring.
"""
