"""What this plugin offers, by name; nothing is imported until it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isocortex.plugins.markers import hookimpl

if TYPE_CHECKING:
    from isocortex.plugins.spec import Register

papers = "isocortex_searchlight.papers:PAPERS"
"""Papers to cite, for reports."""


@hookimpl
def register_steps(register: Register) -> None:
    register(
        "searchlight_rdms", "isocortex_searchlight.steps:rdms_step", summary="one RDM around every voxel"
    )
    register(
        "searchlight_rsa", "isocortex_searchlight.steps:rsa_step", summary="maps of similarity with models"
    )
    register(
        "searchlight_ceilings",
        "isocortex_searchlight.ceilings:searchlight_ceilings",
        summary="how well any model could do around every voxel",
    )
    register(
        "searchlight_test",
        "isocortex_searchlight.steps:permutation_step",
        summary="the same, tested by permuting condition labels",
    )
    register(
        "roi_rdms", "isocortex_searchlight.regions:roi_rdms", summary="one RDM for each region of interest"
    )
