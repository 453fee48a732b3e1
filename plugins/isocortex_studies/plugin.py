"""What this plugin offers, by name; nothing is imported until it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isocortex.plugins.markers import hookimpl

if TYPE_CHECKING:
    from isocortex.plugins.spec import Register

assets = "isocortex_studies.assets:ASSETS"
"""Public data of the studies, for ``isocortex fetch``."""


@hookimpl
def register_data_sources(register: Register) -> None:
    register(
        "simulated", "isocortex_studies.simulated:Simulated", summary="digits and objects, planted codes"
    )


@hookimpl
def register_pipelines(register: Register) -> None:
    register("concept-codes", "isocortex_pipelines:concept-codes.yaml", summary="concept codes in patterns")
    register(
        "searchlight-codes",
        "isocortex_pipelines:searchlight-codes.yaml",
        summary="concept codes by searchlight, tested over subjects",
    )
    register(
        "deep-image-reconstruction",
        "isocortex_pipelines:deep-image-reconstruction.yaml",
        summary="images from published decoded features (Shen et al. 2019), seven presets",
    )
