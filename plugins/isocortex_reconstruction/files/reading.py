"""Reconstructions in folders of the lab, found by label."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from isocortex.data import Images
from isocortex.data.base import Array
from isocortex.data.labels import positions
from isocortex.errors import DataError, LabelMismatch, suggestion
from isocortex.formats import arrays, png
from isocortex.pipeline import outlines
from isocortex.pipeline.costs import Cost, Unknown
from isocortex_reconstruction.files.contents import read_image
from isocortex_reconstruction.files.image_files import place_of
from isocortex_reconstruction.files.layouts import INDEX, LAYOUTS, Layout, layout_of

Content = Literal["raw", "finished"]
Found = tuple[Layout, dict[str, Path]]
"""A layout, and label -> file."""


def read_reconstructions(
    folder: Path,
    layout: str = "auto",
    subject: str | None = None,
    roi: str | None = None,
    labels: Sequence[str] | None = None,
    content: Content = "raw",
) -> Images:
    """Read the images of a folder; see ``load_reconstructions``."""
    which, files = _chosen(folder, layout, subject, roi, labels, content)
    read = {name: _image(path, which, content) for name, path in files.items()}
    return Images(_together(read, files, folder), tuple(files))


def cost_of_reading(
    folder: Path,
    layout: str,
    subject: str | None,
    roi: str | None,
    labels: list[str] | None,
    content: Content,
) -> Cost:
    """``load_reconstructions``: all images twice, one by one and together, of the size of the first."""
    which, files = _chosen(Path(folder), layout, subject, roi, labels, content)
    if not files:
        raise Unknown("no labels are asked for")
    first = _image(next(iter(files.values())), which, content)
    made = outlines.images(len(files), *first.shape[:2], itemsize=first.itemsize)
    return Cost(2 * len(files) * first.nbytes, {"result": made})


def _chosen(
    folder: Path,
    layout: str,
    subject: str | None,
    roi: str | None,
    labels: Sequence[str] | None,
    content: Content,
) -> Found:
    """Files by label, in the order asked for."""
    inside = [name for name in (subject, roi) if name is not None]
    if (folder / INDEX).is_file():
        which, files = _described(folder, inside, content)
        if layout not in ("auto", next(name for name, item in LAYOUTS.items() if item is which)):
            raise DataError(f"{folder}: {INDEX} says that these files have another layout than {layout!r}")
    else:
        place = folder
        for name in inside:
            place = _folder(place, name)
        which, files = _named(place, layout, content)
    names = list(files) if labels is None else list(labels)
    positions(names, tuple(files), f"{folder}: labels")
    return which, {name: files[name] for name in names}


def _described(folder: Path, inside: list[str], content: Content) -> Found:
    """Files by label of a folder that this package wrote."""
    with arrays.described(folder / INDEX) as info:
        layout = layout_of(info["layout"])
        parts = info["parts"]
        fitting = [part for part in parts if part["folders"][len(part["folders"]) - len(inside) :] == inside]
        if len(fitting) != 1:
            have = ["/".join(part["folders"]) for part in parts]
            hint = suggestion("/".join(inside), have, "subjects and ROIs")
            count = "several" if fitting else "no"
            raise DataError(
                f"{folder}: {count} reconstructions of {'/'.join(inside) or 'one subject'}; {hint}"
            )
        about = fitting[0]
        place = place_of(folder, about["place"])
        only_picture = not layout.key and about["images"]["dtype"] == "|u1"
        name = layout.raw_name if content == "raw" and not only_picture else layout.picture_name
        pairs = zip(about["stimuli"], about["files"], strict=True)
        return layout, {label: arrays.inside(place, name(file)) for label, file in pairs}


def _named(place: Path, layout: str, content: Content) -> Found:
    """Files by label of any folder, by their names alone."""
    if not place.is_dir():
        raise DataError(f"{place}: there is no such folder")
    names = ("shen2019", "cookbook2023") if layout == "auto" else (layout,)
    found = {name: _of_layout(place, layout_of(name), content) for name in names}
    found = {name: files for name, files in found.items() if files}
    if len(found) > 1:
        raise DataError(f"{place}: holds reconstructions of {' and of '.join(found)}; say which layout")
    if not found:
        known = [layout_of(name) for name in names]
        forms = [(item.raw if content == "raw" else item.picture) for item in known]
        hint = "; for files with nothing but the label say layout: plain" * (layout == "auto")
        wanted = " or ".join("<label>".join(form) for form in forms)
        raise DataError(f"{place}: no files {wanted} here{hint}{_where(place)}")
    name, files = next(iter(found.items()))
    return LAYOUTS[name], files


def _of_layout(place: Path, layout: Layout, content: Content) -> dict[str, Path]:
    pictures = _matching(place, *layout.picture)
    if content == "finished":
        return pictures
    raw = _matching(place, *layout.raw)
    # a plain image of whole levels is a picture and nothing else
    return raw if layout.key else dict(sorted({**pictures, **raw}.items()))


def _where(place: Path) -> str:
    inner = sorted(item.name for item in place.iterdir() if item.is_dir() and not item.name.startswith("."))
    return f"; subject and roi may name folders inside ({', '.join(inner[:6])})" if inner else ""


def _matching(place: Path, start: str, end: str) -> dict[str, Path]:
    """Label -> file of all names with a beginning and an ending, by name."""
    names = sorted(item.name for item in place.iterdir() if not item.name.startswith(".") and item.is_file())
    return {
        name[len(start) : len(name) - len(end)]: place / name
        for name in names
        if name.startswith(start) and name.endswith(end) and len(name) > len(start) + len(end)
    }


def _folder(place: Path, name: str) -> Path:
    have = sorted(item.name for item in place.iterdir() if item.is_dir()) if place.is_dir() else []
    if name not in have:
        raise DataError(f"{place}: no folder {name!r}; {suggestion(name, have, 'folders')}")
    return place / name


def _image(path: Path, layout: Layout, content: Content) -> Array:
    return png.read_png(path) if content == "finished" else read_image(path, layout)


def _together(read: dict[str, Array], files: dict[str, Path], folder: Path) -> Array:
    """One array of all images, in the widest of their types."""
    if not read:
        raise DataError(f"{folder}: no labels were asked for")
    first = next(iter(read))
    for name, values in read.items():
        if values.shape != read[first].shape:
            raise LabelMismatch(
                f"{files[name]}: {values.shape[0]} x {values.shape[1]} pixels, but {files[first].name} has "
                f"{read[first].shape[0]} x {read[first].shape[1]}"
            )
    kind = np.result_type(*{values.dtype for values in read.values()})
    together = np.empty((len(read), *read[first].shape), kind)
    for row, values in enumerate(read.values()):
        together[row] = values
    return together
