"""A single Python file beside the pipeline is a plugin too."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from isocortex.errors import PluginError

PREFIX = "isocortex_inline_"


def module_name(path: Path) -> str:
    """Name under which a plugin file is imported: the same in every process for one file."""
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:10]
    return f"{PREFIX}{path.stem}_{digest}"


def load_file(path: Path) -> ModuleType:
    """Import a plugin file.

    Raises ``PluginError`` naming file and line when it is missing or cannot be imported.
    """
    path = path.resolve()
    if path.suffix != ".py" or not path.is_file():
        raise PluginError(f"{path}: a plugin file must exist and end in .py")
    name = module_name(path)
    if name in sys.modules and getattr(sys.modules[name], "__isocortex_source__", None) == path.read_bytes():
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path}: Python cannot import this file")
    module = importlib.util.module_from_spec(spec)
    module.__isocortex_source__ = path.read_bytes()  # type: ignore[attr-defined]
    sys.modules[name] = module
    try:
        # compiled here, not by the loader: its cached bytecode is matched by time stamp and size only
        exec(compile(module.__isocortex_source__, str(path), "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        line = _line_in(path, error)
        raise PluginError(
            f"{path}{line}: the plugin file cannot be imported: {type(error).__name__}: {error}"
        ) from error
    return module


def _line_in(path: Path, error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f":{error.lineno}"
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)
    ]
    return f":{lines[-1]}" if lines else ""
