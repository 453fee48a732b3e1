"""Decoding CNN features and categories from brain activity."""

from typing import TYPE_CHECKING

from isocortex._lazy import attach

if TYPE_CHECKING:
    from isocortex_decoding.crossvalidation.folds import Folds as Folds
    from isocortex_decoding.crossvalidation.lda import ShrinkageLDA as ShrinkageLDA
    from isocortex_decoding.crossvalidation.splits import given_folds as given_folds
    from isocortex_decoding.crossvalidation.splits import leave_one_out as leave_one_out
    from isocortex_decoding.crossvalidation.splitter import LabelSplit as LabelSplit
    from isocortex_decoding.decoders.sparse_regression import SparseLinearRegression as SparseLinearRegression
    from isocortex_decoding.decoders.stored import StoredModels as StoredModels
    from isocortex_decoding.decoders.streaming import UnitStream as UnitStream
    from isocortex_decoding.decoders.voxel_ridge import VoxelSelectedRidge as VoxelSelectedRidge
    from isocortex_decoding.evaluation.baselines import category_only as category_only
    from isocortex_decoding.evaluation.correlations import correlation_matrix as correlation_matrix
    from isocortex_decoding.evaluation.correlations import pattern_correlation as pattern_correlation
    from isocortex_decoding.evaluation.correlations import profile_correlation as profile_correlation
    from isocortex_decoding.evaluation.identification import identify_features as identify_features
    from isocortex_decoding.evaluation.identification import (
        pairwise_identification as pairwise_identification,
    )
    from isocortex_decoding.evaluation.identification import (
        zero_shot_identification as zero_shot_identification,
    )
    from isocortex_decoding.evaluation.reliability import normalised_accuracy as normalised_accuracy
    from isocortex_decoding.evaluation.reliability import repetition_reliability as repetition_reliability
    from isocortex_decoding.figures.accuracy import decoding_figure as decoding_figure
    from isocortex_decoding.figures.confusion import confusion_figure as confusion_figure
    from isocortex_decoding.files.bdata import BData as BData
    from isocortex_decoding.files.bdata import file_order as file_order
    from isocortex_decoding.files.bdata_writing import write_patterns as write_patterns
    from isocortex_decoding.files.decoder_dirs import StoredDecoder as StoredDecoder
    from isocortex_decoding.files.decoder_dirs import read_decoder as read_decoder
    from isocortex_decoding.files.decoder_dirs import write_decoder as write_decoder
    from isocortex_decoding.files.feature_dirs import read_decoded as read_decoded
    from isocortex_decoding.files.feature_dirs import read_features as read_features
    from isocortex_decoding.files.feature_dirs import read_statistics as read_statistics
    from isocortex_decoding.files.feature_dirs import write_decoded as write_decoded
    from isocortex_decoding.files.feature_dirs import write_features as write_features
    from isocortex_decoding.files.side_files import read_feature_sd as read_feature_sd
    from isocortex_decoding.files.side_files import read_mean_image as read_mean_image
    from isocortex_decoding.files.stimulus_labels import imagenet_label as imagenet_label
    from isocortex_decoding.guards.collapse import collapse as collapse
    from isocortex_decoding.guards.hashes import near_duplicates as near_duplicates
    from isocortex_decoding.preprocessing.regression import detrend as detrend
    from isocortex_decoding.preprocessing.regression import regress_out as regress_out
    from isocortex_decoding.preprocessing.scaling import normalise as normalise
    from isocortex_decoding.preprocessing.scaling import reduce_outliers as reduce_outliers
    from isocortex_decoding.preprocessing.timing import blocks_of as blocks_of
    from isocortex_decoding.preprocessing.timing import one_back_repeats as one_back_repeats
    from isocortex_decoding.preprocessing.timing import shift_samples as shift_samples
    from isocortex_decoding.preprocessing.training_scaler import TrainingScaler as TrainingScaler
    from isocortex_decoding.steps.classify import classify_categories as classify_categories
    from isocortex_decoding.steps.cross_validate import cross_validated_decoding as cross_validated_decoding
    from isocortex_decoding.steps.cross_validate import cross_validation_folds as cross_validation_folds
    from isocortex_decoding.steps.decode import decode_features as decode_features
    from isocortex_decoding.steps.evaluate import evaluate_decoding as evaluate_decoding
    from isocortex_decoding.steps.evaluate_ceilings import repetition_ceilings as repetition_ceilings
    from isocortex_decoding.steps.evaluate_zero_shot import evaluate_zero_shot as evaluate_zero_shot
    from isocortex_decoding.steps.guard_decoding import decoding_guards as decoding_guards
    from isocortex_decoding.steps.lab_files import load_bdata as load_bdata
    from isocortex_decoding.steps.lab_files import load_decoded_folders as load_decoded_folders
    from isocortex_decoding.steps.lab_files import load_feature_folders as load_feature_folders
    from isocortex_decoding.steps.lab_files import preprocess_bdata as preprocess_bdata
    from isocortex_decoding.steps.preprocess import average_samples as average_samples
    from isocortex_decoding.steps.preprocess import preprocess_runs as preprocess_runs

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "BData": "isocortex_decoding.files.bdata",
        "Folds": "isocortex_decoding.crossvalidation.folds",
        "LabelSplit": "isocortex_decoding.crossvalidation.splitter",
        "ShrinkageLDA": "isocortex_decoding.crossvalidation.lda",
        "SparseLinearRegression": "isocortex_decoding.decoders.sparse_regression",
        "StoredModels": "isocortex_decoding.decoders.stored",
        "UnitStream": "isocortex_decoding.decoders.streaming",
        "StoredDecoder": "isocortex_decoding.files.decoder_dirs",
        "TrainingScaler": "isocortex_decoding.preprocessing.training_scaler",
        "VoxelSelectedRidge": "isocortex_decoding.decoders.voxel_ridge",
        "average_samples": "isocortex_decoding.steps.preprocess",
        "blocks_of": "isocortex_decoding.preprocessing.timing",
        "category_only": "isocortex_decoding.evaluation.baselines",
        "classify_categories": "isocortex_decoding.steps.classify",
        "collapse": "isocortex_decoding.guards.collapse",
        "confusion_figure": "isocortex_decoding.figures.confusion",
        "correlation_matrix": "isocortex_decoding.evaluation.correlations",
        "cross_validated_decoding": "isocortex_decoding.steps.cross_validate",
        "cross_validation_folds": "isocortex_decoding.steps.cross_validate",
        "decode_features": "isocortex_decoding.steps.decode",
        "decoding_figure": "isocortex_decoding.figures.accuracy",
        "decoding_guards": "isocortex_decoding.steps.guard_decoding",
        "detrend": "isocortex_decoding.preprocessing.regression",
        "evaluate_decoding": "isocortex_decoding.steps.evaluate",
        "evaluate_zero_shot": "isocortex_decoding.steps.evaluate_zero_shot",
        "file_order": "isocortex_decoding.files.bdata",
        "given_folds": "isocortex_decoding.crossvalidation.splits",
        "identify_features": "isocortex_decoding.evaluation.identification",
        "imagenet_label": "isocortex_decoding.files.stimulus_labels",
        "leave_one_out": "isocortex_decoding.crossvalidation.splits",
        "load_bdata": "isocortex_decoding.steps.lab_files",
        "load_decoded_folders": "isocortex_decoding.steps.lab_files",
        "load_feature_folders": "isocortex_decoding.steps.lab_files",
        "near_duplicates": "isocortex_decoding.guards.hashes",
        "normalise": "isocortex_decoding.preprocessing.scaling",
        "normalised_accuracy": "isocortex_decoding.evaluation.reliability",
        "one_back_repeats": "isocortex_decoding.preprocessing.timing",
        "pairwise_identification": "isocortex_decoding.evaluation.identification",
        "pattern_correlation": "isocortex_decoding.evaluation.correlations",
        "preprocess_bdata": "isocortex_decoding.steps.lab_files",
        "preprocess_runs": "isocortex_decoding.steps.preprocess",
        "profile_correlation": "isocortex_decoding.evaluation.correlations",
        "read_decoded": "isocortex_decoding.files.feature_dirs",
        "read_decoder": "isocortex_decoding.files.decoder_dirs",
        "read_feature_sd": "isocortex_decoding.files.side_files",
        "read_features": "isocortex_decoding.files.feature_dirs",
        "read_mean_image": "isocortex_decoding.files.side_files",
        "read_statistics": "isocortex_decoding.files.feature_dirs",
        "reduce_outliers": "isocortex_decoding.preprocessing.scaling",
        "regress_out": "isocortex_decoding.preprocessing.regression",
        "repetition_ceilings": "isocortex_decoding.steps.evaluate_ceilings",
        "repetition_reliability": "isocortex_decoding.evaluation.reliability",
        "shift_samples": "isocortex_decoding.preprocessing.timing",
        "write_decoded": "isocortex_decoding.files.feature_dirs",
        "write_decoder": "isocortex_decoding.files.decoder_dirs",
        "write_features": "isocortex_decoding.files.feature_dirs",
        "write_patterns": "isocortex_decoding.files.bdata_writing",
        "zero_shot_identification": "isocortex_decoding.evaluation.identification",
    },
)
