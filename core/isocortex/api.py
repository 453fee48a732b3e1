"""The Python API: get a component, check and run a pipeline."""

from __future__ import annotations

import builtins
import contextlib
import importlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isocortex.errors import IsocortexError, StepFailed
from isocortex.plugins.manager import PluginManager

if TYPE_CHECKING:
    from isocortex.data.base import Data
    from isocortex.data.collected import Collected
    from isocortex.pipeline.events import RunEvent
    from isocortex.pipeline.plan import Plan

_default: dict[frozenset[str], PluginManager] = {}
_asked: builtins.set[str] = builtins.set()


def plugin_manager(
    plugins: Iterable[object] = (), files: Iterable[str | Path] = (), disable: Iterable[str] = ()
) -> PluginManager:
    """Give a manager that knows the installed plugins, and further objects and files with hooks."""
    return PluginManager(plugins, [Path(file) for file in files], disable)


def get(
    kind: str,
    name: str,
    /,
    *,
    plugins: Iterable[object] = (),
    files: Iterable[str | Path] = (),
    **settings: Any,
) -> Any:
    """Give a component that is ready to use: ``get("rdm_metric", "correlation")``.

    Parameters
    ----------
    kind : "model", "generator", "rdm_metric", "similarity", "decoder", "reconstructor", "data_source" or
        "step".
    name : as in ``isocortex list``.
    plugins, files : further plugins, as for ``run``.
    settings : what the component is built with.

    Raises ``UnknownComponent`` or ``PluginError``.
    """
    from isocortex import components

    _asked.add(f"{kind} {name!r}")
    plugins, files = list(plugins), list(files)
    manager = plugin_manager(plugins, files) if plugins or files else _installed()
    if kind == "step":
        if settings:
            raise IsocortexError("a step is a function: give it its settings when you call it")
        return manager.step(name).function
    if kind == "pipeline":
        raise IsocortexError("a pipeline is run, not got: isocortex.run(name)")
    return components.build(manager, kind, name, settings)


@contextlib.contextmanager
def noting_gets() -> Iterator[builtins.set[str]]:
    """Note what ``get`` is asked for inside: what a step gets that way is in no key."""
    global _asked
    outer, _asked = _asked, builtins.set()
    try:
        yield _asked
    finally:
        _asked = outer


def _installed() -> PluginManager:
    """The manager without extras, made once for each set of switched-off plugins."""
    from isocortex.plugins.manager import _disabled_by_environment

    disabled = _disabled_by_environment()
    if disabled not in _default:
        _default[disabled] = PluginManager()
    return _default[disabled]


def check(
    pipeline: str | Path,
    set: Mapping[str, Any] | None = None,
    preset: str | None = None,
    plugins: Sequence[object] = (),
    disable: Sequence[str] = (),
) -> Plan:
    """Check a pipeline without running it; raises ``PipelineError`` with everything that is wrong."""
    from isocortex.pipeline.plan import make_plan

    return make_plan(pipeline, set, preset, plugins, disable)


def run(
    pipeline: str | Path,
    out: str | Path | None = None,
    set: Mapping[str, Any] | None = None,
    preset: str | None = None,
    plugins: Sequence[object] = (),
    workers: int | None = None,
    disable: Sequence[str] = (),
    progress: bool = False,
    scheduler: str | None = None,
    execution: Mapping[str, Any] | str | Path | None = None,
    check_size: bool = True,
) -> Run:
    """Run a pipeline: a file, or the name of one that a plugin registered.

    Parameters
    ----------
    out : folder of the results, which are also the cache (default: ``runs/<name>``).
    set : values of parameters.
    preset : name of a preset of the pipeline.
    plugins : objects with hook implementations.
    workers : number of worker processes (default: run in this one).
    progress : show it.
    scheduler : run on workers of Dask: ``tcp://host:port``, ``local:4`` (four processes here), or ``slurm``,
        ``pbs``, ``sge`` (docs: clusters).
    execution : a mapping, or a YAML file, that goes before the pipeline's own ``execution:``.
    check_size : refuse a run that is estimated not to fit into memory or on the disk (docs: big data).

    Raises ``PipelineError`` or ``NoRoom`` before anything runs, and ``StepFailed`` at the end when steps
    failed; steps that do not depend on these have run then.
    """
    plan = check(pipeline, set, preset, plugins, disable)
    event = execute(plan, out, workers, progress, scheduler, execution, check_size)
    if event.failed:
        raise StepFailed("\n".join(f"{key}: {message}" for key, message in event.failed.items()))
    return Run(event)


def execute(
    plan: Plan,
    out: str | Path | None,
    workers: int | None,
    progress: bool = False,
    scheduler: str | None = None,
    execution: Mapping[str, Any] | str | Path | None = None,
    check_size: bool = True,
) -> RunEvent:
    """Run a checked plan; failures are in the event that is given back."""
    from isocortex.pipeline.estimates import checked
    from isocortex.pipeline.execution import chosen
    from isocortex.pipeline.progress import progress as display
    from isocortex.pipeline.record import RunRecord
    from isocortex.pipeline.runner import Runner
    from isocortex.report.page import Report

    document = plan.document
    how = chosen(document.execution, document.steps, execution, workers, scheduler)
    if how.scheduler is not None:
        importlib.import_module("isocortex.pipeline.cluster.clusters").require_dask(how.scheduler)
    listeners: dict[str, object] = {"progress": display()} if progress else {}
    listeners |= {"run-record": RunRecord(), "report": Report()}
    folder = Path(out) if out is not None else Path("runs") / plan.name
    with contextlib.ExitStack() as stack:
        for name, listener in listeners.items():
            plan.manager.pluggy.register(listener, name=name)
            stack.callback(plan.manager.pluggy.unregister, name=name)
        runner = Runner(plan, folder, execution=how)
        sizes = checked(plan, folder, how, runner.keys, check_size)
        if progress and sizes is not None and sizes.known:
            print(sizes.line(), file=sys.stderr)
        return runner.run()


@dataclass(frozen=True)
class Run(Mapping[str, Any]):
    """A finished run: step name -> its data, read from disk when asked for.

    A step that ran along axes gives ``Collected`` data; one with several outputs is asked for as
    ``run["step.output"]``.
    """

    event: RunEvent

    @property
    def folder(self) -> Path:
        """Where the results are."""
        return self.event.folder

    @property
    def reused(self) -> list[str]:
        """Ids of the step instances that were not computed again."""
        return self.event.reused

    def __getitem__(self, name: str) -> Data | Collected[Data]:
        from isocortex.data.collected import Collected
        from isocortex.errors import suggestion
        from isocortex.pipeline.store import Store

        step, _, output = name.partition(".")
        instances = self.event.plan.of_step(step)
        if not instances:
            raise KeyError(f"there is no step {step!r}; {suggestion(step, self, 'steps')}")
        outputs = instances[0].schema.outputs
        output = output or (next(iter(outputs)) if len(outputs) == 1 else "")
        if output not in outputs:
            raise KeyError(
                f"{step!r} has the outputs {', '.join(outputs)}: ask for '{step}.{next(iter(outputs))}'"
            )
        loaded = {}
        store = Store(self.folder)
        for instance in instances:
            made = self.event.finished[instance.id][output]
            result = store.find(store.folder(step, instance.axes))
            if result is None:
                raise KeyError(f"{instance.id} is not there or was changed by hand: run the pipeline again")
            if result.outputs[output].digest != made.digest:
                raise KeyError(f"{instance.id} has been replaced by a later run into {self.folder}")
            loaded[tuple(instance.axes.values())] = outputs[output].load(made.folder)
        if not instances[0].axes:
            single: Data = loaded[()]
            return single
        return Collected(loaded, tuple(instances[0].axes))

    def __iter__(self) -> Iterator[str]:
        return iter(self.event.plan.document.steps)

    def __len__(self) -> int:
        return len(self.event.plan.document.steps)
