"""RDM metrics and similarity measures as users hold them: they take labelled data as well as arrays."""

from __future__ import annotations

from typing import Any, Literal, overload

import numpy as np

from isocortex.data.base import Array, frozen
from isocortex.data.labels import codes
from isocortex.data.patterns import Patterns
from isocortex.data.rdms import RDMs, require_same_conditions
from isocortex.errors import DataError, PluginError

NanPolicy = Literal["raise", "omit"]


class Handle:
    """A component with its name; every other attribute is the component's own."""

    def __init__(self, name: str, component: Any) -> None:
        self.name = name
        self.component = component

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__") or attribute in ("component", "name"):
            raise AttributeError(attribute)
        return getattr(self.component, attribute)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"


class MetricHandle(Handle):
    """An RDM metric: arrays in, condensed dissimilarities out; ``Patterns`` in, labelled ``RDMs`` out."""

    @property
    def needs(self) -> frozenset[str]:
        """What the metric wants besides patterns: "runs", "noise_precision"."""
        return frozenset(getattr(self.component, "needs", ()))

    @overload
    def __call__(self, patterns: Patterns, /, *, rdm: str = ..., **needs: Any) -> RDMs: ...
    @overload
    def __call__(self, patterns: Array, /, **needs: Any) -> Array: ...

    def __call__(self, patterns: Any, /, *, rdm: str | None = None, **needs: Any) -> Any:
        """Compute one RDM; ``rdm`` names it (default: by the metric). See ``contracts.RDMMetric``."""
        if not isinstance(patterns, Patterns):
            return self._checked(np.asarray(patterns), needs)
        if not np.isfinite(patterns.values).all():
            bad = int(np.count_nonzero(~np.isfinite(patterns.values).all(axis=0)))
            raise DataError(
                f"{bad} of {patterns.n_channels} channels hold NaN or infinity; drop these channels first"
            )
        names = patterns.condition_names
        own = sorted({"conditions", "runs"} & set(needs))
        if own:
            raise DataError(f"these patterns carry labels of their own; leave out {' and '.join(own)}")
        if "runs" in self.needs:
            if patterns.runs is None:
                raise DataError(
                    f"the metric {self.name!r} compares runs, but these patterns carry no run labels"
                )
            needs = {"conditions": codes(patterns.conditions, names), "runs": codes(patterns.runs), **needs}
        elif len(names) != patterns.n_samples:
            raise DataError(
                f"{patterns.n_samples} samples of {len(names)} conditions: the metric {self.name!r} takes "
                "one sample a condition; average them first (patterns.condition_means())"
            )
        values = self._checked(patterns.values, needs)
        return RDMs(values[None], names, (rdm or self.name,), self.name)

    def _checked(self, patterns: Array, needs: dict[str, Any]) -> Array:
        if patterns.ndim != 2:
            raise DataError(f"expected patterns of shape (conditions, channels), got {patterns.shape}")
        by_run = "runs" in self.needs
        lacking = (self.needs | {"conditions"} if by_run else self.needs) - set(needs)
        if lacking:
            raise DataError(f"the metric {self.name!r} also needs {', '.join(sorted(lacking))}")
        size = _n_coded(needs["conditions"], len(patterns)) if by_run else len(patterns)
        values = np.asarray(self.component(patterns, **needs))
        pairs = size * (size - 1) // 2
        if values.shape != (pairs,) or values.dtype.kind != "f":
            raise PluginError(
                f"the RDM metric {self.name!r} gave {values.dtype} of shape {values.shape} for {size} "
                f"conditions; its contract asks for {pairs} floating point numbers"
            )
        return values


def _n_coded(codes: object, n_samples: int) -> int:
    numbers = np.asarray(codes)
    if numbers.shape != (n_samples,) or numbers.dtype.kind not in "iu" or np.min(numbers, initial=0) < 0:
        raise DataError(f"expected condition codes 0, 1, ..., one for each of the {n_samples} samples")
    return int(np.max(numbers, initial=-1)) + 1


class SimilarityHandle(Handle):
    """A similarity measure: arrays (n, pairs) or labelled ``RDMs`` in, (n_a, n_b) similarities out."""

    def compare(self, first: Any, second: Any, nan: NanPolicy = "raise") -> Array:
        """Compare every RDM of the first with every one of the second.

        RDMs are aligned by condition label; a label that either side lacks raises ``LabelMismatch``.
        NaN pairs raise unless ``nan="omit"``, which leaves out, for each two RDMs, the pairs where
        either is NaN. A comparison that is undefined (a constant RDM) is NaN in the result.
        """
        if nan not in ("raise", "omit"):
            raise DataError(f'nan={nan!r}: say "raise" or "omit"')
        if isinstance(first, RDMs) != isinstance(second, RDMs):
            raise DataError(
                "compare RDMs with RDMs or arrays with arrays: plain arrays carry no condition labels"
            )
        if isinstance(first, RDMs):
            second = require_same_conditions(first, second, "RDMs to compare").values
            first = first.values
        a, b = frozen(first, 2, "RDMs to compare"), frozen(second, 2, "RDMs to compare")
        if a.shape[1] != b.shape[1]:
            raise DataError(
                f"expected RDMs of shape (n, pairs) with equal pairs, got {a.shape} and {b.shape}"
            )
        if not (np.isnan(a).any() or np.isnan(b).any()):
            return self._compare(a, b)
        if nan == "raise":
            bad = [int(np.isnan(rdms).any(axis=1).sum()) for rdms in (a, b)]
            raise DataError(
                f"{bad[0]} and {bad[1]} of the RDMs to compare hold NaN; "
                'say nan="omit" to leave out those pairs, or find out where they come from'
            )
        if getattr(self.component, "whole_rdms", False):
            raise DataError(
                f"the similarity {self.name!r} needs whole RDMs and cannot leave out pairs with NaN; "
                "leave out the conditions instead (RDMs.subset)"
            )
        return self._compare_omitting(a, b)

    def embeds(self, pairs: int) -> bool:
        """Whether RDMs of so many pairs are compared by inner products of ``embed``."""
        most = getattr(self.component, "max_embedded_pairs", None)
        return hasattr(self.component, "embed") and (most is None or pairs <= most)

    def _compare_omitting(self, a: Array, b: Array) -> Array:
        """Compare each two RDMs over the pairs that both have; NaN where that is a single pair or none."""
        out = np.full((len(a), len(b)), np.nan)
        for row, x in enumerate(a):
            for column, y in enumerate(b):
                both = ~(np.isnan(x) | np.isnan(y))
                if both.sum() >= 2:
                    out[row, column] = self._compare(x[None, both], y[None, both])[0, 0]
        return out

    def _compare(self, a: Array, b: Array) -> Array:
        if self.embeds(a.shape[1]):
            values = self._embedded(a) @ self._embedded(b).T
        else:
            values = np.asarray(self.component.compare(a, b))
        if values.shape != (len(a), len(b)) or values.dtype.kind != "f":
            raise PluginError(
                f"the similarity {self.name!r} gave {values.dtype} of shape {values.shape} for {len(a)} and "
                f"{len(b)} RDMs"
            )
        bounds = getattr(self.component, "bounds", None)
        return values if bounds is None else np.clip(values, *bounds)

    def _embedded(self, rdms: Array) -> Array:
        values = np.asarray(self.component.embed(rdms))
        if values.ndim != 2 or len(values) != len(rdms):
            raise PluginError(
                f"the similarity {self.name!r} embedded {len(rdms)} RDMs as shape {values.shape}"
            )
        return values


HANDLES: dict[str, type[Handle]] = {"rdm_metric": MetricHandle, "similarity": SimilarityHandle}
