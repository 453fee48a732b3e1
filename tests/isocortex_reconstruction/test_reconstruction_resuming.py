"""A reconstruction that is killed goes on where it was, and ends with the same bits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_models import Mixer, Net, pictures

from isocortex.errors import DataError
from isocortex_reconstruction.inversion import FeatureInversion


class Killed(Exception):
    pass


def run(folder: Path | None, kill_at: int | None = None, net: Any = None, **settings: Any) -> Any:
    """One reconstruction, broken off after so many iterations; gives the result and the evaluations made."""
    net = net or Net()
    wanted = Net().features(pictures(2), net.layers)

    def callback(iteration: int, losses: Any, images: Any) -> None:
        if iteration == kill_at:
            raise Killed

    generator = settings.pop("generator", None)
    rng, more = np.random.default_rng(0), {} if folder is None else {"checkpoint": folder}
    inversion = FeatureInversion(**settings)
    found = inversion.reconstruct(wanted, net, generator, rng=rng, callback=callback, **more)
    return found, net.calls // 2


CASES = [
    {"optimiser": "lbfgs", "iterations": 20},
    {"optimiser": "block-lbfgs", "iterations": 30},
    {"optimiser": "descent", "iterations": 30, "jitter": 1, "start": "noise"},
    {"optimiser": "adamw", "iterations": 30, "generator": Mixer()},
]


@pytest.mark.parametrize("case", CASES)
def test_what_was_evaluated_is_not_evaluated_again(tmp_path: Path, case: dict[str, Any]) -> None:
    whole, evaluations = run(None, **case)
    for kill_at in (0, 7, 15):
        with pytest.raises(Killed):
            run(tmp_path, kill_at, **case)
    again, more = run(tmp_path, **case)
    assert np.array_equal(again.images, whole.images) and np.array_equal(again.losses, whole.losses)
    assert more == evaluations - 16 + 1  # the first is made once more, to see that the network is the same
    assert list(tmp_path.iterdir()) == []


def test_a_half_written_record_is_dropped(tmp_path: Path) -> None:
    whole, evaluations = run(None, **CASES[1])
    with pytest.raises(Killed):
        run(tmp_path, 15, **CASES[1])
    (log,) = tmp_path.glob("*.evaluations")
    content = log.read_bytes()
    log.write_bytes(content[:-11])
    again, more = run(tmp_path, **CASES[1])
    assert np.array_equal(again.images, whole.images) and more == evaluations - 15 + 1


def test_a_damaged_record_ends_the_log(tmp_path: Path) -> None:
    whole, evaluations = run(None, **CASES[1])
    with pytest.raises(Killed):
        run(tmp_path, 15, **CASES[1])
    (log,) = tmp_path.glob("*.evaluations")
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 1
    log.write_bytes(content)
    again, more = run(tmp_path, **CASES[1])
    assert np.array_equal(again.images, whole.images) and evaluations - 15 < more < evaluations


def test_another_network_is_not_answered_from_the_log(tmp_path: Path) -> None:
    other = Net(seed=5)
    whole, _ = run(None, net=Net(seed=5), **CASES[1])
    with pytest.raises(Killed):
        run(tmp_path, 15, **CASES[1])
    with pytest.warns(UserWarning, match="another network or generator; the search begins anew"):
        again, _ = run(tmp_path, net=other, **CASES[1])
    assert np.array_equal(again.images, whole.images) and np.array_equal(again.losses, whole.losses)


def test_other_settings_have_a_log_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(tmp_path, 15, **CASES[1])
    run(tmp_path, **{**CASES[1], "iterations": 12})
    assert len(list(tmp_path.glob("*.evaluations"))) == 1


def test_another_number_of_exact_iterations_is_not_answered_from_the_log(tmp_path: Path) -> None:
    class Coarse(Net):
        precision = "bfloat16"

        def with_precision(self, precision: str) -> Net:
            return Net()

        def loss_gradient(self, *arguments: Any, **more: Any) -> Any:
            found = super().loss_gradient(*arguments, **more)
            return found._replace(gradient=np.asarray(found.gradient, np.float16).astype(float))

    case: dict[str, Any] = {"optimiser": "adam", "iterations": 30}
    whole, _ = run(None, net=Coarse(), float32_iterations=20, **case)
    with pytest.raises(Killed):
        run(tmp_path, 20, net=Coarse(), **case)
    again, _ = run(tmp_path, net=Coarse(), float32_iterations=20, **case)
    assert np.array_equal(again.images, whole.images) and np.array_equal(again.losses, whole.losses)


def test_two_processes_do_not_share_a_log(tmp_path: Path) -> None:
    from filelock import FileLock

    with pytest.raises(Killed):
        run(tmp_path, 15, **CASES[1])
    (log,) = tmp_path.glob("*.evaluations")
    with FileLock(log.with_suffix(".lock")), pytest.raises(DataError, match="another process makes the same"):
        run(tmp_path, **CASES[1])


SCRIPT = """
import sys, time
import numpy as np
from pathlib import Path
sys.path.insert(0, {tests!r})
from small_models import Net, pictures
from isocortex_reconstruction.inversion import FeatureInversion as Inversion

class Slow(Net):
    def loss_gradient(self, *arguments, **more):
        time.sleep({pause})
        return super().loss_gradient(*arguments, **more)

found = Inversion(iterations=40, optimiser="lbfgs").reconstruct(
    Net().features(pictures(2), Net.layers), Slow(), rng=np.random.default_rng(0),
    checkpoint=Path({folder!r}))
np.save({out!r}, found.images)
"""


@pytest.mark.slow
def test_kill_9(tmp_path: Path) -> None:
    places: dict[str, Any] = {"tests": str(Path(__file__).parent), "folder": str(tmp_path / "log")}
    script = SCRIPT.format(**places, out=str(tmp_path / "killed.npy"), pause=0.02)
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-c", script])
        size, began = 0, time.monotonic()
        while time.monotonic() - began < 60 and process.poll() is None:
            logs = list((tmp_path / "log").glob("*.evaluations"))
            grown = logs[0].stat().st_size if logs else 0
            if size and grown > size:
                break
            size = size or grown
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    subprocess.run([sys.executable, "-c", script], check=True)
    alone = SCRIPT.format(
        **{**places, "folder": str(tmp_path / "other")}, out=str(tmp_path / "whole.npy"), pause=0
    )
    subprocess.run([sys.executable, "-c", alone], check=True)
    assert (tmp_path / "killed.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()
