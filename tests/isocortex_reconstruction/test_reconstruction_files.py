"""Reconstructions in the lab's files: what is written, read back, refused, and what other programs see."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from PIL import Image

from isocortex.data import Collected, Features, Images, Table
from isocortex.errors import DamagedFile, DataError, LabelMismatch
from isocortex.pipeline.settings import AxisValues
from isocortex.testing import check_step
from isocortex_reconstruction.files.float_tiff import is_float_tiff, read_float_tiff, write_float_tiff
from isocortex_reconstruction.files.image_files import ReconstructionFiles
from isocortex_reconstruction.files.layouts import INDEX, LAYOUTS
from isocortex_reconstruction.files.reading import cost_of_reading
from isocortex_reconstruction.files.steps import export_images, load_reconstructions
from isocortex_reconstruction.finishing.steps import finish_images

TYPES = [np.float32, np.float64, np.uint8]
HOSTILE = (
    "a/b",
    "../up",
    "..",
    ".",
    "Å ü 🧠",
    "A",
    "a",
    "con",
    "x" * 300,
    "reconstructions",
    "C:\\x",
    "50%",
    "%35%30%25",
)
EVERY = [*LAYOUTS]


def images(
    names: Any = ("Img0001", "Img0002", "n01518878_5958"), dtype: Any = np.float32, seed: int = 0
) -> Images:
    values = np.random.default_rng(seed).normal(120, 60, (len(names), 12, 10, 3))
    values = values.clip(0, 255) if dtype == np.uint8 else values
    return Images(values.astype(dtype), tuple(names), tuple("cd"[k % 2] for k in range(len(names))))


def losses(names: Any, iterations: int = 5, seed: int = 0) -> Table:
    """Rows in no order, as those of batches may be."""
    rng = np.random.default_rng(seed)
    rows = [
        {"stimulus": name, "iteration": k + 1, "loss": float(rng.random()), "conv1": 0.5}
        for name in names
        for k in range(iterations)
    ]
    return Table.from_rows([rows[k] for k in rng.permutation(len(rows))])


def latents(names: Any, shape: Any = (6,), dtype: Any = np.float32) -> Features:
    values = np.random.default_rng(1).random((len(names), *shape)).astype(dtype)
    return Features({"latent": values}, tuple(names))


def round_trip(files: ReconstructionFiles, folder: Path) -> ReconstructionFiles:
    folder.mkdir(parents=True, exist_ok=True)
    files.save(folder)
    return ReconstructionFiles.load(folder)


def assert_same(one: ReconstructionFiles, other: ReconstructionFiles) -> None:
    """To the bit."""
    assert (one.layout, one.clipped, one.summary()) == (other.layout, other.clipped, other.summary())
    assert [part.folders for part in one.parts] == [part.folders for part in other.parts]
    for first, second in zip(one.parts, other.parts, strict=True):
        assert first.images.values.dtype == second.images.values.dtype
        assert np.array_equal(first.images.values, second.images.values)
        assert first.images.stimuli == second.images.stimuli
        assert first.images.categories == second.images.categories
        assert (first.losses is None) == (second.losses is None)
        if first.losses is not None and second.losses is not None:
            assert list(first.losses) == list(second.losses)
            assert all(np.array_equal(first.losses[name], second.losses[name]) for name in first.losses)
        assert (first.latents is None) == (second.latents is None)
        if first.latents is not None and second.latents is not None:
            assert first.latents.dtype == second.latents.dtype
            assert np.array_equal(first.latents, second.latents)


@pytest.mark.parametrize("layout", EVERY)
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("more", [False, True])
def test_what_is_saved_is_loaded_exactly(tmp_path: Path, layout: Any, dtype: Any, more: bool) -> None:
    given = images(dtype=dtype)
    extra = {"losses": losses(given.stimuli), "latents": latents(given.stimuli)} if more else {}
    files = export_images(given, layout, **extra, subject="S1", roi="VC")
    assert_same(files, round_trip(files, tmp_path / "a"))
    assert load_reconstructions(tmp_path / "a").values.dtype == dtype
    assert np.array_equal(load_reconstructions(tmp_path / "a").values, given.values)


@pytest.mark.parametrize("shape", [(6,), (2, 3, 1), (1,)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_latents_of_any_shape(tmp_path: Path, shape: Any, dtype: Any) -> None:
    given = images()
    codes = latents(given.stimuli, shape, dtype)
    files = export_images(given, "cookbook2023", latents=codes)
    again = round_trip(files, tmp_path / "a")
    assert_same(files, again)
    assert np.array_equal(again.parts[0].latents, codes.layers["latent"].astype(files.parts[0].latents.dtype))


def test_the_files_of_shen2019_as_scipy_and_pillow_see_them(tmp_path: Path) -> None:
    given = images()
    round_trip(
        export_images(given, "shen2019", losses(given.stimuli), subject="S1", roi="VC"), tmp_path / "a"
    )
    place = tmp_path / "a" / "S1" / "VC"
    assert sorted(path.name for path in place.iterdir()) == sorted(
        name
        for label in given.stimuli
        for name in (f"recon_img-{label}.mat", f"recon_img_normalized-{label}.jpg", f"loss_list-{label}.mat")
    )
    stored = scipy.io.loadmat(place / "recon_img-Img0002.mat")["recon_img"]
    assert stored.dtype == np.float32
    assert np.array_equal(stored, given.values[1]), "height x width x 3, RGB"
    assert scipy.io.loadmat(place / "loss_list-Img0002.mat")["loss_list"].shape == (1, 5)
    with Image.open(place / "recon_img_normalized-Img0002.jpg") as picture:
        assert picture.format == "JPEG"
        shown = np.asarray(picture).astype(float)
    assert shown.shape == (12, 10, 3)


def test_a_smooth_picture_survives_jpeg_with_its_colours_in_order(tmp_path: Path) -> None:
    ramp = np.linspace(0, 200, 32)
    values = np.stack(
        np.broadcast_arrays(ramp[:, None] + 0 * ramp, 0 * ramp[:, None] + ramp / 2, 20.0), axis=-1
    )
    given = Images(values[None].astype(np.float32), ("a",))
    round_trip(export_images(given), tmp_path / "a")
    shown = load_reconstructions(tmp_path / "a", content="finished").values[0].astype(float)
    assert np.abs(shown - finish_images(given).values[0]).mean() < 4


def test_the_files_of_the_cookbook_as_scipy_and_pillow_see_them(tmp_path: Path) -> None:
    given = images(dtype=np.float64)
    table = losses(given.stimuli)
    round_trip(export_images(given, "cookbook2023", table, subject="sub-01", roi="VC"), tmp_path / "a")
    place = tmp_path / "a" / "sub-01" / "VC"
    assert len(list(place.iterdir())) == 6
    stored = scipy.io.loadmat(place / "recon_image-Img0001.mat")
    assert np.array_equal(stored["recon_image"], given.values[0])
    rows = {row["iteration"]: row["loss"] for row in table.rows() if row["stimulus"] == "Img0001"}
    assert stored["loss_history"].tolist() == [[rows[k] for k in range(1, 6)]]
    with Image.open(place / "recon_image-Img0001.tiff") as picture:
        assert np.array_equal(np.asarray(picture), finish_images(given, "shen2019").values[0])
    assert np.array_equal(
        load_reconstructions(tmp_path / "a", content="finished").values,
        finish_images(given, "shen2019").values,
    )


def test_the_plain_files(tmp_path: Path) -> None:
    given = images()
    round_trip(export_images(given, "plain"), tmp_path / "a")
    names = {path.name for path in (tmp_path / "a").iterdir()}
    assert names == {INDEX, *(f"{label}.{end}" for label in given.stimuli for end in ("png", "tiff"))}
    with Image.open(tmp_path / "a" / "Img0001.png") as picture:
        assert np.array_equal(np.asarray(picture), np.rint(given.values[0]).clip(0, 255).astype(np.uint8))
    round_trip(export_images(images(dtype=np.uint8), "plain"), tmp_path / "b")
    assert not list((tmp_path / "b").glob("*.tiff")), "whole levels are exact in the PNG"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_other_programs_read_the_float_tiff(tmp_path: Path, dtype: Any) -> None:
    tifffile = pytest.importorskip("tifffile")
    values = images(dtype=dtype).values[0]
    write_float_tiff(tmp_path / "a.tiff", values)
    found = tifffile.imread(tmp_path / "a.tiff")
    assert found.dtype == dtype
    assert np.array_equal(found, values)
    for order in "<>":
        tifffile.imwrite(tmp_path / "b.tiff", values, byteorder=order, photometric="rgb", rowsperstrip=5)
        assert np.array_equal(read_float_tiff(tmp_path / "b.tiff"), values)
        assert read_float_tiff(tmp_path / "b.tiff").dtype == dtype
    tifffile.imwrite(tmp_path / "c.tiff", values, photometric="rgb", compression="zlib")
    with pytest.raises(DamagedFile, match="not an uncompressed RGB TIFF"):
        read_float_tiff(tmp_path / "c.tiff")


@pytest.mark.parametrize("layout", EVERY)
def test_the_same_content_makes_the_same_bytes(tmp_path: Path, layout: Any) -> None:
    given = images()
    for name in "ab":
        round_trip(export_images(given, layout, losses(given.stimuli)), tmp_path / name)
    one, other = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in "ab"
    )
    assert one == other


@pytest.mark.parametrize("layout", EVERY)
def test_hostile_names(tmp_path: Path, layout: Any) -> None:
    given = images(HOSTILE)
    files = export_images(given, layout, losses(HOSTILE), latents(HOSTILE), subject="../S1", roi="V1/V2")
    assert_same(files, round_trip(files, tmp_path / "in" / "a"))
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert all(path.is_relative_to(tmp_path / "in" / "a") for path in written)
    names = [str(path).lower() for path in written]
    assert len(set(names)) == len(names), "names differ by more than case"
    assert all(path.name.isascii() and len(path.name) < 150 for path in written)
    found = load_reconstructions(tmp_path / "in" / "a", labels=["..", "A", "a"])
    assert np.array_equal(found.values, given.select(["..", "A", "a"]).values)


def test_subjects_and_rois_that_differ_by_case_only(tmp_path: Path) -> None:
    parts = {(s, r): images(seed=k) for k, (s, r) in enumerate([("s1", "V1"), ("S1", "V1"), ("S1", "v1")])}
    files = export_images(Collected(parts, ("subject", "roi")))
    assert_same(files, round_trip(files, tmp_path / "a"))
    folders = [
        str(path.relative_to(tmp_path / "a")).lower() for path in (tmp_path / "a").rglob("*") if path.is_dir()
    ]
    assert len(set(folders)) == len(folders) == 5
    found = load_reconstructions(tmp_path / "a", subject="S1", roi="v1")
    assert np.array_equal(found.values, parts["S1", "v1"].values)


def collected(make: Callable[[int], Any], axes: tuple[str, ...], *names: tuple[str, ...]) -> Any:
    return Collected({name: make(k) for k, name in enumerate(names)}, axes)


def test_collected_images_lie_in_folders_of_their_own(tmp_path: Path) -> None:
    keys = [("dgn", "VC", "S1"), ("pixels", "VC", "S1"), ("dgn", "V1", "S1")]
    axes = ("method", "roi", "subject")
    given = collected(lambda k: images(seed=k), axes, *keys)
    stimuli = images().stimuli
    turned = [keys[2], keys[0], keys[1]]  # matched by axis values, not by position
    seeds = {key: k for k, key in enumerate(keys)}
    table = Collected({key: losses(stimuli, seed=seeds[key]) for key in turned}, axes)
    files = export_images(given, "cookbook2023", table)
    assert [part.folders for part in files.parts] == [
        ("dgn", "S1", "VC"),
        ("pixels", "S1", "VC"),
        ("dgn", "S1", "V1"),
    ]
    for k, part in enumerate(files.parts):
        alone = export_images(images(), losses=losses(stimuli, seed=k)).parts[0].losses
        assert all(np.array_equal(part.losses[name], alone[name]) for name in stimuli)
    assert_same(files, round_trip(files, tmp_path / "a"))
    assert (tmp_path / "a" / "dgn" / "S1" / "V1" / "recon_image-Img0001.mat").is_file()
    assert np.array_equal(
        load_reconstructions(tmp_path / "a", subject="S1", roi="V1").values, given["dgn,V1,S1"].values
    )
    with pytest.raises(DataError, match="several reconstructions of S1/VC"):
        load_reconstructions(tmp_path / "a", subject="S1", roi="VC")
    with pytest.raises(DataError, match="several reconstructions of one subject"):
        load_reconstructions(tmp_path / "a")
    with pytest.raises(DataError, match="no reconstructions of S2/VC"):
        load_reconstructions(tmp_path / "a", subject="S2", roi="VC")
    lab = load_reconstructions(tmp_path / "a" / "pixels", subject="S1", roi="VC")
    assert np.array_equal(lab.values, given["pixels,VC,S1"].values), "by the names alone, as the lab's"


def test_subject_and_roi_come_from_the_axes_of_the_step() -> None:
    axes = AxisValues({"roi": "VC", "subject": "S2"})
    assert export_images(images(), axes=axes).parts[0].folders == ("S2", "VC")
    assert export_images(images(), axes=axes, roi="V1").parts[0].folders == ("S2", "V1")
    inner = collected(lambda k: images(seed=k), ("roi",), ("VC",), ("V1",))
    found = export_images(inner, axes=AxisValues({"subject": "S3"}))
    assert [part.folders for part in found.parts] == [("S3", "VC"), ("S3", "V1")]
    assert export_images(images()).parts[0].folders == ()


def test_losses_and_latents_are_matched_by_label() -> None:
    given = images()
    turned = given.stimuli[::-1]
    codes = latents(given.stimuli)
    found = export_images(given, losses=losses(given.stimuli), latents=codes.select(turned)).parts[0]
    assert np.array_equal(found.latents, codes.layers["latent"])
    assert list(found.losses or {}) == list(given.stimuli)
    with pytest.raises(
        LabelMismatch, match="images and losses: the labels differ: only the first has 'Img0001'"
    ):
        export_images(given, losses=losses(given.stimuli[1:]))
    with pytest.raises(LabelMismatch, match="images and latents"):
        export_images(given, latents=latents(("a", "b", "c")))
    with pytest.raises(DataError, match="latents of 2 layers"):
        export_images(given, latents=Features({"a": np.ones((3, 2)), "b": np.ones((3, 2))}, given.stimuli))
    assert export_images(given, latents=Features({}, given.stimuli)).parts[0].latents is None


@pytest.mark.parametrize("iterations", [[1, 2, 2], [1, 3, 4], [2, 3, 4], [1, 2, 1]])
def test_losses_that_are_not_one_an_iteration(iterations: Any) -> None:
    table = Table({"stimulus": ["a"] * 3, "iteration": iterations, "loss": [1.0, 2.0, 3.0]})
    with pytest.raises(DataError, match="the losses of 'a' are not one for each iteration"):
        export_images(images(("a",)), losses=table)
    right = Table({"stimulus": ["a"] * 3, "iteration": [2, 0, 1], "loss": [1.0, 2.0, 3.0]})
    assert export_images(images(("a",)), losses=right).parts[0].losses["a"].tolist() == [2, 3, 1]


def test_what_cannot_be_exported() -> None:
    values = np.array(images().values)
    values[1, 2, 2] = np.nan
    with pytest.raises(DataError, match="1 of 3 images hold NaN or infinity"):
        export_images(Images(values, ("a", "b", "c")))
    with pytest.raises(DataError, match="layout='shen2018': did you mean 'shen2019'"):
        export_images(images(), "shen2018")  # type: ignore[arg-type]
    both = collected(lambda k: images(seed=k), ("subject",), ("S1",), ("S2",))
    with pytest.raises(DataError, match="losses and images do not run along the same axes"):
        export_images(both, losses=losses(images().stimuli))
    one = collected(lambda _: losses(images().stimuli), ("subject",), ("S1",))
    with pytest.raises(DataError, match="there are no losses of S2"):
        export_images(both, losses=one)
    with pytest.raises(DataError, match="each subject and ROI has folders of its own"):
        export_images(both, subject="S9")


def test_a_constant_reconstruction_is_told_of(tmp_path: Path) -> None:
    values = np.array(images().values)
    values[1] = 100
    files = export_images(Images(values, ("a", "b", "c")))
    with pytest.warns(UserWarning, match="a single level"):
        round_trip(files, tmp_path / "a")
    assert np.array_equal(load_reconstructions(tmp_path / "a").values, values)


@pytest.mark.parametrize("layout", EVERY)
def test_no_images(tmp_path: Path, layout: Any) -> None:
    files = export_images(images(()), layout)
    again = round_trip(files, tmp_path / "a")
    assert again.parts[0].images.values.shape == (0, 12, 10, 3)
    assert_same(files, again)


def lab_folder(root: Path, layout: str) -> Images:
    """Files as the lab's scripts leave them, made by scipy and Pillow, with what else lies there."""
    given = images()
    place = root / "S1" / "VC"
    (place / "snapshots" / "image-Img0001").mkdir(parents=True)
    (place / "snapshots" / "image-Img0001" / "recon_img-Img0009.mat").write_bytes(b"x")
    for label, values in zip(given.stimuli, given.values, strict=True):
        if layout == "shen2019":
            scipy.io.savemat(place / f"recon_img-{label}.mat", {"recon_img": values})
            name = f"recon_img_normalized-{label}.jpg"
        else:
            content = {"recon_image": values, "loss_history": [3.0, 2.0]}
            scipy.io.savemat(place / f"recon_image-{label}.mat", content)
            name = f"recon_image-{label}.tiff"
        Image.fromarray(finish_images(given.select([label])).values[0]).save(place / name)
    (place / "._recon_img-Img0001.mat").write_bytes(b"x")
    (place / "options.pkl").write_bytes(b"x")
    return given


@pytest.mark.parametrize("layout", ["shen2019", "cookbook2023"])
def test_folders_of_the_lab(tmp_path: Path, layout: Any) -> None:
    given = lab_folder(tmp_path, layout)
    for found in (
        load_reconstructions(tmp_path, subject="S1", roi="VC"),
        load_reconstructions(tmp_path / "S1" / "VC", layout),
    ):
        assert found.stimuli == given.stimuli
        assert found.values.dtype == np.float32
        assert np.array_equal(found.values, given.values)
    some = load_reconstructions(tmp_path, subject="S1", roi="VC", labels=["n01518878_5958", "Img0001"])
    assert np.array_equal(some.values, given.values[[2, 0]])
    shown = load_reconstructions(tmp_path, subject="S1", roi="VC", content="finished")
    assert shown.stimuli == given.stimuli
    assert shown.values.dtype == np.uint8
    for content, made in (("raw", given), ("finished", shown)):
        told = cost_of_reading(tmp_path, "auto", "S1", "VC", None, content).outputs["result"]  # type: ignore[arg-type]
        assert (told["number"], told["height"], told["width"]) == made.values.shape[:3]
        assert told["itemsize"] == made.values.itemsize


def test_folders_that_do_not_say_what_they_hold(tmp_path: Path) -> None:
    lab_folder(tmp_path, "shen2019")
    with pytest.raises(DataError, match=r"no files recon_img-<label>.mat or .*inside \(S1\)"):
        load_reconstructions(tmp_path)
    with pytest.raises(DataError, match="no folder 'S2'; known folders: S1"):
        load_reconstructions(tmp_path, subject="S2", roi="VC")
    with pytest.raises(DataError, match=r"no files recon_image-<label>\.mat here"):
        load_reconstructions(tmp_path, "cookbook2023", "S1", "VC")
    with pytest.raises(LabelMismatch, match="no 'Img0009'"):
        load_reconstructions(tmp_path, subject="S1", roi="VC", labels=["Img0009"])
    with pytest.raises(DataError, match="no labels were asked for"):
        load_reconstructions(tmp_path, subject="S1", roi="VC", labels=[])
    with pytest.raises(DataError, match="there is no such folder"):
        load_reconstructions(tmp_path / "none")
    scipy.io.savemat(tmp_path / "S1" / "VC" / "recon_image-a.mat", {"recon_image": np.ones((2, 2, 3))})
    with pytest.raises(DataError, match="of shen2019 and of cookbook2023; say which layout"):
        load_reconstructions(tmp_path, subject="S1", roi="VC")
    assert len(load_reconstructions(tmp_path, "cookbook2023", "S1", "VC")) == 1


def test_plain_folders_without_a_description(tmp_path: Path) -> None:
    given = images()
    round_trip(export_images(given, "plain"), tmp_path / "a")
    (tmp_path / "a" / INDEX).unlink()
    (tmp_path / "a" / "._Img0001.png").write_bytes(b"what macOS leaves")
    found = load_reconstructions(tmp_path / "a", "plain")
    assert found.stimuli == given.stimuli
    assert np.array_equal(found.values, given.values)
    whole = images(("x", "y"), np.uint8)
    round_trip(export_images(whole, "plain"), tmp_path / "b")
    (tmp_path / "b" / INDEX).unlink()
    assert np.array_equal(load_reconstructions(tmp_path / "b", "plain").values, whole.values)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"recon_img": np.ones((3, 4, 5))}, r"shape \(3, 4, 5\), no RGB image"),
        ({"recon_img": np.ones((4, 5))}, r"shape \(4, 5\), no RGB image"),
        ({"recon_img": "text"}, "holds a text, not numbers"),
        ({"img": np.ones((4, 5, 3))}, "keeps images under 'recon_img'"),
        ({"recon_img": np.ones((4, 5, 3)) * 1j}, "no RGB image|complex"),
        ({"recon_img": np.ones((0, 5, 3))}, "no RGB image"),
    ],
)
def test_files_with_something_else(tmp_path: Path, content: Any, message: str) -> None:
    scipy.io.savemat(tmp_path / "recon_img-a.mat", content)
    with pytest.raises(DataError, match=message):
        load_reconstructions(tmp_path)


def test_images_of_several_sizes_and_types(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "recon_img-a.mat", {"recon_img": np.full((4, 5, 3), 7, np.uint8)})
    scipy.io.savemat(tmp_path / "recon_img-b.mat", {"recon_img": np.ones((4, 5, 3), np.float32)})
    scipy.io.savemat(tmp_path / "recon_img-c.mat", {"recon_img": np.ones((4, 5, 3), np.int16)})
    found = load_reconstructions(tmp_path)
    assert found.values.dtype == np.float64
    assert found.values[:, 0, 0, 0].tolist() == [7, 1, 1]
    assert load_reconstructions(tmp_path, labels=["a"]).values.dtype == np.uint8
    scipy.io.savemat(tmp_path / "recon_img-d.mat", {"recon_img": np.ones((5, 4, 3))})
    with pytest.raises(LabelMismatch, match=r"recon_img-d.mat: 5 x 4 pixels, but recon_img-a.mat has 4 x 5"):
        load_reconstructions(tmp_path)


@pytest.mark.parametrize("layout", EVERY)
@pytest.mark.parametrize("content", ["raw", "finished"])
def test_a_file_that_is_cut_off_is_one_error(tmp_path: Path, layout: Any, content: Any) -> None:
    round_trip(
        export_images(images(), layout, losses(images().stimuli), latents(images().stimuli)), tmp_path / "a"
    )
    which = LAYOUTS[layout]
    path = tmp_path / "a" / (which.raw_name("Img0002") if content == "raw" else which.picture_name("Img0002"))
    whole = path.read_bytes()
    for length in (0, 1, 7, 60, len(whole) // 2, len(whole) - 40):
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedFile, match="Img0002"):
            load_reconstructions(tmp_path / "a", content=content)
        if content == "raw":
            with pytest.raises(DamagedFile, match="Img0002"):
                ReconstructionFiles.load(tmp_path / "a")
    path.write_bytes(whole)
    ReconstructionFiles.load(tmp_path / "a")


@pytest.mark.parametrize("layout", EVERY)
def test_losses_and_latents_that_are_cut_off_or_gone(tmp_path: Path, layout: Any) -> None:
    given = images()
    round_trip(export_images(given, layout, losses(given.stimuli), latents(given.stimuli)), tmp_path / "a")
    raw = LAYOUTS[layout].raw_name("Img0002")
    for name in ("latent-Img0002.mat", raw if LAYOUTS[layout].loss_key else "loss_list-Img0002.mat", raw):
        path = tmp_path / "a" / name
        whole = path.read_bytes()
        path.write_bytes(whole[:-30])
        with pytest.raises(DamagedFile, match=name):
            ReconstructionFiles.load(tmp_path / "a")
        path.unlink()
        with pytest.raises(DataError, match="no such file"):
            ReconstructionFiles.load(tmp_path / "a")
        path.write_bytes(whole)
    ReconstructionFiles.load(tmp_path / "a")


def test_a_float_tiff_of_any_bytes_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    write_float_tiff(path, images().values[0])
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    start = int.from_bytes(whole[4:8], "little")
    for _ in range(400):
        broken = bytearray(whole)
        place = int(rng.integers(0, 8)) if rng.random() < 0.2 else int(rng.integers(start, len(whole)))
        broken[place] = int(rng.integers(0, 256))
        path.write_bytes(bytes(broken))
        is_float_tiff(path)
        with contextlib.suppress(DamagedFile):
            assert read_float_tiff(path).ndim == 3
    with pytest.raises(DataError, match="not RGB in float32 or float64"):
        write_float_tiff(path, images(dtype=np.uint8).values[0])


def test_a_description_that_does_not_fit_is_one_error(tmp_path: Path) -> None:
    round_trip(export_images(images(), latents=latents(images().stimuli)), tmp_path / "a")
    path = tmp_path / "a" / INDEX
    whole = json.loads(path.read_text())
    part = whole["parts"][0]
    for change in (
        {"files": ["../a", "b", "c"]}, {"files": ["x"]}, {"stimuli": ["a", "a", "b"]}, {"place": [".."]},
        {"place": ["a/b"]}, {"images": {"dtype": "<f8", "shape": [3, 12, 10, 3]}},
        {"images": {"dtype": "<f4", "shape": [3, 1200000, 10, 3]}}, {"images": {"dtype": "|O", "shape": [3]}},
        {"latents": {"dtype": "<f4", "shape": [3, 7]}}, {"latents": {"dtype": "<f4", "shape": [3, 10**15]}},
        {"categories": 3}, {"images": None},
    ):  # fmt: skip
        path.write_text(json.dumps({**whole, "parts": [{**part, **change}]}))
        with pytest.raises(DataError):
            ReconstructionFiles.load(tmp_path / "a")
    for text in ("", "[]", "{}", '{"layout": "x", "parts": []}', json.dumps({**whole, "parts": []})):
        path.write_text(text)
        with pytest.raises(DataError):
            ReconstructionFiles.load(tmp_path / "a")


def test_they_are_sound_steps() -> None:
    schema = check_step(export_images)
    assert list(schema.inputs) == ["images", "losses", "latents"]
    assert schema.outputs == {"result": ReconstructionFiles}
    check_step(load_reconstructions)
