"""What a control's numbers mean: findings, each with the limit that it is held against."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from isocortex.data.base import Array
from isocortex.data.labels import Labels
from isocortex_decoding.evaluation.blocks import Floats
from isocortex_decoding.guards.decoded import FEW_DIMENSIONS
from isocortex_decoding.guards.findings import Finding, Severity, found, some
from isocortex_reconstruction.controls.diversity import Diversity
from isocortex_reconstruction.controls.nearest import Nearest
from isocortex_reconstruction.controls.pixels import Likeness, blank, mean_of

LOW_CORRELATION = 0.5
"""A mean correlation of pixels below it, from true features, is a low ceiling."""

LOW_IDENTIFICATION = 0.95
"""A share of right comparisons below it, from true features, is a low ceiling."""

MET = 0.9
"""Features that correlate so with the target features are reached."""

ALIKE = 0.9
"""Pictures that correlate so on average are hardly told apart."""

COPY = 0.9
"""A reconstruction that correlates so with a training picture, and less with its own stimulus, is a copy."""

ALPHA = 0.05
SURE = 0.01
"""A p below ``ALPHA`` is a note, since many controls of many subjects are tested; one below it a warning."""

_LOOK = "look at them: losses that are not finite, features of zero, or a picture that never left its start"
_OTHER_SOURCE = (
    "look for what else tells the reconstructor which stimulus it is: start pictures or latents, file names, "
    "order"
)
_PRIOR = "the generator or the start makes these pictures, not the features: do not call them reconstructions"


class Compared(NamedTuple):
    """Pictures of a control beside those from the brain: likeness to the stimuli of both, and ``alike`` (n,),
    their correlation with each other."""

    control: Likeness
    decoded: Likeness
    alike: Floats


def blank_finding(images: Array, names: Labels, where: str) -> Finding:
    """Pictures of one colour throughout, or with NaN."""
    empty = [name for name, bad in zip(names, blank(images), strict=True) if bad]
    return found("blank pictures", empty, "pictures are blank or hold NaN", _LOOK, where=where)


def recovery_finding(like: Likeness, features: dict[str, float], decoded: Likeness, where: str) -> Finding:
    """How good pictures get from the true features: results from a brain mean nothing beyond that.

    ``features``: layer -> mean correlation of the pictures' features with the true ones.
    """
    r, share = mean_of(like.correlation), mean_of(like.identification)
    low = not r >= LOW_CORRELATION or share < LOW_IDENTIFICATION
    text = (
        f"from the true features, pictures correlate {r:.2f} with their stimuli{_identified(like)}; from the "
        f"brain {mean_of(decoded.correlation):.2f}{_identified(decoded)}"
    )
    remedy = ""
    if low:
        met = bool(features) and all(value >= MET for value in features.values())
        remedy = "results from a brain mean nothing beyond this; " + (
            "the features are reached, so that these layers leave the picture open: use more of them"
            if met
            else f"the features are not reached either ({_lowest(features)}): more iterations, another "
            "start, or a generator that can show such pictures"
        )
    severity: Severity = "warning" if low else "ok"
    return Finding("recovery", severity, where, text, len(like.correlation), r, LOW_CORRELATION, remedy)


def identified_finding(like: Likeness, tests: int, where: str) -> Finding:
    """Whether pictures are identified that were made from features of something else.

    ``tests``: how many controls are tested; p is multiplied by it (Bonferroni).
    """
    share, p = mean_of(like.identification), like.p * tests
    guard, n = "identified without its features", len(like.identification)
    text = "pictures from features of something else" + (
        _identified(like).removeprefix(" and") or " have no other candidates"
    )
    text += "" if np.isnan(share) else " (chance 50 %)"
    if np.isnan(p) or like.least * tests > SURE:
        few = "too few pictures or permutations to tell this from chance"
        return Finding(guard, "note", where, f"{text}; {few}", n, share, 0.5, "check more images")
    if p > ALPHA or not share > 0.5:
        return Finding(guard, "ok", where, text, n, share, 0.5)
    text = f"{text}, p = {like.p:.3g} of permuted labels, {tests} tests"
    if p > SURE:
        remedy = "check more images: with many subjects and controls some will be so by chance"
        return Finding(guard, "note", where, text, n, share, 0.5, remedy)
    return Finding(guard, "warning", where, text, n, share, 0.5, _OTHER_SOURCE)


def same_picture_finding(compared: Compared, stimuli: float, where: str) -> Finding:
    """Whether a control's pictures are those from the brain; ``stimuli``: mean correlation of two stimuli.

    Stimuli that correlate rho with each other correlate sqrt(rho) with their mean, and so may any picture
    that shows what they have in common. The limit is half way from there to 1, or ``ALIKE`` if that is more.
    """
    common = np.sqrt(max(np.nan_to_num(stimuli), 0.0))
    r, limit = mean_of(compared.alike), float(max(ALIKE, (1 + common) / 2))
    text = f"pictures from features of something else correlate {r:.2f} with those from the brain"
    same = r >= limit
    severity: Severity = "warning" if same else "ok"
    guard, n = "same picture from other features", len(compared.alike)
    return Finding(guard, severity, where, text, n, r, limit, _PRIOR if same else "")


def no_better_finding(compared: Compared, where: str) -> Finding:
    """Whether the pictures from the brain are more like their stimuli than those of a control.

    A blank picture, whose correlation is undefined, counts as 0.
    """
    gain = np.nan_to_num(compared.decoded.correlation) - np.nan_to_num(compared.control.correlation)
    mean = float(gain.mean())
    text = (
        f"pictures from the brain correlate {mean_of(compared.decoded.correlation):.2f} with their stimuli, "
        f"those from features of something else {mean_of(compared.control.correlation):.2f}; the former are "
        f"better in {int(np.count_nonzero(gain > 0))} of {len(gain)}"
    )
    better = mean > 0
    remedy = "" if better else "the pictures show nothing of the stimulus that the control does not show too"
    return Finding(
        "no better than control", "ok" if better else "warning", where, text, len(gain), mean, 0.0, remedy
    )


def follows_finding(with_source: Floats, with_label: Floats, where: str) -> Finding:
    """Whether pictures from another stimulus' features are that stimulus' pictures.

    ``with_source``, ``with_label`` (n,): correlation with the picture from the brain of the stimulus whose
    features were given, and of the one whose label they were given under. Ties and blanks count half.
    """
    difference = with_source - with_label
    known = np.where(np.isnan(difference) | (np.abs(difference) <= 1e-6), 0.5, difference > 0)
    share, n = float(np.mean(known)), len(known)
    text = (
        f"{100 * share:.0f} % of {n} pictures are more like those of the stimulus whose features were given"
    )
    follows = share > 0.5
    severity: Severity = "ok" if follows else "warning"
    return Finding(
        "pictures follow features", severity, where, text, n, share, 0.5, "" if follows else _PRIOR
    )


def copies_finding(near: Nearest, names: Labels, training: Labels, where: str) -> Finding:
    """Reconstructions that are training pictures, or no nearer to their own stimulus than to any of them."""
    own = np.where(np.isnan(near.own), -1.0, near.own)
    closer = near.r > own + 1e-10
    copied = np.flatnonzero(closer & (near.r >= COPY))
    n, share, beaten = len(own), float(np.mean(closer)), mean_of(near.beaten)
    # at chance, the place of a stimulus among training pictures is uniform: its mean has this upper 5 % limit
    chance = 0.5 + 1.645 / np.sqrt(12 * n)
    text = (
        f"{int(closer.sum())} of {n} reconstructions are more like a training picture than like their own "
        f"stimulus{_gain(near, closer)}; they are nearer to their stimulus than to {100 * beaten:.0f} % of "
        "the training pictures (chance 50 %)"
    )
    lost = share > 0.5 and beaten <= chance
    if len(copied):
        pairs = [f"{names[k]} (training: {training[near.item[k]]})" for k in copied]
        text = f"{len(copied)} reconstructions are copies of training pictures: {some(pairs)}; {text}"
    severity: Severity = "warning" if len(copied) or lost else "note" if share > 0.5 else "ok"
    remedy = "look at them: a picture of something learnt is no reconstruction of something new"
    guard = "copies of training pictures"
    return Finding(
        guard, severity, where, text, int(closer.sum()), share, 0.5, remedy if severity != "ok" else ""
    )


def diversity_finding(own: Diversity, true: Diversity, n: int, where: str) -> Finding:
    """Whether the pictures are a few outputs only although their stimuli differ."""
    text = (
        f"{n} pictures are {own.distinct} different outputs with {own.effective:.1f} effective dimensions, "
        f"and correlate {own.pairwise:.2f} with each other; their stimuli {true.distinct}, "
        f"{true.effective:.1f} and {true.pairwise:.2f}"
    )
    few = 2 * own.distinct <= true.distinct
    flat = n >= 10 and not own.effective >= FEW_DIMENSIONS and true.effective >= 2 * FEW_DIMENSIONS
    alike = own.pairwise >= max(ALIKE, (1 + true.pairwise) / 2)  # half way from the stimuli to one picture
    bad = n > 1 and (few or flat or alike)
    remedy = "the same pictures come out for different stimuli: look at them side by side" if bad else ""
    return Finding(
        "few outputs", "warning" if bad else "ok", where, text, n, own.distinct, true.distinct / 2, remedy
    )


def _identified(like: Likeness) -> str:
    share = mean_of(like.identification)
    return "" if np.isnan(share) else f" and are identified in {100 * share:.0f} % of comparisons"


def _lowest(features: dict[str, float]) -> str:
    if not features:
        return "not looked at"
    name = min(features, key=lambda layer: np.nan_to_num(features[layer], nan=-2.0))
    return f"{name}: correlation {features[name]:.2f}"


def _gain(near: Nearest, closer: Array) -> str:
    if not closer.any():
        return ""
    items = len(set(near.item[closer].tolist()))
    return f" (by {mean_of((near.r - near.own)[closer]):.2f} on average; {items} different training pictures)"
