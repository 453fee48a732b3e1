"""Feature scaling against its definitions written out in numpy, over layouts, types, gaps and damage."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from isocortex.data import Decoded, Features
from isocortex.errors import DamagedFile, DataError, LabelMismatch
from isocortex.testing import check_step
from isocortex_decoding import write_decoder
from isocortex_reconstruction.scaling.methods import METHODS
from isocortex_reconstruction.scaling.spread import spread
from isocortex_reconstruction.scaling.statistics import training_mean, training_sd
from isocortex_reconstruction.scaling.steps import scale_features, scaled

PUBLISHED = {
    "conv1_1": 54.19, "conv1_2": 161.19, "conv2_1": 301.15, "conv2_2": 415.34, "conv3_1": 435.07,
    "conv3_2": 396.41, "conv3_3": 441.31, "conv3_4": 873.57, "conv4_1": 1234.23, "conv4_2": 1265.20,
    "conv4_3": 1000.68, "conv4_4": 563.10, "conv5_1": 307.06, "conv5_2": 151.23, "conv5_3": 73.06,
    "conv5_4": 33.08, "fc6": 11.587, "fc7": 2.9196, "fc8": 2.6282,
}  # fmt: skip
"""estimated_vgg19_cnn_feat_std.mat as published (rounded)."""
SHAPES = {"conv1": (4, 5, 3), "fc6": (7,)}


def features(n: int = 4, seed: int = 0, dtype: Any = np.float32, kind: Any = Decoded) -> Any:
    rng = np.random.default_rng(seed)
    layers = {
        name: (rng.standard_normal((n, *shape)) * 3 + rng.standard_normal(shape)).astype(dtype)
        for name, shape in SHAPES.items()
    }
    more = {"subject": "S1", "roi": "VC", "averaged": (24,) * n} if kind is Decoded else {}
    return kind(layers, tuple(f"img{seed}-{row}" for row in range(n)), model="vgg19", **more)


def brute_spread(sample: Any, ddof: int) -> float:
    """By the words of the study, from arrays with the channels first."""
    if sample.ndim == 1:
        return float(np.sqrt(((sample - sample.mean()) ** 2).sum() / (sample.size - ddof)))
    found = []
    for channel in np.moveaxis(sample, -1, 0):
        flat = [float(value) for row in channel for value in row]
        mean = sum(flat) / len(flat)
        found.append((sum((value - mean) ** 2 for value in flat) / (len(flat) - ddof)) ** 0.5)
    return sum(found) / len(found)


def brute(sample: Any, method: str, sd: float, mean: Any) -> Any:
    f = sample.astype(np.float64)
    if method == "shen2019":
        return f / brute_spread(f, 0) * sd
    if method == "std":
        return (f - f.mean()) / brute_spread(f, 1) * sd + f.mean()
    f1 = f - mean
    m = f1.mean() if method == "mean-centred" else 0.0
    return (f1 - m) / brute_spread(f1, 1) * sd + m + mean


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("shape", [(9,), (2,), (3, 4, 5), (1, 2, 3), (5, 1, 1)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_spread_is_its_definition(shape: Any, ddof: int, dtype: Any) -> None:
    sample = (np.random.default_rng(3).standard_normal(shape) * 5 + 2).astype(dtype)
    wanted = brute_spread(sample.astype(np.float64), ddof)
    assert spread(sample, ddof) == pytest.approx(wanted, rel=1e-12)
    if len(shape) == 3:  # the lab's arrays have the channels first
        view = np.moveaxis(np.ascontiguousarray(np.moveaxis(sample, -1, 0)), 0, -1)
        assert spread(view, ddof) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("ddof", [0, 1])
def test_spread_of_a_single_position_is_over_its_channels(ddof: int) -> None:
    row = np.array([1.0, 2.0, 4.0, 9.0])
    assert spread(row.reshape(1, 1, 4), ddof) == spread(row, ddof) == pytest.approx(np.std(row, ddof=ddof))


def test_spread_of_what_does_not_vary_is_exactly_nothing() -> None:
    assert spread(np.full(1000, 0.1, np.float32), 0) == 0.0
    assert spread(np.full((3, 3, 2), 0.1), 1) == 0.0
    mixed = np.full((2, 2, 2), 0.1)
    mixed[..., 1] = np.array([[0, 2], [0, 2]])
    assert spread(mixed, 0) == 0.5, "a constant channel counts with 0, as in the study"
    assert np.isnan(spread(np.ones(1), 1))
    assert np.isnan(spread(np.empty(0), 0))
    assert np.isnan(spread(np.full(3, np.nan), 0))
    with pytest.raises(DataError, match=r"shape \(2, 2\) is neither"):
        spread(np.ones((2, 2)), 0)


@pytest.mark.parametrize("ddof", [0, 1])
def test_spread_leaves_nan_out(ddof: int) -> None:
    sample = np.random.default_rng(0).standard_normal((3, 3, 4))
    sample[0, :2, 0], sample[:, :, 1] = np.nan, np.nan
    sample[1:, :, 2], sample[0, :2, 2] = np.nan, np.nan  # one position is left
    each = [np.nanstd(sample[..., channel], ddof=ddof) for channel in ((0, 3) if ddof else (0, 2, 3))]
    assert spread(sample, ddof) == pytest.approx(np.mean(each), rel=1e-12)
    row = np.array([1.0, np.nan, 4.0, 9.0])
    assert spread(row, ddof) == pytest.approx(np.nanstd(row, ddof=ddof))


@pytest.mark.parametrize("shape", [(100_001,), (61, 67, 13), (3, 2, 40_000)])
@pytest.mark.parametrize("gaps", [False, True])
def test_spread_of_what_is_larger_than_a_block(shape: Any, gaps: bool) -> None:
    rng = np.random.default_rng(1)
    sample = (rng.standard_normal(shape) + 1000 * rng.random(shape[-1:] if len(shape) == 3 else 1)).astype(
        np.float32
    )
    if gaps:
        sample[rng.random(shape) < 0.1] = np.nan
    axes = (0, 1) if len(shape) == 3 else 0
    for ddof in (0, 1):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # numpy on what has no values
            each = np.nanstd(sample.astype(np.float64), axis=axes, ddof=ddof)
        assert spread(sample, ddof) == pytest.approx(np.nanmean(each), rel=1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_method_is_its_formula(method: str, dtype: Any) -> None:
    decoded, training = features(dtype=dtype), features(6, 1, dtype, Features)
    found = scale_features(decoded, method, training)
    ddof = METHODS[method].ddof
    for name in SHAPES:
        true = training.layers[name].astype(np.float64)
        sd = np.mean([brute_spread(sample, ddof) for sample in true])
        wanted = np.stack([brute(s, method, sd, true.mean(axis=0)) for s in decoded.layers[name]])
        assert found.layers[name].dtype == dtype
        assert np.allclose(found.layers[name], wanted, rtol=1e-5 if dtype == np.float32 else 1e-12, atol=1e-6)
        assert spread(found.layers[name][0], 0) != pytest.approx(spread(decoded.layers[name][0], 0), rel=0.01)


def test_everything_else_stays_as_it_was() -> None:
    decoded = features()
    found = scale_features(decoded, "shen2019", features(5, 1, kind=Features))
    assert isinstance(found, Decoded)
    assert (found.stimuli, found.model, found.subject, found.roi) == (decoded.stimuli, "vgg19", "S1", "VC")
    assert found.averaged == (24,) * 4
    assert list(found.layers) == list(decoded.layers)
    true = features(kind=Features)
    assert type(scaled(true, "shen2019", features(5, 1, kind=Features))) is Features
    assert isinstance(scale_features(true, "none"), Decoded)


def test_the_methods_differ_where_they_should() -> None:
    decoded, training = features(), features(6, 1, kind=Features)
    found = {name: scale_features(decoded, name, training).layers["conv1"] for name in METHODS}
    for one in METHODS:
        for other in METHODS:
            if one != other:
                assert not np.allclose(found[one], found[other], rtol=1e-3)


def test_layers_are_matched_by_name_and_kept_as_asked() -> None:
    decoded, training = features(), features(6, 1, kind=Features)
    turned = Features(dict(reversed(training.layers.items())), training.stimuli)
    one, other = (scale_features(decoded, "mean-centred", data) for data in (training, turned))
    for name in SHAPES:
        assert np.array_equal(one.layers[name], other.layers[name])
    assert list(scale_features(decoded, "shen2019", training, layers=["fc6", "conv1"]).layers) == [
        "fc6",
        "conv1",
    ]
    with pytest.raises(DataError, match="no layer 'fc5'; did you mean 'fc6'"):
        scale_features(decoded, "shen2019", training, layers=["fc5"])
    with pytest.raises(LabelMismatch, match="'fc6' occurs more than once"):
        scale_features(decoded, "shen2019", training, layers=["fc6", "fc6"])
    less = Features({"fc6": training.layers["fc6"]}, training.stimuli)
    with pytest.raises(DataError, match="no layer 'conv1', which was decoded"):
        scale_features(decoded, "shen2019", less)
    other_shape = Features({**training.layers, "conv1": np.ones((6, 3, 4, 5), np.float32)}, training.stimuli)
    with pytest.raises(DataError, match=r"units of shape \(3, 4, 5\), those decoded have \(4, 5, 3\)"):
        scale_features(decoded, "shen2019", other_shape)


def sd_file(path: Path, content: dict[str, Any]) -> Path:
    scipy.io.savemat(path, content, do_compression=True)
    return path


def test_the_published_sds_are_read_and_met(tmp_path: Path) -> None:
    """A sample that is scaled by the file has the SD that was published for its layer."""
    stored = {name: np.array([[value]], np.float32) for name, value in PUBLISHED.items()}
    path = sd_file(tmp_path / "estimated_vgg19_cnn_feat_std.mat", {**stored, "relu1_1": np.float32([[1]])})
    rng = np.random.default_rng(0)
    layers = {
        name: rng.standard_normal(
            (2, 4096 if name[0] == "f" else 7, *([7, 6] if name[0] == "c" else []))
        ).astype(np.float32)
        for name in PUBLISHED
    }
    found = scale_features(Features(layers, ("a", "b")), "shen2019", feature_sd=path)
    for name, value in PUBLISHED.items():
        assert spread(found.layers[name][1], 0) == pytest.approx(value, rel=1e-5)
        assert np.corrcoef(found.layers[name][1].ravel(), layers[name][1].ravel())[0, 1] > 0.999999
    std = scale_features(Features(layers, ("a", "b")), "std", feature_sd=path)
    assert spread(std.layers["fc6"][0], 1) == pytest.approx(11.587, rel=1e-5)
    assert std.layers["fc6"][0].mean() == pytest.approx(layers["fc6"][0].mean(), abs=1e-6)


def test_sds_by_channel_are_averaged_and_must_fit(tmp_path: Path) -> None:
    path = sd_file(
        tmp_path / "chwise_dof1.mat", {"conv1": np.array([[1.0, 2.0, 6.0]]), "fc6": np.float64([[2.0]])}
    )
    found = scale_features(features(), "std", feature_sd=path)
    assert spread(found.layers["conv1"][0], 1) == pytest.approx(3.0, rel=1e-5)
    wrong = sd_file(tmp_path / "b.mat", {"conv1": np.ones((4, 1)), "fc6": np.float64([[2.0]])})
    with pytest.raises(DataError, match=r"SDs of 4 channels, the features have 3 \(are they channels first"):
        scale_features(features(), "std", feature_sd=wrong)


def test_a_file_that_does_not_serve(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no SD of layer 'conv1'; did you mean 'conv1_1'"):
        scale_features(
            features(), "std", feature_sd=sd_file(tmp_path / "a.mat", {"conv1_1": np.ones((1, 1))})
        )
    zero = sd_file(tmp_path / "b.mat", {"conv1": np.zeros((1, 1)), "fc6": np.ones((1, 1))})
    with pytest.raises(DataError, match="SD of layer 'conv1' is 0, so scaling by it would leave nothing"):
        scale_features(features(), "shen2019", feature_sd=zero)
    (tmp_path / "c.mat").write_bytes(zero.read_bytes()[:150])
    with pytest.raises(DamagedFile):
        scale_features(features(), "shen2019", feature_sd=tmp_path / "c.mat")
    with pytest.raises(DataError, match="SD of true features is not known; give feature_sd, or"):
        scale_features(features(), "shen2019")
    with pytest.raises(DataError, match="'mean-centred' needs the training mean of each unit"):
        scale_features(features(), "mean-centred", feature_sd=zero)
    with pytest.raises(DataError, match="method='shen2018': did you mean 'shen2019'"):
        scale_features(features(), "shen2018")  # type: ignore[arg-type]


def test_statistics_of_a_training_set() -> None:
    training = features(9, 2, kind=Features)
    for name, shape in SHAPES.items():
        assert np.allclose(
            training_mean(training, name, shape),
            training.layers[name].astype(np.float64).mean(axis=0),
            rtol=1e-12,
        )
    constant = Features({"fc6": np.ones((3, 7))}, ("a", "b", "c"))
    with pytest.raises(DataError, match="the SD of layer 'fc6' is 0"):
        training_sd(constant, "fc6", (7,), 0)
    with pytest.raises(DataError, match="there are no stimuli"):
        training_sd(Features({"fc6": np.ones((0, 7))}, ()), "fc6", (7,), 0)
    gaps = np.ones((2, 7))
    gaps[1, 3] = np.nan
    with pytest.raises(DataError, match="layer 'fc6' of 'b' holds NaN or infinity"):
        training_mean(Features({"fc6": gaps}, ("a", "b")), "fc6", (7,))


def test_the_training_set_must_not_hold_what_was_decoded() -> None:
    with pytest.warns(UserWarning, match=r"4 of the stimuli are among the training features .* 'img0-0'"):
        scale_features(features(), "shen2019", features(kind=Features))


def decoder_folder(root: Path, layer: str, mean: Any, fold: str = "") -> None:
    folder = root / layer / "S1" / "VC" / fold / "model"
    ones = np.ones(mean.shape)
    write_decoder(
        folder, np.ones((2, *mean.shape)), ones, np.zeros(2), np.ones(2), mean, ones, dtype=np.float64
    )


@pytest.mark.parametrize("fold", ["", "0001"])
def test_the_training_mean_of_decoders(tmp_path: Path, fold: str) -> None:
    decoded, training = features(dtype=np.float64), features(6, 1, np.float64, Features)
    for name, shape in SHAPES.items():
        mean = training_mean(training, name, shape)
        decoder_folder(tmp_path, name, np.moveaxis(mean, -1, 0) if mean.ndim == 3 else mean, fold)
    by_file = scale_features(decoded, "mean-centred", training, decoders=tmp_path, fold=fold or None)
    by_set = scale_features(decoded, "mean-centred", training)
    for name in SHAPES:
        assert np.allclose(by_file.layers[name], by_set.layers[name], rtol=1e-12)


def test_decoders_that_do_not_serve(tmp_path: Path) -> None:
    training = features(6, 1, kind=Features)
    with pytest.raises(DataError, match="no folder 'conv1'; there are no folders here"):
        scale_features(features(), "mean-centred", training, decoders=tmp_path)
    decoder_folder(tmp_path, "conv1", np.zeros((4, 5, 3)))
    with pytest.raises(DataError, match=r"\(4, 5, 3\) and are channels first: load them channels_last"):
        scale_features(features(), "mean-centred", training, decoders=tmp_path)
    nameless = Decoded(features().layers, features().stimuli)
    with pytest.raises(DataError, match="name no subject and ROI"):
        scale_features(nameless, "mean-centred", training, decoders=tmp_path)
    with pytest.raises(DataError, match="a fold is one of decoders"):
        scale_features(features(), "mean-centred", training, fold="1")
    (tmp_path / "other" / "conv1" / "S1" / "V1").mkdir(parents=True)
    with pytest.raises(DataError, match="no folder 'VC'"):
        scale_features(features(), "mean-centred", training, decoders=tmp_path / "other")
    decoder_folder(tmp_path / "nan", "conv1", np.full((3, 4, 5), np.nan))
    with pytest.raises(DataError, match="60 training means are NaN"):
        scale_features(features(), "mean-centred", training, decoders=tmp_path / "nan")


def changed(layer: str, row: int, place: Any, value: float, kind: Any = Decoded) -> Any:
    data = features(kind=kind)
    values = np.array(data.layers[layer])
    values[row][place] = value
    return type(data)({**data.layers, layer: values}, data.stimuli, subject="S1", roi="VC")


@pytest.mark.parametrize("method", [*METHODS, "none"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_errors_that_name_the_place(method: Any, value: float) -> None:
    decoded, training = changed("conv1", 2, (1, 1, 1), value), features(6, 1, kind=Features)
    with pytest.raises(
        DataError, match=r"layer 'conv1' of 'img0-2' holds (NaN \(1 of 60|infinity \(1 units)"
    ):
        scale_features(decoded, method, training)
    if np.isinf(value):
        with pytest.raises(DataError, match="layer 'conv1' of 'img0-2' holds infinity"):
            scale_features(decoded, method, training, nan="train_mean")


@pytest.mark.parametrize("method", [*METHODS, "none"])
def test_nan_becomes_the_training_mean(method: Any) -> None:
    decoded, training = (
        changed("conv1", 2, (slice(None), slice(None), 1), np.nan),
        features(6, 1, kind=Features),
    )
    with pytest.warns(
        UserWarning, match=r"'conv1': NaN became .* in 1 stimuli \(20 values; 20 of 60 units of 'img0-2'"
    ):
        found = scale_features(decoded, method, training, nan="train_mean")
    mean = training_mean(training, "conv1", SHAPES["conv1"])
    assert np.allclose(found.layers["conv1"][2][..., 1], mean[..., 1], rtol=1e-6)
    plain = scale_features(features(), method, training)
    assert np.array_equal(found.layers["conv1"][[0, 1, 3]], plain.layers["conv1"][[0, 1, 3]])
    rest = decoded.layers["conv1"][2][..., [0, 2]].astype(np.float64)
    sd = training_sd(training, "conv1", SHAPES["conv1"], METHODS[method].ddof) if method != "none" else 1.0
    wanted = rest if method == "none" else brute(rest, method, sd, mean[..., [0, 2]])
    assert np.allclose(found.layers["conv1"][2][..., [0, 2]], wanted, rtol=1e-4, atol=1e-5)
    with pytest.raises(DataError, match="needs the training mean"):
        scale_features(decoded, "none", nan="train_mean")


def test_none_leaves_the_arrays_alone() -> None:
    decoded = features()
    found = scale_features(decoded, "none")
    for name in SHAPES:
        assert np.shares_memory(found.layers[name], decoded.layers[name])


@pytest.mark.parametrize("method", METHODS)
def test_a_sample_without_spread_is_an_error(method: Any) -> None:
    training = features(6, 1, kind=Features)
    mean = training_mean(training, "fc6", SHAPES["fc6"])
    value = mean if METHODS[method].training_mean else 0.1
    decoded = changed("fc6", 1, slice(None), value)
    with pytest.raises(DataError, match="layer 'fc6' of 'img0-1' cannot be scaled: its values do not vary"):
        scale_features(decoded, method, training)
    gone = changed("fc6", 1, slice(None), np.nan)
    with pytest.raises(DataError, match="layer 'fc6' of 'img0-1' cannot be scaled: too few of its values"):
        scale_features(gone, method, training, nan="train_mean")


def test_rounding_is_no_spread() -> None:
    """A sample that was decoded as the training mean and stored in float32 differs from it by rounding."""
    training = features(6, 1, np.float64, Features)
    mean = training_mean(training, "conv1", SHAPES["conv1"])
    decoded = Decoded({"conv1": mean.astype(np.float32)[None]}, ("a",))
    with pytest.raises(DataError, match="do not vary around the training mean"):
        scale_features(decoded, "mean-centred", training)
    near = Decoded({"conv1": (mean + 1e-4 * np.arange(60).reshape(4, 5, 3)).astype(np.float32)[None]}, ("a",))
    sd = training_sd(training, "conv1", SHAPES["conv1"], 1)
    found = scale_features(near, "mean-centred", training).layers["conv1"][0]
    assert spread(found - mean, 1) == pytest.approx(sd, rel=1e-5)


def test_what_a_type_cannot_hold_is_an_error() -> None:
    decoded = Decoded({"fc6": np.arange(5, dtype=np.float16)[None]}, ("a",))
    training = Features({"fc6": np.arange(5)[None] * 1e6}, ("b",))
    with warnings.catch_warnings(), pytest.raises(DataError, match="holds values that float16 cannot"):
        warnings.simplefilter("error")
        scale_features(decoded, "shen2019", training)


def test_layers_of_another_form_are_refused() -> None:
    odd = Decoded({"map": np.ones((1, 2, 3))}, ("a",))
    with pytest.raises(DataError, match=r"'map' has units of shape \(2, 3\)"):
        scale_features(odd, "shen2019", Features({"map": np.ones((1, 2, 3))}, ("b",)))


def test_no_samples_are_no_samples() -> None:
    empty = Decoded({"fc6": np.empty((0, 7), np.float32)}, ())
    found = scale_features(empty, "shen2019", features(6, 1, kind=Features))
    assert found.layers["fc6"].shape == (0, 7)


def test_the_result_is_on_disk_and_saved_as_it_is(tmp_path: Path) -> None:
    """Layers come from memory maps and go to scratch files; saving and loading keeps them to the bit."""
    features().save(tmp_path)
    decoded = Decoded.load(tmp_path)
    found = scale_features(decoded, "std", features(6, 1, kind=Features))
    assert all(isinstance(values, np.memmap) for values in found.layers.values())
    (tmp_path / "out").mkdir()
    found.save(tmp_path / "out")
    again = Decoded.load(tmp_path / "out")
    assert again.averaged == (24,) * 4
    for name in SHAPES:
        assert np.array_equal(again.layers[name], found.layers[name])


def test_it_is_a_sound_step() -> None:
    schema = check_step(scale_features)
    assert list(schema.inputs) == ["decoded", "training"]
    assert not schema.inputs["training"].required
