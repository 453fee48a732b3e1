"""Study B's steps around its stimuli, which may be at hand or not: their features, comparison with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from isocortex.contracts import Generator, Model, Reconstructor
from isocortex.data import Collected, Features, Figure, Images, Table
from isocortex.errors import DataError
from isocortex.layer_names import select_layers
from isocortex.pipeline.settings import InputFolder
from isocortex_decoding import load_feature_folders
from isocortex_reconstruction.controls.steps import Checked, check_reconstruction
from isocortex_reconstruction.controls.targets import Control
from isocortex_reconstruction.evaluation.steps import ReconstructionEvaluation, evaluate_reconstructions
from isocortex_reconstruction.figures.sheet import reconstruction_sheet
from isocortex_studies import shen_stimuli
from isocortex_studies.shen_stimuli import Part
from isocortex_vision.features.extraction import features_of
from isocortex_vision.inspection.contact_sheet import image_sheet


def stimulus_features(
    images: Images,
    model: Model,
    part: Part,
    layers: str | list[str] = "all-conv-fc",
    folder: InputFolder | None = None,
    exclude: list[str] | None = None,
    name: str = "",
) -> Features:
    """Give the true features of stimuli: read from the lab's folders, else computed from their pictures.

    Parameters
    ----------
    images : the pictures; may be none where ``folder`` is given.
    model : the network; where ``folder`` is given, it only says what its layers are called.
    part : "training" (natural images) or what is tested: "natural", "color_shape", "alphabet", "imagery";
        says which folder is read, and changes nothing where pictures are taken.
    layers : names, patterns and short names, as in ``extract_features``.
    folder : ``<folder>/<part>/<layer>/<stimulus>.mat``, of this network.
    exclude : stimuli that take no part; names of which there is none are passed over.
    name : what to call the network.
    """
    if folder is None and not len(images):
        raise DataError(
            f"stimulus_features: there are neither pictures nor features of the part {part!r}; give a folder "
            "of either (stimuli, features)"
        )
    if folder is None:
        found = features_of(_without(images, set(exclude or [])), model, layers, None)
        return replace(found, model=name or found.model)
    read = load_feature_folders(folder / part, layers=select_layers(model, layers), model=name)
    labels = [shen_stimuli.picture_name(label, part, None) for label in read.stimuli]
    shen_stimuli.require_names(labels, part, str(folder / part))
    named = replace(
        read,
        stimuli=tuple(labels),
        categories=tuple(shen_stimuli.category(label) for label in labels),
    )
    kept = [label for label in labels if label not in (exclude or [])]
    return named if len(kept) == len(labels) else named.select(kept)


def compare_with_stimuli(
    reconstructed: Images | Collected[Images],
    originals: Images,
    rng: np.random.Generator,
    exclude: list[str] | None = None,
    permutations: int = 1000,
    bootstraps: int = 1000,
    clip: bool = True,
) -> ReconstructionEvaluation:
    """Compare reconstructions with the stimuli (``evaluate_reconstructions``); empty tables without any.

    Parameters
    ----------
    reconstructed : of one axis value (subject, ROI, ...) or of several, labelled by stimulus.
    exclude : stimuli that are not compared: they have no picture.
    clip : cut off levels of the reconstructions beyond 0 to 255 first.
    """
    if not len(originals):
        return ReconstructionEvaluation(Table({}), Table({}), Table({}))
    left_out = set(exclude or [])
    return evaluate_reconstructions(
        _kept(reconstructed, left_out), _without(originals, left_out), rng, permutations=permutations,
        bootstraps=bootstraps, clip=clip,
    )  # fmt: skip


def check_with_stimuli(
    reconstructed: Images,
    originals: Images,
    decoded: Features,
    training: Images,
    model: Model,
    reconstructor: Reconstructor,
    rng: np.random.Generator,
    generator: Generator | None = None,
    controls: list[Control] | None = None,
    layers: str | list[str] | None = None,
    n_images: int = 2,
    batch_size: int = 4,
) -> Checked:
    """Look for pictures that the brain did not make (``check_reconstruction``); empty without stimuli.

    Parameters
    ----------
    n_images : how many stimuli each control is made for; 0 makes none.
    """
    if not len(originals) or not n_images:
        nothing = Images(np.zeros((0, 1, 1, 3), np.uint8), ())
        return Checked(Table({}), Table({}), Table({}), nothing)
    return check_reconstruction(
        reconstructed, originals, decoded, model, reconstructor, rng, generator,
        training if len(training) else None, None, controls, layers, n_images, batch_size,
    )  # fmt: skip


def stimulus_sheet(
    reconstructed: Images | Collected[Images],
    originals: Images,
    exclude: list[str] | None = None,
    columns: int = 10,
) -> Figure:
    """Show all reconstructions beneath their stimuli, or alone where there are no pictures of these.

    Parameters
    ----------
    reconstructed : of one axis value (subject, ROI, ...) or of several, labelled by stimulus.
    originals : the stimuli; may be none. With some, a reconstruction of anything else is an error.
    exclude : stimuli without a picture; what was reconstructed stands beneath an empty place.
    columns : pictures a row.
    """
    if not len(originals):
        return image_sheet(reconstructed, columns, "All reconstructions, in the order of their labels.")
    parts = [reconstructed] if isinstance(reconstructed, Images) else reconstructed.values()
    shown = {label for part in parts for label in part.stimuli}
    blank = sorted(shown & set(exclude or []) - set(originals.stimuli))
    return reconstruction_sheet(_with_blanks(originals, blank), reconstructed, columns)


def _kept(images: Images | Collected[Images], left_out: set[str]) -> Images | Collected[Images]:
    if isinstance(images, Images):
        return _without(images, left_out)
    parts = {tuple(images.values_of(key).values()): _without(part, left_out) for key, part in images.items()}
    return Collected(parts, images.axes)


def _without(images: Images, left_out: set[str]) -> Images:
    kept = [label for label in images.stimuli if label not in left_out]
    return images if len(kept) == len(images) else images.select(kept)


def _with_blanks(originals: Images, names: list[str]) -> Images:
    """The pictures, and a white one for each of some names."""
    if not names:
        return originals
    blanks = np.full((len(names), *originals.values.shape[1:]), 255, originals.values.dtype)
    labels = (*originals.stimuli, *names)
    order = sorted(labels)
    return Images(np.concatenate([originals.values, blanks]), labels).select(order)
