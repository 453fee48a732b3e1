"""Names and keys of the files that hold reconstructions, here and in the lab."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from isocortex.errors import DataError

LayoutName = Literal["shen2019", "cookbook2023", "plain"]
INDEX = "reconstructions.json"
"""Says which label and which subject and ROI is in which file; the lab has none."""
LATENT, LOSSES = "latent", "loss_list"


@dataclass(frozen=True)
class Layout:
    """Files of one image: its exact levels, and a picture to look at.

    Parameters
    ----------
    raw, picture : what stands before and after the label in both names.
    key : of the levels (height, width, 3) RGB in the MAT file; "" for a TIFF of floating point numbers.
    loss_key : of the losses (1, iterations) in the same MAT file; "" for a file of their own.
    stretched : whether the picture is finished as "shen2019", or only clipped and rounded.
    """

    raw: tuple[str, str]
    picture: tuple[str, str]
    key: str
    loss_key: str
    stretched: bool

    def raw_name(self, file: str) -> str:
        """Name of the file with the exact levels."""
        return file.join(self.raw)

    def picture_name(self, file: str) -> str:
        """Name of the picture."""
        return file.join(self.picture)


LAYOUTS: dict[str, Layout] = {
    "shen2019": Layout(("recon_img-", ".mat"), ("recon_img_normalized-", ".jpg"), "recon_img", "", True),
    "cookbook2023": Layout(
        ("recon_image-", ".mat"), ("recon_image-", ".tiff"), "recon_image", "loss_history", True
    ),
    "plain": Layout(("", ".tiff"), ("", ".png"), "", "", False),
}
"""Names as in DeepImageReconstruction, in the lab's cookbook, and with nothing but the label."""


def latent_name(file: str) -> str:
    """Name of the MAT file with a latent (1, ...)."""
    return f"{LATENT}-{file}.mat"


def losses_name(file: str) -> str:
    """Name of the MAT file with losses (1, iterations), where they have their own."""
    return f"{LOSSES}-{file}.mat"


def layout_of(name: str) -> Layout:
    """Find a layout by name."""
    if name not in LAYOUTS:
        raise DataError(f"layout {name!r}: there are {', '.join(LAYOUTS)}")
    return LAYOUTS[name]
