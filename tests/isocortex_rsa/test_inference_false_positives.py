"""Short form of tests/benchmarks/false_positives.py: 100 data sets, within 4 standard errors."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

PLACE = Path(__file__).resolve().parents[1] / "benchmarks" / "false_positives.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("false_positives", PLACE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_nothing_is_found_more_often_than_promised(benchmark: ModuleType) -> None:
    found = benchmark.simulate(100, benchmark.SHORT, 1)
    assert set(found) == set(benchmark.EXPECTED)
    broken = {name: sum(v) for name, v in found.items() if not benchmark.holds(name, v, 4)}
    assert not broken, f"data sets of 100 in which something was found: {broken}"
