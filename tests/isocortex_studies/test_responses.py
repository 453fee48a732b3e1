"""Responses by a GLM against numpy's least squares, nilearn's FirstLevelModel and planted answers."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas
import pytest
from nilearn.glm.first_level import FirstLevelModel, make_first_level_design_matrix

import isocortex as ic
from isocortex import testing
from isocortex.errors import DataError
from isocortex.formats import nifti
from isocortex.pipeline.settings import AxisValues
from isocortex_studies import responses_glm
from isocortex_studies.responses import Responses, estimate_responses
from isocortex_studies.responses_design import Settings, design_of
from isocortex_studies.responses_runs import Event, Run
from isocortex_studies.responses_samples import select_samples

TR, N = 2.0, 90
ORDER = ["zebra", "ant", "zebra", "cow", "ant", "cow", "zebra", "ant"]
EVENTS = [Event(6.0 + 20 * k, 4.0, kind, f"{kind}{k % 3}") for k, kind in enumerate(ORDER)]


def nilearn_design(events: list[Event], names: list[str], **settings: Any) -> pandas.DataFrame:
    rows = [
        {"onset": e.onset, "duration": e.duration, "trial_type": n}
        for e, n in zip(events, names, strict=True)
    ]
    chosen = {"hrf_model": "spm", "high_pass": 1 / 128, **settings}
    return make_first_level_design_matrix(np.arange(N) * TR, pandas.DataFrame(rows), **chosen)


def made_run(name: str = "1", seed: int = 0, voxels: int = 12, weights: int = 0, **changes: Any) -> Run:
    """Noisy volumes around a mean of 500; first-order noise of different strength."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 5, (N + 20, voxels))
    strength = np.linspace(0, 0.7, voxels)
    for k in range(1, N + 20):
        noise[k] += strength * noise[k - 1]
    design = nilearn_design(EVENTS, ORDER)[["ant", "cow", "zebra"]].to_numpy()
    values = 500 + noise[20:] + design @ np.random.default_rng(weights).normal(0, 10, (3, voxels))
    fields: dict[str, Any] = {"volumes": values.astype(np.float32), "tr": TR, "events": EVENTS, **changes}
    return Run(name, **fields)


def responses(*runs: Run, **settings: Any) -> Responses:
    source: Any = SimpleNamespace(loads={"runs": ("subject",)}, load_runs=lambda subject: iter(runs))
    return estimate_responses(source, AxisValues({"subject": "S1"}), **settings)


def test_is_a_step() -> None:
    testing.check_step(estimate_responses)


def test_least_squares_by_definition() -> None:
    confounds = np.random.default_rng(5).normal(3, [1e-4, 50, 1], (N, 3))
    run = made_run(confounds=confounds, confound_names=("x", "y", "z"))
    found = responses(run, noise="ols", residuals=True)
    drifts = nilearn_design(EVENTS, ORDER)
    matrix = np.c_[drifts.to_numpy(), confounds]
    percent = 100 * (run.volumes / run.volumes.mean(axis=0, dtype=np.float64) - 1)
    weights, *_ = np.linalg.lstsq(matrix, percent, rcond=None)
    assert found.patterns.conditions == ("zebra", "ant", "cow") and found.patterns.runs == ("1",) * 3
    order = [list(drifts.columns).index(name) for name in found.patterns.conditions]
    np.testing.assert_allclose(found.patterns.values, weights[order], rtol=2e-4, atol=2e-5)
    rest = percent - matrix @ weights
    np.testing.assert_allclose(found.residuals.values, rest, atol=2e-4)
    dof = N - matrix.shape[1]
    [row] = found.runs.rows()
    assert (row["volumes"], row["tr"], row["voxels"], row["without_data"]) == (N, TR, 12, 0)
    assert (row["regressors"], row["dof"]) == (matrix.shape[1], dof)
    spread = np.sqrt(np.diag(np.linalg.inv(matrix.T @ matrix))[:, None] * (rest**2).sum(0) / dof)
    t = responses(run, noise="ols", values="t").patterns.values
    np.testing.assert_allclose(t, (weights / spread)[order], rtol=5e-4, atol=1e-4)


@pytest.mark.parametrize("hrf", ["spm", "glover + derivative"])
def test_autocorrelated_noise_as_nilearns_first_level_model(hrf: Any) -> None:
    import nibabel

    run = made_run(voxels=30)
    image: Any = nibabel.Nifti1Image(
        run.volumes.T.reshape(5, 3, 2, N).astype(np.float64), np.diag([3.0, 3, 3, 1])
    )
    mask: Any = nibabel.Nifti1Image(np.ones((5, 3, 2), np.uint8), image.affine)
    model = FirstLevelModel(
        TR,
        hrf_model=hrf,
        high_pass=1 / 128,
        mask_img=mask,
        noise_model="ar1",
        signal_scaling=0,
        minimize_memory=False,
    )
    rows = [{"onset": e.onset, "duration": e.duration, "trial_type": e.condition} for e in EVENTS]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # "a mask was given", which is what is meant
        model.fit(image, pandas.DataFrame(rows))
    weights, t = responses(run, hrf=hrf).patterns, responses(run, hrf=hrf, values="t").patterns
    for row, name in enumerate(weights.conditions):
        both = model.compute_contrast(name, output_type="all")
        for ours, theirs in ((weights, both["effect_size"]), (t, both["stat"])):
            expected = np.asarray(theirs.get_fdata()).reshape(-1)
            np.testing.assert_allclose(ours.values[row], expected, rtol=1e-3, atol=1e-3)


def test_trials_and_stimuli_come_back_under_their_labels() -> None:
    rng = np.random.default_rng(1)
    trials = nilearn_design(EVENTS, [f"t{k}" for k in range(8)])
    truth = rng.normal(0, 2, (8, 5))
    wanted = [f"t{k}" for k in range(8)]
    nuisance = trials.drop(columns=wanted).to_numpy() @ rng.normal(0, 3, (trials.shape[1] - 8, 5))
    values = trials[wanted].to_numpy() @ truth + nuisance + 100
    run = made_run(volumes=values, events=EVENTS[::-1])  # the order of the table does not matter
    found = responses(run, unit="trial", noise="ols", scale="none").patterns
    assert found.conditions == tuple(ORDER) and found.stimuli == tuple(event.stimulus for event in EVENTS)
    np.testing.assert_allclose(found.values, truth, atol=1e-4)
    by_stimulus = [event.stimulus for event in EVENTS]
    shared = {name: truth[by_stimulus.index(name)] for name in by_stimulus}
    values = trials[wanted].to_numpy() @ np.stack([shared[name] for name in by_stimulus]) + 100
    found = responses(made_run(volumes=values), unit="stimulus", noise="ols", scale="none").patterns
    assert found.stimuli == tuple(dict.fromkeys(by_stimulus))
    np.testing.assert_allclose(found.values, [shared[name] for name in found.stimuli], atol=1e-4)


def test_other_events_are_nuisance() -> None:
    matrix = nilearn_design(EVENTS, ORDER)
    values = matrix[["ant", "cow", "zebra"]].to_numpy() @ [[1.0], [-2.0], [30.0]] + 200
    run = made_run(volumes=values, conditions=("cow", "ant"))
    found = responses(run, noise="ols", scale="none")
    assert found.patterns.conditions == ("ant", "cow")
    np.testing.assert_allclose(found.patterns.values, [[1], [-2]], atol=1e-4)
    assert found.runs["regressors"][0] == matrix.shape[1]


def test_inflation_is_that_of_its_definition() -> None:
    close = [Event(6.0 + 20 * k, 4.0, kind) for k, kind in enumerate("aabbab")]
    close += [Event(event.onset + 0.4, 4.0, event.condition + "-after") for event in close]
    design = design_of(made_run(events=close), Settings())
    for target, column, inflation in zip(design.targets, design.columns, design.inflation, strict=True):
        own, others = design.matrix[:, column], np.delete(design.matrix, column, axis=1)
        left = own - others @ np.linalg.lstsq(others, own, rcond=None)[0]
        assert inflation == pytest.approx(((own - own.mean()) ** 2).sum() / (left**2).sum(), rel=1e-6), target
    rows = responses(made_run(events=close)).design.rows()
    assert {row["severity"] for row in rows} == {"warning"} and "hard to tell" in rows[0]["finding"]
    assert {row["severity"] for row in responses(made_run()).design.rows()} == {""}


def test_voxels_without_data_and_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = responses(made_run(), residuals=True)
    volumes = made_run().volumes.copy()
    volumes[:, 2] = 7
    volumes[3, 5] = np.nan
    volumes[:, 9] -= volumes[:, 9].mean()
    monkeypatch.setattr(responses_glm, "BLOCK", 5)
    with pytest.warns(UserWarning, match="run 1: 3 of 12 voxels have no data"):
        found = responses(made_run(volumes=volumes), residuals=True)
    bad = np.isin(np.arange(12), [2, 5, 9])
    for ours, full in ((found.patterns, whole.patterns), (found.residuals, whole.residuals)):
        assert np.isnan(ours.values[:, bad]).all()
        np.testing.assert_array_equal(ours.values[:, ~bad], full.values[:, ~bad])
    assert found.runs["without_data"][0] == 3
    with pytest.raises(DataError, match="a mean above 0 is needed for scale: percent"):
        responses(made_run(volumes=volumes - volumes.mean(axis=0)))


@pytest.mark.parametrize(
    ("changes", "settings", "message"),
    [
        ({"events": [*EVENTS, Event(400.0, 4.0, "late")]}, {}, "'late' lies outside of the 90 volumes"),
        (
            {"events": [*EVENTS, EVENTS[0]._replace(condition="twin")]},
            {"unit": "trial"},
            "cannot be told from",
        ),
        ({"conditions": ("dog",)}, {}, "no events of the conditions; known kinds of events: ant, cow, zebra"),
        ({"events": [Event(5.0, 1.0, "a")]}, {"unit": "stimulus"}, "set stimulus_column"),
        ({}, {"cutoff": 3.0}, "cutoff: 3 s with a TR of 2 s"),
        ({}, {"cutoff": 4.01}, "regressors for 90 volumes"),
        ({}, {"cutoff": 0.0}, "cutoff is above 0"),
        (
            {"confounds": np.c_[nilearn_design(EVENTS, ORDER)["cow"]], "confound_names": ("c",)},
            {},
            "'cow' cannot",
        ),
    ],
)
def test_what_the_design_cannot_tell_is_an_error(changes: Any, settings: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        responses(made_run(**changes), **settings)


def test_confounds_that_are_constant_do_no_harm() -> None:
    still = made_run(confounds=np.full((N, 2), 3.0), confound_names=("a", "b"))
    np.testing.assert_array_equal(responses(still).patterns.values, responses(made_run()).patterns.values)


PIPELINE = """
name: own-fmri
parameters: {root: null}
axes:
  subject: {from: nifti-runs, root: $root, bold: "{subject}_run-{run}.nii.gz", events: events.tsv}
steps:
  betas:
    use: estimate_responses
    with:
      source: {use: nifti-runs, with: {root: $root, bold: "{subject}_run-{run}.nii.gz", events: events.tsv}}
      residuals: true
    over: subject
  white: {use: whiten_patterns, from: {patterns: betas.patterns, residuals: betas.residuals}, over: subject}
  rdms: {use: compute_rdms, from: {patterns: white}, with: {metric: crossnobis}, over: subject}
  volumes:
    use: load_patterns
    with: {source: nifti-runs, root: $root, bold: "{subject}_run-{run}.nii.gz", events: events.tsv}
    over: subject
  blocks: {use: preprocess_runs, from: {patterns: volumes}, with: {normalise: zscore}, over: subject}
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    for subject in ("ann", "bob"):
        for run in ("1", "2"):
            values = made_run(run, seed=ord(subject[0]) + int(run), voxels=24).volumes.T.reshape(4, 3, 2, N)
            path = tmp_path / "data" / f"{subject}_run-{run}.nii.gz"
            path.parent.mkdir(exist_ok=True)
            nifti.write_volume(path, values, np.diag([3.0, 3, 3, 1]))
            path.with_name(f"{subject}_run-{run}.json").write_text(f'{{"RepetitionTime": {TR}}}')
    rows = "".join(f"{event.onset}\t{event.duration}\t{event.condition}\n" for event in EVENTS)
    (tmp_path / "data" / "events.tsv").write_text("onset\tduration\ttrial_type\n" + rows)
    return tmp_path / "data"


def test_in_a_pipeline(study: Path, tmp_path: Path) -> None:
    yaml = tmp_path / "own.yaml"
    yaml.write_text(PIPELINE)
    found = ic.run(str(yaml), out=str(tmp_path / "out"), set={"root": str(study)})
    rdms = found["rdms"]
    assert list(rdms) == ["ann", "bob"] and set(rdms["ann"].conditions) == {"ant", "cow", "zebra"}
    assert (rdms["ann"].values > 0).all()  # planted differences of many standard errors
    assert found["betas.patterns"]["bob"].space.shape == (4, 3, 2)
    assert found["blocks.patterns"]["bob"].n_samples == 16
    again = ic.run(str(yaml), out=str(tmp_path / "out"), set={"root": str(study)})
    assert len(again.reused) == 10
    (study / "events.tsv").write_text((study / "events.tsv").read_text().replace("cow", "hen"))
    changed = ic.run(str(yaml), out=str(tmp_path / "out"), set={"root": str(study)})
    assert set(changed["rdms"]["ann"].conditions) == {"ant", "hen", "zebra"}


def test_residuals_that_were_not_asked_for(study: Path, tmp_path: Path) -> None:
    yaml = tmp_path / "own.yaml"
    yaml.write_text(PIPELINE.replace("residuals: true", "residuals: false"))
    with pytest.raises(ic.IsocortexError, match="there are no residuals"):
        ic.run(str(yaml), out=str(tmp_path / "out"), set={"root": str(study)})


def test_samples_by_their_labels() -> None:
    testing.check_step(select_samples)
    values = np.arange(12.0).reshape(6, 2)
    patterns = ic.Patterns(values, ["a", "b"] * 3, ["1", "1", "2", "2", "3", "3"])
    found = select_samples(patterns, runs=["3", "1"], conditions=["b"])
    assert found.conditions == ("b", "b") and found.runs == ("1", "3")
    np.testing.assert_array_equal(found.values, values[[1, 5]])
    with pytest.raises(ic.IsocortexError, match="runs: no '4'; there are '1', '2', '3'"):
        select_samples(patterns, runs=["4"])
    with pytest.raises(DataError, match="stimuli: these patterns carry no such labels"):
        select_samples(patterns, stimuli=["x"])
    with pytest.raises(DataError, match="no sample has all of the labels"):
        select_samples(patterns.take(np.array([0, 3])), runs=["1"], conditions=["b"])
