"""Contract checks for plugin authors: each raises ``AssertionError`` that says what a component gets wrong.

``check_rdm_metric(my_metric)``, ``check_model(MyModel())`` and so on take the component itself, an instance
where it is a class. ``isocortex.testing_fixtures`` has a pytest fixture that runs a pipeline.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from isocortex import components, contracts
from isocortex.data import Features, Images, Patterns, RDMs
from isocortex.data.base import Array
from isocortex.errors import PluginError
from isocortex.pipeline.step import StepSchema
from isocortex.plugins.registry import Entry, PluginInfo
from isocortex.signatures import plain_path


def _require(condition: Any, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def _has(component: object, contract: type, what: str) -> None:
    _require(not inspect.isclass(component), f"{what}: give an instance, not the class {component!r}")
    for name in components.members(contract):
        _require(hasattr(component, name), f"{what}: it has no {name!r}")


def check_rdm_metric(metric: Callable[..., Array], settings: Mapping[str, Any] | None = None) -> None:
    """Check a metric: shape, type, the order of pairs and conditions, and ``from_moments``."""
    settings = dict(settings or {})
    rng = np.random.default_rng(0)
    needs = set(getattr(metric, "needs", ()))
    _require(needs <= {"runs", "noise_precision"}, f"metric: needs {needs} holds names that nobody provides")
    patterns = rng.uniform(0.5, 2.0, (10, 12))
    conditions, runs = np.tile(np.arange(5), 2), np.repeat([0, 1], 5)

    def rdm(order: Array, dtype: type = np.float64) -> Array:
        """The RDM of conditions in some order."""
        extra = {"noise_precision": np.eye(12)} if "noise_precision" in needs else {}
        if "runs" in needs:
            codes = np.argsort(order)[conditions]
            return np.asarray(
                metric(patterns.astype(dtype), conditions=codes, runs=runs, **extra, **settings)
            )
        return np.asarray(metric(patterns[:5][order].astype(dtype), **extra, **settings))

    order = np.arange(5)
    values = rdm(order)
    _require(values.shape == (10,), f"metric: 5 conditions gave shape {values.shape}, expected (10,)")
    _require(values.dtype.kind == "f", f"metric: gave {values.dtype}, expected floating point numbers")
    _require(np.isfinite(values).all(), "metric: gave NaN or infinity for ordinary patterns")
    rows, columns = np.triu_indices(5, 1)
    square = np.zeros((5, 5))
    square[rows, columns] = square[columns, rows] = values
    shuffled = np.array([3, 0, 4, 2, 1])
    expected = square[np.ix_(shuffled, shuffled)][rows, columns]
    message = "metric: pairs must come in the order of the upper triangle, whatever order they have"
    _require(np.allclose(rdm(shuffled), expected, rtol=1e-6, atol=1e-9), message)
    _require(
        np.allclose(rdm(order, np.float32), values, rtol=1e-3, atol=1e-4),
        "metric: float32 differs from float64",
    )
    if hasattr(metric, "from_moments") and not settings:
        _check_moments(metric.from_moments, patterns[:5], values)
    if hasattr(metric, "channel_factors"):
        by_run: dict[str, Any] = {"conditions": conditions, "runs": runs} if "runs" in needs else {}
        _check_factors(
            functools.partial(metric.channel_factors, **by_run, **settings),
            patterns if by_run else patterns[:5],
            values,
        )


def _check_moments(from_moments: Callable[..., float], patterns: Array, values: Array) -> None:
    rows, columns = np.triu_indices(len(patterns), 1)
    for a, b, value in zip(patterns[rows], patterns[columns], values, strict=True):
        moment = from_moments(float(a.size), a.sum(), b.sum(), a @ a, b @ b, a @ b)
        _require(
            np.isclose(moment, value, rtol=1e-6), f"metric: from_moments gives {moment}, the metric {value}"
        )


def _check_factors(factors: Callable[[Array], tuple[Array, Array]], patterns: Array, values: Array) -> None:
    left, right = factors(patterns)
    rows, columns = np.triu_indices(left.shape[1], 1)
    products = (left[:, rows] - left[:, columns]) * (right[:, rows] - right[:, columns])
    _require(
        np.allclose(products.mean(axis=2).sum(axis=0), values, rtol=1e-6, atol=1e-9),
        "metric: the mean over channels of what channel_factors gives is not the metric",
    )
    _require(
        all(
            np.allclose(some, whole[..., 5:])
            for some, whole in zip(factors(patterns[:, 5:]), (left, right), strict=True)
        ),
        "metric: channel_factors of some channels must not depend on the others",
    )


def check_similarity(similarity: Any) -> None:
    """Check a measure: shape, and that a comparison does not depend on the other RDMs given with it."""
    _require(not inspect.isclass(similarity), "similarity: give an instance, not the class")
    rng = np.random.default_rng(0)
    a, b = rng.uniform(0.1, 2.0, (3, 15)), rng.uniform(0.1, 2.0, (4, 15))
    if hasattr(similarity, "embed"):
        left, right = np.asarray(similarity.embed(a)), np.asarray(similarity.embed(b))
        _require(left.ndim == 2 and len(left) == 3, f"similarity: embed gave shape {left.shape} for 3 RDMs")
        values = left @ right.T
        alone = np.asarray(similarity.embed(a[1:2])) @ right[2:3].T
        if hasattr(similarity, "compare"):
            same = np.allclose(values, similarity.compare(a, b))
            _require(same, "similarity: embed and compare give different values")
    else:
        _require(hasattr(similarity, "compare"), "similarity: it has neither embed nor compare")
        values = np.asarray(similarity.compare(a, b))
        alone = np.asarray(similarity.compare(a[1:2], b[2:3]))
    _require(values.shape == (3, 4), f"similarity: 3 and 4 RDMs gave shape {values.shape}")
    _require(np.isfinite(values).all(), "similarity: gave NaN or infinity for ordinary RDMs")
    _require(
        np.allclose(alone, values[1, 2]), "similarity: a comparison depends on the other RDMs given with it"
    )


def check_model(model: contracts.Model, images: Array | None = None) -> None:
    """Check a model: names decide, batches do not matter, and the gradient is that of the loss."""
    _has(model, contracts.Model, "model")
    rng = np.random.default_rng(0)
    height, width = model.image_size
    images = rng.uniform(0, 255, (2, height, width, 3)).astype(np.float32) if images is None else images
    layers = list(model.layers)
    _require(layers and len(set(layers)) == len(layers), "model: layers must be there, each once")
    features = model.features(images, layers)
    backwards = model.features(images, layers[::-1])
    for layer in layers:
        values = np.asarray(features[layer])
        _require(values.shape[:1] == (len(images),), f"model: layer {layer!r} has shape {values.shape}")
        _require(
            np.array_equal(values, backwards[layer]), f"model: layer {layer!r} depends on the order asked for"
        )
        single = np.asarray(model.features(images[:1], [layer])[layer])
        same = np.allclose(single, values[:1], rtol=1e-4, atol=1e-4 * (np.abs(values).max() + 1e-12))
        _require(same, f"model: layer {layer!r} depends on the other images of the batch")
    # halved, so that the loss is not zero for a single image either
    _check_gradient(model, images, {layers[0]: np.asarray(features[layers[0]])[::-1] / 2})


def _check_gradient(model: contracts.Model, images: Array, targets: Mapping[str, Array]) -> None:
    weights = dict.fromkeys(targets, 1.0)
    result = model.loss_gradient(images, targets, weights, "l2")
    _require(np.shape(result.losses) == (len(images),), "model: loss_gradient must give one loss an image")
    _require(
        np.shape(result.gradient) == images.shape, "model: the gradient must have the shape of the images"
    )
    _require(set(result.by_layer) == set(targets), "model: the losses by layer must name the target layers")
    _check_objective(model, images, targets, result)
    double = model.loss_gradient(images, targets, dict.fromkeys(targets, 2.0), "l2")
    for what, once, twice in zip(
        ("losses", "gradient"), (result[0], result[2]), (double[0], double[2]), strict=True
    ):
        same = np.allclose(2 * np.asarray(once), twice, rtol=1e-3, atol=1e-6 * np.abs(twice).max())
        _require(same, f"model: the {what} must be proportional to the weights of the layers")
    direction = np.asarray(result.gradient, dtype=np.float64)
    size = float(np.linalg.norm(direction))
    if size == 0:
        raise AssertionError("model: the gradient is zero where the loss is not")
    step = 0.5 * direction / np.abs(direction).max()
    ahead = model.loss_gradient((images + step).astype(images.dtype), targets, weights, "l2")
    behind = model.loss_gradient((images - step).astype(images.dtype), targets, weights, "l2")
    slope = float(np.sum(ahead.losses) - np.sum(behind.losses)) / 2
    expected = float(np.sum(direction * step))
    _require(
        np.isclose(slope, expected, rtol=0.05),
        f"model: the loss changes by {slope:.4g}, the gradient says {expected:.4g}",
    )


def _check_objective(
    model: contracts.Model, images: Array, targets: Mapping[str, Array], expected: contracts.Gradient
) -> None:
    prepare = getattr(model, "objective", None)
    objective = None if prepare is None else prepare(None, targets, dict.fromkeys(targets, 1.0), "l2")
    if objective is None:
        return
    found = objective(images)
    _require(set(found.by_layer) == set(targets), "model: the objective's losses must name the target layers")
    for what, one, other in zip(("losses", "gradient"), found[::2], expected[::2], strict=True):
        other = np.asarray(other)
        _require(np.shape(one) == other.shape, f"model: the objective's {what} has shape {np.shape(one)}")
        # as a whole: in few digits single pixels may be off
        same = np.linalg.norm(np.asarray(one) - other) <= 0.1 * np.linalg.norm(other)
        _require(bool(same), f"model: the {what} of objective differs from that of loss_gradient")


def check_generator(generator: contracts.Generator) -> None:
    """Check a generator: shapes, bounds, and that ``pullback`` is the transpose of its derivative."""
    _has(generator, contracts.Generator, "generator")
    rng = np.random.default_rng(0)
    latents = rng.uniform(0.2, 0.8, (2, *generator.latent_shape))
    if generator.latent_bounds is not None:
        low, high = (np.broadcast_to(bound, generator.latent_shape) for bound in generator.latent_bounds)
        _require(np.all(low <= high), "generator: a lower bound lies above the upper one")
        latents = low + latents * (high - low)
    images = np.asarray(generator.generate(latents))
    message = f"generator: 2 latents gave shape {images.shape}, expected (2, height, width, 3)"
    _require(images.ndim == 4 and images.shape[0] == 2 and images.shape[3] == 3, message)
    for _ in range(5):  # in one direction alone a wrong derivative can look right
        _check_pullback(generator, latents, images.shape, rng)


def _check_pullback(
    generator: contracts.Generator, latents: Array, shape: tuple[int, ...], rng: np.random.Generator
) -> None:
    over, step = rng.normal(size=shape), 1e-3 * rng.normal(size=latents.shape)
    back = np.asarray(generator.pullback(latents, over))
    _require(
        back.shape == latents.shape,
        f"generator: pullback gave shape {back.shape} for latents {latents.shape}",
    )
    moved = np.asarray(generator.generate(latents + step)) - np.asarray(generator.generate(latents - step))
    slope, expected = float(np.sum(moved * over)) / 2, float(np.sum(back * step))
    scale = float(np.linalg.norm(moved) * np.linalg.norm(over)) / 2 / np.sqrt(moved.size)
    _require(
        abs(slope - expected) <= 0.05 * max(abs(slope), scale, 1e-12),
        f"generator: pullback says {expected:.4g}, the images {slope:.4g}",
    )


def check_decoder(decoder: contracts.Decoder) -> None:
    """Check a decoder: it learns, predicts for other samples, and changes nothing it is given."""
    _has(decoder, contracts.Decoder, "decoder")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 6))
    y = (X[:, 0] > 0).astype(int) if _is_classifier(decoder) else X @ rng.normal(size=(6, 1)).ravel()
    kept = X.copy(), y.copy()
    decoder.fit(X, y)
    first = np.asarray(decoder.predict(X[:7]))
    _require(first.shape[:1] == (7,), f"decoder: 7 samples gave predictions of shape {first.shape}")
    _require(np.array_equal(first, decoder.predict(X[:7])), "decoder: predicting twice gave two results")
    _require(
        np.array_equal(X, kept[0]) and np.array_equal(y, kept[1]), "decoder: it changed the data it was given"
    )


def _is_classifier(decoder: object) -> bool:
    if hasattr(decoder, "__sklearn_tags__"):
        from sklearn.base import is_classifier

        return bool(is_classifier(decoder))
    return getattr(decoder, "_estimator_type", "") == "classifier"


def check_reconstructor(
    reconstructor: contracts.Reconstructor,
    model: contracts.Model,
    generator: contracts.Generator | None = None,
) -> None:
    """Check a reconstructor on a model: shapes, the callback, and the same result for one seed."""
    _has(reconstructor, contracts.Reconstructor, "reconstructor")
    height, width = model.image_size
    images = np.random.default_rng(0).uniform(0, 255, (1, height, width, 3)).astype(np.float32)
    layer = next(iter(model.layers))
    targets = {layer: np.asarray(model.features(images, [layer])[layer])}
    calls: list[tuple[int, ...]] = []

    def callback(iteration: int, losses: Array, images: Callable[[], Array]) -> None:
        """Count iterations."""
        calls.append((*np.shape(losses), *np.shape(images())[:1]))

    results = []
    for _ in range(2):
        rng = np.random.default_rng(1)
        results.append(reconstructor.reconstruct(targets, model, generator, rng=rng, callback=callback))
    first, second = results
    shape = np.shape(first.images)
    _require(len(shape) == 4 and shape[0] == 1 and shape[3] == 3, f"reconstructor: images of shape {shape}")
    _require(np.ndim(first.losses) == 2, "reconstructor: losses must be (images, iterations)")
    _require(np.array_equal(first.images, second.images), "reconstructor: one seed gave two results")
    iterations = np.shape(first.losses)[1]
    message = f"reconstructor: {len(calls) // 2} callbacks for {iterations} iterations; one for each is due"
    _require(len(calls) == 2 * iterations, message)
    message = "reconstructor: the callback must be given the loss and a function for the image of each target"
    _require(set(calls) <= {(1, 1)}, message)


_LOADED = {"patterns": Patterns, "rdms": RDMs, "images": Images, "features": Features}
"""What a load of each kind gives."""


def check_data_source(source: contracts.DataSource) -> None:
    """Check a data source: its axes, and that every kind it announces can be loaded for the first values."""
    _has(source, contracts.DataSource, "data source")
    axes = {name: list(values) for name, values in source.axes().items()}
    problems = list(source.check())
    _require(not problems, f"data source: check says {problems}")
    for name, values in axes.items():
        _require(
            values and len(set(values)) == len(values),
            f"data source: axis {name!r} must have values, each once",
        )
        _require(
            all(isinstance(value, str) for value in values), f"data source: axis {name!r} must hold text"
        )
    for kind, needed in source.loads.items():
        _require(hasattr(source, f"load_{kind}"), f"data source: it announces {kind} but has no load_{kind}")
        _require(
            set(needed) <= set(axes), f"data source: {kind} needs the axes {needed}, it has {sorted(axes)}"
        )
        _check_load(source, kind, {axis: axes[axis][0] for axis in needed})


def _check_load(source: contracts.DataSource, kind: str, place: Mapping[str, str]) -> None:
    for file in source.files(kind, **place):
        _require(Path(file).exists(), f"data source: files names {file}, which is not there")
    load = getattr(source, f"load_{kind}")
    seeded = "rng" in inspect.signature(load).parameters
    first, second = (load(**place, **({"rng": np.random.default_rng(0)} if seeded else {})) for _ in range(2))
    _require(
        isinstance(first, _LOADED.get(kind, object)) and first is not None,
        f"data source: load_{kind} gave {type(first).__name__}",
    )
    same = np.array_equal(getattr(first, "values", 0), getattr(second, "values", 0), equal_nan=True)
    _require(same, f"data source: load_{kind} gives different values each time; draw from rng alone")


def check_step(function: Callable[..., Any], name: str = "step") -> StepSchema:
    """Check that a function's annotations make a step; gives its schema."""
    info = PluginInfo("under test", "object", module=getattr(function, "__module__", ""))
    try:
        schema = StepSchema.of(Entry("step", name, function, "", info))
        for setting in schema.settings.values():
            _ = setting.component_kind or setting.adapter
    except PluginError as error:
        raise AssertionError(str(error)) from error
    for key, setting in schema.settings.items():
        _require(
            not plain_path(setting.annotation),
            f"the step {name!r}: the setting {key!r} is a plain Path, relative to wherever the step runs and "
            "not noticed when what it names changes; use InputFile, InputFolder or WorkFolder",
        )
    _require(inspect.getdoc(function), f"the step {name!r} has no docstring: users see its first line")
    return schema
