"""The steps of inference wired in a pipeline, from the maps of subjects to pictures."""

from pathlib import Path
from typing import Any

import numpy as np

import isocortex as ic

PLUGIN = '''
import numpy as np
import isocortex as ic


def noisy_maps(axes: ic.AxisValues, rng: np.random.Generator) -> ic.StatMaps:
    """Correlations with two models, the first of which fits in a corner."""
    z = 0.1 * rng.normal(size=(2, 6, 6, 6))
    z[0, :3, :3, :3] += 0.4
    space = ic.Space(np.ones((6, 6, 6), dtype=bool), np.diag([3.0, 3, 3, 1]))
    return ic.StatMaps(np.tanh(z).reshape(2, -1).astype(np.float32), ("early", "late"), space, "spearman")


@ic.hookimpl
def register_steps(register):
    register("noisy_maps", noisy_maps)
'''

PIPELINE = """
name: inference
plugins: [maps_plugin.py]
axes: {subject: [S1, S2, S3, S4, S5, S6, S7, S8]}
steps:
  maps: {use: noisy_maps, over: subject}
  group: {use: group_test, from: {maps: maps}, with: {test: sign_flip, correction: max_t}}
  enhanced: {use: group_test, from: {maps: maps}, with: {correction: tfce, tail: two-sided, connectivity: 6}}
  best: {use: best_model_map, from: {maps: group.thresholded}}
  also_best: {use: best_model_map, from: {maps: group.t, p: group.p_fwe}}
  clusters: {use: find_clusters, from: {maps: group.thresholded}, with: {min_voxels: 5}}
  rois: {use: roi_means, from: {maps: maps, rois: clusters.labels}, with: {independent: true}}
  study: {use: lee2023_threshold, from: {maps: maps}, with: {draws: 10, min_voxels: 5}}
  picture: {use: map_figure, from: {maps: group.t, p: group.p_fwe}, with: {view: axial}}
  layers: {use: best_model_figure, from: {number: best.number, models: best.models}}
report: [group.summary, clusters.table, rois.group, picture, layers]
"""


def test_a_group_study_from_maps_to_pictures(tmp_path: Path) -> None:
    (tmp_path / "maps_plugin.py").write_text(PLUGIN, encoding="utf-8")
    file = tmp_path / "inference.yaml"
    file.write_text(PIPELINE, encoding="utf-8")
    run: Any = ic.run(file, out=tmp_path / "out")
    summary = run["group.summary"]
    assert summary["significant"][0] > 20 and summary["flips"][0] == 255
    best = run["best.number"]
    np.testing.assert_array_equal(best.values, run["also_best.number"].values)
    assert set(np.unique(best.values[~np.isnan(best.values)])) == {1.0}
    assert run["clusters.table"]["voxels"][0] > 20 and run["rois.group"]["mean"][0] > 0.2
    assert (run["enhanced.p_fwe"].values <= 0.05).sum() >= 27
    assert run["study.summary"]["sound_fwe"][0] > 20
    assert run["picture"].table["voxels"][0] == summary["significant"][0]
    assert "early" in run["layers"].alt
