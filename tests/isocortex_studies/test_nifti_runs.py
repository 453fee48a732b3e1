"""fMRI runs in NIfTI files: which file is whose, what is read, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isocortex.contracts import DataSource
from isocortex.errors import DataError, GridMismatch
from isocortex.formats import nifti
from isocortex.testing import check_data_source
from isocortex_studies.nifti_runs import NiftiRuns
from isocortex_studies.responses_runs import Event, labels_of_volumes

AFFINE = np.diag([3.0, 3, 3, 1])
SHAPE = (3, 4, 2)
EVENTS = "onset\tduration\ttrial_type\tstim_file\n" + (
    "4\t4\tface\tanna.png\n12\t4\thouse\thut.png\n20\t2\tbutton\tn/a\n"
)


def write_run(path: Path, seed: int = 0, n: int = 12, tr: float = 2.0, **changes: Any) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = changes.pop(
        "values", np.random.default_rng(seed).integers(400, 600, (*SHAPE, n)).astype(np.int16)
    )
    nifti.write_volume(path, values, changes.pop("affine", AFFINE))
    path.with_name(path.name.replace(".nii.gz", ".json")).write_text(json.dumps({"RepetitionTime": tr}))
    return np.asarray(values)


def table(path: Path, text: str = EVENTS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture(scope="module")
def bids(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two subjects, runs 1, 2 and 10; fMRIPrep's names beside the raw ones, confounds, a mask a subject."""
    tmp_path = tmp_path_factory.mktemp("bids")
    for number, subject in enumerate(("sub-01", "sub-02")):
        for run in ("1", "2", "10"):
            stem = f"{subject}_task-objects_run-{run}"
            raw, made = tmp_path / "raw" / subject / "func", tmp_path / "prep" / subject / "func"
            write_run(raw / f"{stem}_bold.nii.gz", 10 * number + int(run))
            write_run(made / f"{stem}_space-T1w_desc-preproc_bold.nii.gz", 10 * number + int(run))
            write_run(made / f"{stem}_space-MNI_desc-preproc_bold.nii.gz", 90)
            table(raw / f"{stem}_events.tsv")
            rows = "".join(f"{k}\t{k * int(run)}\t{'n/a' if k == 0 else k}\n" for k in range(12))
            table(made / f"{stem}_desc-confounds_timeseries.tsv", "trans_x\trot_x\tdvars\n" + rows)
        mask = np.zeros(SHAPE, np.uint8)
        mask[1:, number:, 0] = 1
        nifti.write_volume(tmp_path / "prep" / subject / "mask.nii.gz", mask, AFFINE)
    return tmp_path


@pytest.fixture
def prepared(bids: Path) -> Callable[..., NiftiRuns]:
    stem = "{subject}/func/{subject}_task-objects_run-{run}"

    def make(**changes: Any) -> NiftiRuns:
        settings: dict[str, Any] = {
            "bold": f"{stem}_space-T1w_desc-preproc_bold.nii.gz",
            "events": f"../raw/{stem}_events.tsv",
            "confounds": f"{stem}_desc-confounds_timeseries.tsv",
            "mask": "{subject}/mask.nii.gz",
        }
        return NiftiRuns(changes.pop("root", bids) / "prep", **{**settings, **changes})

    return make


def test_is_a_source(bids: Path, prepared: Callable[..., NiftiRuns]) -> None:
    for source in (NiftiRuns(bids / "raw"), prepared(), prepared(give="confounds")):
        assert isinstance(source, DataSource)
        check_data_source(source)


def test_volumes_and_their_labels(bids: Path, prepared: Callable[..., NiftiRuns]) -> None:
    source = prepared(conditions=["face", "house"], stimulus_column="stim_file")
    assert source.axes() == {"subject": ["sub-01", "sub-02"]}
    patterns = source.load_patterns("sub-02")
    assert patterns.runs == ("1",) * 12 + ("2",) * 12 + ("10",) * 12
    assert (
        patterns.conditions[:12]
        == ("n/a",) * 2 + ("face",) * 2 + ("n/a",) * 2 + ("house",) * 2 + ("n/a",) * 4
    )
    assert patterns.stimuli is not None and patterns.stimuli[2] == "anna.png" and patterns.stimuli[0] == "n/a"
    mask = np.zeros(SHAPE, bool)
    mask[1:, 1:, 0] = True
    assert patterns.space is not None and np.array_equal(patterns.space.mask, mask)
    name = "prep/sub-02/func/sub-02_task-objects_run-10_space-T1w_desc-preproc_bold.nii.gz"
    raw, _ = nifti.read_volume(bids / name)
    np.testing.assert_array_equal(patterns.values[24:], raw[mask].T)
    assert patterns.values.dtype == np.float32
    files = {str(path.relative_to(bids / "prep")) for path in source.files("patterns", subject="sub-02")}
    assert len(files) == 13 and not any("sub-01" in file or "MNI" in file for file in files)


def test_confounds(prepared: Callable[..., NiftiRuns]) -> None:
    source = prepared(give="confounds", confound_columns=["rot_*", "trans_x", "dvars"], runs=["2", "10"])
    found = source.load_patterns("sub-01")
    assert found.channels == ("rot_x", "trans_x", "dvars") and found.runs == ("2",) * 12 + ("10",) * 12
    assert found.conditions == prepared(runs=["2", "10"]).load_patterns("sub-01").conditions
    np.testing.assert_array_equal(found.values[12:, 0], 10 * np.arange(12))
    assert found.values[0, 2] == np.arange(1, 12).mean()
    with pytest.raises(DataError, match=r"no column 'rot_\?'|no column"):
        prepared(confound_columns=["framewise"]).load_patterns("sub-01")


def test_events_and_runs(prepared: Callable[..., NiftiRuns]) -> None:
    events = prepared(runs=["10", "1"]).load_events("sub-01").rows()
    assert [row["run"] for row in events] == ["10"] * 3 + ["1"] * 3
    assert events[1] == {"run": "10", "onset": 12.0, "duration": 4.0, "condition": "house", "stimulus": ""}
    first, *rest = prepared().load_runs("sub-01")
    assert [run.name for run in (first, *rest)] == ["1", "2", "10"] and first.tr == 2.0
    assert first.events[2] == Event(20.0, 2.0, "button")


def test_sessions_and_single_files(tmp_path: Path) -> None:
    for session in ("02", "01"):
        stem = f"sub-7/ses-{session}/sub-7_ses-{session}_run-1"
        write_run(tmp_path / f"{stem}_bold.nii.gz", int(session))
        table(tmp_path / f"{stem}_events.tsv")
    stem = "sub-{subject}/ses-{session}/sub-{subject}_ses-{session}_run-{run}"
    source = NiftiRuns(tmp_path, bold=f"{stem}_bold.nii.gz", events=f"{stem}_events.tsv")
    assert source.axes() == {"subject": ["7"]} and [run.name for run in source.load_runs("7")] == [
        "01-1",
        "02-1",
    ]
    lax = NiftiRuns(tmp_path, bold="sub-{subject}/*/*_run-{run}_bold.nii.gz", events="e.tsv")
    assert "both of subject '7', run '1'" in lax.check()[0]
    single = NiftiRuns(
        tmp_path, bold="sub-7/ses-01/sub-7_ses-01_run-1_bold.nii.gz", events="sub-7/ses-02/*_events.tsv"
    )
    assert single.check() == [] and single.axes() == {"subject": ["sub-01"]}
    assert single.load_patterns("sub-01").runs == ("1",) * 12


def test_without_a_mask_what_varies_is_taken(tmp_path: Path) -> None:
    for run, still in (("1", (0, 0, 0)), ("2", (2, 3, 1))):
        values = np.random.default_rng(int(run)).normal(100, 1, (*SHAPE, 12))
        values[still] = 7
        write_run(tmp_path / f"{run}.nii.gz", values=values)
    table(tmp_path / "events.tsv")
    source = NiftiRuns(tmp_path, bold="{run}.nii.gz", events="events.tsv")
    expected = np.ones(SHAPE, bool)
    expected[0, 0, 0] = expected[2, 3, 1] = False
    space = source.load_patterns("sub-01").space
    assert space is not None and np.array_equal(space.mask, expected)


def test_a_volume_belongs_to_the_event_in_its_middle() -> None:
    events = [Event(2.4, 5.0, "a"), Event(10.0, 0.5, "b"), Event(12.5, 2.5, "a", "x")]
    assert labels_of_volumes(events, 6, 2.5, "here").tolist() == [-1, 0, 0, -1, -1, 2]
    with pytest.raises(DataError, match=r"'a' .from 2.4 s. and 'c' .from 5 s. overlap in volume 3"):
        labels_of_volumes([*events, Event(5.0, 4.0, "c")], 6, 2.5, "here")


def test_repetition_time(tmp_path: Path) -> None:
    values = write_run(tmp_path / "1.nii.gz")
    table(tmp_path / "events.tsv")
    source = NiftiRuns(tmp_path, bold="{run}.nii.gz", events="events.tsv")
    assert next(source.load_runs("sub-01")).tr == 2.0
    import nibabel

    image = nibabel.Nifti1Image(values, AFFINE)
    image.header.set_zooms((3, 3, 3, 2500.0))
    image.header.set_xyzt_units("mm", "msec")
    image.to_filename(tmp_path / "1.nii.gz")
    with pytest.raises(DataError, match=r"TR is 2.5 s in its header, 2 s in 1\.json; set tr"):
        next(source.load_runs("sub-01"))
    with pytest.warns(UserWarning, match=r"tr: 2 s is used; its header says 2.5 s"):
        assert next(NiftiRuns(tmp_path, "{run}.nii.gz", "events.tsv", tr=2.0).load_runs("sub-01")).tr == 2.0
    (tmp_path / "1.json").unlink()
    assert next(source.load_runs("sub-01")).tr == 2.5
    image.header.set_xyzt_units("mm", "unknown")
    image.to_filename(tmp_path / "1.nii.gz")
    with pytest.raises(DataError, match="says the repetition time; set tr"):
        next(source.load_runs("sub-01"))
    assert next(NiftiRuns(tmp_path, "{run}.nii.gz", "events.tsv", tr=1.5).load_runs("sub-01")).tr == 1.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bold": "{subject}/func/{subjet}_bold.nii.gz"}, "did you mean '{subject}'"),
        ({"bold": "{subject}/nowhere/{run}.nii.gz"}, "no file in .* is called like"),
        ({"events": "{subject}/{session}.tsv"}, "{session}"),
        ({"subjects": ["sub-1"]}, "no 'sub-1'; did you mean"),
        ({"runs": ["3"]}, "runs of sub-01: no '3'"),
        ({"conditions": ["faces"]}, "none of the conditions; it has button, face, house"),
        ({"condition_column": "type"}, "no column 'type'"),
        ({"confounds": None, "give": "confounds"}, "confounds: say by a pattern"),
        ({"tr": 0.0}, "tr is 0"),
        ({"events": "../raw/{subject}/func/*run-{run}*"}, "are called like"),
    ],
)
def test_mistakes_are_said_before_anything_is_read(
    prepared: Callable[..., NiftiRuns], changes: dict[str, Any], message: str
) -> None:
    import re

    [problem] = prepared(**changes).check()
    assert re.search(message, problem), problem


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("onset\tduration\ttrial_type\n1\tn/a\tface\n", "row 2: duration is 'n/a'; seconds are expected"),
        ("onset\tduration\ttrial_type\n1\t-2\tface\n", "row 2: a duration of -2 s"),
        ("onset\ttrial_type\n1\tface\n", "no column 'duration'"),
    ],
)
def test_bad_events(tmp_path: Path, text: str, message: str) -> None:
    write_run(tmp_path / "1.nii.gz")
    table(tmp_path / "events.tsv", text)
    [problem] = NiftiRuns(tmp_path, bold="{run}.nii.gz", events="events.tsv").check()
    assert message in problem


def test_grids_and_lengths_that_differ(
    bids: Path, prepared: Callable[..., NiftiRuns], tmp_path: Path
) -> None:
    root = shutil.copytree(bids, tmp_path / "copy")
    name = "prep/sub-01/func/sub-01_task-objects_run-2_space-T1w_desc-preproc_bold.nii.gz"
    write_run(root / name, affine=np.diag([3.0, 3, 3.1, 1]))
    with pytest.raises(GridMismatch, match="run-2"):
        prepared(root=root).load_patterns("sub-01")
    write_run(root / name, n=11)
    with pytest.raises(DataError, match="12 rows for the 11 volumes of run '2'"):
        prepared(root=root).load_patterns("sub-01")
    with pytest.warns(UserWarning, match="1 events go on in the middle of no volume"):
        write_run(root / name, n=8)
        prepared(root=root, confounds=None, runs=["2"]).load_patterns("sub-01")
