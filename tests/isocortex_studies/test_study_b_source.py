"""Study B's files as a data source: who, which voxels, and above all which stimulus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import study_b_files as files

from isocortex.contracts import DataSource
from isocortex.errors import DamagedFile, DataError
from isocortex.testing import check_data_source
from isocortex_studies import shen_stimuli
from isocortex_studies.shen_source import Shen2019

PARTS: tuple[Any, ...] = ("training", "natural", "color_shape", "alphabet", "imagery")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return files.write_study(tmp_path_factory.mktemp("study-b") / "shen2019", subjects=2)


@pytest.fixture
def links(study: Path, tmp_path: Path) -> Path:
    """A copy by links, to be changed."""
    for path in study.rglob("*"):
        place = tmp_path / path.relative_to(study)
        place.mkdir(parents=True) if path.is_dir() else place.symlink_to(path)
    return tmp_path


def change(path: Path, columns: dict[str, Any] | None = None, rename: dict[str, str] | None = None) -> None:
    """Write a BData file again with other label columns, or other names of keys."""
    with h5py.File(path.resolve()) as file:
        data, values = file["dataset"][()], file["metadata/value"][()]
        keys = [key.decode() for key in file["metadata/key"][()]]
    for key, column in (columns or {}).items():
        data[:, np.flatnonzero(values[keys.index(key)] == 1)[0]] = column
    keys = [(rename or {}).get(key, key) for key in keys]
    path.unlink()
    with h5py.File(path, "w") as file:
        file["dataset"], file["metadata/value"] = data, values
        file["metadata/key"] = [key.encode() for key in keys]
        file["metadata/description"] = [b"" for _ in keys]


def test_it_is_a_source(study: Path) -> None:
    for part in PARTS:
        source = Shen2019(study, part, pictures=study / "pictures")
        assert isinstance(source, DataSource)
        check_data_source(source)
    assert source.axes() == {"subject": ["S1", "S2"], "roi": ["V1", "V2", "V3", "V4", "HVC", "VC"]}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("roi", ["V4", "VC"])
def test_every_sample_has_its_own_stimulus(study: Path, part: Any, roi: str) -> None:
    repeats = {"training": 3, "natural": 4, "color_shape": 4, "alphabet": 3, "imagery": 4}[part]
    order = files.trials(part, repeats, 2)
    found = Shen2019(study, part, precision="stored").load_patterns("S2", roi)
    names = files.names_of(part)
    assert found.stimuli == tuple(names[number] for _, number in order)
    with h5py.File(study / "fmri" / f"sub-02_{files.STEMS[part]}_original_VC.h5") as file:
        np.testing.assert_array_equal(found.values, file["dataset"][:, list(files.ROIS[roi])])
    assert found.runs is not None and len(set(found.runs)) == repeats
    assert Shen2019(study, part).load_patterns("S2", roi).values.dtype == np.float32


def test_synsets_and_shapes_are_the_conditions(study: Path) -> None:
    natural = Shen2019(study, "natural").load_patterns("S1", "VC")
    assert natural.stimuli is not None
    assert natural.conditions == tuple(name.split("_")[0] for name in natural.stimuli)
    shapes = Shen2019(study, "color_shape").load_patterns("S1", "VC")
    assert set(shapes.conditions) == {"smallring", "square", "+"}
    imagery = Shen2019(study, "imagery").load_patterns("S1", "VC")
    assert set(imagery.conditions) == {"+", "X", "fixation", "n02416519", "n04507155"}


def test_labels_as_numbers_and_without_some(study: Path) -> None:
    names = Shen2019(study, "color_shape").load_patterns("S1", "VC").stimuli
    numbers = Shen2019(study, "color_shape", labels="numbers").load_patterns("S1", "VC").stimuli
    assert names is not None and numbers is not None
    assert {(int(b[3:]), a) for a, b in zip(names, numbers, strict=True)} == set(files.SHAPES.items())
    for label in ("fixation", "Img0016"):
        found = Shen2019(study, "imagery", exclude=[label]).load_patterns("S1", "VC")
        assert set(found.stimuli or ()) == {"green_+", "black_X", "n02416519_12793", "n04507155_21299"}


def test_the_wrong_category_names_of_imagery_are_never_read(study: Path) -> None:
    with pytest.raises(DataError, match="category_id of the published files names other categories"):
        Shen2019(study, "imagery", label_key="category_id").load_patterns("S1", "VC")


def test_targets_are_the_published_list() -> None:
    assert len(shen_stimuli.TARGETS) == len(set(shen_stimuli.TARGETS)) == 26
    assert shen_stimuli.TARGETS[4] == "green_+" and shen_stimuli.TARGETS[15] == "fixation"
    assert shen_stimuli.TARGETS[16] == "n02416519_12793" and shen_stimuli.TARGETS[25] == "n04507155_21299"


def test_pictures_carry_the_names_of_the_samples(study: Path) -> None:
    for part in PARTS:
        content = files.made(part)
        found = Shen2019(study, part, pictures=study / "pictures", size=files.SIDE).load_images()
        wanted = {name for name in content.names.values() if name != "fixation"}
        assert set(found.stimuli) == wanted
        for name, picture in zip(found.stimuli, found.values, strict=True):
            np.testing.assert_array_equal(picture, content.pictures[name])
    by_number = Shen2019(study, "natural", pictures=study / "pictures", labels="numbers").load_images()
    assert set(by_number.stimuli) == {f"Img{number:04d}" for number in files.NATURAL}
    assert not len(Shen2019(study, "natural").load_images())


def test_pictures_may_be_numbered(study: Path, links: Path) -> None:
    folder = links / "pictures" / "natural"
    for number, name in files.names_of("natural").items():
        (folder / f"{name}.png").rename(folder / f"Img{number:04d}.png")
    found = Shen2019(links, "natural", pictures=links / "pictures").load_images()
    assert set(found.stimuli) == set(files.names_of("natural").values())
    (links / "stimuli" / "perceptionNaturalImageTest.tsv").unlink()
    bare = Shen2019(links, "natural", pictures=links / "pictures", labels="numbers").load_images()
    assert set(bare.stimuli) == {f"Img{number:04d}" for number in files.NATURAL}


def test_two_pictures_of_one_target_are_an_error(links: Path) -> None:
    folder = links / "pictures" / "imagery"
    (folder / "colorExpStim09_green_+.tiff").symlink_to(folder / "imageryExpStim05_green_+.tiff")
    with pytest.raises(DataError, match=r"are both of 'green_\+'"):
        Shen2019(links, "imagery", pictures=links / "pictures").load_images()


def test_a_file_that_contradicts_its_table_is_refused(links: Path) -> None:
    path = links / "fmri" / "sub-01_perceptionNaturalImageTest_original_VC.h5"
    with h5py.File(path) as file:
        numbers = file["dataset"][:, -1]
    change(path, {"image_index": numbers % 5 + 1})
    with pytest.raises(DataError, match=r"by stimulus_id, and 'n.*' in .*perceptionNaturalImageTest\.tsv"):
        Shen2019(links, "natural").load_patterns("S1", "VC")
    (links / "stimuli" / "perceptionNaturalImageTest.tsv").unlink()
    Shen2019(links, "natural").load_patterns("S1", "VC")  # nothing to compare with; the ids are names


def test_natural_images_by_number_alone(links: Path) -> None:
    path = links / "fmri" / "sub-01_perceptionNaturalImageTest_original_VC.h5"
    wanted = Shen2019(links, "natural").load_patterns("S1", "VC").stimuli
    change(path, rename={"stimulus_id": "something"})
    assert Shen2019(links, "natural").load_patterns("S1", "VC").stimuli == wanted
    (links / "stimuli" / "perceptionNaturalImageTest.tsv").unlink()
    with pytest.raises(DataError, match="isocortex fetch shen2019-stimulus-names"):
        Shen2019(links, "natural").load_patterns("S1", "VC")


def test_fmriprep_files_with_names_behind_numbers(links: Path) -> None:
    path = links / "fmri" / "sub-01_imagery_original_VC.h5"
    change(path, rename={"category_index": "imagery_image_index", "ROI_V4": "ROI_hV4"})
    path.rename(path.with_name("sub-01_Imagery_fmriprep_volume_native.h5"))
    source = Shen2019(links, "imagery", "fmriprep")
    assert "V4" in source.axes()["roi"] and "hV4" not in source.axes()["roi"]
    assert set(source.load_patterns("S1", "V4").stimuli or ()) == set(files.TARGETS.values())
    test = links / "fmri" / "sub-01_perceptionNaturalImageTest_original_VC.h5"
    wanted = Shen2019(links, "natural").load_patterns("S1", "VC").stimuli
    change(test, rename={"stimulus_id": "something", "category_index": "stimulus_name"})
    with h5py.File(test, "a") as file:
        for number, name in files.names_of("natural").items():
            file[f"vmap/stimulus_name/{float(number)}"] = name.encode()
    test.rename(test.with_name("sub-01_ImageNetTest_fmriprep_volume_native.h5"))
    assert Shen2019(links, "natural", "fmriprep").load_patterns("S1", "VC").stimuli == wanted


def test_one_back_repetitions_are_noticed(links: Path) -> None:
    path = links / "fmri" / "sub-01_perceptionLetterImage_original_VC.h5"
    with h5py.File(path) as file:
        numbers = file["dataset"][:, -1]
    numbers[1] = numbers[0]
    change(path, {"image_index": numbers})
    with pytest.warns(UserWarning, match="1 samples follow one of the same stimulus in their run"):
        Shen2019(links, "alphabet").load_patterns("S1", "VC")


def test_what_is_wrong_is_said(study: Path, links: Path) -> None:
    assert "no folder" in Shen2019(study / "nowhere").check()[0]
    assert "part: " in Shen2019(study, "shapes").check()[0]  # type: ignore[arg-type]
    with pytest.raises(DataError, match="say which folder"):
        Shen2019().axes()
    with pytest.raises(DataError, match=r"has no file sub-01_ImageNetTest_fmriprep_volume_native\.h5"):
        Shen2019(study, "natural", "fmriprep").axes()
    with pytest.raises(DataError, match="no 'fmriprep' files of the part 'alphabet'"):
        Shen2019(study, "alphabet", "fmriprep").axes()
    with pytest.raises(DataError, match=r"no ROI 'V7'; .*V1"):
        Shen2019(study, "natural").load_patterns("S1", "V7")
    with pytest.raises(DataError, match="no subject 'S7'"):
        Shen2019(study, "natural").load_patterns("S7", "VC")
    table = links / "stimuli" / "perceptionLetterImage.tsv"
    for text in ("name\tid\tcategory\timage_index\n", "a\t1\t1\t1\nb\t2\t1\t1\n", "\n", "a 1 1 1\n"):
        table.unlink()
        table.write_text(text)
        with pytest.raises(DamagedFile):
            Shen2019(links, "alphabet").load_patterns("S1", "VC")


def test_volumes_of_whole_runs_come_to_one_sample_a_block(tmp_path: Path) -> None:
    """Rest, five blocks of four volumes (one a one-back repeat), rest; the response is two volumes late."""
    rng = np.random.default_rng(0)
    blocks = [0, 0, 3, 1, 1, 4, 2, 0]
    number = np.tile(np.repeat(blocks, 4), 2).astype(float)
    block = np.tile(np.repeat(np.arange(len(blocks)), 4), 2).astype(float)
    run = np.repeat([1.0, 2.0], len(blocks) * 4)
    response = {0: 0.0, 1: 5.0, 2: -3.0, 3: 8.0, 4: 1.0}
    voxel = np.array([response[int(n)] for n in number])
    voxel = np.concatenate([np.r_[[0, 0], part[:-2]] for part in np.split(voxel, 2)])
    drift = np.tile(np.linspace(-1, 1, len(blocks) * 4), 2) * 6
    motion = rng.normal(size=len(number))
    voxels = 100 + np.stack([voxel, -voxel, 0.5 * voxel], axis=1) + drift[:, None] + 2 * motion[:, None]
    data = np.column_stack([voxels, run, block, number, motion])
    keys = ["VoxelData"] * 3 + ["Run", "Block", "image_index", "MotionParameter_x"]
    table = {key: np.where(np.array(keys) == key, 1.0, np.nan) for key in dict.fromkeys(keys)}
    table["ROI_VC"] = np.where(np.array(keys) == "VoxelData", 1.0, np.nan)
    with h5py.File(tmp_path / "sub-01_perceptionLetterImage_original_VC.h5", "w") as file:
        file["dataset"], file["metadata/value"] = data, np.stack(list(table.values()))
        file["metadata/key"] = [key.encode() for key in table]
        file["metadata/description"] = [b"" for _ in table]
    rows = [f"letter_{letter}\t{k}\t{k}\t{k}\n" for k, letter in enumerate("TCIE", 1)]
    (tmp_path / "perceptionLetterImage.tsv").write_text("".join(rows))
    found = Shen2019(tmp_path, "alphabet", volumes=True, precision="stored").load_patterns("S1", "VC")
    assert found.stimuli == ("letter_I", "letter_T", "letter_E", "letter_C") * 2
    assert found.runs == ("1",) * 4 + ("2",) * 4
    wanted = []
    for one in (run == 1, run == 2):  # the recipe, written out
        later, labels, places = voxels[one][2:], number[one][:-2], block[one][:-2]
        design = np.column_stack([np.ones(len(later)), np.arange(len(later)), motion[one][2:]])
        rest = later - design @ np.linalg.lstsq(design, later, rcond=None)[0]
        assert (np.abs(rest) < 3 * rest.std(axis=0)).all()  # nothing to clip
        percent = 100 * rest / later.mean(axis=0)
        wanted += [percent[(places == place) & (labels > 0)].mean(axis=0) for place in (2, 3, 5, 6)]
    np.testing.assert_allclose(found.values, wanted, rtol=1e-9, atol=1e-9)
