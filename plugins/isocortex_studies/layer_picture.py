"""The map of the maximally similar layer, or a sentence where there is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from isocortex.data import Figure, StatMaps, Table
from isocortex_rsa.figures.maps import best_model_figure
from isocortex_studies.code_bars import DPI, sentence

CAPTION = "The layer that is most similar to the brain at each voxel, where any is (number of voxels)."
NOWHERE = "No layer is significantly similar to the brain at any voxel, so that there is no map of layers."
SIMULATED = (
    "This is as it should be: the source simulated plants concept codes in the brains, and no layer. Give "
    "patterns of your own (preset betas), or the authors' (presets sample and lee2023)."
)


def layer_map_figure(
    number: StatMaps, models: Table, source: str = "", view: Literal["slices", "axial"] = "axial"
) -> Figure:
    """Draw which layer fits best where (``best_model_figure``); without any voxel, say so and why.

    Parameters
    ----------
    number, models : from ``best_model_map``.
    source : name of the data source; of ``simulated`` it is known that no layer was planted.
    view : as in ``best_model_figure``.
    """
    if models["voxels"].sum():
        return best_model_figure(number, models, view, caption=CAPTION)
    text = f"{NOWHERE} {SIMULATED}" if source == "simulated" else NOWHERE
    return replace(Figure.from_matplotlib(sentence(text), text, models, dpi=DPI), alt=text)
