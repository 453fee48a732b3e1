"""What this plugin offers, by name; nothing is imported until it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isocortex.plugins.markers import hookimpl

if TYPE_CHECKING:
    from isocortex.plugins.spec import Register


@hookimpl
def register_rdm_metrics(register: Register) -> None:
    register("correlation", "isocortex_rsa.metrics:correlation", summary="1 - Pearson r between patterns")
    register("cosine", "isocortex_rsa.metrics:cosine", summary="1 - cosine of the angle between patterns")
    register("euclidean", "isocortex_rsa.metrics:euclidean", summary="Euclidean distance between patterns")


@hookimpl
def register_similarities(register: Register) -> None:
    register("spearman", "isocortex_rsa.similarities:Spearman", summary="Spearman's rho, ties share ranks")
    register("pearson", "isocortex_rsa.similarities:Pearson", summary="Pearson's r")
    register("cosine", "isocortex_rsa.similarities:Cosine", summary="cosine of the angle between RDMs")


@hookimpl
def register_steps(register: Register) -> None:
    register("load_patterns", "isocortex_rsa.loading:load_patterns", summary="patterns from a data source")
    register("load_rdms", "isocortex_rsa.rdm_files:load_rdms", summary="RDMs from a .npz or .npy file")
    register("compute_rdms", "isocortex_rsa.computing:compute_rdms", summary="RDMs of patterns")
    register("mean_rdm", "isocortex_rsa.computing:mean_rdm", summary="RDMs averaged over subjects")
    register("category_codes", "isocortex_rsa.codes:category_codes", summary="model RDMs of 0 and 1")
    register("compare_rdms", "isocortex_rsa.comparing:compare_rdms", summary="how well model RDMs fit RDMs")
    register("rdm_heatmap", "isocortex_rsa.heatmap:rdm_heatmap", summary="picture of RDMs")
    register("comparison_bars", "isocortex_rsa.bars:comparison_bars", summary="bars: how well models fit")
