"""A data source: which subjects there are is read from the disk."""

import zipfile
from types import MappingProxyType

import numpy as np
from isocortex import Images, InputFolder, Patterns
from isocortex.errors import DamagedFile, DataError, suggestion


class Folder:
    """A folder with one ``NAME.npz`` for each subject (arrays ``patterns``, ``conditions``, ``runs``).

    The stimuli are made up: ``load_images`` draws them, and so takes ``rng``.

    Parameters
    ----------
    root : the folder.
    stimuli : number of stimuli.
    """

    loads = MappingProxyType({"patterns": ("subject",), "images": ()})

    def __init__(self, root: InputFolder, stimuli: int = 2) -> None:
        self.root = root
        self.stimuli = stimuli

    def axes(self):
        """Subjects in alphabetical order."""
        return {"subject": sorted(path.stem for path in self.root.glob("*.npz"))}

    def check(self):
        """Say what is wrong, without reading any file."""
        problems = [] if self.axes()["subject"] else [f"there is no .npz file in {self.root}"]
        return problems + ([] if self.stimuli > 0 else ["stimuli must be 1 or more"])

    def files(self, kind, **axes):
        """Files that a load reads; where one changes, what was made of it is computed again."""
        return [self.root / f"{axes['subject']}.npz"] if kind == "patterns" else []

    def load_patterns(self, subject):
        """Patterns of one subject."""
        subjects = self.axes()["subject"]
        if subject not in subjects:
            raise DataError(
                f"there is no subject {subject!r} in {self.root}; {suggestion(subject, subjects, 'subjects')}"
            )
        file = self.root / f"{subject}.npz"
        try:
            with np.load(file, allow_pickle=False) as found:
                return Patterns(found["patterns"], tuple(found["conditions"]), tuple(found["runs"]))
        except (zipfile.BadZipFile, KeyError, ValueError) as error:
            raise DamagedFile(f"{file} is not a file of patterns, conditions and runs: {error}") from None

    def load_images(self, rng):
        """Stimuli of 16 x 16 pixels, drawn from ``rng`` alone."""
        values = rng.integers(0, 256, (self.stimuli, 4, 4, 3), dtype=np.uint8).repeat(4, 1).repeat(4, 2)
        return Images(values, tuple(f"image{number + 1}" for number in range(self.stimuli)))
