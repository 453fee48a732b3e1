"""Inference: permutations of condition labels, tests over subjects, corrections for many tests."""

from typing import TYPE_CHECKING

from isocortex._lazy import attach

if TYPE_CHECKING:
    from isocortex_rsa.inference.best_model import BestModel as BestModel
    from isocortex_rsa.inference.best_model import best_model_map as best_model_map
    from isocortex_rsa.inference.blocks import block_pairs as block_pairs
    from isocortex_rsa.inference.blocks import rdm_block_similarity as rdm_block_similarity
    from isocortex_rsa.inference.clusters import Clusters as Clusters
    from isocortex_rsa.inference.clusters import find_clusters as find_clusters
    from isocortex_rsa.inference.corrections import bonferroni as bonferroni
    from isocortex_rsa.inference.corrections import fdr_bh as fdr_bh
    from isocortex_rsa.inference.corrections import fdr_by as fdr_by
    from isocortex_rsa.inference.corrections import max_statistic as max_statistic
    from isocortex_rsa.inference.corrections import p_of_counts as p_of_counts
    from isocortex_rsa.inference.corrections import reached as reached
    from isocortex_rsa.inference.enhancement import cluster_extent as cluster_extent
    from isocortex_rsa.inference.enhancement import cluster_mass as cluster_mass
    from isocortex_rsa.inference.enhancement import tfce as tfce
    from isocortex_rsa.inference.flips import sign_flips as sign_flips
    from isocortex_rsa.inference.group import GroupTest as GroupTest
    from isocortex_rsa.inference.group import group_test as group_test
    from isocortex_rsa.inference.label_permutation import permutation_test as permutation_test
    from isocortex_rsa.inference.lee2023 import Lee2023 as Lee2023
    from isocortex_rsa.inference.lee2023 import lee2023_threshold as lee2023_threshold
    from isocortex_rsa.inference.mantel import Mantel as Mantel
    from isocortex_rsa.inference.mantel import mantel_test as mantel_test
    from isocortex_rsa.inference.mantel import permutable_embedding as permutable_embedding
    from isocortex_rsa.inference.neighbours import clusters_of as clusters_of
    from isocortex_rsa.inference.neighbours import neighbours_of as neighbours_of
    from isocortex_rsa.inference.onesample import fisher_z as fisher_z
    from isocortex_rsa.inference.onesample import one_sample_t as one_sample_t
    from isocortex_rsa.inference.permutations import condition_permutations as condition_permutations
    from isocortex_rsa.inference.permutations import pair_permutation as pair_permutation
    from isocortex_rsa.inference.rois import RoiMeans as RoiMeans
    from isocortex_rsa.inference.rois import label_image as label_image
    from isocortex_rsa.inference.rois import roi_means as roi_means

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "BestModel": "isocortex_rsa.inference.best_model",
        "Clusters": "isocortex_rsa.inference.clusters",
        "GroupTest": "isocortex_rsa.inference.group",
        "Lee2023": "isocortex_rsa.inference.lee2023",
        "Mantel": "isocortex_rsa.inference.mantel",
        "RoiMeans": "isocortex_rsa.inference.rois",
        "best_model_map": "isocortex_rsa.inference.best_model",
        "block_pairs": "isocortex_rsa.inference.blocks",
        "bonferroni": "isocortex_rsa.inference.corrections",
        "cluster_extent": "isocortex_rsa.inference.enhancement",
        "cluster_mass": "isocortex_rsa.inference.enhancement",
        "clusters_of": "isocortex_rsa.inference.neighbours",
        "condition_permutations": "isocortex_rsa.inference.permutations",
        "fdr_bh": "isocortex_rsa.inference.corrections",
        "fdr_by": "isocortex_rsa.inference.corrections",
        "find_clusters": "isocortex_rsa.inference.clusters",
        "fisher_z": "isocortex_rsa.inference.onesample",
        "group_test": "isocortex_rsa.inference.group",
        "label_image": "isocortex_rsa.inference.rois",
        "lee2023_threshold": "isocortex_rsa.inference.lee2023",
        "mantel_test": "isocortex_rsa.inference.mantel",
        "max_statistic": "isocortex_rsa.inference.corrections",
        "neighbours_of": "isocortex_rsa.inference.neighbours",
        "one_sample_t": "isocortex_rsa.inference.onesample",
        "p_of_counts": "isocortex_rsa.inference.corrections",
        "pair_permutation": "isocortex_rsa.inference.permutations",
        "permutable_embedding": "isocortex_rsa.inference.mantel",
        "permutation_test": "isocortex_rsa.inference.label_permutation",
        "rdm_block_similarity": "isocortex_rsa.inference.blocks",
        "reached": "isocortex_rsa.inference.corrections",
        "roi_means": "isocortex_rsa.inference.rois",
        "sign_flips": "isocortex_rsa.inference.flips",
        "tfce": "isocortex_rsa.inference.enhancement",
    },
)
