"""All targets by name."""

from __future__ import annotations

from fuzz_folders import FOLDERS
from fuzz_libraries import LIBRARIES
from fuzz_own import OWN
from fuzz_target import Target
from fuzz_weights import WEIGHTS

TARGETS: dict[str, Target] = {target.name: target for target in (*OWN, *WEIGHTS, *FOLDERS, *LIBRARIES)}
GROUPS = ("own", "h5py", "nibabel", "pillow", "tensorflow")
