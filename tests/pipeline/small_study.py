"""A small study as YAML and one-file plugin, for tests of the cache, of kills and of worker processes."""

from __future__ import annotations

import hashlib
from pathlib import Path

PLUGIN = '''
import os
import time
from pathlib import Path

import numpy as np

import isocortex as ic

OFFSET = 0.0


def _log(text):
    if "ISOCORTEX_TEST_LOG" in os.environ:
        with open(os.environ["ISOCORTEX_TEST_LOG"], "a") as file:
            file.write(text + "\\n")


def measure(
    axes: ic.AxisValues, rng: np.random.Generator, noise: float = 1.0, pause: float = 0.0
) -> ic.Patterns:
    """Patterns of four conditions."""
    _log(f"measure {axes}")
    time.sleep(pause)
    return ic.Patterns(rng.normal(OFFSET, noise, (4, 50)), ("a", "b", "c", "d"))


def smooth(patterns: ic.Patterns, axes: ic.AxisValues, width: int = 3, pause: float = 0.0) -> ic.Patterns:
    """Running mean over channels."""
    _log(f"smooth {axes}")
    time.sleep(pause)
    kernel = np.ones(width) / width
    values = np.stack([np.convolve(row, kernel, "valid") for row in patterns.values])
    return ic.Patterns(values, patterns.conditions)


def weights(file: ic.InputFile) -> ic.Table:
    """Weights from a file."""
    _log("weights")
    return ic.Table({"weight": [float(line) for line in file.read_text().split()]})


def summarise(
    patterns: ic.Collected[ic.Patterns], weights: ic.Table, rng: np.random.Generator, power: int = 1
) -> ic.Table:
    """Mean by key."""
    _log("summarise")
    keys = list(patterns)
    means = [float((patterns[key].values ** power).mean() * weights["weight"][0]) for key in keys]
    return ic.Table({"key": keys, "mean": means, "draw": rng.normal(size=len(keys))})


@ic.hookimpl
def register_steps(register):
    register("measure", measure)
    register("smooth", smooth)
    register("weights", weights)
    register("summarise", summarise)
'''

PIPELINE = """
name: small-study
plugins: [steps.py]
seed: 7
parameters: {noise: 1.0, width: 3, power: 1, pause: 0.0, weights: weights.txt}
axes:
  subject: {subjects}
  session: [one, two]
steps:
  raw: {use: measure, with: {noise: $noise, pause: $pause}, over: [subject, session]}
  smoothed: {use: smooth, from: raw, with: {width: $width, pause: $pause}, over: [subject, session]}
  weights: {use: weights, with: {file: $weights}}
  table: {use: summarise, from: {patterns: smoothed, weights: weights}, with: {power: $power}}
  other: {use: summarise, from: {patterns: raw, weights: weights}}
"""


def write_study(folder: Path, subjects: int = 3) -> Path:
    """Write pipeline, plugin and input file into a folder; gives the path of the pipeline."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "steps.py").write_text(PLUGIN)
    (folder / "weights.txt").write_text("2.0\n")
    names = "[" + ", ".join(f"S{number}" for number in range(1, subjects + 1)) + "]"
    (folder / "study.yaml").write_text(PIPELINE.replace("{subjects}", names))
    return folder / "study.yaml"


def results(out: Path) -> dict[str, str]:
    """Digest of every result file; the run record, the timings, the report and the lock left out."""
    found = {}
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out).as_posix()
        aside = name.startswith((".isocortex/", "run.json", "report.html")) or path.name == "timing.json"
        if path.is_file() and not aside:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
