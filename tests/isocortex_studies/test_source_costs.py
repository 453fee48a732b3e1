"""What data sources say before they load anything: sizes, memory and disk, against what loads really are."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import study_b_files

from isocortex.data import Images, Patterns
from isocortex.formats import nifti
from isocortex.formats.png import write_png
from isocortex.pipeline.costs import Cost, Unknown
from isocortex_studies import nifti_sizes
from isocortex_studies.nifti_betas import NiftiBetas
from isocortex_studies.nifti_runs import NiftiRuns
from isocortex_studies.picture_sources import DrawnPictures, PictureFolders
from isocortex_studies.sample_data import SampleData
from isocortex_studies.shen_source import Shen2019

GRID, AFFINE = (30, 36, 30), np.diag([3.0, 3, 3, 1])
BRAIN = (
    np.linalg.norm(np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in GRID), indexing="ij")), axis=0) < 1
)
EVENTS = "onset\tduration\ttrial_type\n0\t4\tface\n8\t4\thouse\n"


def volume(maps: int, dtype: Any = np.float32, seed: int = 0) -> Any:
    out = np.zeros((*GRID, maps), dtype)
    out[BRAIN] = np.random.default_rng(seed).normal(500, 20, (int(BRAIN.sum()), maps))
    return out


@pytest.fixture(scope="module")
def betas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """S1 in float32, S2 in whole numbers, both of 40 maps; ``../mask.nii``, the half of the brain."""
    folder = tmp_path_factory.mktemp("betas") / "subjects"
    folder.mkdir()
    nifti.write_volume(folder / "S1.nii.gz", volume(40), AFFINE)
    nifti.write_volume(folder / "S2.nii.gz", volume(40, np.int16), AFFINE)
    half = BRAIN & (np.indices(GRID)[0] < 15)
    nifti.write_volume(folder.parent / "mask.nii", half.astype(np.uint8), AFFINE)
    rows = "".join(f"c{k % 10}\tr{k // 10}\ts{k % 20}\n" for k in range(40))
    (folder / "conditions.tsv").write_text("condition\trun\tstimulus\n" + rows)
    return folder


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder a subject, a file a condition."""
    folder = tmp_path_factory.mktemp("maps")
    (folder / "S1").mkdir()
    for number, values in enumerate(np.moveaxis(volume(20), 3, 0)):
        nifti.write_volume(folder / "S1" / f"c{number}.nii.gz", values, AFFINE)
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of whole numbers; those of ``scaled`` are stored as int16 with a factor and a constant."""
    folder = tmp_path_factory.mktemp("runs")
    import nibabel

    for run in (1, 2):
        nifti.write_volume(folder / f"plain-{run}.nii.gz", volume(20, np.int16, run), AFFINE)
        image: Any = nibabel.Nifti1Image(volume(20, np.float32, run).astype(np.float64), AFFINE)
        image.set_data_dtype(np.int16)
        nibabel.save(image, folder / f"scaled-{run}.nii.gz")
        (folder / f"{run}.tsv").write_text(EVENTS)
        (folder / f"{run}-confounds.tsv").write_text("x\ty\n" + "1\t2\n" * 20)
    nifti.write_volume(folder / "mask.nii.gz", BRAIN.astype(np.uint8), AFFINE)
    return folder


def of_runs(folder: Path, kind: str = "plain", **changes: Any) -> NiftiRuns:
    return NiftiRuns(folder, f"{kind}-{{run}}.nii.gz", "{run}.tsv", tr=2.0, **changes)


@pytest.fixture(scope="module")
def study_b(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return study_b_files.write_study(tmp_path_factory.mktemp("study-b") / "shen2019", repeats=None)


def require(told: Cost, made: Patterns | Images, folder: Path) -> None:
    """Sizes are those of the data, and the files take what was said."""
    outline = told.outputs["result"]
    made.save(folder)
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert outline["itemsize"] == made.values.itemsize
    if isinstance(made, Images):
        assert (outline["number"], outline["height"], outline["width"]) == made.values.shape[:3]
        return
    assert (outline["samples"], outline["channels"]) == made.values.shape
    assert outline["conditions"] == len(made.condition_names)
    assert outline.get("stimuli") == (None if made.stimuli is None else len(set(made.stimuli)))
    if made.space is not None:
        voxels = made.space.voxels
        assert (outline["grid"], outline["box"]) == (made.space.shape, tuple(np.ptp(voxels, axis=0) + 1))
        assert outline["plane"] == np.bincount(voxels[:, 0]).max()
    assert outline.disk == pytest.approx(size, rel=0.25)


def require_memory(told: Cost, libraries: int, load: Callable[[], Any]) -> None:
    load()  # what is imported is not of interest
    tracemalloc.start()
    try:
        load()
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert told.memory - libraries == pytest.approx(most, rel=0.25)


@pytest.mark.parametrize("subject", ["S1", "S2"])
@pytest.mark.parametrize(
    "changes",
    [{}, {"conditions": ["c3", "c1"]}, {"mask": "mask.nii"}, {"keep_zeros": True}, {"voxels": "lee2023"}],
)
def test_betas(betas: Path, subject: str, changes: dict[str, Any], tmp_path: Path) -> None:
    source = NiftiBetas(
        betas, **{name: betas.parent / value if name == "mask" else value for name, value in changes.items()}
    )
    told = source.cost("patterns", subject)
    require(told, source.load_patterns(subject), tmp_path)
    require_memory(told, nifti_sizes.LIBRARIES, lambda: source.load_patterns(subject))


def test_a_file_a_condition(maps: Path, tmp_path: Path) -> None:
    source = NiftiBetas(maps)
    told = source.cost("patterns", "S1")
    require(told, source.load_patterns("S1"), tmp_path)
    require_memory(told, nifti_sizes.LIBRARIES, lambda: source.load_patterns("S1"))
    (maps / "S1" / "c0.nii.gz").write_bytes(b"no volume")
    with pytest.raises(Unknown, match=r"c0\.nii\.gz is no NIfTI file"):
        source.cost("patterns", "S1")


@pytest.mark.parametrize("kind", ["plain", "scaled"])
@pytest.mark.parametrize("changes", [{}, {"mask": "mask.nii.gz"}, {"stimulus_column": "trial_type"}])
def test_runs(runs: Path, kind: str, changes: dict[str, Any], tmp_path: Path) -> None:
    source = of_runs(runs, kind, **changes)
    told = source.cost("patterns", "sub-01")
    require(told, source.load_patterns("sub-01"), tmp_path)
    require_memory(told, nifti_sizes.LIBRARIES, lambda: source.load_patterns("sub-01"))


def test_confounds_and_what_is_not_said_of_runs(runs: Path) -> None:
    source = of_runs(runs, confounds="{run}-confounds.tsv", give="confounds")
    outline, made = source.cost("patterns", "sub-01").outputs["result"], source.load_patterns("sub-01")
    assert (outline["samples"], outline["channels"]) == made.values.shape
    assert outline["itemsize"] == made.values.itemsize
    with pytest.raises(Unknown, match="does not say it of runs"):
        source.cost("runs", "sub-01")


def test_study_a(sample_data: Path, tmp_path: Path) -> None:
    source = SampleData(sample_data)
    told = source.cost("patterns", "Sample")
    require(told, source.load_patterns("Sample"), tmp_path)
    require_memory(told, nifti_sizes.LIBRARIES, lambda: source.load_patterns("Sample"))


@pytest.mark.parametrize("images", ["digits", "objects", "validation"])
def test_pictures(images: Any, sample_data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures" / images / "cat"
    folder.mkdir(parents=True)
    for name in ("one.png", "two.png"):
        write_png(folder / name, np.zeros((30, 40, 3), np.uint8))
    sources = (
        SampleData(sample_data, images),
        DrawnPictures(images, 2, 28),
        PictureFolders(folder.parents[1], images, 28),
    )
    for number, source in enumerate(sources):
        (tmp_path / str(number)).mkdir()
        require(source.cost("images"), source.load_images(), tmp_path / str(number))


@pytest.mark.parametrize("part", ["training", "imagery"])
def test_study_b(study_b: Path, part: Any, tmp_path: Path) -> None:
    source = Shen2019(study_b, part, pictures=study_b / "pictures", size=32, exclude=["fixation"])
    told, made = source.cost("patterns", "S1", "VC"), source.load_patterns("S1", "VC")
    require(told, made, tmp_path)
    (tmp_path / "images").mkdir()
    require(source.cost("images"), source.load_images(), tmp_path / "images")
    with pytest.raises(Unknown, match="volumes: true"):
        Shen2019(study_b, part, volumes=True).cost("patterns", "S1", "VC")
