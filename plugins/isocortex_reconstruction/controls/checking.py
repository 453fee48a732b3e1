"""Making the controls and holding them against the reconstructions from a brain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from isocortex.data import Features, Images
from isocortex.data.base import Array
from isocortex.data.labels import Labels, positions
from isocortex.errors import DataError
from isocortex_decoding import pattern_correlation
from isocortex_decoding.evaluation.blocks import Floats, finite_units
from isocortex_decoding.guards.findings import Finding
from isocortex_reconstruction.controls import judging, running
from isocortex_reconstruction.controls.diversity import diversity
from isocortex_reconstruction.controls.pixels import (
    Indices,
    Likeness,
    Size,
    likeness,
    mean_of,
    paired,
    pixels,
    size_of,
    whole,
)
from isocortex_reconstruction.controls.running import Chosen, Run, Tools
from isocortex_reconstruction.controls.targets import CONTROLS, RECOVERY, WITHOUT, Control, without_stimulus

SCORES = (
    "control",
    "space",
    "images",
    "correlation",
    "worst",
    "identification",
    "candidates",
    "p",
    "alike",
    "undefined",
)
"""Columns of the scores."""


class Ground(NamedTuple):
    """What every control is compared with: rows of pixels (all originals; the pictures from the brain, of the
    chosen stimuli and of all), other orders of the originals, thinned true features of the chosen stimuli."""

    chosen: Chosen
    size: Size
    candidates: Array
    brain: Array
    every: Mapping[str, Array]
    orders: Indices
    true: Mapping[str, Array]

    def likeness(self, rows: Array) -> Likeness:
        """Of pictures of the chosen stimuli to these, among all originals."""
        return likeness(rows, self.candidates, self.chosen.originals, self.orders)


def ground_of(
    reconstructed: Images,
    originals: Images,
    chosen: Chosen,
    true: Mapping[str, Array],
    orders: Indices,
) -> Ground:
    """Bring all pictures to the size of the reconstructions."""
    size = size_of(reconstructed)
    rows = pixels(reconstructed.values, size)
    every = dict(zip(reconstructed.stimuli, rows, strict=True))
    brain = np.stack([every[name] for name in chosen.stimuli])
    return Ground(chosen, size, pixels(originals.values, size), brain, every, orders, true)


def impossible(control: Control, decoded: Features, tools: Tools, known: Features | None) -> str:
    """Say why a control cannot be made, or nothing."""
    if control == "recovery_pixels" and tools.generator is None:
        return "there is no generator to leave out"
    if control in ("other", "mixed") and decoded.n_samples < 2:
        return "a single decoded stimulus has no others"
    if control == "mixed" and len(decoded.layers) < 2:
        return "a single layer cannot be mixed (see the control other)"
    if control == "mean" and all_of(decoded, known) is None and decoded.n_samples < 2:
        return "the mean over a single decoded stimulus is that stimulus (give training_features)"
    return ""


def all_of(decoded: Features, known: Features | None) -> Features | None:
    """Training features, if they have all decoded layers with the same units."""
    if known is None:
        return None
    same = all(
        name in known.layers and known.layers[name].shape[1:] == values.shape[1:]
        for name, values in decoded.layers.items()
    )
    return known if same and known.n_samples else None


def make(
    controls: list[Control],
    decoded: Features,
    chosen: Chosen,
    true: Mapping[str, Array],
    tools: Tools,
    known: Features | None,
    rng: np.random.Generator,
) -> Iterator[Run | Finding]:
    """Reconstruct under each control; each has a seed of its own, whichever others are made.

    A control whose targets the reconstructor refuses is a finding.
    """
    seeds = dict(zip(CONTROLS, rng.spawn(len(CONTROLS)), strict=True))
    for control in controls:
        own, what, sources = seeds[control], f"control {control}", None
        targets, bare = true, control == "recovery_pixels"
        if control in WITHOUT:
            targets, rows = without_stimulus(control, decoded, chosen.decoded, own, all_of(decoded, known))
            sources = None if rows is None else tuple(decoded.stimuli[k] for k in rows)
        try:
            yield Run(control, running.run(targets, tools, own, what, bare), sources)
        except DataError as error:
            text = f"not made, the reconstructor refuses it: {error}"
            yield Finding(
                "control", "warning", control, text, remedy="look at the features that it is made of"
            )


def judge(
    runs: list[Run], ground: Ground, tools: Tools, units: int
) -> tuple[list[Finding], list[dict[str, Any]]]:
    """Findings and rows of scores of all runs, after the row of the pictures from the brain."""
    brain = ground.likeness(ground.brain)
    rows = [_row("brain", "pixels", brain, ground, np.ones(0))]
    findings: list[Finding] = []
    tests = sum(run.control in WITHOUT for run in runs)
    alike = diversity(ground.candidates).pairwise if tests else float("nan")
    for run in runs:
        own = pixels(run.images, ground.size)
        compared = judging.Compared(ground.likeness(own), brain, paired(own, ground.brain))
        rows.append(_row(run.control, "pixels", compared.control, ground, compared.alike))
        findings.append(judging.blank_finding(run.images, ground.chosen.stimuli, run.control))
        if run.control in RECOVERY:
            scores = feature_likeness(run.images, ground, tools, units)
            rows += [_row(run.control, name, one, ground, np.ones(0)) for name, one in scores.items()]
            means = {name: mean_of(one.correlation) for name, one in scores.items()}
            findings.append(judging.recovery_finding(compared.control, means, brain, run.control))
            continue
        findings.append(judging.identified_finding(compared.control, tests, run.control))
        findings.append(judging.same_picture_finding(compared, alike, run.control))
        findings.append(judging.no_better_finding(compared, run.control))
        findings += _follows(run, own, ground)
    return findings, rows


def feature_likeness(images: Array, ground: Ground, tools: Tools, units: int) -> dict[str, Likeness]:
    """Compare the features of pictures with the true ones; the candidates are the chosen stimuli."""
    found = running.thin_features(images, tools.model, list(ground.true), units)
    orders = np.empty((0, len(images)), dtype=np.intp)
    scores = {}
    for name, true in ground.true.items():
        good = whole(found[name])
        own = np.where(good[:, None], found[name], 0.0)
        usable = finite_units(true) & finite_units(own)
        rows = likeness(own[:, usable], true[:, usable], np.arange(len(own)), orders)
        scores[name] = rows
    return scores


def overall(reconstructed: Images, originals: Images) -> list[Finding]:
    """Findings on all reconstructions: blank ones, and whether they are a few outputs only."""
    own = positions(reconstructed.stimuli, originals.stimuli, "originals of reconstructions")
    size = size_of(reconstructed)
    made, true = (diversity(pixels(v, size)) for v in (reconstructed.values, originals.values[own]))
    return [
        judging.blank_finding(reconstructed.values, reconstructed.stimuli, "reconstructed"),
        judging.diversity_finding(made, true, len(reconstructed), "reconstructed"),
    ]


def _follows(run: Run, own: Array, ground: Ground) -> list[Finding]:
    if run.sources is None:
        return []
    known = [k for k, name in enumerate(run.sources) if name in ground.every]
    if not known:
        text = "no picture from the brain of the stimuli whose features were given: not looked at"
        return [Finding("pictures follow features", "note", run.control, text)]
    sources = np.stack([ground.every[run.sources[k]] for k in known])
    with_source: Floats = pattern_correlation(own[known], sources)
    with_label: Floats = pattern_correlation(own[known], ground.brain[known])
    return [judging.follows_finding(with_source, with_label, run.control)]


def _row(control: str, space: str, like: Likeness, ground: Ground, alike: Floats) -> dict[str, Any]:
    known = like.correlation[~np.isnan(like.correlation)]
    candidates = len(ground.candidates) if space == "pixels" else len(ground.chosen.stimuli)
    values = (
        control,
        space,
        len(like.correlation),
        mean_of(like.correlation),
        float(known.min()) if len(known) else float("nan"),
        mean_of(like.identification),
        candidates,
        like.p,
        mean_of(alike),
        len(like.correlation) - len(known),
    )
    return dict(zip(SCORES, values, strict=True))


def labelled_runs(runs: list[Run], stimuli: Labels, size: Size) -> Images:
    """Pictures of all runs, labelled ``control:stimulus``."""
    return running.labelled({run.control: run.images for run in runs}, stimuli, size)
