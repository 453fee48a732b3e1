"""Steps that can be cut: put together from their parts, through files, they give the same to the last bit."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor

import isocortex as ic
from isocortex.contracts import Reconstruction
from isocortex.pipeline.settings import AxisValues
from isocortex.pipeline.splitting import Part, in_parts, split_of, with_defaults


def same(step: Any, folder: Path, at_least: int = 2, seed: int | None = 3, **arguments: Any) -> list[Any]:
    """Check a step against its parts, each written and read; gives the pieces."""

    def given() -> dict[str, Any]:
        np.random.seed(7)  # noqa: NPY002  # as the framework does for every step and part
        return arguments if seed is None else {**arguments, "rng": np.random.default_rng(seed)}

    split = split_of(step)
    assert split is not None
    with warnings.catch_warnings(record=True) as whole_warned:
        warnings.simplefilter("always")
        whole = step(**given())
    with warnings.catch_warnings(record=True) as parts_warned:
        warnings.simplefilter("always")
        pieces = split.pieces(**with_defaults(step, given()))
        parts = []
        for number, piece in enumerate(pieces):
            place = folder / "parts" / str(number)
            place.mkdir(parents=True)
            split.part(piece, **with_defaults(step, given())).save(place)
            parts.append(Part.load(place))
        merged = split.merge(parts, **with_defaults(step, given()))
    assert len(pieces) >= at_least
    texts = [
        list(dict.fromkeys(str(item.message) for item in found)) for found in (whole_warned, parts_warned)
    ]
    assert texts[0] == texts[1]
    outputs = zip(
        *((found,) if isinstance(found, ic.Data) else found for found in (whole, merged)), strict=True
    )
    for number, pair in enumerate(outputs):
        folders = [folder / f"{number}-{name}" for name in ("whole", "merged")]
        for place, data in zip(folders, pair, strict=True):
            place.mkdir()
            data.save(place)
        files = [
            {path.name: path.read_bytes() for path in place.rglob("*") if path.is_file()} for place in folders
        ]
        assert files[0] == files[1] and files[0]
    return list(pieces)


@pytest.mark.parametrize(("similarity", "tail"), [("spearman", "greater"), ("cosine", "two-sided")])
def test_searchlight_with_permutations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, similarity: str, tail: str
) -> None:
    from isocortex_searchlight import rsa
    from isocortex_searchlight.steps import permutation_step, rsa_step

    monkeypatch.setattr(rsa, "WORK", 50_000)
    monkeypatch.setattr(rsa, "MOST_PIECES", 3)
    arguments = brain()
    pieces = same(
        permutation_step,
        tmp_path / "p",
        permutations=40,
        tail=tail,
        similarity=similarity,
        radius=2.0,
        **arguments,
    )
    assert len(pieces) > 2 and pieces[0][1] == pieces[1][0]
    same(rsa_step, tmp_path / "r", seed=None, at_least=1, similarity=similarity, radius=2.0, **arguments)
    same(rsa_step, tmp_path / "d", seed=None, metric=shaken, similarity=similarity, radius=2.0, **arguments)


def brain() -> dict[str, Any]:
    """Patterns with holes and constant voxels, and models."""
    rng = np.random.default_rng(0)
    names = list("abcdef")
    data = rng.normal(size=(9, 7, 6, 6)).astype(np.float32)
    data[2, 2, 2] = 1.0
    mask = rng.random((9, 7, 6)) > 0.2
    patterns = ic.Patterns.from_volume(data, mask, np.eye(4), names)
    models = ic.RDMs(rng.random((2, 15)), names, ["x", "y"], "model")
    return {"patterns": patterns, "models": models}


def drawn() -> np.float32:
    """A number of the global generator."""
    return np.float32(np.random.normal())  # noqa: NPY002


def shaken(patterns: Any) -> Any:
    """A metric that draws."""
    return np.abs(patterns[:, None] - patterns).sum(axis=2)[np.triu_indices(len(patterns), 1)] + drawn()


class Network:
    """Two layers of sums over images."""

    layers = ("first", "second")
    image_size = (4, 4)
    batch_size = 8

    def features(self, images: Any, layers: Any) -> dict[str, Any]:
        """Products with fixed weights, of a whole batch at once."""
        rng = np.random.default_rng(1)
        flat = np.asarray(images, np.float32).reshape(len(images), -1) + drawn()
        found = {
            "first": flat @ rng.normal(size=(48, 70)).astype(np.float32),
            "second": (flat @ rng.normal(size=(48, 30)).astype(np.float32)).reshape(-1, 5, 6),
        }
        return {name: found[name] for name in layers}


def test_extraction(tmp_path: Path) -> None:
    from isocortex_vision.features.steps import extract_features

    values = np.random.default_rng(2).integers(0, 256, (150, 4, 4, 3)).astype(np.uint8)
    images = ic.Images(values, [f"i{number}" for number in range(150)], ["c"] * 150)
    pieces = same(
        extract_features, tmp_path, seed=None, images=images, model=Network(), layers=["second", "first"]
    )
    assert pieces == [(0, 64), (64, 128), (128, 150)]


@pytest.mark.parametrize(
    ("average", "decoder"),
    [(True, "voxel-selected-ridge"), (False, "voxel-selected-ridge"), (True, RandomForestRegressor(2))],
)
def test_decoding(tmp_path: Path, average: bool, decoder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from isocortex_decoding.decoders import unit_blocks
    from isocortex_decoding.steps import decode

    monkeypatch.setattr(unit_blocks, "_BLOCK_BYTES", 8 * 12 * 64)
    rng = np.random.default_rng(4)
    stimuli = [f"s{number}" for number in range(12)]
    layers = {"one": rng.normal(size=(12, 5, 40)), "two": rng.normal(size=(12, 30))}
    layers["one"][:, 1, 3] = 2.0
    layers["two"][3, 4] = np.nan
    features = ic.Features({name: values.astype(np.float32) for name, values in layers.items()}, stimuli)

    def patterns(labels: list[str]) -> ic.Patterns:
        values = rng.normal(size=(len(labels), 20)).astype(np.float32)
        values[:, 7] = 1.0
        return ic.Patterns(values, labels, stimuli=labels)

    pieces = same(
        decode.decode_features,
        tmp_path,
        seed=None,
        patterns=patterns(stimuli * 2),
        test=patterns(["t1", "s1", "t1"]),
        features=features,
        decoder=decoder,
        average_test=average,
        axes=AxisValues({"subject": "S1"}),
    )
    assert pieces == [("one", 0, 64), ("one", 64, 128), ("one", 128, 192), ("one", 192, 200), ("two", 0, 30)]


class Guess:
    """A reconstructor that draws."""

    def reconstruct(
        self, targets: Any, model: Any, generator: Any = None, *, rng: Any, callback: Any = None
    ) -> Any:
        """Images of noise and targets; warns, and tells the callback."""
        count = len(targets["first"])
        images = (
            rng.normal(size=(count, 4, 4, 3)).astype(np.float32)
            + drawn()
            + targets["first"].mean(axis=1)[:, None, None, None]
        )
        losses = np.stack([images.sum(axis=(1, 2, 3)) / step for step in (1, 2, 3)], axis=1)
        for iteration in range(3):
            callback(iteration, losses[:, iteration], lambda: images)
        warnings.warn("a target was hard", stacklevel=2)
        return Reconstruction(images, losses, rng.normal(size=(count, 7)), {"first": losses / 2})


def test_reconstruction(tmp_path: Path) -> None:
    from isocortex_reconstruction.steps.reconstructing import reconstruct_images

    rng = np.random.default_rng(5)
    features = ic.Features(
        {"first": rng.normal(size=(7, 70)).astype(np.float32)},
        ["a", "b", "c", "d", "e", "f", "longer-name"],
        ["k"] * 7,
    )
    arguments = {"features": features, "model": Network(), "reconstructor": Guess()}
    pieces = same(reconstruct_images, tmp_path / "3", batch_size=3, snapshot_every=2, **arguments)
    assert pieces == [(0, 3), (3, 6), (6, 7)]
    same(reconstruct_images, tmp_path / "none", batch_size=5, **arguments)


def test_in_parts_runs_a_step_piece_by_piece() -> None:
    from isocortex_vision.features.steps import extract_features

    images = ic.Images(np.zeros((70, 4, 4, 3), np.uint8), [f"i{number}" for number in range(70)])
    found = in_parts(extract_features, images=images, model=Network(), layers="first")
    assert found.layers["first"].shape == (70, 70)
