"""The inputs that are kept are read again, in a child process; a million more by hand (``run.py``)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="its limits are those of Linux")


def replay(*groups: str) -> list[str]:
    """What is wrong with what is kept."""
    folders = [HERE, HERE.parent / "isocortex_vision", HERE.parent / "isocortex_decoding"]
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
    environment = os.environ | quiet | {"PYTHONPATH": os.pathsep.join(map(str, [*folders, *sys.path]))}
    command = [sys.executable, str(HERE / "fuzz_replay.py"), *groups]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=280, check=False)
    assert done.returncode == 0, f"a reader took its process with it: {done.stderr[-2000:]}"
    return list(json.loads(done.stdout.splitlines()[-1]))


def test_sound_kept_and_some_spoilt_inputs_are_values_or_one_clear_error() -> None:
    assert replay("own", "h5py", "nibabel", "pillow") == []


@pytest.mark.slow
def test_the_same_through_tensorflow() -> None:
    assert replay("tensorflow") == []


def test_a_crash_is_counted_and_the_next_input_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import run
    from fuzz_worker import FORM

    worker = f"""
import os, sys
from pathlib import Path
start, progress = int(sys.argv[3]), Path(sys.argv[5])
at = {{0: 3, 4: 7, 8: 12}}[start]
progress.write_bytes({FORM.format!r} and __import__("struct").pack({FORM.format!r}, at, at - start, 0, 0))
if at < 12:
    os.kill(os.getpid(), {int(signal.SIGSEGV)})
print('{{"slowest": [0.5, 11], "done": true}}')
"""
    (tmp_path / "fuzz_worker.py").write_text(worker)
    monkeypatch.setattr(run, "HERE", tmp_path)
    tally = run.fuzz("any", 12)
    assert tally.crashes == [(3, f"signal {int(signal.SIGSEGV)}"), (7, f"signal {int(signal.SIGSEGV)}")]
    assert tally.counts == {"value": 10, "error": 0, "finding": 0, "crash": 2}


def test_a_child_that_stays_at_one_input_is_a_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import run
    from fuzz_worker import FORM

    worker = "import sys, time\nfrom pathlib import Path\nimport struct\nstart = int(sys.argv[3])\n"
    worker += f"Path(sys.argv[5]).write_bytes(struct.pack({FORM.format!r}, start, 0, 0, 0))\n"
    worker += "if start:\n    print('{\"done\": true}')\nelse:\n    time.sleep(60)\n"
    (tmp_path / "fuzz_worker.py").write_text(worker)
    monkeypatch.setattr(run, "HERE", tmp_path)
    monkeypatch.setattr(run, "PATIENCE", 1)
    assert run.fuzz("any", 2).crashes == [(0, "hang")]
