"""Whole studies: data sources, simulated brains, the steps of two published studies, and pipelines."""

from typing import TYPE_CHECKING

from isocortex._lazy import attach

if TYPE_CHECKING:
    from isocortex_studies.concepts import CODES as CODES
    from isocortex_studies.concepts import CONDITIONS as CONDITIONS
    from isocortex_studies.simulated import Simulated as Simulated

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "CODES": "isocortex_studies.concepts",
        "CONDITIONS": "isocortex_studies.concepts",
        "Simulated": "isocortex_studies.simulated",
    },
)
