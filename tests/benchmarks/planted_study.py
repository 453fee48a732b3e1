"""False positives and recovery of the full study's searchlights, over many simulated studies.

Run: python tests/benchmarks/planted_study.py [studies] [voxel in mm] [radius in voxels]

By default 100 studies, 6 mm and a radius of 2, some 10 s each; 1 4 3 is the full study's own size.

Each study draws eight new brains with everything planted (``pipelines/full-study.yaml``), and tests 13 layers
and 5 codes. Where no region is in reach of a searchlight, some voxel may be significant (FWE .05) in 5 % of
the studies, and 5 % of single tests may have p <= .05. A model is recovered in the share of its voxels where
it is significant and the best. Beside it, of the first study: the share of voxels with a layer where this
layer is the best by its mean over subjects, by t, and by the mean with layer RDMs as in study A.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import yaml

import isocortex as ic
from isocortex.data import Collected, Features, Patterns, RDMs, StatMaps
from isocortex_rsa.inference.best_model import best_model_map
from isocortex_rsa.inference.group import group_test
from isocortex_rsa.inference.mean_maps import mean_maps
from isocortex_rsa.steps.codes import category_codes
from isocortex_rsa.steps.feature_rdms import feature_rdms
from isocortex_rsa.steps.joining import join_rdms
from isocortex_searchlight.steps import rsa_step
from isocortex_studies.coloured_pictures import ColouredPictures
from isocortex_studies.simulation.answers import planted_beside_found
from isocortex_studies.simulation.regions import planted_regions
from isocortex_studies.simulation.responses import simulate_responses
from isocortex_studies.simulation.signals import planted_signals


def steps() -> dict[str, Any]:
    """The pipeline's steps, with what is planted where."""
    from importlib.resources import files

    text = files("isocortex_pipelines").joinpath("full-study.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text)["steps"])


def activity() -> Features:
    """All layers' responses to the stimuli."""
    images = ColouredPictures().load_images()
    model = ic.get("model", "vgg16", weights="hed", head="none", image_size=96)
    names = [name for name in model.layers if name.startswith("conv")]
    found = {name: np.asarray(values) for name, values in model.features(images.values, names).items()}
    return Features(found, images.stimuli, images.categories, "vgg16")


def maps_of(brains: dict[str, Patterns], models: RDMs, radius: int) -> Collected[StatMaps]:
    """Similarity of every subject's searchlights with models."""
    how: dict[str, Any] = {"metric": "euclidean", "similarity": "spearman", "radius": radius}
    return Collected({(name,): rsa_step(own, models, **how) for name, own in brains.items()}, ("subject",))


def best_where_planted(values: StatMaps, regions: StatMaps, layers: Sequence[str]) -> str:
    """Share of each layer's voxels where it has the largest of all values."""
    best = np.nanargmax(np.asarray(values.values), axis=0)
    inside = {name: np.asarray(own) > 0 for name, own in zip(regions.names, regions.values, strict=True)}
    shares = {name: (best[inside[name]] == values.names.index(name)).mean() for name in layers}
    return ", ".join(f"{name} {share:.3f}" for name, share in shares.items())


def brains_of(signals: Features, regions: StatMaps, seed: int) -> dict[str, Patterns]:
    """Eight subjects."""
    names = [f"S{number + 1}" for number in range(8)]
    return {
        name: simulate_responses(signals, regions, name, repeats=2, signal=3.0, seed=seed) for name in names
    }


def main(studies: int = 100, resolution: int = 6, radius: int = 2) -> None:
    """Print the rates."""
    study = steps()
    regions = planted_regions(study["regions"]["with"]["places"], resolution=resolution)
    features = activity()
    planting = study["signals"]["with"]
    signals = planted_signals(features, layers=planting["layers"], codes=planting["codes"])
    layers = feature_rdms(features, standardise=True, average="category", metric="euclidean")  # type: ignore[arg-type]
    models = join_rdms(layers, category_codes(layers, **planting["codes"]))
    codes = category_codes(layers, **planting["codes"])
    found, single, recovered, least, began = [], [], [], [], time.perf_counter()
    for seed in range(studies):
        brains = brains_of(signals, regions, seed)
        collected = maps_of(brains, models, radius)
        tested = group_test(collected, np.random.default_rng(seed))
        mean = mean_maps(collected)
        if seed == 0:
            published = feature_rdms(features, standardise=True, pca_variance=0.9, average="category")
            other = mean_maps(maps_of(brains, join_rdms(published, codes), radius))
            for what, values in (("mean", mean), ("t", tested.t), ("mean, RDMs as in study A", other)):
                print(f"best by {what}: {best_where_planted(values, regions, planting['layers'])}")
        best = best_model_map(mean, tested.p_fwe)
        answers = planted_beside_found(regions, best.number, best.models, tested.p, tested.p_fwe, radius)
        least.append(np.asarray(tested.t.values)[np.asarray(tested.p_fwe.values) <= 0.05].min())
        (empty,) = answers.empty.rows()
        found.append(empty["significant"] > 0)
        single.append(empty["uncorrected"])
        recovered.append([row["recovered"] for row in answers.models.rows() if row["planted"]])
    seconds = (time.perf_counter() - began) / studies
    names = [row["model"] for row in answers.models.rows() if row["planted"]]
    print(f"{studies} studies, {empty['voxels']} voxels out of reach of any region, {seconds:.1f} s each")
    print(f"least t that is significant: {np.median(least):.1f} (median)")
    error = 3 * np.sqrt(0.05 * 0.95 / studies)
    print(f"any of them significant at FWE .05: {np.mean(found):.3f} (nominal .050, three SE {error:.3f})")
    print(f"single tests with p <= .05: {np.mean(single):.4f} (the 256 flips allow 12/256 = .0469)")
    for name, share in zip(names, np.mean(recovered, axis=0), strict=True):
        print(f"  {name}: recovered in {share:.3f} of its voxels")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
