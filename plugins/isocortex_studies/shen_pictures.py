"""Where the pictures of study B's stimuli are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from isocortex.errors import DataError
from isocortex_studies import shen_stimuli as stimuli
from isocortex_studies.shen_stimuli import Names, Part
from isocortex_vision.images.folder import picture_files

FOLDERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "training": ("training", "ImageNetTraining"),
        "natural": ("natural", "test", "ImageNetTest"),
        "color_shape": ("color_shape", "ArtificialShapes", "ArtificialImage"),
        "alphabet": ("alphabet", "LetterImage", "Letters"),
        "imagery": ("imagery", "Imagery"),
    }
)
"""Part -> names of its folder of pictures; the authors do not publish them, only give them on request."""


def stimulus_pictures(
    root: Path, part: Part, names: Names | None, exclude: Sequence[str] = ()
) -> dict[str, Path]:
    """Find the pictures of a part: stimulus name -> file, in the order of the files' names.

    Parameters
    ----------
    root : holds a folder for the part; pictures may lie in folders within it (``source``).
    names : the part's numbers and names, as far as they are known.
    exclude : names that are left out.
    """
    folder = next((root / name for name in FOLDERS[part] if (root / name).is_dir()), None)
    if folder is None:
        raise DataError(f"pictures: {root} has no folder {' or '.join(FOLDERS[part])} for the part {part!r}")
    found: dict[str, Path] = {}
    for path in picture_files(folder).values():
        name = stimuli.picture_name(path.stem, part, names)
        if name in exclude:
            continue
        if name in found:
            raise DataError(f"{folder}: {found[name].name} and {path.name} are both of {name!r}")
        found[name] = path
    stimuli.require_names(tuple(found), part, str(folder))
    return found
