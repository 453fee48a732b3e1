"""Reading images back from CNN features: inversion, scaling, outputs, evaluation, controls."""

from typing import TYPE_CHECKING

from isocortex._lazy import attach

if TYPE_CHECKING:
    from isocortex_reconstruction.controls.domains import check_domains as check_domains
    from isocortex_reconstruction.controls.groups import reconstruct_layer_groups as reconstruct_layer_groups
    from isocortex_reconstruction.controls.steps import check_reconstruction as check_reconstruction
    from isocortex_reconstruction.evaluation.steps import (
        evaluate_reconstruction_features as evaluate_reconstruction_features,
    )
    from isocortex_reconstruction.evaluation.steps import evaluate_reconstructions as evaluate_reconstructions
    from isocortex_reconstruction.figures.losses import loss_curves as loss_curves
    from isocortex_reconstruction.figures.sheet import reconstruction_sheet as reconstruction_sheet
    from isocortex_reconstruction.files.image_files import ReconstructionFiles as ReconstructionFiles
    from isocortex_reconstruction.files.steps import export_images as export_images
    from isocortex_reconstruction.files.steps import load_reconstructions as load_reconstructions
    from isocortex_reconstruction.finishing.steps import finish_images as finish_images
    from isocortex_reconstruction.inversion import FeatureInversion as FeatureInversion
    from isocortex_reconstruction.scaling.steps import scale_features as scale_features
    from isocortex_reconstruction.steps.reconstructing import generate_images as generate_images
    from isocortex_reconstruction.steps.reconstructing import reconstruct_images as reconstruct_images

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "FeatureInversion": "isocortex_reconstruction.inversion",
        "ReconstructionFiles": "isocortex_reconstruction.files.image_files",
        "check_domains": "isocortex_reconstruction.controls.domains",
        "check_reconstruction": "isocortex_reconstruction.controls.steps",
        "evaluate_reconstruction_features": "isocortex_reconstruction.evaluation.steps",
        "evaluate_reconstructions": "isocortex_reconstruction.evaluation.steps",
        "export_images": "isocortex_reconstruction.files.steps",
        "finish_images": "isocortex_reconstruction.finishing.steps",
        "generate_images": "isocortex_reconstruction.steps.reconstructing",
        "load_reconstructions": "isocortex_reconstruction.files.steps",
        "loss_curves": "isocortex_reconstruction.figures.losses",
        "reconstruct_images": "isocortex_reconstruction.steps.reconstructing",
        "reconstruct_layer_groups": "isocortex_reconstruction.controls.groups",
        "reconstruction_sheet": "isocortex_reconstruction.figures.sheet",
        "scale_features": "isocortex_reconstruction.scaling.steps",
    },
)
