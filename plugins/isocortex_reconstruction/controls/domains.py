"""Does what is learnt on one kind of stimuli work on another? The argument of Shen et al. 2019."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from isocortex.data import Images, Table
from isocortex.data.labels import positions
from isocortex.errors import DataError
from isocortex_decoding.evaluation.resampling import label_permutations
from isocortex_decoding.guards.findings import Finding, table_of, warn_of
from isocortex_reconstruction.controls import judging
from isocortex_reconstruction.controls.diversity import Diversity, diversity
from isocortex_reconstruction.controls.judging import ALPHA
from isocortex_reconstruction.controls.pixels import Likeness, likeness, mean_of, pixels, size_of

_WHAT = "check_domains"


class Domains(NamedTuple):
    """Findings, and a row of scores for each set."""

    findings: Table
    scores: Table


class Domain(NamedTuple):
    """One set of reconstructions: likeness to their stimuli, how different both are, how many there are."""

    like: Likeness
    own: Diversity
    true: Diversity
    n: int


def check_domains(
    inside: Images,
    inside_originals: Images,
    outside: Images,
    outside_originals: Images,
    rng: np.random.Generator,
    permutations: int = 1000,
) -> Domains:
    """Compare reconstructions of the kind of stimuli that was learnt with those of another kind.

    Shapes and letters from a decoder trained on photographs, for example. A method that picks from what it
    has learnt falls to chance, or gives a few pictures for all stimuli of the other kind. Findings are as in
    ``check_reconstruction``. Scores, a row a set: mean correlation of pixels, identification among the
    originals of the same set (ties count half) with p of permuted labels, and for reconstructions and stimuli
    (``stimuli_``...) the mean correlation of two pictures, the effective dimensions (participation ratio of
    the pixels' variances) and the number of different pictures (those that correlate below .95).

    Parameters
    ----------
    inside, outside : reconstructions of the two sets.
    inside_originals, outside_originals : their stimuli, and the further candidates.
    permutations : of labels, for p.
    """
    pairs = {"inside": (inside, inside_originals), "outside": (outside, outside_originals)}
    domains = {name: _domain(name, *pair, permutations, rng) for name, pair in pairs.items()}
    findings = [judging.blank_finding(pair[0].values, pair[0].stimuli, name) for name, pair in pairs.items()]
    findings += [judging.diversity_finding(one.own, one.true, one.n, name) for name, one in domains.items()]
    findings.append(_at_chance(domains["inside"], domains["outside"]))
    warn_of(findings, _WHAT)
    return Domains(table_of(findings), Table.from_rows([_row(name, one) for name, one in domains.items()]))


def _domain(
    name: str, reconstructed: Images, originals: Images, permutations: int, rng: np.random.Generator
) -> Domain:
    if not len(reconstructed):
        raise DataError(f"{_WHAT}: there are no reconstructions {name}")
    own = positions(
        reconstructed.stimuli, originals.stimuli, f"{_WHAT}: {name}: originals of reconstructions"
    )
    size = size_of(reconstructed)
    rows, candidates = pixels(reconstructed.values, size), pixels(originals.values, size)
    orders = label_permutations(len(originals), permutations, rng)
    like = likeness(rows, candidates, own, orders)
    return Domain(like, diversity(rows), diversity(candidates[own]), len(own))


def _at_chance(inside: Domain, outside: Domain) -> Finding:
    shares = [mean_of(one.like.identification) for one in (inside, outside)]
    text = (
        f"identified in {100 * shares[1]:.0f} % of comparisons (p = {outside.like.p:.3g}), those inside in "
        f"{100 * shares[0]:.0f} % (p = {inside.like.p:.3g}); chance 50 %"
    )
    guard, place, n = "other kinds of stimuli", "outside", outside.n
    if np.isnan(outside.like.p) or outside.like.least > ALPHA:
        text = f"{text}; too few pictures to tell this from chance"
        return Finding(guard, "note", place, text, n, shares[1], 0.5, "give more stimuli of the other kind")
    if outside.like.p <= ALPHA:
        return Finding(guard, "ok", place, text, n, shares[1], 0.5)
    if not inside.like.p <= ALPHA:
        return Finding(guard, "note", place, f"{text}; neither is above chance", n, shares[1], 0.5)
    remedy = "the method knows the kind of stimuli that it was trained on: say so, or train on more kinds"
    return Finding(guard, "warning", place, text, n, shares[1], 0.5, remedy)


def _row(name: str, one: Domain) -> dict[str, Any]:
    return {
        "set": name,
        "images": one.n,
        "correlation": mean_of(one.like.correlation),
        "identification": mean_of(one.like.identification),
        "p": one.like.p,
        "pairwise": one.own.pairwise,
        "stimuli_pairwise": one.true.pairwise,
        "dimensions": one.own.effective,
        "stimuli_dimensions": one.true.effective,
        "distinct": one.own.distinct,
        "stimuli_distinct": one.true.distinct,
    }
