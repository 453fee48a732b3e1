"""Short form of tests/benchmarks/decoding_false_positives.py: few data sets, within 3.5 standard errors."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

PLACE = Path(__file__).resolve().parents[1] / "benchmarks" / "decoding_false_positives.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("decoding_false_positives", PLACE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("part", "n"), [pytest.param("evaluated", 150, marks=pytest.mark.slow), ("_stratified", 40)]
)
def test_nothing_is_found_more_often_than_promised(benchmark: ModuleType, part: str, n: int) -> None:
    found = benchmark.simulate(n, benchmark.SHORT, 1, parts=(getattr(benchmark, part),))
    rates = {name: sum(p <= 0.05 for p in values) / n for name, values in found.items()}
    promised = {name: values for name, values in found.items() if benchmark.EXPECTED[name] != "fails"}
    broken = {name: rates[name] for name, p in promised.items() if not benchmark.holds(name, p, 3.5)}
    assert promised and not broken, f"shares of {n} data sets in which something was found: {broken}"
    if part == "evaluated":  # enough data sets to see what does not hold
        assert rates["both by category: stimuli permuted"] > 0.09


@pytest.mark.slow
def test_all_procedures_are_simulated(benchmark: ModuleType) -> None:
    found = benchmark.simulate(40, benchmark.SHORT, 3)
    assert set(found) == set(benchmark.EXPECTED)
    broken = {name: sum(p) for name, p in found.items() if benchmark.EXPECTED[name] != "fails"
              and not benchmark.holds(name, p, 4)}  # fmt: skip
    assert not broken


def test_intervals_hold_the_true_accuracy_about_as_often_as_they_say(benchmark: ModuleType) -> None:
    benchmark.COVERED = {"images, .8": (1, 40, 0.2)}
    [(truth, share)] = benchmark.coverage(100, 4, bootstraps=200).values()
    assert 0.7 < truth < 0.85 and share >= 0.85
