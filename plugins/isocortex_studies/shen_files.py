"""How the fMRI files and tables of study B are called, and where in a folder they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from isocortex.errors import DataError, suggestion
from isocortex_decoding import BData
from isocortex_studies.shen_stimuli import TABLES, Part

Version = Literal["original", "fmriprep"]

FILES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "original": {
            "training": "perceptionNaturalImageTraining_original_VC",
            "natural": "perceptionNaturalImageTest_original_VC",
            "color_shape": "perceptionArtificialImage_original_VC",
            "alphabet": "perceptionLetterImage_original_VC",
            "imagery": "imagery_original_VC",
        },
        "fmriprep": {
            "training": "ImageNetTraining_fmriprep_volume_native",
            "natural": "ImageNetTest_fmriprep_volume_native",
            "color_shape": "ArtificialShapes_fmriprep_volume_native",
            "imagery": "Imagery_fmriprep_volume_native",
        },
    }
)
"""Version -> part -> file name after ``sub-01_``. Of the letters there is no file by fMRIPrep."""

_ROI_KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType({"V4": ("ROI_V4", "ROI_hV4")})


def subject_files(root: Path | None, part: Part, version: Version) -> dict[str, Path]:
    """Find a part's files: subject (S1 of ``sub-01``) -> file, by number; ``DataError`` where there are none.

    They lie in ``root`` or in ``root/fmri``.
    """
    if root is None:
        raise DataError("root: say which folder holds the study's fMRI files (sub-01_..._VC.h5)")
    if part not in FILES[version]:
        raise DataError(f"version: there are no {version!r} files of the part {part!r}")
    place = root / "fmri" if (root / "fmri").is_dir() else root
    end = FILES[version][part]
    found: dict[int, Path] = {}
    for path in sorted(place.glob(f"sub-*_{end}.h5")):
        match = re.fullmatch(rf"sub-(\d+)_{re.escape(end)}\.h5", path.name)
        if match and int(match[1]) in found:
            raise DataError(f"{place}: {found[int(match[1])].name} and {path.name} are of one subject")
        if match:
            found[int(match[1])] = path
    if not found:
        raise DataError(f"{place}: has no file sub-01_{end}.h5, nor of another subject")
    return {f"S{number}": found[number] for number in sorted(found)}


def table_file(root: Path | None, part: Part) -> Path | None:
    """Find the table of a part's stimuli: in ``root/stimuli``, ``root``, or ``stimuli`` beside ``root``."""
    if root is None or part not in TABLES:
        return None
    places = [root / "stimuli", root, root.parent / "stimuli"]
    found = [place / name for place in places for name in TABLES[part]]
    return next((path for path in found if path.is_file()), None)


def roi_key(opened: BData, roi: str) -> str:
    """Key of a ROI in a file: ROI_V1 of V1; ROI_V4 or ROI_hV4 of V4."""
    keys = _ROI_KEYS.get(roi, (f"ROI_{roi}",))
    found = [key for key in keys if key in opened.keys]
    if not found:
        have = [key.removeprefix("ROI_") for key in opened.keys if key.startswith("ROI_")]
        raise DataError(f"{opened.path}: no ROI {roi!r}; {suggestion(roi, have, 'ROIs')}")
    return found[0]
