"""The published files of both studies. Addresses and checksums are those that their authors publish."""

from __future__ import annotations

from isocortex.assets.asset import Asset, AssetFile
from isocortex_studies.decoded_files import NETWORKS, archives

FIGSHARE = "https://ndownloader.figshare.com/files"
LEE = "Lee, Jung, Lustig & Lee 2023, Human Brain Mapping"
SHEN = "Shen, Horikawa, Majima & Kamitani 2019, PLoS Comput Biol, doi:10.1371/journal.pcbi.1006633"
SHEN_PAGE = "https://figshare.com/articles/dataset/Deep_Image_Reconstruction/7033577"
COOKBOOK = "https://github.com/KamitaniLab/brain-decoding-cookbook-public"
TERMS = "see the page"

ORIGINAL = {
    "sub-01_perceptionNaturalImageTraining_original_VC.h5": 14830643,
    "sub-01_perceptionNaturalImageTest_original_VC.h5": 14830631,
    "sub-02_perceptionNaturalImageTraining_original_VC.h5": 14830712,
    "sub-02_perceptionNaturalImageTest_original_VC.h5": 14830697,
    "sub-03_perceptionNaturalImageTraining_original_VC.h5": 14830862,
    "sub-03_perceptionNaturalImageTest_original_VC.h5": 14830856,
}
"""fMRI of study B -> number at figshare (DeepImageReconstruction, data/fmri/download.sh)."""

FMRIPREP = {
    "sub-01_ImageNetTraining_fmriprep_volume_native.h5": (37838826, "f0aba2065e03a518681ceec65674026b"),
    "sub-01_ImageNetTest_fmriprep_volume_native.h5": (37838595, "7ab3fd8900a766a79e3f266ff223302a"),
    "sub-02_ImageNetTraining_fmriprep_volume_native.h5": (37848333, "8a66fcc107cbef220eb7f94b0737e0cb"),
    "sub-02_ImageNetTest_fmriprep_volume_native.h5": (37848300, "3524e5cae596160115b48ce0b9c25be7"),
    "sub-03_ImageNetTraining_fmriprep_volume_native.h5": (37850397, "889a3afe44c33182d1ec02d0debe2371"),
    "sub-03_ImageNetTest_fmriprep_volume_native.h5": (37849986, "b7ee993435fc9b27ca507d988bdc98e9"),
}
"""fMRI of study B, by fMRIPrep -> number, MD5 (brain-decoding-cookbook, data/files.json)."""

STIMULI = {
    "perceptionNaturalImageTraining.tsv": 14876741,
    "perceptionNaturalImageTest.tsv": 14876738,
    "perceptionLetterImage.tsv": 14876732,
    "perceptionArtificialImage.tsv": 14876798,
}
"""Tables of stimulus names -> number at figshare."""

SIDE = {
    "estimated_vgg19_cnn_feat_std.mat": (13004384, "080d8a320f0615bebaf8cfba7d78e008"),
    "estimated_vgg19LeakyReluAvePool_cnn_feat_std.mat": (13004381, "e839cf27a1103bd3480f62c62fa81034"),
    "ilsvrc_2012_mean.npy": (13004387, "28a998b87558ea0cac23c83e718636b1"),
    "decoded_vgg19_cnn_feat.mat": (13004357, "e3bb7fb1fd3e41843db51c5c4793eaad"),
}
"""What the reconstruction of study B reads besides features (DeepImageReconstruction, data/file_list.csv)."""


def _published(name: str, number: int, md5: str, folder: str = "") -> AssetFile:
    return AssetFile(f"{FIGSHARE}/{number}", folder + name, f"md5:{md5}")


def _archive(number: int, name: str, md5: str) -> AssetFile:
    return AssetFile(f"{FIGSHARE}/{number}", name, f"md5:{md5}", unpack="zip")


def _decoded(image_type: str, subject: str) -> Asset:
    """Decoded features of one image type and subject, by layer and region."""
    files = tuple(_mirrored(*known) for known in archives(image_type, subject))
    network = NETWORKS[image_type]
    return _shen(
        f"shen2019-decoded-{image_type}-{subject}",
        f"study B: {network} features decoded from {subject}, images of type {image_type}",
        files,
        "decodedfeatures",
    )


def _mirrored(name: str, number: int, md5: str) -> AssetFile:
    """An archive with the second address, which the authors' script data/downloaddata.sh uses."""
    second = f"https://s3-eu-west-1.amazonaws.com/pfigshare-u-files/{number}/{name.replace('-', '')}"
    return AssetFile(f"{FIGSHARE}/{number}", name, f"md5:{md5}", unpack="zip", mirrors=(second,))


def _shen(name: str, summary: str, files: tuple[AssetFile, ...], member: str = "") -> Asset:
    """Files of study B; all lie in one folder as its authors' scripts want them."""
    return Asset(name, summary, files, TERMS, SHEN, SHEN_PAGE, folder="shen2019", member=member)


LEE2023 = Asset(
    "lee2023-sample",
    "study A: weights, sample images, one participant's patterns, the trained network",
    (
        AssetFile(
            "http://bspl.korea.ac.kr/Research_data/digitobject/Sample_data.zip",
            "Sample_Data.zip",
            unpack="zip",
        ),
    ),
    licence=TERMS,
    citation=LEE,
    page="https://github.com/bsplku/ISL_RSA_DigitObject_Visual",
)

ASSETS = (
    LEE2023,
    _shen(
        "shen2019-fmri",
        "study B: fMRI of natural images, three subjects",
        tuple(AssetFile(f"{FIGSHARE}/{number}", f"fmri/{name}") for name, number in ORIGINAL.items()),
        "fmri",
    ),
    _shen(
        "shen2019-stimulus-names",
        "study B: which image each label stands for",
        tuple(AssetFile(f"{FIGSHARE}/{number}", f"stimuli/{name}") for name, number in STIMULI.items()),
        "stimuli",
    ),
    _shen(
        "shen2019-side-files",
        "study B: standard deviations of features, mean image, decoded features of the demonstration",
        tuple(_published(name, *known) for name, known in SIDE.items()),
    ),
    Asset(
        "shen2019-fmriprep",
        "study B: fMRI of natural images preprocessed with fMRIPrep, three subjects",
        tuple(_published(name, *known) for name, known in FMRIPREP.items()),
        licence=TERMS,
        citation=SHEN,
        page=COOKBOOK,
    ),
    Asset(
        "shen2019-fmriprep-decoded",
        "study B: VGG19 features decoded from the fMRIPrep data, and their means over training images",
        (
            _archive(
                40106476,
                "decoded_features-ImageNetTest-deeprecon_originals-VGG19.zip",
                "4ed63b96690b91230563b6776306ba74",
            ),
            _archive(
                41520621,
                "features-ImageNetTraining-VGG_ILSVRC_19_layers-mean.mat.zip",
                "5a0a91fe332804f0aa039c13dcb4d388",
            ),
        ),
        licence=TERMS,
        citation=SHEN,
        page=COOKBOOK,
    ),
    *(_decoded(image_type, subject) for image_type in NETWORKS for subject in ("S1", "S2", "S3")),
)
