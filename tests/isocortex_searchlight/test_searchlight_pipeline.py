"""The searchlight in pipelines: planted codes, the shipped pipeline, and real fMRI."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import isocortex as ic
from isocortex_studies.simulated import Simulated

STEPS = """
name: tested
axes: {subject: {from: simulated, n_subjects: 1, n_voxels: 800}}
steps:
  betas: {use: load_patterns, with: {source: simulated, n_subjects: 1, n_voxels: 800}, over: subject}
  codes:
    use: category_codes
    from: {like: betas}
    with: {animacy: {between: [[bird, cat, dog], [house, tree, bed]]}}
  rdms: {use: searchlight_rdms, from: betas, with: {radius: 2}, over: subject}
  some: {use: searchlight_rdms, from: betas, with: {radius: 2, centres: 50}, over: subject}
  tested:
    use: searchlight_test
    from: {patterns: betas, models: codes}
    with: {radius: 2, permutations: 200, min_voxels: 5}
    over: subject
"""


@pytest.mark.slow
def test_steps_in_a_pipeline(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(STEPS)
    run = ic.run(tmp_path / "p.yaml", tmp_path / "out")
    rdms, maps, p = run["rdms"]["S1"], run["tested.maps"]["S1"], run["tested.p_fwe"]["S1"]
    assert rdms.values.shape == (800, 120) and len(rdms.conditions) == 16
    some = run["some"]["S1"]
    assert some.values.shape == (50, 120) and some.space.same_grid(rdms.space)
    row = np.flatnonzero((rdms.centres == some.centres[7]).all(axis=1))
    np.testing.assert_allclose(some.values[7], rdms.values[row[0]], atol=1e-5)
    assert maps.names == p.names == ("animacy",)
    assert run["tested.centres"]["S1"]["count"].sum() == 800
    space = run["betas"]["S1"].space
    assert np.array_equal(rdms.centres, space.voxels)
    assert np.nanmin(p.values) >= 1 / 201
    assert ic.run(tmp_path / "p.yaml", tmp_path / "out").reused == list(run.event.instances)


@pytest.mark.slow
def test_the_shipped_pipeline_finds_what_was_planted(tmp_path: Path) -> None:
    run = ic.run("searchlight-codes", tmp_path, preset="quick")
    significant = dict(zip(run["group.summary"]["model"], run["group.summary"]["significant"], strict=True))
    assert significant["digit"] > 20
    thresholded = run["group.thresholded"]
    regions = Simulated(n_subjects=6, n_voxels=600).regions()
    near = {name: regions[name] for name in ("digit", "animacy")}
    for name, region in near.items():
        found = thresholded.pick([name]).values[0] > 0
        if found.any():
            assert region[found].mean() > 2 * region.mean(), f"{name} is found where it was not planted"


def test_real_fmri(real_data: Path) -> None:
    """Haxby et al. 2001, ventral temporal voxels in their places: faces and houses are told apart."""
    with np.load(real_data / "haxby2001_subj1_vt" / "vt_trials.npz") as trials:
        shape, voxels = tuple(trials["volume_shape"]), trials["voxel_ijk"]
        values, category, runs = trials["patterns"], trials["category"], trials["run"]
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(voxels.T)] = True
    order = np.lexsort(voxels.T[::-1])
    patterns = ic.Patterns(
        values[:, order].astype(np.float64),
        [str(name) for name in category],
        runs=[int(run) for run in runs],
        space=ic.Space(mask, np.diag([3.5, 3.75, 3.75, 1.0])),
    )
    from isocortex_searchlight import searchlight_rdms

    found = searchlight_rdms(patterns, radius=2, metric="crossnobis")
    names = found.conditions
    assert names is not None and len(found.centres) == 577
    first, second = np.triu_indices(len(names), 1)
    pair = {
        tuple(sorted((names[i], names[j]))): k for k, (i, j) in enumerate(zip(first, second, strict=True))
    }
    faces = found.values[:, pair[("face", "house")]]
    assert np.nanmean(faces) == pytest.approx(np.nanmax(np.nanmean(found.values, axis=0)), rel=0.5)
    assert (faces[~np.isnan(faces)] > 0).mean() > 0.9
