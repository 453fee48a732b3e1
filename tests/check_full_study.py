"""Hold the results of the pipeline full-study against what was planted.

Run: python tests/check_full_study.py OUT      (what `make demo` wrote; .ci/run does so)

Prints each figure beside its bar, and ends with 1 where one is missed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from isocortex.data import Table

LAYERS = ("conv1_2", "conv2_2", "conv3_3", "conv5_3")
CODES = ("digit", "object", "digit_object", "magnitude", "animacy")


def rows(out: Path, *names: str) -> list[dict[str, object]]:
    """Read a table of the run."""
    return Table.load(out.joinpath(*names)).rows()


def figures(out: Path) -> list[tuple[str, float, str, float]]:
    """Name, value, "at least" or "at most", and bar of each."""
    models = {str(row["model"]): row for row in rows(out, "answers", "models")}
    (empty,) = rows(out, "answers", "empty")
    found: list[tuple[str, float, str, float]] = []
    planted = sum(float(models[name]["planted"]) for name in LAYERS)
    recovered = sum(float(models[name]["planted"]) * float(models[name]["recovered"]) for name in LAYERS)
    found.append(
        ("voxels with a layer planted: share recovered at FWE .05", recovered / planted, "at least", 0.9)
    )
    for name in CODES:
        found.append(
            (f"code {name}: share of its voxels found", float(models[name]["recovered"]), "at least", 0.05)
        )
    for name in models:
        found.append((f"{name}: voxels found where nothing is", float(models[name]["nowhere"]), "at most", 0))
    found.append(
        ("voxels without anything planted: significant at FWE .05", float(empty["significant"]), "at most", 0)
    )
    found.append(("the same, uncorrected at .05: share", float(empty["uncorrected"]), "at most", 0.065))
    found.append(
        ("readers and layers whose decoding is tested", len(rows(out, "decoding", "summary")), "at least", 16)
    )
    for row in rows(out, "decoding", "summary"):
        found.append(
            (
                f"{row['reader']}: decoding of {row['layer']}, p of identification",
                float(row["p"]),
                "at most",
                0.01,
            )
        )
    identified = [row for row in rows(out, "images", "summary") if row["stimuli"] == 16]
    found.append(("measures of readers' 16 reconstructions", len(identified), "at least", 16))
    for row in identified:
        if str(row["measure"]).startswith("identification"):
            name = f"{row['reader']}: {row['measure']} of reconstructions"
            found.append((name, float(row["value"]), "at least", 0.8))
            found.append((f"{name}, p", float(row["p"]), "at most", 0.01))
            found.append((f"{name}, within a kind", float(row["q_within"]), "at least", 0.8))
    return found


def main(out: Path) -> int:
    """Print the figures; 0 where all hold."""
    missed = 0
    for name, value, kind, bar in figures(out):
        holds = value >= bar if kind == "at least" else value <= bar
        missed += not holds
        print(f"{'holds ' if holds else 'MISSED'} {name}: {value:.4g} ({kind} {bar:g})")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
