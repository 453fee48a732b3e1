"""What TensorFlow computes for a step does not depend on how many threads it has, as far as we say so."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = """
import hashlib
import numpy as np
from isocortex_vision.models.vgg import VGG16

def digest(*arrays):
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()

rng = np.random.default_rng(0)
net = VGG16(image_size=64, width=0.25)
found = net.features(rng.integers(0, 255, (5, 64, 64, 3)).astype("f4"), net.layers)
print("features", digest(*(found[name] for name in net.layers)))
weights = {"conv1_1": 1.0, "conv3_1": 1.0, "fc7": 1.0}
targets = {name: np.asarray(found[name][:2]) for name in weights}
images = rng.uniform(0, 255, (2, 64, 64, 3)).astype("f4")
print("gradient", digest(net.loss_gradient(images, targets, weights)[2]))
"""


@pytest.mark.slow
def test_features_and_gradients_are_the_same_on_one_thread_and_on_two() -> None:
    """About 15 s. Weights of a training are not: its sums over a batch follow the number of threads."""
    said = set()
    for threads in ("1", "2"):
        names = dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), threads)
        done = subprocess.run(
            [sys.executable, "-c", CODE],
            env={**os.environ, **names},
            check=True,
            capture_output=True,
            text=True,
        )
        said.add(done.stdout)
    assert len(said) == 1 and "gradient" in said.pop()
