"""The study that faults are injected into: along two axes, with every way in which results are kept."""

from __future__ import annotations

from pathlib import Path

PLUGIN = '''
from typing import NamedTuple

import numpy as np

import isocortex as ic


class Halves(NamedTuple):
    low: ic.Patterns
    high: ic.Patterns


def measure(axes: ic.AxisValues, rng: np.random.Generator, channels: int = 50) -> ic.Patterns:
    """Patterns of four conditions."""
    return ic.Patterns(rng.normal(size=(4, channels)), ("a", "b", "c", "d"))


def smooth(patterns: ic.Patterns, width: int = 3) -> ic.Patterns:
    """Running mean over channels."""
    kernel = np.ones(width) / width
    return ic.Patterns(
        np.stack([np.convolve(row, kernel, "valid") for row in patterns.values]), patterns.conditions
    )


def halves(patterns: ic.Patterns) -> Halves:
    """Two outputs."""
    middle = patterns.values.shape[1] // 2
    parts = patterns.values[:, :middle], patterns.values[:, middle:]
    return Halves(*(ic.Patterns(part, patterns.conditions) for part in parts))


def units(patterns: ic.Patterns) -> ic.Features:
    """Features of a layer."""
    return ic.Features({"fc": patterns.values.astype("f4")}, patterns.conditions)


def _pieces(features, **rest):
    return [[start, start + 1] for start in range(features.n_samples)]


def _part(piece, features, **rest):
    return ic.Part({"squares": features.layers["fc"][slice(*piece)] ** 2})


def _merge(parts, features, **rest):
    squares = np.concatenate([part.arrays["squares"] for part in parts])
    return ic.Features({"fc": squares}, features.stimuli)


@ic.splits(_pieces, _part, _merge)
def squares(features: ic.Features) -> ic.Features:
    """Squares of a layer, in parts where several workers share it."""
    return ic.Features({"fc": features.layers["fc"] ** 2}, features.stimuli)


def weights(file: ic.InputFile) -> ic.Table:
    """Weights from a file."""
    return ic.Table({"weight": [float(line) for line in file.read_text().split()]})


def summarise(patterns: ic.Collected[ic.Patterns], weights: ic.Table) -> ic.Table:
    """Weighted mean by key."""
    keys = list(patterns)
    means = [float(patterns[key].values.mean() * weights["weight"][0]) for key in keys]
    return ic.Table({"key": keys, "mean": means})


def scaled(features: ic.Features, file: ic.InputFile) -> ic.Table:
    """Reads a result and a file."""
    weight = float(file.read_text())
    return ic.Table({"mean": [weight * float(np.asarray(features.layers["fc"]).mean())]})


@ic.hookimpl
def register_steps(register):
    for step in (measure, smooth, halves, units, squares, weights, summarise, scaled):
        register(step.__name__, step)
'''

PIPELINE = """
name: stress
plugins: [steps.py]
seed: 7
parameters: {width: 3, weights: weights.txt}
axes:
  subject: [S1, S2, S3]
  session: [one, two]
steps:
  raw: {use: measure, over: [subject, session]}
  smoothed: {use: smooth, from: raw, with: {width: $width}, over: [subject, session]}
  parts: {use: halves, from: smoothed, over: [subject, session]}
  large: {use: measure, with: {channels: 40000}}
  wide: {use: smooth, from: large, with: {width: $width}}
  features: {use: units, from: wide}
  squared: {use: squares, from: features}
  weights: {use: weights, with: {file: $weights}}
  table: {use: summarise, from: {patterns: parts.high, weights: weights}}
  scaled: {use: scaled, from: squared, with: {file: $weights}}
"""

WIDTHS = (3, 5)
WEIGHTS = ("2.0\n", "3.0\n")
INSTANCES = 3 * 6 + 7


def write_study(folder: Path) -> Path:
    """Write pipeline, plugin and input file; gives the path of the pipeline."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "steps.py").write_text(PLUGIN)
    (folder / "weights.txt").write_text(WEIGHTS[0])
    (folder / "stress.yaml").write_text(PIPELINE)
    return folder / "stress.yaml"
