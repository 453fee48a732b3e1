"""Steps: reconstructions into files of the lab, and out of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from isocortex.choices import require_choice
from isocortex.data import Collected, Features, Images, Table
from isocortex.data.base import Array, Data
from isocortex.data.labels import same_labels, unique
from isocortex.errors import DataError
from isocortex.pipeline.costs import costs
from isocortex.pipeline.settings import AxisValues, InputFolder
from isocortex_reconstruction.files.image_files import Part, ReconstructionFiles
from isocortex_reconstruction.files.layouts import LayoutName
from isocortex_reconstruction.files.reading import Content, cost_of_reading, read_reconstructions
from isocortex_reconstruction.finishing.methods import CLIPPED

NO_AXES = AxisValues({})
_WHAT = "export_images"
Item = TypeVar("Item", bound=Data)


def export_images(
    images: Images | Collected[Images],
    layout: LayoutName = "shen2019",
    losses: Table | Collected[Table] | None = None,
    latents: Features | Collected[Features] | None = None,
    subject: str | None = None,
    roi: str | None = None,
    clipped: float = CLIPPED,
    axes: AxisValues = NO_AXES,
) -> ReconstructionFiles:
    """Write reconstructions as files that the lab's scripts, MATLAB and picture viewers read.

    They lie in ``<subject>/<roi>``; collected ones in a folder for each (other axes are folders outside of
    these). A label that is no safe file name is percent-encoded; ``reconstructions.json`` has all labels.

    Parameters
    ----------
    images : as they were reconstructed, on the scale 0 to 255, not clipped.
    layout : "shen2019": ``recon_img-<label>.mat`` (key ``recon_img``: height x width x 3 in RGB, as the
        authors' files are, although their network takes BGR) and ``recon_img_normalized-<label>.jpg``.
        "cookbook2023": ``recon_image-<label>.mat`` (``recon_image``, ``loss_history``) and ``.tiff``. Both
        pictures are stretched (see ``finish_images``). "plain": ``<label>.png``, clipped to 0 to 255 and
        rounded, and ``<label>.tiff`` with the exact floating point levels.
    losses : with the columns ``stimulus``, ``iteration`` and ``loss``; in ``loss_list-<label>.mat`` where the
        layout has no place for them.
    latents : of one layer, into ``latent-<label>.mat``.
    subject, roi : default: those that the step runs along, or that the images are collected along.
    clipped : percentage of levels that the stretched pictures cut off.
    """
    require_choice(layout, LayoutName, "layout")
    named = {name: value for name, value in (("subject", subject), ("roi", roi)) if value is not None}
    parts = []
    for where, item in _items(images, axes):
        bad = int((~np.isfinite(item.values)).any(axis=(1, 2, 3)).sum())
        if bad:
            raise DataError(f"{_WHAT}: {bad} of {len(item)} images hold NaN or infinity")
        parts.append(
            Part(
                _folders({**where, **named}),
                item,
                _losses(_same(losses, images, where, axes, "losses"), item),
                _latents(_same(latents, images, where, axes, "latents"), item),
            )
        )
    return ReconstructionFiles(layout, tuple(parts), clipped)


@costs(cost_of_reading, "give fewer labels")
def load_reconstructions(
    folder: InputFolder,
    layout: Literal["auto", "shen2019", "cookbook2023", "plain"] = "auto",
    subject: str | None = None,
    roi: str | None = None,
    labels: list[str] | None = None,
    content: Content = "raw",
) -> Images:
    """Read reconstructions from a folder of the lab, or one that ``export_images`` wrote.

    Parameters
    ----------
    folder : with the files, or with ``<subject>/<roi>`` in it.
    layout : how they are named (see ``export_images``); "auto" tells the lab's two by the names.
    subject, roi : names of the folders inside (``$subject`` and ``$roi`` along these axes).
    labels : which, in this order; default all by name.
    content : "raw": the levels that were reconstructed; "finished": the pictures (the ``.jpg`` is lossy).
    """
    return read_reconstructions(Path(folder), layout, subject, roi, labels, content)


def _items(data: Item | Collected[Item], axes: AxisValues) -> list[tuple[dict[str, str], Item]]:
    """Each item with the axis values that it belongs to, those of the step included."""
    if isinstance(data, Collected):
        return [({**axes, **data.values_of(key)}, item) for key, item in data.items()]
    return [(dict(axes), data)]


def _same(
    data: Item | Collected[Item] | None,
    images: Images | Collected[Images],
    where: Mapping[str, str],
    axes: AxisValues,
    what: str,
) -> Item | None:
    """The losses or latents that belong to the images of these axis values."""
    if data is None:
        return None
    if isinstance(data, Collected) != isinstance(images, Collected):
        raise DataError(f"{_WHAT}: {what} and images do not run along the same axes")
    for values, item in _items(data, axes):
        if values == where:
            return item
    raise DataError(f"{_WHAT}: there are no {what} of {', '.join(where.values())}")


def _folders(where: Mapping[str, str]) -> tuple[str, ...]:
    last = [where[name] for name in ("subject", "roi") if where.get(name)]
    return tuple(value for name, value in where.items() if name not in ("subject", "roi")) + tuple(last)


def _losses(table: Table | None, images: Images) -> dict[str, Array] | None:
    """Loss by iteration of each image; every image needs iterations 1, 2, ... (or from 0), each once."""
    if table is None:
        return None
    stimuli, numbers, values = (table[name] for name in ("stimulus", "iteration", "loss"))
    names = tuple(str(name) for name in stimuli.tolist())
    same_labels(images.stimuli, unique(names), f"{_WHAT}: images and losses")
    found = {}
    for stimulus in images.stimuli:
        rows = np.flatnonzero(stimuli == stimulus)
        rows = rows[np.argsort(numbers[rows], kind="stable")]
        first = numbers[rows[0]]
        if first not in (0, 1) or not np.array_equal(numbers[rows], first + np.arange(len(rows))):
            raise DataError(f"{_WHAT}: the losses of {stimulus!r} are not one for each iteration")
        found[stimulus] = np.asarray(values[rows], np.float64)
    return found


def _latents(latents: Features | None, images: Images) -> Array | None:
    if latents is None or not latents.layers:  # made without a generator
        return None
    if len(latents.layers) > 1:
        raise DataError(
            f"{_WHAT}: latents of {len(latents.layers)} layers ({', '.join(latents.layers)}); give one"
        )
    order = same_labels(images.stimuli, latents.stimuli, f"{_WHAT}: images and latents")
    return np.asarray(next(iter(latents.layers.values())))[order]
