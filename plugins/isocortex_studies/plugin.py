"""What this plugin offers, by name; nothing is imported until it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isocortex.plugins.markers import hookimpl

if TYPE_CHECKING:
    from isocortex.plugins.spec import Register

papers = "isocortex_studies.papers:PAPERS"
"""Papers to cite, for reports."""

assets = "isocortex_studies.assets:ASSETS"
"""Public data of the studies, for ``isocortex fetch``."""

SOURCES = {
    "simulated": ("simulated:Simulated", "digits and objects, planted codes"),
    "lee2023": ("sample_data:SampleData", "Sample_Data of Lee et al. 2023: patterns and images"),
    "nifti-betas": ("nifti_betas:NiftiBetas", "subjects' response maps in NIfTI files"),
    "nifti-runs": ("nifti_runs:NiftiRuns", "fMRI time series in NIfTI files with events, BIDS or not"),
    "picture-folders": ("picture_sources:PictureFolders", "your images of digits and objects"),
    "shen2019": ("shen_source:Shen2019", "fMRI and stimuli of Shen et al. 2019, in their files"),
    "coloured-pictures": (
        "coloured_pictures:ColouredPictures",
        "real digits in colour, and objects drawn by code",
    ),
    "drawn-pictures": ("picture_sources:DrawnPictures", "real digits, and objects drawn by code"),
}

STEPS = {
    "planted_regions": (
        "simulation.regions:planted_regions",
        "where models are planted in a simulated brain",
    ),
    "planted_signals": (
        "simulation.signals:planted_signals",
        "what simulated voxels respond to: layers and codes",
    ),
    "simulate_responses": (
        "simulation.responses:simulate_responses",
        "a simulated subject's responses to every trial",
    ),
    "planted_beside_found": (
        "simulation.answers:planted_beside_found",
        "what was planted, beside what was found",
    ),
    "estimate_responses": (
        "responses:estimate_responses",
        "a pattern a condition, trial or stimulus of each run, by a GLM",
    ),
    "select_samples": ("responses_samples:select_samples", "samples of some runs, conditions or stimuli"),
    "study_network": ("study_network:study_network", "a network of digits and objects, trained or loaded"),
    "network_features": (
        "study_network:network_features",
        "activity of a trained network's layers for images",
    ),
    "study_searchlight": (
        "study_searchlight:study_searchlight",
        "maps of similarity with models, where there are data",
    ),
    "nonzero_maps": ("study_maps:nonzero_maps", "maps of the voxels that have data in all samples"),
    "study_inference": ("study_maps:study_inference", "where maps are significant, soundly or as published"),
    "code_region_rsa": ("code_regions:code_region_rsa", "layers and brain inside the regions of codes"),
    "stimulus_features": ("stimulus_steps:stimulus_features", "true features, from pictures or files"),
    "compare_with_stimuli": (
        "stimulus_steps:compare_with_stimuli",
        "reconstructions compared with the stimuli, where these are at hand",
    ),
    "check_with_stimuli": (
        "stimulus_steps:check_with_stimuli",
        "controls of reconstructions, where the stimuli are at hand",
    ),
    "stimulus_sheet": ("stimulus_steps:stimulus_sheet", "reconstructions beneath their stimuli"),
    "code_region_bars": ("code_bars:code_region_bars", "the same as bars, averaged over subjects"),
    "layer_map_figure": ("layer_picture:layer_map_figure", "which layer fits best where, or that none does"),
    "layer_region_bars": ("layer_bars:layer_region_bars", "layers in the regions of their map, as bars"),
}

PIPELINES = {
    "full-study": "both studies on simulated brains with a known answer",
    "concept-codes": "concept codes in patterns",
    "searchlight-codes": "concept codes by searchlight, tested over subjects",
    "digits-objects": "CNN layers, concept codes and brain (Lee et al. 2023), the whole study",
    "deep-image-reconstruction": "images from published decoded features (Shen et al. 2019), seven presets",
    "deep-image-reconstruction-fmri": "the same from fMRI, with decoding and checks; the same presets",
}


@hookimpl
def register_data_sources(register: Register) -> None:
    for name, (place, summary) in SOURCES.items():
        register(name, f"isocortex_studies.{place}", summary=summary)


@hookimpl
def register_steps(register: Register) -> None:
    for name, (place, summary) in STEPS.items():
        register(name, f"isocortex_studies.{place}", summary=summary)


@hookimpl
def register_pipelines(register: Register) -> None:
    for name, summary in PIPELINES.items():
        register(name, f"isocortex_pipelines:{name}.yaml", summary=summary)
