"""How long a small VGG16 takes to learn study A's 16 classes, and how well it does on held-out pictures.

    python tests/benchmarks/training.py [EPOCHS] [WIDTH]

Digits are scikit-learn's, objects the 32 x 32 pictures of the shared data (made ones where these are absent).
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "isocortex_vision"))

from training_pictures import DIGITS, digit_pictures, joined, made_objects, real_objects  # noqa: E402

from isocortex_vision.training.steps import classify_images, train_network  # noqa: E402


def main(epochs: int = 30, width: float = 1 / 8) -> None:
    """Train, score, and time one step with and without what surrounds it."""
    folder = Path(os.environ.get("ISOCORTEX_TEST_DATA", ROOT.parent / "shared" / "data"))
    if folder.is_dir():
        objects = real_objects(folder, False), real_objects(folder, True)
    else:
        objects = made_objects(200, 0), made_objects(50, 1)
    pictures, held_out = joined(digit_pictures(False), objects[0]), joined(digit_pictures(True), objects[1])
    begun = time.perf_counter()
    done = train_network(
        pictures, np.random.default_rng(0), "lee2023", held_out, classes="lee2023",
        network={"image_size": 32, "width": width},
        learning={"epochs": epochs, "learning_rate": 1e-3, "decay_steps": 200, "decay_rate": 0.85},
    )  # fmt: skip
    seconds = time.perf_counter() - begun
    steps = int(done.history["step"][-1])
    answers = classify_images(held_out, done.network).answers
    digits = np.isin(answers["category"], DIGITS)
    print(
        f"{epochs} epochs, {steps} steps: {seconds:.0f} s, {1000 * seconds / steps:.0f} ms a step with scores"
    )
    for name, rows in (("digits", digits), ("objects", ~digits)):
        print(f"held-out {name}: {answers['correct'][rows].mean():.1%} of {np.count_nonzero(rows)}")


if __name__ == "__main__":
    main(*(kind(text) for kind, text in zip((int, float), sys.argv[1:], strict=False)))
