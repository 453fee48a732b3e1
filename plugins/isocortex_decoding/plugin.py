"""What this plugin offers, by name; nothing is imported until it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isocortex.plugins.markers import hookimpl

if TYPE_CHECKING:
    from isocortex.plugins.spec import Register

papers = "isocortex_decoding.papers:PAPERS"
"""Papers to cite, for reports."""

DECODERS = {
    "voxel-selected-ridge": (
        "isocortex_decoding.decoders.voxel_ridge:VoxelSelectedRidge",
        "ridge on the voxels that each unit correlates most with",
    ),
    "sparse-linear-regression": (
        "isocortex_decoding.decoders.sparse_regression:SparseLinearRegression",
        "automatic relevance determination, as SLiR",
    ),
    "shrinkage-lda": (
        "isocortex_decoding.crossvalidation.lda:ShrinkageLDA",
        "linear discriminants with a shrunk covariance",
    ),
    "linear-svc": ("sklearn.svm:LinearSVC", "linear support vector classifier"),
    "logistic-regression": ("sklearn.linear_model:LogisticRegression", "logistic regression"),
    "ridge-classifier": ("sklearn.linear_model:RidgeClassifier", "ridge regression on class labels"),
    "lda": ("sklearn.discriminant_analysis:LinearDiscriminantAnalysis", "linear discriminant analysis"),
    "svc": ("sklearn.svm:SVC", "support vector classifier with a kernel"),
    "nearest-centroid": ("sklearn.neighbors:NearestCentroid", "class of the nearest mean"),
    "ridge": ("sklearn.linear_model:Ridge", "ridge regression on all voxels"),
    "lasso": ("sklearn.linear_model:Lasso", "regression with an L1 penalty"),
    "elastic-net": ("sklearn.linear_model:ElasticNet", "regression with L1 and L2 penalties"),
}
"""Name -> where it is, and what it is; those of scikit-learn as they are."""

STEPS = {
    "load_bdata": ("lab_files:load_bdata", "samples of a BData file, with labels, runs and space"),
    "preprocess_bdata": (
        "lab_files:preprocess_bdata",
        "volumes of a BData file to one sample a block, run by run",
    ),
    "load_feature_folders": ("lab_files:load_feature_folders", "true features from the lab's folders"),
    "load_decoded_folders": (
        "lab_files:load_decoded_folders",
        "decoded features from the lab's folders, both conventions",
    ),
    "preprocess_runs": (
        "preprocess:preprocess_runs",
        "volumes of runs to one sample a block, run by run",
    ),
    "average_samples": ("preprocess:average_samples", "samples averaged by label, with their counts"),
    "decode_features": ("decode:decode_features", "CNN features decoded from brain samples"),
    "cross_validation_folds": ("cross_validate:cross_validation_folds", "folds of samples without leaks"),
    "cross_validated_decoding": ("cross_validate:cross_validated_decoding", "features decoded fold by fold"),
    "evaluate_decoding": (
        "evaluate:evaluate_decoding",
        "how well features were decoded, by layer, ROI and subject",
    ),
    "zero_shot_identification": (
        "evaluate_zero_shot:evaluate_zero_shot",
        "identification of decoded features among the training items",
    ),
    "repetition_ceilings": (
        "evaluate_ceilings:repetition_ceilings",
        "noise ceilings of voxels from repeated stimuli",
    ),
    "decoding_guards": (
        "guard_decoding:decoding_guards",
        "leaks, collapse, copies and scale of a decoding study",
    ),
    "classify_categories": ("classify:classify_categories", "categories decoded from brain samples, by ROI"),
}
"""Step -> its function in ``steps``, and what it does."""

FIGURES = {
    "decoding_figure": ("accuracy:decoding_figure", "decoding accuracy by layer, as a picture"),
    "confusion_figure": ("confusion:confusion_figure", "confusion matrices of category decoders"),
}


@hookimpl
def register_decoders(register: Register) -> None:
    for name, (place, summary) in DECODERS.items():
        register(name, place, summary=summary)


@hookimpl
def register_steps(register: Register) -> None:
    for folder, table in (("steps", STEPS), ("figures", FIGURES)):
        for name, (place, summary) in table.items():
            register(name, f"isocortex_decoding.{folder}.{place}", summary=summary)
