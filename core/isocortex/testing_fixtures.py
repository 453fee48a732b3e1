"""A pytest fixture for plugin authors: ``pytest_plugins = ["isocortex.testing_fixtures"]`` in conftest.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from isocortex.api import Run, run


@pytest.fixture
def run_pipeline(tmp_path: Path) -> Callable[..., Run]:
    """Give ``run_pipeline(yaml_text, plugins=[], **parameters)``, which runs it in a folder of its own."""

    def _run(text: str, plugins: Sequence[object] = (), **parameters: Any) -> Run:
        path = tmp_path / "pipeline.yaml"
        path.write_text(text, encoding="utf-8")
        return run(path, tmp_path / "out", set=parameters, plugins=plugins)

    return _run
