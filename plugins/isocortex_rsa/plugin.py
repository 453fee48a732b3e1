"""What this plugin offers, by name; nothing is imported until it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isocortex.plugins.markers import hookimpl

if TYPE_CHECKING:
    from isocortex.plugins.spec import Register

papers = "isocortex_rsa.papers:PAPERS"
"""Papers to cite, for reports."""

METRICS = {
    "correlation": ("metrics.angles:correlation", "1 - Pearson r between patterns"),
    "cosine": ("metrics.angles:cosine", "1 - cosine of the angle between patterns"),
    "euclidean": ("metrics.euclidean:euclidean", "Euclidean distance between patterns"),
    "sqeuclidean": ("metrics.euclidean:sqeuclidean", "squared Euclidean distance per channel"),
    "mahalanobis": ("metrics.mahalanobis:mahalanobis", "squared Mahalanobis distance per channel"),
    "crossnobis": ("metrics.crossnobis:crossnobis", "Mahalanobis distance across runs, without noise bias"),
    "poisson_kl": ("metrics.poisson:poisson_kl", "symmetrised KL divergence of Poisson rates"),
    "pdist": ("metrics.scipy_pdist:pdist", "any dissimilarity of scipy's pdist, by name"),
}

SIMILARITIES = {
    "spearman": ("similarities.basic:Spearman", "Spearman's rho, ties share ranks"),
    "pearson": ("similarities.basic:Pearson", "Pearson's r"),
    "cosine": ("similarities.basic:Cosine", "cosine of the angle between RDMs"),
    "rho_a": ("similarities.rho_a:RhoA", "Spearman's rho with ties broken at random, on average"),
    "kendall_tau_a": ("similarities.kendall:KendallTauA", "Kendall's tau-a, for models with ties"),
    "kendall_tau_b": ("similarities.kendall:KendallTauB", "Kendall's tau-b, corrected for ties"),
    "whitened_cosine": ("similarities.whitened:WhitenedCosine", "cosine whitened by the RDM's covariance"),
    "whitened_pearson": ("similarities.whitened:WhitenedPearson", "Pearson's r, likewise whitened"),
}

STEPS = {
    "load_patterns": ("steps.loading:load_patterns", "patterns from a data source"),
    "load_rdms": ("steps.rdm_files:load_rdms", "RDMs from a .npz or .npy file"),
    "whiten_patterns": ("steps.whitening:whiten_patterns", "patterns in units of their noise"),
    "compute_rdms": ("steps.computing:compute_rdms", "RDMs of patterns"),
    "feature_rdms": ("steps.feature_rdms:feature_rdms", "RDMs of a network's layers"),
    "mean_rdm": ("steps.computing:mean_rdm", "RDMs averaged over subjects"),
    "category_codes": ("steps.codes:category_codes", "model RDMs of 0 and 1"),
    "join_rdms": ("steps.joining:join_rdms", "model RDMs of several steps as one set"),
    "compare_rdms": ("steps.comparing:compare_rdms", "how well model RDMs fit RDMs"),
    "compare_beyond": ("steps.comparing:compare_beyond", "model fit beyond control RDMs"),
    "regress_rdms": ("steps.regressing:regress_rdms", "RDMs as weighted sums of models"),
    "noise_ceilings": ("steps.noise_ceilings:noise_ceilings", "how well any model could do"),
    "model_tests": ("steps.model_tests:model_tests", "models tested over subjects"),
    "permutation_test": (
        "inference.label_permutation:permutation_test",
        "models tested by permuting condition labels",
    ),
    "group_test": ("inference.group:group_test", "maps tested over subjects, corrected for many voxels"),
    "mean_maps": ("inference.mean_maps:mean_maps", "maps averaged over subjects"),
    "lee2023_threshold": ("inference.lee2023:lee2023_threshold", "the group threshold of Lee et al. 2023"),
    "best_model_map": ("inference.best_model:best_model_map", "which model fits best at each voxel"),
    "find_clusters": ("inference.clusters:find_clusters", "clusters of a thresholded map"),
    "label_image": ("inference.rois:label_image", "regions of interest from a NIfTI file"),
    "roi_means": ("inference.rois:roi_means", "maps averaged over regions of interest"),
    "rdm_block_similarity": ("inference.blocks:rdm_block_similarity", "model fit in parts of RDMs"),
    "rdm_heatmap": ("figures.heatmap:rdm_heatmap", "picture of RDMs"),
    "comparison_bars": ("figures.bars:comparison_bars", "bars: how well models fit"),
    "layer_curves": ("figures.curves:layer_curves", "curves: how well layers fit, with noise ceilings"),
    "anatomy": ("figures.anatomy:anatomy", "an anatomical image on the grid of maps, to be seen behind them"),
    "map_figure": ("figures.maps:map_figure", "picture of maps of the brain"),
    "best_model_figure": ("figures.maps:best_model_figure", "picture of which model fits best where"),
}


@hookimpl
def register_rdm_metrics(register: Register) -> None:
    _offer(register, METRICS)


@hookimpl
def register_similarities(register: Register) -> None:
    _offer(register, SIMILARITIES)


@hookimpl
def register_steps(register: Register) -> None:
    _offer(register, STEPS)


def _offer(register: Register, components: dict[str, tuple[str, str]]) -> None:
    for name, (place, summary) in components.items():
        register(name, f"isocortex_rsa.{place}", summary=summary)
