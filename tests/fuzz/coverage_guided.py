"""Lets coverage lead the fuzzing of one target (needs atheris): inputs that reach new code are spoilt on.

python tests/fuzz/coverage_guided.py TARGET CORPUS_FOLDER [options of libFuzzer, such as -max_total_time=60]
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import atheris

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "isocortex_vision"), str(HERE.parent / "isocortex_decoding")]


def main() -> None:
    """Put the seeds into the folder and begin; a finding ends it and is written beside."""
    with atheris.instrument_imports(include=["isocortex", "isocortex_vision", "isocortex_decoding",
                                             "isocortex_reconstruction", "isocortex_rsa"]):  # fmt: skip
        from fuzz_all import TARGETS
        from fuzz_target import outcome
        from fuzz_watch import Watch
        from fuzz_worker import folder_for, seeds_of
    target, corpus = TARGETS[sys.argv[1]], Path(sys.argv[2])
    seeds = seeds_of(target)
    corpus.mkdir(parents=True, exist_ok=True)
    for place, seed in enumerate(seeds):
        (corpus / f"seed-{place}").write_bytes(seed)

    def spoil(data: bytes, largest: int, seed: int) -> bytes:
        if seed % 3 == 0 or not data:
            return bytes(atheris.Mutate(data, largest))
        return target.mutate(random.Random(seed), data, seeds)[:largest]

    watch = Watch()
    with folder_for(target) as folder:
        for seed in seeds:
            outcome(target, seed, folder, watch)

        def read(data: bytes) -> None:
            found = outcome(target, data, folder, watch)
            if found.kind == "finding":
                raise AssertionError(str(found))

        atheris.Setup([sys.argv[0], str(corpus), *sys.argv[3:]], read, custom_mutator=spoil)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
