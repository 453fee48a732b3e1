"""The searchlight: RDMs and RSA around every voxel, by running sums."""

from typing import TYPE_CHECKING

from isocortex._lazy import attach

if TYPE_CHECKING:
    from isocortex_searchlight.engine import searchlight_rdms as searchlight_rdms
    from isocortex_searchlight.results import SearchlightRDMs as SearchlightRDMs
    from isocortex_searchlight.results import SearchlightRSA as SearchlightRSA
    from isocortex_searchlight.rsa import searchlight_rsa as searchlight_rsa
    from isocortex_searchlight.shapes import sphere as sphere

EXPORTS = {
    "SearchlightRDMs": "isocortex_searchlight.results",
    "SearchlightRSA": "isocortex_searchlight.results",
    "searchlight_rdms": "isocortex_searchlight.engine",
    "searchlight_rsa": "isocortex_searchlight.rsa",
    "sphere": "isocortex_searchlight.shapes",
}

__getattr__, __dir__, __all__ = attach(__name__, EXPORTS)
