"""The step that decodes features: labels, voxels, averaging, and the accuracy that theory promises."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import Lasso, Ridge

import isocortex as ic
from isocortex.data import Decoded, Features, Patterns, Space
from isocortex.errors import DataError, LabelMismatch
from isocortex.pipeline.settings import AxisValues
from isocortex.testing import check_step
from isocortex_decoding.decoders.voxel_ridge import VoxelSelectedRidge
from isocortex_decoding.steps.decode import decode_features

RIDGE = VoxelSelectedRidge(10.0, 15)


def patterns(values, labels, **more):
    return Patterns(values, tuple(labels), stimuli=tuple(labels), **more)


def made(dtype=np.float64):
    """Training samples of 20 stimuli, three each in no order, and features with others among them."""
    rng = np.random.default_rng(0)
    names = [f"n{place:02d}" for place in range(20)]
    labels = [names[place] for place in rng.permutation(np.repeat(np.arange(20), 3))]
    train = patterns(rng.normal(size=(60, 30)).astype(dtype), labels)
    test = patterns(rng.normal(size=(6, 30)).astype(dtype), ["t2", "t1", "t2", "t1", "t2", "t3"])
    stimuli = [*rng.permutation(names), "t1", "other"]
    layers = {"conv": rng.normal(size=(22, 3, 4, 5)), "fc": rng.normal(size=(22, 7))}
    layers["conv"][20], layers["fc"][20] = np.nan, np.nan  # features of a test stimulus
    layers = {name: values.astype(np.float32) for name, values in layers.items()}
    return train, test, Features(layers, tuple(str(label) for label in stimuli), model="net")


def expected(train, test, features, layer, decoder=RIDGE):
    """Written out: labels looked up one by one."""
    X = train.values
    names = list(dict.fromkeys(train.stimuli))
    y = np.array([features.matrix(layer)[features.stimuli.index(name)] for name in names], dtype=float)
    z = (y - y.mean(axis=0)) / y.std(axis=0, ddof=1)
    repeated = np.array([z[names.index(label)] for label in train.stimuli])
    mean, sd = X.mean(axis=0), X.std(axis=0, ddof=1)
    shown = list(dict.fromkeys(test.stimuli))
    averaged = np.array([test.values[np.array(test.stimuli) == name].mean(axis=0) for name in shown])
    predicted = decoder.fit((X - mean) / sd, repeated).predict((averaged - mean) / sd)
    return shown, predicted * y.std(axis=0, ddof=1) + y.mean(axis=0)


@pytest.mark.parametrize("decoder", [RIDGE, Ridge(3.0), Lasso(0.2)])
def test_equals_its_definition(decoder):
    train, test, features = made()
    found = decode_features(train, test, features, decoder)
    assert isinstance(found, Decoded) and list(found.layers) == ["conv", "fc"]
    assert found.stimuli == ("t2", "t1", "t3") and found.averaged == (3, 2, 1) and found.model == "net"
    for layer in ("conv", "fc"):
        shown, values = expected(train, test, features, layer, decoder)
        assert tuple(shown) == found.stimuli
        np.testing.assert_allclose(found.matrix(layer), values, rtol=1e-7, atol=1e-9)
    assert found.layers["conv"].shape == (3, 3, 4, 5)


class OwnDecoders:
    @ic.hookimpl
    def register_decoders(self, register):
        register("ridge-of-voxels", "isocortex_decoding.decoders.voxel_ridge:VoxelSelectedRidge")
        register("sparse-of-voxels", "isocortex_decoding.decoders.sparse_regression:SparseLinearRegression")
        register("plain-ridge", "sklearn.linear_model:Ridge")


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("ridge-of-voxels", {"n_voxels": 9}),
        ("sparse-of-voxels", {"n_iter": 5}),
        ("plain-ridge", {"alpha": 3.0}),
    ],
)
def test_decoders_by_name(name, settings, monkeypatch):
    built = ic.get("decoder", name, plugins=[OwnDecoders()], **settings)
    assert {key: getattr(built, key) for key in settings} == settings
    train, test, features = made()
    expected = decode_features(train, test, features, built, layers=["fc"])
    monkeypatch.setattr(ic, "get", lambda kind, asked: {("decoder", name): built}[kind, asked])
    found = decode_features(train, test, features, name, layers=["fc"])
    np.testing.assert_array_equal(found.matrix("fc"), expected.matrix("fc"))


def test_order_of_samples_and_features_does_not_matter():
    train, test, features = made()
    one = decode_features(train, test, features, RIDGE)
    rng = np.random.default_rng(5)
    shuffled = features.select([str(label) for label in rng.permutation(features.stimuli)])
    other = decode_features(train.take(rng.permutation(60)), test, shuffled, RIDGE)
    for layer in one.layers:
        np.testing.assert_allclose(other.matrix(layer), one.matrix(layer), rtol=1e-9, atol=1e-12)


def test_single_samples():
    train, test, features = made()
    found = decode_features(train, test, features, RIDGE, average_test=False)
    assert found.stimuli[:2] == ("sample000001-t2", "sample000002-t1") and found.averaged == (1,) * 6
    alone = decode_features(train, test.take(np.array([4])), features, RIDGE)
    np.testing.assert_allclose(found.matrix("fc")[4], alone.matrix("fc")[0], rtol=1e-12)


def test_layers_precision_and_axes():
    train, test, features = made()
    axes = AxisValues({"subject": "S1", "roi": "V1"})
    found = decode_features(train, test, features, RIDGE, layers=["fc"], precision="float32", axes=axes)
    assert list(found.layers) == ["fc"] and found.layers["fc"].dtype == np.float32
    assert (found.subject, found.roi) == ("S1", "V1")
    whole = decode_features(train, test, features, RIDGE)
    np.testing.assert_allclose(found.matrix("fc"), whole.matrix("fc"), atol=1e-4)
    assert decode_features(*made(np.float32), RIDGE).layers["fc"].dtype == np.float32
    with pytest.raises(DataError, match="did you mean 'conv'"):
        decode_features(train, test, features, RIDGE, layers=["cnov"])
    with pytest.raises(LabelMismatch, match="'fc' occurs more than once"):
        decode_features(train, test, features, RIDGE, layers=["fc", "fc"])


def test_excluded_stimuli():
    train, test, features = made()
    keep = [row for row, label in enumerate(train.stimuli) if label not in ("n03", "n11")]
    one = decode_features(train, test, features, RIDGE, exclude_training=["n03", "n11"], exclude_test=["t1"])
    other = decode_features(train.take(np.array(keep)), test, features, RIDGE)
    assert one.stimuli == ("t2", "t3")
    np.testing.assert_array_equal(one.matrix("fc"), other.matrix("fc")[[0, 2]])
    with pytest.raises(LabelMismatch, match="test patterns: stimuli to exclude: no 'n03'"):
        decode_features(train, test, features, RIDGE, exclude_test=["n03"])
    with pytest.raises(DataError, match="no sample left"):
        decode_features(train, test, features, RIDGE, exclude_test=["t1", "t2", "t3"])


def test_labels_that_are_missing_are_named():
    train, test, features = made()
    with pytest.raises(LabelMismatch, match="training stimuli: no 'n04'"):
        decode_features(train, test, features.select([x for x in features.stimuli if x != "n04"]), RIDGE)
    bare = Patterns(train.values, train.conditions)
    with pytest.raises(LabelMismatch, match="training patterns: the samples carry no stimulus labels"):
        decode_features(bare, test, features, RIDGE)
    with pytest.raises(LabelMismatch, match="test patterns: the samples carry no stimulus labels"):
        decode_features(train, Patterns(test.values, test.conditions), features, RIDGE)


def test_voxels_are_matched():
    train, test, features = made()
    names = tuple(f"v{place}" for place in range(30))
    order = np.random.default_rng(3).permutation(30)
    named = patterns(train.values, train.stimuli, channels=names)
    turned = patterns(test.values[:, order], test.stimuli, channels=[names[place] for place in order])
    one, other = (
        decode_features(train, test, features, RIDGE),
        decode_features(named, turned, features, RIDGE),
    )
    np.testing.assert_array_equal(one.matrix("fc"), other.matrix("fc"))
    with pytest.raises(DataError, match="30 voxels and test patterns 29"):
        decode_features(train, patterns(test.values[:, 1:], test.stimuli), features, RIDGE)
    mask = np.zeros((4, 4, 4), dtype=bool)
    mask.ravel()[:30] = True
    spaces = Space(mask, np.eye(4)), Space(np.roll(mask, 1, axis=0), np.eye(4))
    with pytest.raises(DataError, match="voxels"):
        decode_features(
            patterns(train.values, train.stimuli, space=spaces[0]),
            patterns(test.values, test.stimuli, space=spaces[1]),
            features,
            RIDGE,
        )


def test_what_is_dropped_is_said():
    train, test, features = made()
    values = train.values.copy()
    values[:, 3], values[7, 4] = 2.0, np.nan
    layers = {"fc": features.layers["fc"].copy()}
    layers["fc"][:20, 2] = 1.5
    with pytest.warns(UserWarning) as caught:
        found = decode_features(
            patterns(values, train.stimuli), test, Features(layers, features.stimuli), RIDGE
        )
    said = [str(warning.message) for warning in caught]
    assert "of 30 voxels 1 hold NaN or infinity in training, 1 are constant there and 0 hold" in said[0]
    assert "fc: of 7 units 1 are constant over the training stimuli" in said[1]
    np.testing.assert_array_equal(found.matrix("fc")[:, 2], 1.5)


def test_test_stimuli_that_were_trained_on_are_said():
    train, test, features = made()
    leak = patterns(test.values, ["t2", "n07", "t2", "n07", "t2", "t3"])
    with pytest.warns(UserWarning, match="1 of the test stimuli are training stimuli too .*'n07'"):
        decode_features(train, leak, features, RIDGE)


def test_predictions_are_on_disk_as_long_as_they_are_used(tmp_path):
    train, test, features = made()
    found = decode_features(train, test, features, RIDGE)
    values = found.layers["conv"]
    base = values
    while not isinstance(base, np.memmap):
        base = base.base
    file = Path(base.filename)
    assert file.exists()
    found.save(tmp_path)
    again = Decoded.load(tmp_path)
    np.testing.assert_array_equal(again.layers["conv"], values)
    del base, found, values
    gc.collect()
    assert not file.parent.exists()


def test_it_is_a_step():
    schema = check_step(decode_features, "decode_features")
    assert set(schema.inputs) == {"patterns", "test", "features"}
    assert schema.settings["decoder"].component_kind == "decoder"


def test_reaches_the_theoretical_accuracy():
    """Units f ~ N(0, I) drive voxels x = A f + e, e ~ N(0, I), tests averaged over r samples.

    The best linear predictor of unit u from single samples is w = (A A' + I)^-1 a_u; on averages its
    correlation with f_u is w'a_u / sqrt(w'(A A' + I / r) w). Ridge on 4,000 samples comes within 0.01 of it,
    and half of the voxels (each with as much signal) within 0.03 of what they can reach at best.
    """
    rng = np.random.default_rng(0)
    units, voxels, samples, tests, repeats = 8, 40, 4000, 1500, 4
    A = rng.normal(size=(voxels, units)) * rng.uniform(0.05, 0.3, units)
    f = rng.normal(size=(samples, units))
    shown = rng.normal(size=(tests, units))
    x = f @ A.T + rng.normal(size=(samples, voxels))
    seen = np.repeat(shown, repeats, axis=0) @ A.T + rng.normal(size=(tests * repeats, voxels))
    names, test_names = [f"s{i}" for i in range(samples)], [f"t{i}" for i in range(tests)]
    found = decode_features(
        patterns(x, names),
        patterns(seen, np.repeat(test_names, repeats)),
        Features({"fc": f}, tuple(names)),
        VoxelSelectedRidge(1.0, None),
    )
    assert found.stimuli == tuple(test_names) and set(found.averaged) == {repeats}
    for unit in range(units):
        w = np.linalg.solve(A @ A.T + np.eye(voxels), A[:, unit])
        theory = w @ A[:, unit] / np.sqrt(w @ (A @ A.T + np.eye(voxels) / repeats) @ w)
        r = np.corrcoef(found.matrix("fc")[:, unit], shown[:, unit])[0, 1]
        standard_error = (1 - theory**2) / np.sqrt(tests)
        assert abs(r - theory) < 0.01 + 3 * standard_error, (unit, r, theory)


@pytest.mark.parametrize("ratio", [0.25, 1.0, 4.0])
def test_reaches_the_accuracy_of_ridge_with_few_samples(ratio):
    """y = x'w + noise, w ~ N(0, t^2 / V), V = 200 voxels, N = 400 samples, signal to noise t^2 / s^2.

    With alpha = s^2 V / t^2 ridge is the posterior mean, so that E[w'w_hat] = E[w_hat'w_hat] = t^2 q with
    q = 1 - l m(-l), l = alpha / N and m the Stieltjes transform of the Marchenko-Pastur law of V / N; the
    correlation of predictions with targets is then sqrt(t^2 q / (t^2 + s^2)).
    """
    rng = np.random.default_rng(1)
    voxels, samples, tests, units = 200, 400, 2000, 60
    t = np.sqrt(ratio)
    w = rng.normal(size=(voxels, units)) * t / np.sqrt(voxels)
    x, seen = rng.normal(size=(samples, voxels)), rng.normal(size=(tests, voxels))
    y, truth = (a @ w + rng.normal(size=(len(a), units)) for a in (x, seen))
    alpha = voxels / ratio
    gamma, lam = voxels / samples, alpha / samples
    m = (-(1 - gamma + lam) + np.sqrt((1 - gamma + lam) ** 2 + 4 * gamma * lam)) / (2 * gamma * lam)
    theory = np.sqrt(ratio * (1 - lam * m) / (ratio + 1))
    predicted = VoxelSelectedRidge(alpha, None).fit(x, y).predict(seen)
    r = np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(predicted.T, truth.T, strict=True)])
    assert abs(r - theory) < 0.01, (r, theory)


def test_selecting_voxels_finds_the_ones_that_carry_signal():
    """1,000 voxels of which 20 carry the unit, each r = .3: selection reaches their bound, ridge does not."""
    rng = np.random.default_rng(2)
    a = np.zeros(1000)
    a[:20] = 0.3 / np.sqrt(1 - 0.3**2)
    f, shown = rng.normal(size=(1200, 40)), rng.normal(size=(1000, 40))
    found = {}
    for n in (20, None):
        r = []
        for unit in range(4):
            x = np.outer(f[:, unit], a) + rng.normal(size=(1200, 1000))
            seen = np.outer(shown[:, unit], a) + rng.normal(size=(1000, 1000))
            predicted = VoxelSelectedRidge(1.0, n).fit(x, f[:, unit]).predict(seen)
            r.append(np.corrcoef(predicted, shown[:, unit])[0, 1])
        found[n] = np.mean(r)
    bound = np.sqrt(a @ a / (1 + a @ a))
    assert abs(found[20] - bound) < 0.02 and found[None] < found[20] - 0.1


def test_real_fmri_of_digits(real_data):
    """Reference values of the data set's README: pixel ridge, alpha 100, on voxels z-scored by training."""
    data = np.load(real_data / "vangerven_digits69" / "digits69.npz")
    names = [f"train{i}" for i in range(90)]
    shown = [f"test{i}" for i in range(10)]
    images = data["stim_train"].astype(np.float64)
    with pytest.warns(UserWarning, match=r"784 units \d+ are constant over the training stimuli"):
        found = decode_features(
            patterns(data["fmri_train"].astype(np.float64), names),
            patterns(data["fmri_test"].astype(np.float64), shown),
            Features({"pixels": images}, tuple(names)),
            VoxelSelectedRidge(100.0, None),
        )
    truth, predicted = data["stim_test"].reshape(10, 784).astype(float), found.matrix("pixels")
    r = np.corrcoef(predicted, truth)[:10, 10:]
    own = np.diag(r)
    identified = (own[:, None] > r).sum() / 90
    mean_image = np.mean([np.corrcoef(images.mean(axis=0).ravel(), image)[0, 1] for image in truth])
    assert abs(own.mean() - 0.782) < 0.01 and abs(identified - 0.944) < 0.02
    assert abs(mean_image - 0.655) < 0.001
    rng = np.random.default_rng(0)  # above the permutation null
    null = [np.mean(r[np.arange(10), rng.permutation(10)]) for _ in range(2000)]
    assert (np.sum(np.array(null) >= own.mean()) + 1) / 2001 < 0.01
