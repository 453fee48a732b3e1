"""Calling lifecycle hooks: each plugin on its own, so that one that raises stops nothing."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Generator, Iterator
from typing import Any

import pluggy

from isocortex.plugins.manager import PluginManager


def tell(manager: PluginManager, hook: str, **arguments: Any) -> None:
    """Call a lifecycle hook in pluggy's order, wrappers around the others; an error becomes a warning."""
    with contextlib.ExitStack() as stack:
        for impl in reversed(getattr(manager.hook, hook).get_hookimpls()):
            with _reported(impl.plugin_name, hook):
                value = impl.function(*(arguments[name] for name in impl.argnames))
                if impl.wrapper or impl.hookwrapper:
                    next(value)
                    stack.callback(_finish, value, impl, hook)


def _finish(generator: Generator[None, Any, None], impl: pluggy.HookImpl, hook: str) -> None:
    """Run the second half of a wrapper, of pluggy's old or new style."""
    outcome: object = pluggy.Result.from_call(list) if impl.hookwrapper else []
    with _reported(impl.plugin_name, hook), contextlib.suppress(StopIteration):
        generator.send(outcome)


@contextlib.contextmanager
def _reported(plugin: str, hook: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # a listener must not end a run of hours
        warnings.warn(f"plugin {plugin!r}: {hook} raised {type(error).__name__}: {error}", stacklevel=2)
