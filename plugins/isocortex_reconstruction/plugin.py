"""What this plugin offers, by name; nothing is imported until it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isocortex.plugins.markers import hookimpl

if TYPE_CHECKING:
    from isocortex.plugins.spec import Register

papers = "isocortex_reconstruction.papers:PAPERS"
"""Papers to cite, for reports."""

STEPS: dict[str, tuple[str, str]] = {
    "reconstruct_images": (
        "steps.reconstructing:reconstruct_images",
        "images whose features come close to decoded (or true) ones",
    ),
    "scale_features": ("scaling.steps:scale_features", "decoded features at the scale of true ones"),
    "finish_images": (
        "finishing.steps:finish_images",
        "images made ready to be looked at, by a named method",
    ),
    "export_images": ("files.steps:export_images", "images in files of the Kamitani lab's naming, or plain"),
    "load_reconstructions": ("files.steps:load_reconstructions", "reconstructions from the lab's files"),
    "evaluate_reconstructions": (
        "evaluation.steps:evaluate_reconstructions",
        "how like their stimuli reconstructions are, pixel by pixel",
    ),
    "evaluate_reconstruction_features": (
        "evaluation.steps:evaluate_reconstruction_features",
        "how like their stimuli reconstructions are, layer by layer of a model",
    ),
    "check_reconstruction": (
        "controls.steps:check_reconstruction",
        "controls against reconstructions that only look right",
    ),
    "check_domains": (
        "controls.domains:check_domains",
        "reconstructions of learnt kinds of stimuli beside those of other kinds",
    ),
    "reconstruct_layer_groups": (
        "controls.groups:reconstruct_layer_groups",
        "reconstructions from groups of layers alone",
    ),
    "reconstruction_sheet": (
        "figures.sheet:reconstruction_sheet",
        "all stimuli, with their reconstructions beneath",
    ),
    "loss_curves": ("figures.losses:loss_curves", "how losses went down, in all and by layer"),
    "reconstruction_feature_figure": (
        "figures.features:reconstruction_feature_figure",
        "identification of reconstructions by layer",
    ),
    "reconstruction_identification_figure": (
        "figures.identification:reconstruction_identification_figure",
        "identification from pixels, by ROI",
    ),
    "generate_images": (
        "steps.reconstructing:generate_images",
        "images from decoded latents of a generator",
    ),
}
"""Step -> where its function is, and what it does."""


@hookimpl
def register_reconstructors(register: Register) -> None:
    register(
        "feature-inversion",
        "isocortex_reconstruction.inversion:FeatureInversion",
        summary="pixels or latents by descent, L-BFGS or Adam, until features fit (Shen et al. 2019)",
    )


@hookimpl
def register_steps(register: Register) -> None:
    for name, (place, summary) in STEPS.items():
        register(name, f"isocortex_reconstruction.{place}", summary=summary)
