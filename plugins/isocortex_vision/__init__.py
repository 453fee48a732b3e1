"""Convolutional networks and image generators in TensorFlow: weights, features, training, a look inside."""

from typing import TYPE_CHECKING

from isocortex._lazy import attach

if TYPE_CHECKING:
    from isocortex_vision.features.extraction import features_of as features_of
    from isocortex_vision.features.steps import extract_features as extract_features
    from isocortex_vision.features.steps import precision_error as precision_error
    from isocortex_vision.generators.act_range import read_act_range as read_act_range
    from isocortex_vision.generators.dgn import DGN as DGN
    from isocortex_vision.inspection.embedding import embed_layers as embed_layers
    from isocortex_vision.inspection.embedding_figure import embedding_figure as embedding_figure
    from isocortex_vision.models.base import TensorFlowModel as TensorFlowModel
    from isocortex_vision.models.keras_model import KerasModel as KerasModel
    from isocortex_vision.models.vgg import VGG16 as VGG16
    from isocortex_vision.models.vgg import VGG19 as VGG19
    from isocortex_vision.training.trained import TrainedNetwork as TrainedNetwork
    from isocortex_vision.weights.npz import save_weights as save_weights
    from isocortex_vision.weights.opening import open_weights as open_weights
    from isocortex_vision.weights.stored import Preprocessing as Preprocessing

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "DGN": "isocortex_vision.generators.dgn",
        "VGG16": "isocortex_vision.models.vgg",
        "VGG19": "isocortex_vision.models.vgg",
        "Preprocessing": "isocortex_vision.weights.stored",
        "KerasModel": "isocortex_vision.models.keras_model",
        "TensorFlowModel": "isocortex_vision.models.base",
        "TrainedNetwork": "isocortex_vision.training.trained",
        "embed_layers": "isocortex_vision.inspection.embedding",
        "embedding_figure": "isocortex_vision.inspection.embedding_figure",
        "extract_features": "isocortex_vision.features.steps",
        "features_of": "isocortex_vision.features.extraction",
        "open_weights": "isocortex_vision.weights.opening",
        "precision_error": "isocortex_vision.features.steps",
        "read_act_range": "isocortex_vision.generators.act_range",
        "save_weights": "isocortex_vision.weights.npz",
    },
)
