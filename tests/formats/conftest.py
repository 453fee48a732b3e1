from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest


class Payload:
    """An object whose pickle makes a file when it is read."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.trace), "w"))


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Any]:
    """An array of objects that makes a file when it is unpickled; the file must not be there at the end."""
    trace = tmp_path / "payload-ran"
    array = np.empty(1, dtype=object)
    array[0] = Payload(trace)
    pickle.loads(pickle.dumps(array)).item(0).close()
    assert trace.exists(), "this payload would prove nothing"
    trace.unlink()
    yield array
    assert not trace.exists(), "the payload was run"
