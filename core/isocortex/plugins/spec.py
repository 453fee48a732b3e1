"""All hooks of isocortex. A plugin is a module or object with any of these, marked with ``hookimpl``.

Register hooks get a callable ``register(name, component, summary="")``. The component is an object, or a
text ``"package.module:name"`` that is imported only when somebody asks for the component. An implementation
may leave out arguments that it does not use. Each example runs as it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from isocortex.plugins.markers import hookspec

if TYPE_CHECKING:
    from isocortex.pipeline.events import RunEvent, StepEvent


class Register(Protocol):
    """The callable that every register hook is given."""

    def __call__(self, name: str, component: object, summary: str = "") -> None:
        """Register one component."""
        ...


@hookspec
def register_models(register: Register) -> None:
    """Offer networks (``isocortex.contracts.Model``).

    Example::

        import isocortex as ic

        class Zoo:
            @ic.hookimpl
            def register_models(self, register):
                register("tinynet", "my_models.tiny:TinyNet", summary="a net of two layers")

        assert "tinynet" in ic.plugin_manager(plugins=[Zoo()]).names("model")
    """


@hookspec
def register_generators(register: Register) -> None:
    """Offer image generators (``isocortex.contracts.Generator``).

    Example::

        import isocortex as ic

        class Dreams:
            @ic.hookimpl
            def register_generators(self, register):
                register("blobs", "my_models.blobs:Blobs", summary="sums of Gaussians")

        assert "blobs" in ic.plugin_manager(plugins=[Dreams()]).names("generator")
    """


@hookspec
def register_rdm_metrics(register: Register) -> None:
    """Offer dissimilarities between patterns (``isocortex.contracts.RDMMetric``).

    Example::

        import numpy as np
        import isocortex as ic
        from scipy.spatial.distance import pdist

        def taxi(patterns):
            return pdist(patterns, "cityblock")

        class Taxi:
            @ic.hookimpl
            def register_rdm_metrics(self, register):
                register("taxi", taxi, summary="city-block distance")

        metric = ic.get("rdm_metric", "taxi", plugins=[Taxi()])
        assert metric(np.array([[0.0, 0.0], [1.0, 2.0]])).tolist() == [3.0]
    """


@hookspec
def register_similarities(register: Register) -> None:
    """Offer measures of how alike RDMs are (``isocortex.contracts.Similarity``).

    Example::

        import numpy as np
        import isocortex as ic

        class Dot:
            def embed(self, rdms):
                return rdms

        class Plugin:
            @ic.hookimpl
            def register_similarities(self, register):
                register("dot", Dot, summary="plain inner product")

        dot = ic.get("similarity", "dot", plugins=[Plugin()])
        assert dot.embed(np.ones((1, 3))).shape == (1, 3)
    """


@hookspec
def register_decoders(register: Register) -> None:
    """Offer decoders (``isocortex.contracts.Decoder``; any scikit-learn estimator is one).

    Example::

        import isocortex as ic

        class Plugin:
            @ic.hookimpl
            def register_decoders(self, register):
                register("lars", "sklearn.linear_model:LassoLars", summary="L1 penalty, by angles")

        assert ic.get("decoder", "lars", plugins=[Plugin()], alpha=0.5).alpha == 0.5
    """


@hookspec
def register_reconstructors(register: Register) -> None:
    """Offer ways to find an image for target features (``isocortex.contracts.Reconstructor``).

    Example::

        import isocortex as ic

        class Plugin:
            @ic.hookimpl
            def register_reconstructors(self, register):
                register("random-search", "my_models.search:RandomSearch")

        assert "random-search" in ic.plugin_manager(plugins=[Plugin()]).names("reconstructor")
    """


@hookspec
def register_data_sources(register: Register) -> None:
    """Offer the data of a study (``isocortex.contracts.DataSource``).

    Example::

        import isocortex as ic

        class OneSubject:
            loads = {"patterns": ("subject",)}
            def axes(self): return {"subject": ["S1"]}
            def check(self): return []
            def files(self, kind, **axes): return []
            def load_patterns(self, subject): ...

        class Plugin:
            @ic.hookimpl
            def register_data_sources(self, register):
                register("one-subject", OneSubject)

        source = ic.get("data_source", "one-subject", plugins=[Plugin()])
        assert source.axes() == {"subject": ["S1"]}
    """


@hookspec
def register_steps(register: Register) -> None:
    """Offer steps for pipelines (``isocortex.contracts.Step``): typed functions.

    Example::

        import isocortex as ic

        def double(rdms: ic.RDMs, factor: float = 2.0) -> ic.RDMs:
            return ic.RDMs(rdms.values * factor, rdms.conditions, rdms.names, rdms.metric)

        class Plugin:
            @ic.hookimpl
            def register_steps(self, register):
                register("double", double, summary="multiply RDMs")

        step = ic.plugin_manager(plugins=[Plugin()]).step("double")
        assert list(step.inputs) == ["rdms"] and list(step.settings) == ["factor"]
    """


@hookspec
def register_pipelines(register: Register) -> None:
    """Offer ready pipelines: the component is ``"package:file.yaml"``, a file inside the package.

    Example::

        import isocortex as ic

        class Plugin:
            @ic.hookimpl
            def register_pipelines(self, register):
                register("my-study", "my_package:my-study.yaml", summary="our study as published")

        assert "my-study" in ic.plugin_manager(plugins=[Plugin()]).names("pipeline")
    """


@hookspec
def run_started(run: RunEvent) -> None:
    """Hear that a run begins. ``run``: name, folder, seed, steps (instances in order), and what is reused.

    Example::

        import isocortex as ic

        class Announce:
            @ic.hookimpl
            def run_started(self, run):
                print(f"{run.name}: {len(run.instances)} to do, in {run.folder}")

        assert Announce().run_started
    """


@hookspec
def step_started(step: StepEvent) -> None:
    """Hear that a step instance begins. ``step``: name, axes, use (component), folder.

    Example::

        import isocortex as ic

        class Announce:
            @ic.hookimpl
            def step_started(self, step):
                print("now", step.name, step.axes)

        assert Announce().step_started
    """


@hookspec
def step_finished(step: StepEvent, outputs: Mapping[str, Any]) -> None:
    """Hear that a step instance is done or was reused (``step.reused``).

    ``outputs`` maps the names of its results (``"result"`` when there is one) to the data, read from disk
    when they are looked at.

    Example::

        import isocortex as ic

        class Notify:
            @ic.hookimpl
            def step_finished(self, step, outputs):
                print(step.name, step.seconds, list(outputs))

        assert Notify().step_finished
    """


@hookspec
def step_failed(step: StepEvent, error: BaseException) -> None:
    """Hear that a step instance raised an error. Steps that do not depend on it still run.

    Example::

        import isocortex as ic

        class Notify:
            @ic.hookimpl
            def step_failed(self, step, error):
                print(f"{step.name} failed: {error}")

        assert Notify().step_failed
    """


@hookspec
def run_finished(run: RunEvent) -> None:
    """Hear that a run ended, with or without failures (``run.failed``: the labels of failed instances).

    Example::

        import isocortex as ic

        class Notify:
            @ic.hookimpl
            def run_finished(self, run):
                print("done" if not run.failed else f"failed: {run.failed}")

        assert Notify().run_finished
    """
