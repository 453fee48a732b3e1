"""Our own parsers: each reads an input as a user's file."""

from __future__ import annotations

import contextlib
import io
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_mutation import in_zip
from fuzz_packed import in_archive
from fuzz_target import Target
from fuzz_texts import (
    changed_yaml,
    selection_seeds,
    spoil_selection,
    spoil_tsv,
    spoil_words,
    tsv_seeds,
    yaml_seeds,
)

from isocortex.assets.unpack import unpack
from isocortex.errors import DamagedFile, DataError
from isocortex.formats import arrays, mat, tsv
from isocortex.formats.safe_pickle import read_pickle
from isocortex_decoding.files import decoder_dirs, feature_dirs, side_files
from isocortex_decoding.files.selection import selected
from isocortex_decoding.files.stored_arrays import read_stored
from isocortex_reconstruction.files.contents import read_image
from isocortex_reconstruction.files.float_tiff import write_float_tiff
from isocortex_reconstruction.files.layouts import LAYOUTS
from isocortex_rsa.steps.rdm_files import read_column
from isocortex_vision.generators.act_range import read_act_range

LIMIT = 2**28
"""Bytes of an array that the readers with a limit of their own are given."""


def _npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array), allow_pickle=False)
    return buffer.getvalue()


def _npy_seeds(_: Path) -> list[bytes]:
    values = np.arange(12.0).reshape(3, 4)
    kinds = (values, np.asfortranarray(values), values.astype("f2"), values > 3, np.array(["a", "bc"]),
             np.empty((0, 3)),
             values.astype(">i4"), values + 1j, np.array(7))  # fmt: skip
    return [_npy(kind) for kind in kinds]


def _npz_seeds(_: Path) -> list[bytes]:
    found = []
    for save in (np.savez, np.savez_compressed):
        buffer = io.BytesIO()
        save(buffer, rdms=np.arange(6.0), names=np.array(["a", "b"]), x=np.zeros((20, 30)))
        found.append(buffer.getvalue())
    return found


def _npz(path: Path) -> Any:
    with arrays.Npz(path, LIMIT) as file:
        return [file.read(key) for key in file.keys]


def _pickle_seeds(_: Path) -> list[bytes]:
    content = {
        ("mean", "conv1_1", None): np.arange(6, dtype="f4").reshape(2, 3),
        "text": ["a", "ä", b"bytes", 1.5, 2**70, None, True, {1, 2}, (1, (2, 3)), complex(1, 2)],
        "objects": np.array([np.zeros(2), "x"], dtype=object),
        "scalar": np.float32(3),
    }
    return [pickle.dumps(content, protocol) for protocol in range(6)]


def _statistics_seeds(_: Path) -> list[bytes]:
    table = {(kind, "conv1_1", "S1", "V1", None): np.ones((1, 3), "f4") for kind in ("mean", "std, ddof=1")}
    return [pickle.dumps(table, protocol) for protocol in (2, 4)]


def _mat_seeds(folder: Path) -> list[bytes]:
    from scipy.io import savemat

    content: dict[str, Any] = {
        "feat": np.arange(24, dtype="f4").reshape(1, 2, 3, 4),
        "index": {"conv1": np.array([0, 5, 2]), "text": "words", "cell": np.array([1, "b"], dtype=object)},
        "flag": np.array([[True, False]]), "z": np.array([[1 + 2j]]), "rows": np.array(["ab", "cd"]),
    }  # fmt: skip
    path = folder / "some.mat"
    found = []
    for form, packed in (("5", False), ("5", True), ("4", False)):
        kept = content if form == "5" else {name: content[name] for name in ("flag", "rows", "z")}
        savemat(path, kept, format=form, do_compression=packed)
        found.append(path.read_bytes())
    mat.write_mat(path, {"feat": content["feat"], "list": ["a", np.arange(3)]})
    found.append(path.read_bytes())
    big = struct.pack(">5i", 1000, 2, 3, 0, 2) + b"x\0" + np.arange(6.0).astype(">f8").tobytes()
    return [*found, big]


def _mat(path: Path) -> Any:
    shapes = mat.describe(path)
    return shapes, mat.read_mat(path, limit=LIMIT)


def _mat_uses(path: Path) -> Any:
    """What is built on MAT files: an index of features, SDs, one array, an image."""
    found = []
    for use in (
        feature_dirs.read_index,
        side_files.read_feature_sd,
        lambda where: read_stored(where, "feat", LIMIT),
        lambda where: read_image(where, LAYOUTS["shen2019"]),
    ):
        try:
            found.append(use(path))
        except DataError as error:
            last = error
            if path.name not in str(error):
                raise
    if not found:
        raise last
    return found


def _mat_use_seeds(folder: Path) -> list[bytes]:
    found = []
    sparse = {"__bdpy_sparse_arrray": True, "index": [np.array([0, 1]), np.array([1, 2])],
              "value": np.array([5.0, 6.0]), "shape": np.array([2, 3]),
              "background": np.int64(0)}  # fmt: skip
    for content in (
        {"index": {"conv1_1": np.array([[0, 5]]), "fc6": np.array([[1.0]])}},
        {"conv1_1": np.array([[1.5]]), "fc6": np.ones((1, 4))},
        {"feat": np.ones((1, 2, 3))},
        {"feat": sparse},
        {"recon_img": np.zeros((2, 3, 3), "f4")},
    ):
        mat.write_mat(folder / "use.mat", content)
        found.append((folder / "use.mat").read_bytes())
    return found


def _tiff_seeds(folder: Path) -> list[bytes]:
    from PIL import Image

    path, found = folder / "image.tiff", []
    for dtype in ("f4", "f8"):
        write_float_tiff(path, np.arange(18, dtype=dtype).reshape(2, 3, 3))
        found.append(path.read_bytes())
    Image.fromarray(np.zeros((2, 3, 3), "u1")).save(path)
    return [*found, path.read_bytes()]


def _tsv(path: Path) -> Any:
    text = tsv.read_text(path)
    name = next(iter(text))
    with contextlib.suppress(DamagedFile):  # cells of text are no numbers
        tsv.read_columns(path, dict.fromkeys(text, "<f8"))
    return text, read_column(path, name)


def _column(path: Path) -> Any:
    return read_column(path, "condition")


def _select(path: Path) -> Any:
    keys = ["VoxelData", "ROI_V1", "ROI_V2", "ROI LOC", "Stat"]
    table = np.array([[1, 1, 1, 0.0], [1, 0, np.nan, 0], [0, 1, 1, 0], [0, 0, 1, 0], [0.5, np.nan, -3, 2]])
    columns: Mapping[str, Any] = dict(zip(keys, table, strict=True))
    return selected(path.read_text("utf-8", "replace"), keys, columns.__getitem__, 4)


def _yaml(path: Path) -> Any:
    from isocortex.pipeline.document import read_document, validate

    return [str(problem) for problem in validate(read_document(path)).problems]


def _decoder_info(path: Path) -> Any:
    return decoder_dirs._info(path.parent)


def _archive_seeds(_: Path) -> list[bytes]:
    found = []
    for mode in ("w", "w:gz", "w:xz", "w:bz2"):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode=mode) as file:  # type: ignore[call-overload]
            for name in ("a.txt", "deep/b.bin"):
                info = tarfile.TarInfo(name)
                info.size = 40
                file.addfile(info, io.BytesIO(bytes(40)))
        found.append(buffer.getvalue())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", "a" * 40)
        archive.writestr("deep/b.bin", bytes(40))
    return [buffer.getvalue(), *found]


def _unpack(path: Path) -> Any:
    out = path.with_name("out")
    _empty(out)
    return unpack(path, "zip" if path.read_bytes()[:2] == b"PK" else "tar", out)


def _empty(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()


OWN = (
    Target("npy", "own", _npy_seeds, arrays.read_array, file="input.npy", share=3),
    Target("npz", "own", _npz_seeds, _npz, in_zip, "input.npz", share=0.7),
    Target("pickle", "own", _pickle_seeds, read_pickle, file="input.pkl", share=3),
    Target("statistics", "own", _statistics_seeds, feature_dirs.read_statistics, file="statistics.pkl"),
    Target("mat", "own", _mat_seeds, _mat, file="input.mat", share=3),
    Target("mat-uses", "own", _mat_use_seeds, _mat_uses, file="input.mat", share=0.5),
    Target("tsv", "own", tsv_seeds, _tsv, spoil_tsv, "input.tsv", share=2),
    Target("column", "own", tsv_seeds, _column, spoil_tsv, "input.tsv"),
    Target("yaml", "own", yaml_seeds, _yaml, changed_yaml, "input.yaml", share=0.5),
    Target(
        "decoder-info",
        "own",
        lambda at: [b"_status:\n  computation_id: x\n  computation_status: done\n"],
        _decoder_info,
        changed_yaml,
        "info.yaml",
        share=0.3,
    ),
    Target("selection", "own", selection_seeds, _select, spoil_selection, names_file=False, share=3),
    Target(
        "act-range",
        "own",
        lambda at: [b"1.5 2 3e4\n", b"0.0 " * 40],
        read_act_range,
        spoil_words,
        "act_range.txt",
    ),
    Target(
        "float-tiff",
        "own",
        _tiff_seeds,
        lambda path: read_image(path, LAYOUTS["plain"]),
        file="input.tiff",
        share=2,
    ),
    Target("archive", "own", _archive_seeds, _unpack, in_archive, share=0.5),
)
