"""Representational similarity analysis: RDM metrics, similarity measures, model RDMs and their pictures."""

from typing import TYPE_CHECKING

from isocortex._lazy import attach

if TYPE_CHECKING:
    from isocortex_rsa.figures.bars import comparison_bars as comparison_bars
    from isocortex_rsa.figures.heatmap import rdm_heatmap as rdm_heatmap
    from isocortex_rsa.metrics.basic import correlation as correlation
    from isocortex_rsa.metrics.basic import cosine as cosine
    from isocortex_rsa.metrics.basic import euclidean as euclidean
    from isocortex_rsa.similarities.basic import Cosine as Cosine
    from isocortex_rsa.similarities.basic import Pearson as Pearson
    from isocortex_rsa.similarities.basic import Spearman as Spearman
    from isocortex_rsa.steps.codes import Code as Code
    from isocortex_rsa.steps.codes import category_codes as category_codes
    from isocortex_rsa.steps.codes import code_rdm as code_rdm
    from isocortex_rsa.steps.comparing import compare_rdms as compare_rdms
    from isocortex_rsa.steps.computing import compute_rdms as compute_rdms
    from isocortex_rsa.steps.computing import mean_rdm as mean_rdm
    from isocortex_rsa.steps.loading import load_patterns as load_patterns
    from isocortex_rsa.steps.rdm_files import load_rdms as load_rdms

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Code": "isocortex_rsa.steps.codes",
        "Cosine": "isocortex_rsa.similarities.basic",
        "Pearson": "isocortex_rsa.similarities.basic",
        "Spearman": "isocortex_rsa.similarities.basic",
        "category_codes": "isocortex_rsa.steps.codes",
        "code_rdm": "isocortex_rsa.steps.codes",
        "compare_rdms": "isocortex_rsa.steps.comparing",
        "comparison_bars": "isocortex_rsa.figures.bars",
        "compute_rdms": "isocortex_rsa.steps.computing",
        "correlation": "isocortex_rsa.metrics.basic",
        "cosine": "isocortex_rsa.metrics.basic",
        "euclidean": "isocortex_rsa.metrics.basic",
        "load_patterns": "isocortex_rsa.steps.loading",
        "load_rdms": "isocortex_rsa.steps.rdm_files",
        "mean_rdm": "isocortex_rsa.steps.computing",
        "rdm_heatmap": "isocortex_rsa.figures.heatmap",
    },
)
