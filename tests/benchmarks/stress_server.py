"""Runs the command line in processes that are forked from one which has imported it: each is a real process.

A line of JSON on standard input starts a run (``args``, ``fault``, ``out``, ``study``, ``text``: file of what
it says) and its id is answered; ``{"wait": id}`` answers how it ended, negative for a signal.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from stress_shim import install_from_environment

if __name__ == "__mp_main__":  # a worker process of a run
    install_from_environment()


def carry_out(about: dict[str, Any]) -> int:
    """Do what the command line would do; gives the exit code."""
    from isocortex.cli import main

    limited = about.get("fault", {}).get("action") == "small files only"  # of what it says too
    Path(about["text"]).touch()
    handle = os.open(os.devnull if limited else about["text"], os.O_WRONLY | os.O_TRUNC)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    shim = None
    if about.get("fault"):
        os.environ["STRESS_FAULT"] = json.dumps(about)
        shim = install_from_environment()
    try:
        main(about["args"])
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    if shim is not None and "counts" in about:
        Path(about["counts"]).write_text(json.dumps(shim.counts))
    return code


def serve() -> None:
    """Until standard input ends."""
    import isocortex.cli
    import isocortex.pipeline.runner
    import isocortex.report.page  # noqa: F401  # what every run imports

    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        about = json.loads(line)
        if "wait" in about:
            answer = os.waitstatus_to_exitcode(os.waitpid(about["wait"], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                code = 70
                try:
                    code = carry_out(about)
                finally:
                    sys.stdout.flush()
                    sys.stderr.flush()
                    os._exit(code)
        print(answer, file=answers, flush=True)


if __name__ == "__main__":
    serve()
