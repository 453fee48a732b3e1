"""Representational similarity analysis: RDM metrics, noise, similarity measures, ceilings and tests."""

from typing import TYPE_CHECKING

from isocortex._lazy import attach

if TYPE_CHECKING:
    from isocortex_rsa.ceilings.bounds import Ceiling as Ceiling
    from isocortex_rsa.ceilings.bounds import noise_ceiling as noise_ceiling
    from isocortex_rsa.figures.bars import comparison_bars as comparison_bars
    from isocortex_rsa.figures.heatmap import rdm_heatmap as rdm_heatmap
    from isocortex_rsa.metrics.additive import Factors as Factors
    from isocortex_rsa.metrics.angles import correlation as correlation
    from isocortex_rsa.metrics.angles import cosine as cosine
    from isocortex_rsa.metrics.crossnobis import crossnobis as crossnobis
    from isocortex_rsa.metrics.euclidean import euclidean as euclidean
    from isocortex_rsa.metrics.euclidean import sqeuclidean as sqeuclidean
    from isocortex_rsa.metrics.feature_components import component_rdm as component_rdm
    from isocortex_rsa.metrics.feature_components import feature_components as feature_components
    from isocortex_rsa.metrics.features import feature_rdm as feature_rdm
    from isocortex_rsa.metrics.mahalanobis import mahalanobis as mahalanobis
    from isocortex_rsa.metrics.poisson import poisson_kl as poisson_kl
    from isocortex_rsa.metrics.scaled_features import scaled_feature_rdm as scaled_feature_rdm
    from isocortex_rsa.metrics.scipy_pdist import pdist as pdist
    from isocortex_rsa.noise.covariance import noise_covariance as noise_covariance
    from isocortex_rsa.noise.residuals import residuals_from_repeats as residuals_from_repeats
    from isocortex_rsa.noise.whitening import noise_precision as noise_precision
    from isocortex_rsa.noise.whitening import whiten as whiten
    from isocortex_rsa.similarities.basic import Cosine as Cosine
    from isocortex_rsa.similarities.basic import Pearson as Pearson
    from isocortex_rsa.similarities.basic import Spearman as Spearman
    from isocortex_rsa.similarities.kendall import KendallTauA as KendallTauA
    from isocortex_rsa.similarities.kendall import KendallTauB as KendallTauB
    from isocortex_rsa.similarities.partial import PartialCorrelation as PartialCorrelation
    from isocortex_rsa.similarities.partial import SemipartialCorrelation as SemipartialCorrelation
    from isocortex_rsa.similarities.regression import Regression as Regression
    from isocortex_rsa.similarities.regression import regress as regress
    from isocortex_rsa.similarities.rho_a import RhoA as RhoA
    from isocortex_rsa.similarities.whitened import WhitenedCosine as WhitenedCosine
    from isocortex_rsa.similarities.whitened import WhitenedPearson as WhitenedPearson
    from isocortex_rsa.steps.codes import Code as Code
    from isocortex_rsa.steps.codes import category_codes as category_codes
    from isocortex_rsa.steps.codes import code_rdm as code_rdm
    from isocortex_rsa.steps.comparing import compare_beyond as compare_beyond
    from isocortex_rsa.steps.comparing import compare_rdms as compare_rdms
    from isocortex_rsa.steps.computing import compute_rdms as compute_rdms
    from isocortex_rsa.steps.computing import mean_rdm as mean_rdm
    from isocortex_rsa.steps.feature_rdms import feature_rdms as feature_rdms
    from isocortex_rsa.steps.loading import load_patterns as load_patterns
    from isocortex_rsa.steps.model_tests import ModelTests as ModelTests
    from isocortex_rsa.steps.model_tests import model_tests as model_tests
    from isocortex_rsa.steps.noise_ceilings import NoiseCeilings as NoiseCeilings
    from isocortex_rsa.steps.noise_ceilings import noise_ceilings as noise_ceilings
    from isocortex_rsa.steps.rdm_files import load_rdms as load_rdms
    from isocortex_rsa.steps.regressing import regress_rdms as regress_rdms
    from isocortex_rsa.steps.whitening import whiten_patterns as whiten_patterns

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Ceiling": "isocortex_rsa.ceilings.bounds",
        "Code": "isocortex_rsa.steps.codes",
        "Cosine": "isocortex_rsa.similarities.basic",
        "Factors": "isocortex_rsa.metrics.additive",
        "KendallTauA": "isocortex_rsa.similarities.kendall",
        "KendallTauB": "isocortex_rsa.similarities.kendall",
        "ModelTests": "isocortex_rsa.steps.model_tests",
        "NoiseCeilings": "isocortex_rsa.steps.noise_ceilings",
        "PartialCorrelation": "isocortex_rsa.similarities.partial",
        "Pearson": "isocortex_rsa.similarities.basic",
        "Regression": "isocortex_rsa.similarities.regression",
        "RhoA": "isocortex_rsa.similarities.rho_a",
        "SemipartialCorrelation": "isocortex_rsa.similarities.partial",
        "Spearman": "isocortex_rsa.similarities.basic",
        "WhitenedCosine": "isocortex_rsa.similarities.whitened",
        "WhitenedPearson": "isocortex_rsa.similarities.whitened",
        "category_codes": "isocortex_rsa.steps.codes",
        "code_rdm": "isocortex_rsa.steps.codes",
        "compare_beyond": "isocortex_rsa.steps.comparing",
        "compare_rdms": "isocortex_rsa.steps.comparing",
        "comparison_bars": "isocortex_rsa.figures.bars",
        "component_rdm": "isocortex_rsa.metrics.feature_components",
        "compute_rdms": "isocortex_rsa.steps.computing",
        "correlation": "isocortex_rsa.metrics.angles",
        "cosine": "isocortex_rsa.metrics.angles",
        "crossnobis": "isocortex_rsa.metrics.crossnobis",
        "euclidean": "isocortex_rsa.metrics.euclidean",
        "feature_components": "isocortex_rsa.metrics.feature_components",
        "feature_rdm": "isocortex_rsa.metrics.features",
        "feature_rdms": "isocortex_rsa.steps.feature_rdms",
        "load_patterns": "isocortex_rsa.steps.loading",
        "load_rdms": "isocortex_rsa.steps.rdm_files",
        "mahalanobis": "isocortex_rsa.metrics.mahalanobis",
        "mean_rdm": "isocortex_rsa.steps.computing",
        "model_tests": "isocortex_rsa.steps.model_tests",
        "noise_ceiling": "isocortex_rsa.ceilings.bounds",
        "noise_ceilings": "isocortex_rsa.steps.noise_ceilings",
        "noise_covariance": "isocortex_rsa.noise.covariance",
        "noise_precision": "isocortex_rsa.noise.whitening",
        "pdist": "isocortex_rsa.metrics.scipy_pdist",
        "poisson_kl": "isocortex_rsa.metrics.poisson",
        "rdm_heatmap": "isocortex_rsa.figures.heatmap",
        "regress": "isocortex_rsa.similarities.regression",
        "regress_rdms": "isocortex_rsa.steps.regressing",
        "residuals_from_repeats": "isocortex_rsa.noise.residuals",
        "scaled_feature_rdm": "isocortex_rsa.metrics.scaled_features",
        "sqeuclidean": "isocortex_rsa.metrics.euclidean",
        "whiten": "isocortex_rsa.noise.whitening",
        "whiten_patterns": "isocortex_rsa.steps.whitening",
    },
)
