"""Which files hold the features of which layer and label, in the folders of the Kamitani lab."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from isocortex.errors import DataError, LabelMismatch, suggestion

Files = dict[str, dict[str, Path]]
"""Layer -> label -> file."""

Convention = Literal["auto", "original", "modern"]
_TRIAL = re.compile(r"sample(\d{6,})-(.+)")
_SUFFIX = ".mat"


def true_features(roots: Sequence[Path], layers: Sequence[str] | None = None) -> Files:
    """Find ``<root>/<layer>/<label>.mat``; labels by name, one root after the other.

    Every layer has to hold the same labels, and a label lies in one root; else the error names the
    difference.
    """
    found: Files = {}
    for root in roots:
        names = layers if layers is not None else _folders(root)
        if not names:
            raise DataError(f"{root}: no folders of layers here")
        if found and set(names) != set(found):
            other = sorted(set(names) ^ set(found))
            raise LabelMismatch(f"{root}: the layers differ from those of {roots[0]}: {', '.join(other)}")
        for layer in names:
            files = _files(_folder(root, layer, "layers"))
            twice = sorted(set(files) & set(found.get(layer, {})))
            if twice:
                raise LabelMismatch(f"{root}: layer {layer!r} has {twice[0]!r} in an earlier folder too")
            found.setdefault(layer, {}).update(files)
    return _same_labels(found, ", ".join(str(root) for root in roots))


def decoded_features(
    root: Path,
    subject: str,
    roi: str,
    layers: Sequence[str] | None = None,
    fold: str | None = None,
    convention: Convention = "auto",
) -> Files:
    """Find the decoded features of a subject and ROI.

    They lie in ``<root>/<layer>/<subject>/<roi>``, as bdpy looks for them: in
    ``<fold>/decoded_features/<label>.mat`` (all folds together, or one), ``decoded_features/<label>.mat`` or
    ``<label>.mat``; in the original convention as ``<type>-<net>-<layer>-<subject>-<roi>-<label>.mat``.
    """
    names = layers if layers is not None else _folders(root)
    if not names:
        raise DataError(f"{root}: no folders of layers here")
    found: Files = {}
    for layer in names:
        place = _folder(_folder(_folder(root, layer, "layers"), subject, "subjects"), roi, "ROIs")
        files = _of_place(place, fold)
        found[layer] = _without_prefix(files, f"{layer}-{subject}-{roi}", convention, place)
    return _same_labels(found, str(root))


def folds(root: Path, layer: str, subject: str, roi: str) -> dict[str, list[str]]:
    """The labels that were decoded in each fold of a cross-validation; empty where there were none."""
    place = _folder(_folder(_folder(root, layer, "layers"), subject, "subjects"), roi, "ROIs")
    return {fold: sorted(_files(place / fold / "decoded_features")) for fold in _fold_names(place)}


def trial_label(label: str) -> str | None:
    """The stimulus of a single trial ``sample000012-<label>``, or None for another label."""
    match = _TRIAL.fullmatch(label)
    return match[2] if match else None


def file_of(folder: Path, label: str) -> Path:
    """Where the array of a label goes; a label that cannot be a file name is an error, never changed."""
    if Path(label).name != label or label.startswith(".") or "\\" in label or len(label) > 200:
        raise DataError(f"{folder}: the label {label!r} cannot be the name of a file")
    return folder / f"{label}{_SUFFIX}"


def _of_place(place: Path, fold: str | None) -> dict[str, Path]:
    names = _fold_names(place)
    if fold is not None:
        if fold not in names:
            raise DataError(f"{place}: no fold {fold!r}; {suggestion(fold, names, 'folds')}")
        return _files(place / fold / "decoded_features")
    if not names:
        inner = place / "decoded_features"
        return _files(inner if inner.is_dir() else place)
    found: dict[str, Path] = {}
    for name in names:
        files = _files(place / name / "decoded_features")
        twice = sorted(set(files) & set(found))
        if twice:
            raise LabelMismatch(f"{place}: {twice[0]!r} was decoded in two folds; ask for one of them")
        found |= files
    return dict(sorted(found.items()))


def _fold_names(place: Path) -> list[str]:
    return [name for name in _folders(place) if (place / name / "decoded_features").is_dir()]


def _without_prefix(
    files: Mapping[str, Path], middle: str, convention: Convention, place: Path
) -> dict[str, Path]:
    """Take ``<type>-<net>-<layer>-<subject>-<roi>-`` off the names, if all of them have it."""
    if convention == "modern":
        return dict(files)
    form = re.compile(rf"([^-]+-.+-{re.escape(middle)}-)(.+)")
    matches = {name: form.fullmatch(name) for name in files}
    with_it = [name for name, match in matches.items() if match]
    if len(with_it) < len(files) and (convention == "original" or with_it):
        odd = next(name for name, match in matches.items() if not match)
        raise LabelMismatch(
            f"{place}: {odd!r} is not named <type>-<net>-{middle}-<label>"
            + (" as other files here are" if with_it else "")
        )
    if not with_it:
        return dict(files)
    prefixes = sorted({match[1] for match in matches.values() if match})
    if len(prefixes) > 1:
        raise LabelMismatch(f"{place}: files of {prefixes[0]!r} and of {prefixes[1]!r} lie together")
    return {match[2]: files[name] for name, match in matches.items() if match}


def _same_labels(found: Files, where: str) -> Files:
    first = next(iter(found))
    for layer, files in found.items():
        lacking, more = set(found[first]) - set(files), set(files) - set(found[first])
        if lacking or more:
            parts = [f"{_some(lacking)} only in {first!r}"] * bool(lacking)
            parts += [f"{_some(more)} only in {layer!r}"] * bool(more)
            raise LabelMismatch(f"{where}: the layers hold different labels: {' and '.join(parts)}")
    if not found[first]:
        raise DataError(f"{where}: layer {first!r} has no {_SUFFIX} files")
    return found


def _some(labels: Iterable[str]) -> str:
    names = sorted(labels)
    return ", ".join(map(repr, names[:5])) + (f", ... ({len(names)} in all)" if len(names) > 5 else "")


def _folders(place: Path) -> list[str]:
    if not place.is_dir():
        raise DataError(f"{place}: there is no such folder")
    return sorted(item.name for item in place.iterdir() if item.is_dir() and not item.name.startswith("."))


def _folder(place: Path, name: str, what: str) -> Path:
    if not (place / name).is_dir() or not name or name.startswith(".") or "\\" in name:
        raise DataError(f"{place}: no folder {name!r}; {suggestion(name, _folders(place), what)}")
    return place / name


def _files(place: Path) -> dict[str, Path]:
    found = [item for item in place.iterdir() if item.suffix == _SUFFIX and not item.name.startswith(".")]
    return {item.stem: item for item in sorted(found)}
