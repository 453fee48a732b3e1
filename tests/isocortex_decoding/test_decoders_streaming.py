"""Units in blocks, from memory maps to files, against the same in one go."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from sklearn.linear_model import Lasso, LinearRegression, Ridge
from sklearn.svm import SVC, SVR

from isocortex.errors import DamagedFile, DataError
from isocortex.formats.scratch import ScratchArray, scratch_in
from isocortex_decoding.decoders.sparse_regression import SparseLinearRegression
from isocortex_decoding.decoders.stored import StoredModels
from isocortex_decoding.decoders.streaming import UnitStream
from isocortex_decoding.decoders.unit_blocks import (
    Predictions,
    UnitWriter,
    blocks,
    mapping,
    read_units,
)
from isocortex_decoding.decoders.voxel_ridge import VoxelSelectedRidge

RIDGE = VoxelSelectedRidge(5.0, 12)


def made(labels=20, repeats=3, voxels=40, shape=(4, 5, 9), dtype=np.float64):
    rng = np.random.default_rng(0)
    rows = rng.permutation(np.repeat(np.arange(labels), repeats))
    X, test = rng.normal(size=(len(rows), voxels)) * 5 + 9, rng.normal(size=(6, voxels)) * 5 + 9
    return (
        X.astype(dtype),
        test.astype(dtype),
        rows,
        (rng.normal(size=(labels, *shape)) * 3 - 2).astype(dtype),
    )


def in_one_go(decoder, X, test, rows, Y, weighted=False):
    z = (X - X.mean(axis=0)) / X.std(axis=0, ddof=1)
    t = (test - X.mean(axis=0)) / X.std(axis=0, ddof=1)
    y = Y.reshape(len(Y), -1)
    over = y[rows] if weighted else y
    mean, sd = over.mean(axis=0), over.std(axis=0, ddof=1)
    predicted = decoder.fit(z, ((y - mean) / sd)[rows]).predict(t)
    return (predicted * sd + mean).reshape(len(test), *Y.shape[1:])


@pytest.mark.parametrize("scaling", ["unique", "samples"])
@pytest.mark.parametrize(
    "decoder", [RIDGE, VoxelSelectedRidge(5.0, None), SparseLinearRegression(5, 8), Ridge(5.0), Lasso(0.1)]
)
def test_equals_one_go(decoder, scaling):
    X, test, rows, Y = made()
    found = UnitStream(decoder, X, test, rows, scaling).decode(Y, block=64)
    expected = in_one_go(decoder, X, test, rows, Y, scaling == "samples")
    np.testing.assert_allclose(found.predicted, expected, rtol=1e-7, atol=1e-9)
    assert (found.n_units, found.n_constant, found.n_nan) == (180, 0, 0)


def test_scales_differ_where_repetitions_do():
    """And the intercept is penalised: with a free one, a linear decoder follows any scale of its units."""
    X, test, rows, Y = made()
    rows[rows == 1] = 0
    rows[np.flatnonzero(rows == 0)[0]] = 1
    for decoder, same in [(RIDGE, True), (VoxelSelectedRidge(5.0, 12, "fastl2lir"), False)]:
        one, other = (UnitStream(decoder, X, test, rows, s).decode(Y) for s in ("unique", "samples"))
        assert np.allclose(one.predicted, other.predicted) == same


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_same_bits_for_any_block_and_sink(tmp_path, dtype):
    X, test, rows, Y = made(dtype=dtype)
    stream = UnitStream(RIDGE, X, test, rows)
    whole = stream.decode(Y).predicted
    assert whole.dtype == dtype and not whole.flags.writeable
    for block in (1, 64, 100, 128):
        found = stream.decode(Y, out=tmp_path / f"{block}.npy", block=block).predicted
        assert isinstance(found, np.memmap)
        np.testing.assert_array_equal(found, whole)


def test_only_the_rows_of_training_stimuli_are_read():
    X, test, rows, Y = made()
    more = np.full((30, *Y.shape[1:]), np.nan)  # the others would spoil everything
    places = np.random.default_rng(1).permutation(30)[:20]
    more[places] = Y
    stream = UnitStream(RIDGE, X, test, rows)
    np.testing.assert_array_equal(stream.decode(more, places).predicted, stream.decode(Y).predicted)


def test_a_layer_that_can_be_decoded_alone_or_with_others():
    """One unit, no unit, and units of more axes."""
    X, test, rows, Y = made(shape=(70,))
    stream = UnitStream(RIDGE, X, test, rows)
    whole = stream.decode(Y).predicted
    assert stream.decode(Y[:, :0]).predicted.shape == (6, 0)
    np.testing.assert_allclose(stream.decode(Y[:, :1]).predicted, whole[:, :1], rtol=1e-10)
    cube = stream.decode(Y.reshape(20, 7, 2, 5)).predicted
    np.testing.assert_array_equal(cube.reshape(6, 70), whole)


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_maps_of_either_order(tmp_path, order):
    X, test, rows, Y = made()
    np.save(tmp_path / "y.npy", np.asarray(Y, order=order))
    mapped = np.load(tmp_path / "y.npy", mmap_mode="r")
    assert mapping(mapped) is not None
    stream = UnitStream(RIDGE, X, test, rows)
    np.testing.assert_array_equal(stream.decode(mapped, block=64).predicted, stream.decode(Y).predicted)
    np.testing.assert_array_equal(mapped, Y)


def test_changes_in_memory_alone_are_not_lost(tmp_path):
    np.save(tmp_path / "y.npy", np.zeros((3, 5)))
    mapped = np.load(tmp_path / "y.npy", mmap_mode="c")
    mapped[1] = 7
    read_units(mapped, np.arange(3), 0, 5)
    assert mapping(mapped[1:]) is None
    np.testing.assert_array_equal(mapped[1], 7)


def test_blocks_are_multiples_of_64_and_cover_all():
    for units, rows, most in [(1, 10, None), (64, 10, 1), (1000, 10, 130), (100_000, 1200, None)]:
        found = list(blocks(units, rows, most))
        assert [a for a, _ in found[1:]] == [b for _, b in found[:-1]]
        assert (found[0][0], found[-1][1]) == (0, units)
        assert all((b - a) % 64 == 0 for a, b in found[:-1])
    assert list(blocks(0, 5)) == []


def test_voxels_that_cannot_be_used_are_dropped_and_counted():
    X, test, rows, Y = made()
    good = UnitStream(RIDGE, X, test, rows).decode(Y).predicted
    wide, wide_test = np.insert(X, [3, 9, 20], 1.0, axis=1), np.insert(test, [3, 9, 20], 1.0, axis=1)
    wide[5, 3] = np.nan  # columns 3, 10 and 22 are the new ones
    wide[:, 22] = X[:, 0] * 2
    wide_test[2, 22] = np.inf
    stream = UnitStream(RIDGE, wide, wide_test, rows)
    assert (stream.scale.n_nan, stream.scale.n_constant, stream.n_bad_in_test) == (1, 1, 1)
    np.testing.assert_array_equal(stream.decode(Y).predicted, good)
    with pytest.raises(DataError, match="none of the 40 voxels"):
        UnitStream(RIDGE, np.ones_like(X), test, rows)
    with pytest.raises(DataError, match="no voxel is finite in all test"):
        UnitStream(RIDGE, X, np.full_like(test, np.nan), rows)


@pytest.mark.parametrize("decoder", [RIDGE, SparseLinearRegression(5, 8), Ridge(5.0)])
def test_constant_units_and_units_with_nan(decoder):
    X, test, rows, Y = made(shape=(20,))
    expected = UnitStream(decoder, X, test, rows).decode(Y).predicted
    Y[:, 4], Y[3, 7] = 1 / 3, np.nan
    found = UnitStream(decoder, X, test, rows).decode(Y)
    assert (found.n_constant, found.n_nan) == (1, 1)
    np.testing.assert_array_equal(found.predicted[:, 4], 1 / 3)
    assert np.isnan(found.predicted[:, 7]).all()
    others = np.delete(np.arange(20), [4, 7])
    np.testing.assert_allclose(found.predicted[:, others], expected[:, others], rtol=1e-9)


def test_regressors_of_one_target_are_fitted_unit_by_unit():
    X, test, rows, Y = made(shape=(3,))
    found = UnitStream(SVR(), X, test, rows).decode(Y).predicted
    for unit in range(3):
        z, t = ((a - X.mean(axis=0)) / X.std(axis=0, ddof=1) for a in (X, test))
        y = (Y[:, unit] - Y[:, unit].mean()) / Y[:, unit].std(ddof=1)
        expected = SVR().fit(z, y[rows]).predict(t) * Y[:, unit].std(ddof=1) + Y[:, unit].mean()
        np.testing.assert_allclose(found[:, unit], expected, rtol=1e-9)


class NearestSample:
    """A decoder of a plugin: nothing but fit and predict."""

    def fit(self, X, y):
        self.X, self.y = X, y
        return self

    def predict(self, X):
        return self.y[((X[:, None] - self.X[None]) ** 2).sum(axis=2).argmin(axis=1)]


def test_any_object_that_fits_and_predicts():
    X, test, rows, Y = made()
    found = UnitStream(NearestSample(), X, test, rows).decode(Y).predicted
    np.testing.assert_allclose(found, in_one_go(NearestSample(), X, test, rows, Y))


def test_what_cannot_be_decoded():
    X, test, rows, Y = made()
    with pytest.raises(DataError, match="SVC tells classes apart"):
        UnitStream(SVC(), X, test, rows)
    with pytest.raises(DataError, match="same voxels"):
        UnitStream(RIDGE, X, test[:, :-1], rows)
    with pytest.raises(DataError, match="59 labels for 60"):
        UnitStream(RIDGE, X, test, rows[:-1])
    with pytest.raises(DataError, match="19 rows for samples of 20 labels"):
        UnitStream(RIDGE, X, test, rows).decode(Y[:19], name="conv1")
    with pytest.raises(DataError, match="scaling"):
        UnitStream(RIDGE, X, test, rows, "uniqe")


def test_one_training_stimulus_and_one_sample():
    X, test, _, Y = made()
    found = UnitStream(RIDGE, X[:4], test, np.zeros(4, np.intp)).decode(Y[:1])
    np.testing.assert_array_equal(found.predicted, np.repeat(Y[:1], 6, axis=0))
    with pytest.raises(DataError, match="constant in the 1 training samples"):
        UnitStream(RIDGE, X[:1], test, np.zeros(1, np.intp))


@pytest.mark.parametrize(
    "decoder",
    [
        RIDGE,
        VoxelSelectedRidge(5.0, None),
        VoxelSelectedRidge(5.0, 12, "fastl2lir"),
        SparseLinearRegression(5, 8),
    ],
)
def test_stored_models_predict_the_same(tmp_path, decoder):
    X, test, rows, Y = made()
    X = np.insert(X, 5, 2.0, axis=1)
    test = np.insert(test, 5, 2.0, axis=1)
    Y[:, 0, 0, 0], Y[2, 1, 1, 1] = 3.0, np.nan
    stream = UnitStream(decoder, X, test, rows)
    found = stream.decode(Y, store=tmp_path / "models", block=64).predicted
    models = StoredModels.load(tmp_path / "models")
    assert isinstance(models.weights.values, np.memmap)
    np.testing.assert_array_equal(models.predict(test), found)
    np.testing.assert_array_equal(models.predict(test, tmp_path / "again.npy"), found)
    with pytest.raises(DataError, match="fit models of 41 voxels"):
        models.predict(test[:, 1:])
    with pytest.raises(DataError, match="hold NaN"):
        models.predict(np.where(test == test[0, 7], np.nan, test))
    with pytest.raises(DataError, match="empty folder"):
        stream.decode(Y, store=tmp_path / "models")


def test_only_linear_models_can_be_stored(tmp_path):
    X, test, rows, Y = made()
    with pytest.raises(DataError, match="models of LinearRegression cannot be stored"):
        UnitStream(LinearRegression(), X, test, rows).decode(Y, store=tmp_path / "models")


@pytest.mark.parametrize(
    "damage", ["truncated", "shorter", "index", "description", "missing", "format", "voxels"]
)
def test_damaged_models(tmp_path, damage):
    X, test, rows, Y = made()
    folder = tmp_path / "models"
    UnitStream(RIDGE, X, test, rows).decode(Y, store=folder)
    if damage == "truncated":
        content = (folder / "weights.npy").read_bytes()
        (folder / "weights.npy").write_bytes(content[:-9])
    elif damage == "shorter":
        np.save(folder / "y_mean.npy", np.zeros(179))
    elif damage == "index":
        np.save(folder / "selected.npy", np.full((180, 12), 40, np.int32))
    elif damage == "voxels":
        np.save(folder / "voxels.npy", np.full(40, -1))
    elif damage == "missing":
        (folder / "offset.npy").unlink()
    else:
        old = (folder / "models.json").read_text()
        (folder / "models.json").write_text(
            old[:20] if damage == "description" else old.replace("1,", "9,", 1)
        )
    with pytest.raises(DataError if damage == "missing" else DamagedFile):
        StoredModels.load(folder).predict(test)


def test_an_error_leaves_no_half_file(tmp_path):
    X, test, rows, Y = made()

    class Breaks:
        def fit(self, X, y):
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        UnitStream(Breaks(), X, test, rows).decode(Y, out=tmp_path / "p.npy")
    assert not (tmp_path / "p.npy").exists()


def test_written_files_are_plain_npy(tmp_path):
    values = np.arange(24.0).reshape(2, 3, 4)
    with Predictions(tmp_path / "p.npy", (2, 3, 4), np.float32) as into:
        into.write(values.reshape(2, 12)[:, 5:], 5)
        into.write(values.reshape(2, 12)[:, :5], 0)
    np.testing.assert_array_equal(np.load(tmp_path / "p.npy", allow_pickle=False), values)
    rows = UnitWriter(tmp_path / "w.npy", (5, 2), np.int32, rows=1)
    rows.write(np.arange(4, 10)[None], 4)
    rows.write(np.arange(4)[None], 0)
    rows.close()
    np.testing.assert_array_equal(np.load(tmp_path / "w.npy"), np.arange(10).reshape(5, 2))


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 0), (0, 5)])
def test_predictions_fill_an_array_that_is_there(shape):
    values = np.arange(float(np.prod(shape))).reshape(shape)
    with ScratchArray(shape, np.float32) as scratch:
        flat = values.reshape(shape[0], int(np.prod(shape[1:])))
        for out in (scratch.values, np.empty(shape, np.float32)):
            with Predictions(out, shape, np.float32) as into:
                into.write(flat[:, 5:], 5)
                into.write(flat[:, :5], 0)
            np.testing.assert_array_equal(into.result(), values)
        np.testing.assert_array_equal(scratch.done(), values)
    for wrong in (np.empty((*shape, 1), np.float32), np.empty(shape)):
        with pytest.raises(DataError, match="do not go into"):
            Predictions(wrong, shape, np.float32)


def test_predictions_on_disk_are_those_in_memory_and_what_fails_leaves_nothing(tmp_path):
    X, test, rows, Y = made()
    stream = UnitStream(VoxelSelectedRidge(n_voxels=5), X, test, rows)
    want = stream.decode(Y).predicted
    with scratch_in(tmp_path / "scratch"):
        with ScratchArray(want.shape, stream.dtype) as scratch:
            stream.decode(Y, out=scratch.values)
            found = scratch.done()
        np.testing.assert_array_equal(found, want)
        assert len(list((tmp_path / "scratch").iterdir())) == 1
        del found
        gc.collect()
        with pytest.raises(DataError), ScratchArray(want.shape, stream.dtype) as scratch:
            stream.decode(Y[1:], out=scratch.values)
        assert not list((tmp_path / "scratch").iterdir())


@pytest.mark.parametrize("voxels", [20, 90])
@pytest.mark.parametrize("intercept", ["unpenalised", "fastl2lir"])
def test_one_matrix_predicts_what_the_weights_of_all_voxels_do(tmp_path, voxels, intercept):
    X, test, rows, Y = made(voxels=voxels)
    stream = UnitStream(VoxelSelectedRidge(3.0, None, intercept), X, test, rows)
    assert stream._operator is not None
    found = stream.decode(Y)
    by_weights = stream.decode(Y, store=tmp_path)
    np.testing.assert_allclose(found.predicted, by_weights.predicted, rtol=1e-9, atol=1e-9)
    assert UnitStream(VoxelSelectedRidge(3.0, 12), X, test, rows)._operator is None
