"""The step that checks reconstructions against controls, training pictures and each other."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from isocortex.contracts import Generator, Model, Reconstructor
from isocortex.data import Features, Images, Table
from isocortex.errors import DataError
from isocortex_decoding.evaluation.resampling import label_permutations
from isocortex_decoding.guards.findings import Finding, table_of, warn_of
from isocortex_reconstruction.controls import checking, nearest, running
from isocortex_reconstruction.controls.judging import copies_finding
from isocortex_reconstruction.controls.running import Tools
from isocortex_reconstruction.controls.targets import CONTROLS, Control

_WHAT = "check_reconstruction"


class Checked(NamedTuple):
    """Findings; scores of the controls; the nearest training picture of each reconstruction; the pictures
    that came out of the controls, labelled ``control:stimulus``."""

    findings: Table
    scores: Table
    nearest: Table
    images: Images


def check_reconstruction(
    reconstructed: Images,
    originals: Images,
    decoded: Features,
    model: Model,
    reconstructor: Reconstructor,
    rng: np.random.Generator,
    generator: Generator | None = None,
    training: Images | None = None,
    training_features: Features | None = None,
    controls: list[Control] | None = None,
    layers: str | list[str] | None = None,
    n_images: int = 4,
    batch_size: int = 4,
    max_units: int = 50_000,
    permutations: int = 1000,
) -> Checked:
    """Look for pictures that the reconstructor makes and the brain does not (Shirakawa et al. 2025).

    Each control is one more reconstruction of ``n_images`` stimuli, drawn at random: by default up to 7 x 4
    pictures, as slow as so many in the reconstruction itself. What is not wired is not looked at.

    * "recovery": from the true features of the stimuli; "recovery_pixels": the same without the generator. A
      low ceiling means that results from a brain mean little.
    * "other", "mixed", "units", "mean", "noise": from the features of another stimulus, of another one in
      each layer, from units in random order, from mean features (those of ``training_features`` if they have
      all layers, else of the decoded ones), and from noise of their mean and standard deviation. Such
      pictures must not be identified as the stimulus whose label they carry, must not be the pictures from
      the brain, and not be as like the stimuli; those of another stimulus must be like its pictures.
    * The nearest training picture of each reconstruction, by pixels and by features.
    * How different the reconstructions are from each other; and blank ones.

    A row a finding: ``guard``, ``severity`` ("ok", "note", "warning"; these are given as warnings too),
    ``where``, ``finding``, ``count``, ``value``, ``limit``, ``remedy``. Scores have a row for each control
    and space (pixels or a layer): mean and lowest correlation with the own stimuli, identification (by pixels
    among the originals of all decoded stimuli, by features among the drawn ones; ties count half) with p of
    permuted labels, and how alike the pictures are to those from the brain. Pixels are compared within 0 to
    255 at the size of the reconstructions, the originals resized as in ``evaluate_reconstructions``.

    Parameters
    ----------
    reconstructed : pictures from the decoded features, as ``reconstruct_images`` gives them with this model,
        reconstructor and generator (before ``finish_images``).
    originals : the stimuli; those of decoded stimuli are candidates, which should be one test set.
    decoded : features that they were made from, scaled as they were for that.
    model : the network that was inverted. Features are compared by it too.
    training : the training pictures. Those with the label of a test stimulus are left out, and counted.
    training_features : features of training pictures, in layers of the model.
    controls : which to make (default: all that can be made).
    layers : names, patterns or short names of the model's layers that the reconstructions were made from;
        default all decoded ones.
    n_images : how many of the reconstructed stimuli the controls are made for.
    batch_size : images that are worked on at once.
    max_units : features of layers with more units are thinned to about as many before they are compared.
    permutations : of labels, for p.
    """
    _require_sense(max_units, permutations, batch_size, controls)
    tools = Tools(model, reconstructor, generator, batch_size)
    used = running.require_layers(decoded, model, layers, _WHAT)
    originals = running.same_set(originals, used)
    chosen = running.choose(reconstructed.stimuli, originals, used, n_images, rng, _WHAT)
    orders = label_permutations(len(originals), permutations, rng)
    wanted, findings = _wanted(controls, used, tools, training_features)
    true = running.true_targets(originals, chosen.originals, used, model, _WHAT)
    made = list(checking.make(wanted, used, chosen, true, tools, training_features, rng))
    runs = [one for one in made if isinstance(one, running.Run)]
    findings += [one for one in made if isinstance(one, Finding)]
    findings += checking.overall(reconstructed, originals)
    thin = {name: running.thin(values, max_units) for name, values in true.items()}
    ground = checking.ground_of(reconstructed, originals, chosen, thin, orders)
    judged, scores = checking.judge(runs, ground, tools, max_units)
    own = originals.select(reconstructed.stimuli)
    copies, rows = _nearest(reconstructed, own, (training, training_features), model, max_units)
    findings += judged + copies
    warn_of(findings, _WHAT)
    pictures = checking.labelled_runs(runs, chosen.stimuli, ground.size)
    return _checked(findings, scores, rows, pictures)


def _checked(
    findings: list[Finding], scores: list[dict[str, Any]], rows: list[dict[str, Any]], pictures: Images
) -> Checked:
    tables = Table.from_rows(scores, checking.SCORES), Table.from_rows(rows, nearest.COLUMNS)
    return Checked(table_of(findings), *tables, pictures)


def _require_sense(max_units: int, permutations: int, batch: int, controls: list[Control] | None) -> None:
    if max_units < 2 or permutations < 0 or batch < 1:
        raise DataError(f"{_WHAT}: give max_units >= 2, permutations >= 0 and batch_size >= 1")
    if controls is not None and len(set(controls)) < len(controls):
        raise DataError(f"{_WHAT}: controls: name each once")


def _wanted(
    controls: list[Control] | None, decoded: Features, tools: Tools, known: Features | None
) -> tuple[list[Control], list[Finding]]:
    """List the controls that can be made, and a note on each of the others that was to be expected."""
    asked = [name for name in CONTROLS if controls is None or name in controls]
    reasons = {name: checking.impossible(name, decoded, tools, known) for name in asked}
    if controls is None and tools.generator is None:
        asked.remove("recovery_pixels")
    notes = [
        Finding("control", "note", name, f"not made: {reasons[name]}") for name in asked if reasons[name]
    ]
    return [name for name in asked if not reasons[name]], notes


def _nearest(
    reconstructed: Images,
    stimuli: Images,
    training: tuple[Images | None, Features | None],
    model: Model,
    units: int,
) -> tuple[list[Finding], list[dict[str, Any]]]:
    findings: list[Finding] = []
    rows: list[dict[str, Any]] = []
    for data in training:
        if data is None:
            continue
        kept = nearest.unlike(data.stimuli, stimuli.stimuli)
        findings += _left_out(len(data.stimuli) - len(kept), data.kind)
        if not len(kept):
            continue
        if isinstance(data, Images):
            found = {"pixels": nearest.nearest_pixels(reconstructed, stimuli, data, kept)}
        else:
            found = nearest.nearest_features(reconstructed, stimuli, data, kept, model, units)
        names, labels = tuple(data.stimuli[k] for k in kept), reconstructed.stimuli
        findings += [copies_finding(near, labels, names, space) for space, near in found.items()]
        rows += nearest.rows_of(found, labels, names)
    return findings, rows


def _left_out(count: int, kind: str) -> list[Finding]:
    if not count:
        return []
    text = f"{count} of the training {kind} carry the label of a test stimulus: left out"
    remedy = "look at decoding_guards: a test stimulus that was learnt says nothing of new ones"
    return [Finding("repeated stimuli", "warning", kind, text, count, remedy=remedy)]
