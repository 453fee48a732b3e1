"""Compiled kernels are kept between processes, and the first process says that it compiles."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

CODE = """
import numpy as np
from isocortex_searchlight import searchlight_rsa
rng = np.random.default_rng(0)
data = rng.normal(size=(5, 5, 5, 4)).astype("f4")
found = searchlight_rsa(data, np.ones((5, 5, 5), bool), rng.random((2, 6)))
assert np.isfinite(found.similarity).all()
"""


@pytest.mark.slow
def test_the_second_process_compiles_nothing(tmp_path: Path) -> None:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    said, taken = [], []
    for _ in range(2):
        began = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        said.append("compiling" in done.stderr)
        taken.append(time.perf_counter() - began)
    assert said == [True, False]
    assert taken[1] < taken[0]


def test_a_strangers_formula_is_compiled_once_in_a_process() -> None:
    from isocortex_searchlight.forms import finisher

    def formula(
        count: float, sum_a: float, sum_b: float, sum_aa: float, sum_bb: float, sum_ab: float
    ) -> float:
        return (sum_aa + sum_bb - 2 * sum_ab) / count

    assert finisher(formula) is finisher(formula)
