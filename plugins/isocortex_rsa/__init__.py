"""Representational similarity analysis: RDM metrics, similarity measures, model RDMs and their pictures."""

from typing import TYPE_CHECKING

from isocortex._lazy import attach

if TYPE_CHECKING:
    from isocortex_rsa.bars import comparison_bars as comparison_bars
    from isocortex_rsa.codes import Code as Code
    from isocortex_rsa.codes import category_codes as category_codes
    from isocortex_rsa.codes import code_rdm as code_rdm
    from isocortex_rsa.comparing import compare_rdms as compare_rdms
    from isocortex_rsa.computing import compute_rdms as compute_rdms
    from isocortex_rsa.computing import mean_rdm as mean_rdm
    from isocortex_rsa.heatmap import rdm_heatmap as rdm_heatmap
    from isocortex_rsa.loading import load_patterns as load_patterns
    from isocortex_rsa.metrics import correlation as correlation
    from isocortex_rsa.metrics import cosine as cosine
    from isocortex_rsa.metrics import euclidean as euclidean
    from isocortex_rsa.rdm_files import load_rdms as load_rdms
    from isocortex_rsa.similarities import Cosine as Cosine
    from isocortex_rsa.similarities import Pearson as Pearson
    from isocortex_rsa.similarities import Spearman as Spearman

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Code": "isocortex_rsa.codes",
        "Cosine": "isocortex_rsa.similarities",
        "Pearson": "isocortex_rsa.similarities",
        "Spearman": "isocortex_rsa.similarities",
        "category_codes": "isocortex_rsa.codes",
        "code_rdm": "isocortex_rsa.codes",
        "compare_rdms": "isocortex_rsa.comparing",
        "comparison_bars": "isocortex_rsa.bars",
        "compute_rdms": "isocortex_rsa.computing",
        "correlation": "isocortex_rsa.metrics",
        "cosine": "isocortex_rsa.metrics",
        "euclidean": "isocortex_rsa.metrics",
        "load_patterns": "isocortex_rsa.loading",
        "load_rdms": "isocortex_rsa.rdm_files",
        "mean_rdm": "isocortex_rsa.computing",
        "rdm_heatmap": "isocortex_rsa.heatmap",
    },
)
