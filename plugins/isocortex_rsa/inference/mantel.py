"""How far RDMs agree with models beyond chance, when condition labels are exchanged at random."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex.handles import NanPolicy, SimilarityHandle
from isocortex_rsa.inference.corrections import fdr_bh, max_statistic, p_of_counts, reached
from isocortex_rsa.inference.permutations import pair_permutation

Floats = npt.NDArray[np.float64]
Tail = Literal["greater", "two-sided"]

BLOCK = 4_000_000
"""How many numbers of permuted models are held at once (32 MB)."""


class Mantel(NamedTuple):
    """Similarities (rdms, models) and p-values, uncorrected and corrected over the models of an RDM."""

    similarity: Floats
    p: Floats
    p_fdr: Floats
    p_fwe: Floats


def mantel_test(
    rdms: Array,
    models: Array,
    similarity: SimilarityHandle,
    permutations: Array,
    tail: Tail = "greater",
    nan: NanPolicy = "raise",
) -> Mantel:
    """Test each RDM against each model by permutations of the condition labels.

    Every permutation is applied to all models alike, so that the maximum over models corrects for having
    tried several of them. The dissimilarities of an RDM share conditions and depend on one another: a
    p-value from the t distribution over pairs is wrong, this one is not.

    Parameters
    ----------
    rdms, models : arrays (n, pairs) and (m, pairs) in one order of conditions.
    permutations : array (permutations, conditions), from ``condition_permutations``.
    tail : "greater" asks for more agreement than by chance, "two-sided" for more or less.
    nan : as in ``SimilarityHandle.compare``.

    Returns
    -------
    ``Mantel``; a comparison that is undefined (a constant RDM) is NaN and takes no part.
    """
    observed = np.asarray(similarity.compare(rdms, models, nan=nan), dtype=np.float64)
    score = _tailed(observed, tail)
    counts = np.zeros(observed.shape)
    maxima = np.empty((len(permutations), len(rdms)))
    needed = reached(score)
    null = _Null(np.asarray(rdms), np.asarray(models), similarity, nan)
    size = max(1, BLOCK // max(1, null.width))
    for start in range(0, len(permutations), size):
        block = _tailed(null.of(pair_permutation(permutations[start : start + size])), tail)
        block[np.isnan(block)] = np.inf  # undefined only when permuted: counts against the model
        block[:, np.isnan(score)] = -np.inf
        counts += np.count_nonzero(block >= needed, axis=0)
        maxima[start : start + size] = block.max(axis=2, initial=-np.inf)
    p = np.where(np.isnan(score), np.nan, p_of_counts(counts, len(permutations)))
    p_fwe = [max_statistic(row, null_row) for row, null_row in zip(score, maxima.T, strict=True)]
    p_fdr = [fdr_bh(row) for row in p]
    shape = observed.shape
    return Mantel(observed, p, np.reshape(p_fdr, shape), np.reshape(p_fwe, shape))


class _Null:
    """Similarities of RDMs with permuted models, by the fastest way that the measure allows."""

    def __init__(self, rdms: Array, models: Array, similarity: SimilarityHandle, nan: NanPolicy) -> None:
        self.rdms, self.models, self.similarity, self.nan = rdms, models, similarity, nan
        embeds = hasattr(similarity.component, "embed")
        holes = bool(np.isnan(rdms).any() or np.isnan(models).any())
        self.left = None if holes or not embeds else np.asarray(similarity.embed(rdms))
        self.embedded = None if self.left is None else permutable_embedding(similarity.component, models)
        wide = models.shape[1] if self.left is None else max(models.shape[1], self.left.shape[1])
        self.width = len(models) * wide

    def of(self, pairs: Array) -> Floats:
        """Similarities (permutations, rdms, models) for permuted pairs (permutations, pairs)."""
        source = self.models if self.embedded is None else self.embedded
        permuted = np.moveaxis(source[:, pairs], 0, 1).reshape(-1, pairs.shape[1])
        if self.left is None:
            found = np.asarray(self.similarity.compare(self.rdms, permuted, nan=self.nan))
        elif self.embedded is None:
            found = self.left @ np.asarray(self.similarity.embed(permuted)).T
        else:
            found = self.left @ permuted.T
        return np.asarray(np.moveaxis(found.reshape(len(self.rdms), len(pairs), -1), 0, 1), dtype=np.float64)


def permutable_embedding(measure: Any, models: Array) -> Array | None:
    """Embed models where permuting the embedding is the same as embedding the permuted model, else None.

    That holds for ranks, Pearson and cosine, which treat all pairs alike; permutations then cost nothing but
    one matrix product. It is tried on the models themselves, for three orders of the conditions.
    """
    embedded = np.asarray(measure.embed(models))
    if embedded.shape != models.shape:
        return None
    size = round((1 + np.sqrt(1 + 8 * models.shape[1])) / 2)
    orders = [np.roll(np.arange(size), 1), np.arange(size)[::-1], np.r_[1, 0, np.arange(2, size)]]
    for pairs in pair_permutation(np.array(orders)):
        again = np.asarray(measure.embed(models[:, pairs]))
        if not np.allclose(again, embedded[:, pairs], rtol=1e-9, atol=1e-12, equal_nan=True):
            return None
    return embedded


def _tailed(values: Floats, tail: Tail) -> Floats:
    if tail not in ("greater", "two-sided"):
        raise DataError(f'tail={tail!r}: say "greater" or "two-sided"')
    return np.abs(values) if tail == "two-sided" else np.array(values)
