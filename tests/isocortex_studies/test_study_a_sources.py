"""Where study A's patterns and images come from: its own folder, NIfTI files, pictures."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isocortex as ic
from isocortex.contracts import DataSource
from isocortex.data import Images, Space
from isocortex.errors import DamagedFile, DataError, GridMismatch, IsocortexError
from isocortex.formats import nifti
from isocortex.formats.png import write_png
from isocortex.testing import check_data_source
from isocortex_studies.concepts import CONDITIONS, DIGITS, OBJECTS
from isocortex_studies.nifti_betas import NiftiBetas
from isocortex_studies.picture_sources import DrawnPictures, PictureFolders
from isocortex_studies.sample_data import SampleData
from isocortex_studies.simulated_brain import AFFINE


@pytest.fixture
def links(sample_data: Path, tmp_path: Path) -> Path:
    """A folder of links to the made files, to be changed."""
    for path in sample_data.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


def relabel(folder: Path, name: str, **changes: Any) -> None:
    with np.load(folder / name) as file:
        arrays = {key: changes.get(key, file[key]) for key in file}
    (folder / name).unlink()
    np.savez(folder / name, **arrays)


@pytest.mark.parametrize("images", ["digits", "objects", "validation"])
def test_sample_data_is_a_source(sample_data: Path, images: Any) -> None:
    source = SampleData(sample_data, images)
    assert isinstance(source, DataSource)
    check_data_source(source)


def test_patterns_of_the_sample(sample_data: Path) -> None:
    beta = np.load(sample_data / "Sample_fMRI_data.npz")["beta"]
    source = SampleData(sample_data)
    assert source.axes() == {"subject": ["Sample"]}
    patterns = source.load_patterns("Sample")
    assert patterns.conditions == CONDITIONS and patterns.values.dtype == np.float64
    assert patterns.space is not None
    np.testing.assert_array_equal(patterns.space.mask, (beta != 0).all(axis=3))
    np.testing.assert_array_equal(patterns.space.affine, AFFINE)
    np.testing.assert_array_equal(patterns.values, beta[patterns.space.mask].T)
    quirk = SampleData(sample_data, voxels="lee2023").load_patterns("Sample")
    assert quirk.space is not None
    np.testing.assert_array_equal(quirk.space.mask, (beta != 0).all(axis=3) | (beta.sum(axis=3) != 0))
    assert quirk.n_channels > patterns.n_channels
    with pytest.raises(DataError, match="there is no participant 'S1'"):
        source.load_patterns("S1")


def test_a_mask_of_the_study_has_to_lie_on_its_grid(sample_data: Path, tmp_path: Path) -> None:
    atlas = np.zeros((64, 76, 64), dtype=np.int16)
    atlas[8:, :, :] = 7
    nifti.write_volume(tmp_path / "hcp.nii", atlas, np.array(AFFINE))
    patterns = SampleData(sample_data, mask=tmp_path / "hcp.nii").load_patterns("Sample")
    assert patterns.space is not None and patterns.space.voxels[:, 0].min() == 8
    nifti.write_volume(tmp_path / "other.nii", atlas, np.diag([2.0, 2, 2, 1]))
    with pytest.raises(GridMismatch, match=r"other\.nii lie on different grids"):
        SampleData(sample_data, mask=tmp_path / "other.nii").load_patterns("Sample")


def test_images_of_the_sample(sample_data: Path) -> None:
    digits = SampleData(sample_data, "digits").load_images()
    objects = SampleData(sample_data, "objects").load_images()
    validation = SampleData(sample_data, "validation").load_images()
    assert digits.values.shape == (20, 224, 224, 3) and digits.values.dtype == np.uint8
    assert objects.values.shape == (12, 256, 256, 3)
    assert digits.categories == tuple(np.repeat(DIGITS, 2)) and objects.categories == tuple(
        np.repeat(OBJECTS, 2)
    )
    assert validation.stimuli[:3] == ("val-zero-01", "val-zero-02", "val-one-01")
    assert not {*digits.stimuli, *objects.stimuli} & {*validation.stimuli}
    np.testing.assert_array_equal(validation.values, np.load(sample_data / "Val_data.npz")["val_X"])


def test_both_spellings_are_read_and_two_files_are_not_chosen_between(links: Path) -> None:
    (links / "Train_data.npz").rename(links / "Train_Data.npz")
    (links / "Val_data.npz").rename(links / "Val_Data.npz")
    assert SampleData(links, "digits").files("images") == [links / "Train_Data.npz"]
    assert len(SampleData(links).load_images()) == 32
    (links / "Val_data.npz").symlink_to(links / "Val_Data.npz")
    with pytest.raises(DataError, match=r"holds Val_data\.npz and Val_Data\.npz"):
        SampleData(links).files("images")


def test_labels_decide_the_category_whatever_the_order(links: Path) -> None:
    turned = np.random.default_rng(0).permutation(32)
    with np.load(links / "Val_data.npz") as file:
        pixels, labels = file["val_X"], file["val_y"]
    relabel(links, "Val_data.npz", val_X=pixels[turned], val_y=labels[turned])
    found = SampleData(links).load_images()
    assert found.categories == tuple(CONDITIONS[code] for code in labels[turned].argmax(axis=1))
    np.testing.assert_array_equal(found.values, pixels[turned])


def test_pixels_as_floats(links: Path) -> None:
    with np.load(links / "Val_data.npz") as file:
        pixels = file["val_X"]
    relabel(links, "Val_data.npz", val_X=pixels.astype(np.float32))
    assert SampleData(links).load_images().values.dtype == np.uint8
    relabel(links, "Val_data.npz", val_X=pixels.astype(np.float64) * 0.99)
    assert SampleData(links).load_images().values.dtype == np.float64
    relabel(links, "Val_data.npz", val_X=pixels / np.float32(255))
    with pytest.raises(DataError, match="multiply them by 255"):
        SampleData(links).load_images()
    relabel(links, "Val_data.npz", val_X=pixels.astype(np.float32) - 9)
    with pytest.raises(DamagedFile, match="pixels run from -9"):
        SampleData(links).load_images()


def test_what_is_wrong_with_a_folder_is_said(links: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert "say which folder" in SampleData().check()[0]
    assert "is no folder" in SampleData(links / "nowhere").check()[0]
    assert "no set 'train'" in SampleData(links, "train").check()[0]  # type: ignore[arg-type]
    assert "voxels is 'all'" in SampleData(links, voxels="all").check()[0]  # type: ignore[arg-type]
    empty = tmp_path_factory.mktemp("empty")
    assert not SampleData(empty).check() and not SampleData().files("images")
    for kind, named in (("images", "Val_data.npz or Val_Data.npz"), ("patterns", "Sample_fMRI_data.npz")):
        with pytest.raises(DataError, match=f"holds no {named}; is this"):
            SampleData(empty).files(kind)
    (empty / "Val_Data.npz").write_bytes(b"PK")
    assert "not a .npz file" in SampleData(empty).check()[0]
    (links / "Val_data.npz").unlink()
    np.savez(links / "Val_data.npz", val_X=np.zeros(3))
    assert "holds no array 'val_y', but val_X" in SampleData(links).check()[0]


def test_arrays_of_another_shape_or_labels_that_are_not_one_hot(links: Path) -> None:
    with np.load(links / "Val_data.npz") as file:
        labels = file["val_y"]
    for wrong in (labels * 2, np.zeros_like(labels), labels[:, :10], labels[:5]):
        relabel(links, "Val_data.npz", val_y=wrong)
        with pytest.raises(DamagedFile, match="val_y"):
            SampleData(links).load_images()
    (links / "Sample_fMRI_data.npz").unlink()
    np.savez(links / "Sample_fMRI_data.npz", beta=np.ones((4, 4, 4, 16)))
    with pytest.raises(DamagedFile, match=r"shape \(4, 4, 4, 16\)"):
        SampleData(links).load_patterns("Sample")


# NIfTI


def write_subjects(
    root: Path, conditions: tuple[str, ...] = CONDITIONS, files: bool = False
) -> np.ndarray[Any, Any]:
    """Two subjects' maps, (subjects, x, y, z, maps)."""
    rng = np.random.default_rng(0)
    volumes = rng.normal(size=(2, 5, 6, 7, len(conditions))).astype(np.float32)
    volumes[:, 0] = 0
    volumes[0, 1, 0, 0, 2] = np.nan
    affine = np.diag([3.0, 3, 3, 1])
    for name, volume in zip(("S1", "S2"), volumes, strict=True):
        if files:
            nifti.write_volume(root / f"{name}.nii.gz", volume, affine)
            continue
        (root / name).mkdir()
        for number, condition in enumerate(conditions):
            nifti.write_volume(root / name / f"{condition}.nii.gz", volume[..., number], affine)
    return volumes


def test_a_file_a_condition(tmp_path: Path) -> None:
    volumes = write_subjects(tmp_path)
    source = NiftiBetas(tmp_path, list(CONDITIONS))
    check_data_source(source)
    assert source.axes() == {"subject": ["S1", "S2"]}
    found = source.load_patterns("S1")
    assert found.conditions == CONDITIONS and found.values.dtype == np.float32 and found.space is not None
    assert found.space.n_voxels == 4 * 6 * 7 - 1 and not found.space.mask[1, 0, 0]
    np.testing.assert_array_equal(found.values, volumes[0][found.space.mask].T)
    assert NiftiBetas(tmp_path).load_patterns("S2").conditions == tuple(sorted(CONDITIONS))
    assert NiftiBetas(tmp_path, keep_zeros=True).load_patterns("S2").n_channels == 5 * 6 * 7
    turned = NiftiBetas(tmp_path, ["tree", "zero"]).load_patterns("S2")
    np.testing.assert_array_equal(turned.values[1], volumes[1][1:, ..., 0].ravel())


def test_a_file_a_subject_with_a_table(tmp_path: Path) -> None:
    volumes = write_subjects(tmp_path, ("b", "a", "b", "a"), files=True)
    problems = NiftiBetas(tmp_path).check()
    assert "which map is which? Write S1.tsv or conditions.tsv" in problems[0]
    (tmp_path / "conditions.tsv").write_text("run\tcondition\nr1\tb\nr1\ta\nr2\tb\nr2\ta\n")
    source = NiftiBetas(tmp_path)
    check_data_source(source)
    found = source.load_patterns("S2")
    assert found.conditions == ("b", "a", "b", "a") and found.runs == ("r1", "r1", "r2", "r2")
    np.testing.assert_array_equal(found.values, volumes[1][1:].reshape(-1, 4).T)
    (tmp_path / "S2.tsv").write_text("condition\nx\ny\nx\ny\n")
    assert source.load_patterns("S2").conditions == ("x", "y", "x", "y"), "a subject's own table counts"
    kept = NiftiBetas(tmp_path, ["y"]).load_patterns("S2")
    np.testing.assert_array_equal(kept.values, volumes[1][1:].reshape(-1, 4).T[[1, 3]])
    with pytest.raises(DataError, match="no condition 'q'"):
        NiftiBetas(tmp_path, ["q"]).load_patterns("S2")
    (tmp_path / "S2.tsv").write_text("condition\nx\ny\n")
    with pytest.raises(IsocortexError, match="2 labels for 4 rows"):
        source.load_patterns("S2")


def test_grids_are_checked(tmp_path: Path) -> None:
    write_subjects(tmp_path)
    volume = np.ones((5, 6, 7), dtype=np.float32)
    nifti.write_volume(tmp_path / "S1" / "bed.nii.gz", volume, np.diag([2.0, 2, 2, 1]))
    with pytest.raises(GridMismatch, match=r"zero\.nii\.gz and bed\.nii\.gz lie on different grids"):
        NiftiBetas(tmp_path, list(CONDITIONS)).load_patterns("S1")
    nifti.write_volume(tmp_path / "mask.nii", volume[:4], np.diag([3.0, 3, 3, 1]))
    with pytest.raises(GridMismatch, match="the mask"):
        NiftiBetas(tmp_path, list(CONDITIONS), mask=tmp_path / "mask.nii").load_patterns("S2")
    inside = (np.indices(volume.shape).sum(axis=0) % 2).astype(np.uint8)
    nifti.write_volume(tmp_path / "mask.nii", inside, np.diag([3.0, 3, 3, 1]))
    masked = NiftiBetas(tmp_path, list(CONDITIONS), mask=tmp_path / "mask.nii")
    assert masked.axes()["subject"] == ["S1", "S2"], "the mask is no subject"
    found = masked.load_patterns("S2").space
    assert isinstance(found, Space) and not (found.mask & (inside == 0)).any() and found.n_voxels == 84


def test_grids_are_checked_by_headers_before_anything_runs(tmp_path: Path) -> None:
    write_subjects(tmp_path)
    assert not NiftiBetas(tmp_path).check()
    volume = np.ones((5, 6, 7), dtype=np.float32)
    nifti.write_volume(tmp_path / "mask.nii", volume, np.diag([3.0, 3, 2, 1]))
    assert "their affines differ" in NiftiBetas(tmp_path, mask=tmp_path / "mask.nii").check()[0]
    (tmp_path / "mask.nii").unlink()
    for name in CONDITIONS:
        nifti.write_volume(tmp_path / "S2" / f"{name}.nii.gz", volume[:4], np.diag([3.0, 3, 3, 1]))
    (problem,) = NiftiBetas(tmp_path).check()
    assert "shapes (5, 6, 7) and (4, 6, 7)" in problem and "S1" in problem and "S2" in problem
    assert not NiftiBetas(tmp_path, grids="own").check()
    (tmp_path / "S2" / "bed.nii.gz").write_bytes(b"no volume")
    assert "bed.nii.gz: not a readable NIfTI" in NiftiBetas(tmp_path, grids="own").check()[0]


def test_voxels_of_the_studys_searchlights(tmp_path: Path) -> None:
    volumes = write_subjects(tmp_path)
    volumes[1, 2, 0, 0, 3] = 0
    for number, condition in enumerate(CONDITIONS):
        path = tmp_path / "S2" / f"{condition}.nii.gz"
        nifti.write_volume(path, volumes[1, ..., number], np.diag([3.0, 3, 3, 1]))
    plain, study = (
        NiftiBetas(tmp_path, voxels=which).load_patterns("S2") for which in ("nonzero", "lee2023")
    )  # type: ignore[arg-type]
    assert plain.space is not None and study.space is not None
    assert not plain.space.mask[2, 0, 0] and study.space.mask[2, 0, 0] and not study.space.mask[0].any()
    known = NiftiBetas(tmp_path, voxels="lee2023").load_patterns("S1").space
    assert known is not None and not known.mask[1, 0, 0], "NaN in one map"
    assert "keep_zeros" in NiftiBetas(tmp_path, keep_zeros=True, voxels="lee2023").check()[0]


def test_what_is_wrong_with_subjects_is_said(tmp_path: Path) -> None:
    assert "say which folder" in NiftiBetas().check()[0]
    assert "holds neither" in NiftiBetas(tmp_path).check()[0]
    write_subjects(tmp_path)
    assert "no file of 'cow'" in NiftiBetas(tmp_path, ["zero", "cow"]).check()[0]
    assert "occurs more than once" in NiftiBetas(tmp_path, ["zero", "zero"]).check()[0]
    with pytest.raises(DataError, match="no subject 'S3'"):
        NiftiBetas(tmp_path).load_patterns("S3")
    shutil.copy(tmp_path / "S1" / "bed.nii.gz", tmp_path / "S3.nii.gz")
    assert "lay all out in the same way" in NiftiBetas(tmp_path).check()[0]


# pictures


@pytest.mark.parametrize("images", ["digits", "objects", "validation"])
def test_drawn_pictures(images: Any) -> None:
    source = DrawnPictures(images, per_category=3, size=32)
    check_data_source(source)
    found = source.load_images()
    wanted = {"digits": DIGITS, "objects": OBJECTS, "validation": CONDITIONS}[images]
    side = 37 if images == "objects" else 32
    assert found.values.shape == (3 * len(wanted), side, side, 3)
    assert found.categories == tuple(np.repeat(wanted, 3))
    assert len({picture.tobytes() for picture in found.values}) == len(found), "no picture is there twice"


def test_training_and_validation_share_no_drawn_picture() -> None:
    validation = DrawnPictures("validation", per_category=8, size=32).load_images()
    digits = DrawnPictures("digits", per_category=130, size=32).load_images()
    assert not {p.tobytes() for p in validation.values} & {p.tobytes() for p in digits.values}
    assert not {*validation.stimuli} & {*digits.stimuli}
    again = DrawnPictures("validation", per_category=8, size=32, seed=1).load_images()
    assert (again.values[80:] != validation.values[80:]).any() and (
        again.values[:80] == validation.values[:80]
    ).all()
    assert "1 to 43" in DrawnPictures("validation", per_category=44).check()[0]
    assert len(DrawnPictures("validation", per_category=43, size=8).load_images()) == 43 * 16


def test_picture_folders(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for part, names in (("digits", DIGITS), ("objects", OBJECTS), ("validation", CONDITIONS)):
        for name in names:
            (tmp_path / part / name).mkdir(parents=True)
            write_png(tmp_path / part / name / "one.png", rng.integers(0, 256, (30, 40, 3)).astype(np.uint8))
    for images in ("digits", "objects", "validation"):
        check_data_source(PictureFolders(tmp_path, images, size=28))  # type: ignore[arg-type]
    objects = PictureFolders(tmp_path, "objects", size=28).load_images()
    assert objects.values.shape == (6, 32, 32, 3) and set(objects.categories or ()) == set(OBJECTS)
    validation = PictureFolders(tmp_path, size=28).load_images()
    assert validation.stimuli[0] == "val/bed/one" and objects.stimuli[0] == "train/bed/one"
    assert "no such folder" in PictureFolders(tmp_path / "digits").check()[0]


def test_a_relative_root_is_found_from_the_pipeline_not_from_where_it_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, name in (("project", "zeppelin"), ("elsewhere", "wrong")):
        (tmp_path / place / "pics" / "validation" / name).mkdir(parents=True)
        write_png(tmp_path / place / "pics/validation" / name / "p.png", np.zeros((20, 20, 3), np.uint8))
    step = "{use: load_images, with: {source: picture-folders, root: pics, size: 16}}"
    (tmp_path / "project" / "d.yaml").write_text(f"name: d\nsteps:\n  im: {step}\n")
    monkeypatch.chdir(tmp_path / "elsewhere")
    images = ic.run(tmp_path / "project" / "d.yaml", out=tmp_path / "out")["im"]
    assert isinstance(images, Images) and images.categories == ("zeppelin",)
