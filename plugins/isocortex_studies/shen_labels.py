"""Which stimulus each sample of study B's fMRI files belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from isocortex.errors import DataError
from isocortex_decoding import BData
from isocortex_studies import shen_stimuli as stimuli
from isocortex_studies.shen_stimuli import Names, Part

_IMAGERY = ("imagery_image_index", "image_index", "category_index")
_WRONG = ("category_id", "category_name")
_PICTURES = ("image_index", "stimulus_id")


def label_key_of(opened: BData, part: Part, given: str | None) -> str:
    """Column that tells the stimulus of each sample.

    Names (``stimulus_name`` with its table of names) before ids of ImageNet (``stimulus_id``) before numbers
    (``image_index``). Of imagery, the number of the target.
    """
    if part == "imagery" and given in _WRONG:
        raise DataError(
            f"{opened.path}: {given} of the published files names other categories than were imagined; give "
            f"the column of the target's number ({', '.join(_IMAGERY)})"
        )
    if given is not None:
        return given
    if part == "imagery":
        wanted: Sequence[str] = _IMAGERY
    else:
        if "stimulus_name" in opened.keys and opened.names("stimulus_name"):
            return "stimulus_name"
        wanted = _PICTURES if part in ("color_shape", "alphabet") else _PICTURES[::-1]
    found = [key for key in wanted if key in opened.keys]
    if not found:
        raise DataError(
            f"{opened.path}: has none of the labels {', '.join(wanted)}; say which column tells the stimulus "
            "(label_key)"
        )
    return found[0]


def labelled(path: Path, key: str, labels: Sequence[str], part: Part, names: Names | None) -> tuple[str, ...]:
    """Stimulus name of each sample, from what a column says: a name already, or a number or id.

    Numbers and ids go through the part's table, or the targets of imagery. Raises ``DataError`` where they
    cannot be told.
    """
    where = f"{path}: {key}"
    named = {label: _name(label, key, part, names, where) for label in dict.fromkeys(labels)}
    twice = {name for name in named.values() if list(named.values()).count(name) > 1}
    if twice:
        raise DataError(f"{where}: several values stand for {sorted(twice)[0]!r}")
    stimuli.require_names(tuple(named.values()), part, where)
    odd = [name for name in named.values() if part == "imagery" and name not in stimuli.TARGETS]
    if odd:
        raise DataError(f"{where}: {odd[0]!r} is no target of imagery; give another label_key")
    return tuple(named[label] for label in labels)


def require_agreement(opened: BData, key: str, part: Part, names: Names | None) -> None:
    """Raise where a file says one name of an image (``key``) and another by its number (``image_index``)."""
    if part != "natural" or names is None or key == "image_index" or "image_index" not in opened.keys:
        return
    pairs = set(zip(opened.labels(key), opened.labels("image_index"), strict=True))
    for label, number in sorted(pairs):
        if not number.isdecimal() or int(number) == 0 or label.isdecimal():
            continue
        name = _name(label, key, part, names, f"{opened.path}: {key}")
        if names.name(int(number)) != name:
            raise DataError(
                f"{opened.path}: image {number} is {name!r} by {key}, and {names.name(int(number))!r} in "
                f"{names.where}"
            )


def _name(label: str, key: str, part: Part, names: Names | None, where: str) -> str:
    number = stimuli.number_of(label)
    if number is None and not label.isdecimal():
        return Path(label).stem if label.lower().endswith((".jpeg", ".tiff", ".tif")) else label
    if names is None and part not in stimuli.TABLES:
        raise DataError(f"{where}: says {label}, which is no name of an image; give another label_key")
    if names is None:
        raise DataError(
            f"{where}: says {label}, and which image that is stands in the table "
            f"{stimuli.TABLES[part][0]}; put it beside the files or into the folder stimuli (isocortex fetch "
            "shen2019-stimulus-names)"
        )
    if key == "stimulus_id" and number is None and part != "imagery":
        return _by_id(label, names, where)
    return names.name(int(label) if number is None else number)


def _by_id(label: str, names: Names, where: str) -> str:
    found = [name for own, name in names.by_id.items() if _same(own, label)]
    if len(found) != 1:
        raise DataError(f"{where}: {label} is the id of {len(found)} stimuli in {names.where}")
    return found[0]


def _same(own: str, label: str) -> bool:
    try:
        return float(own) == float(label)
    except ValueError:
        return False
