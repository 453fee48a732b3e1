"""Makes the seeds of the target ``checkpoint`` through TensorFlow; run it as it is."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "isocortex_vision"), str(HERE.parent / "isocortex_decoding")]


def main() -> None:
    """Write both formats as ``fuzz_weights`` takes them: the length of the table, the table, the values."""
    import weight_files as files
    from fuzz_weights import LAYERS

    home = HERE / "corpus" / "checkpoint"
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "small.ckpt"
        files.write_checkpoint(path, LAYERS, version=1)
        (home / "sound-v1").write_bytes(bytes(4) + path.read_bytes())
        files.write_checkpoint(path, LAYERS)
        table = path.with_name("small.ckpt.index").read_bytes()
        values = path.with_name("small.ckpt.data-00000-of-00001").read_bytes()
        (home / "sound-v2").write_bytes(len(table).to_bytes(4, "little") + table + values)


if __name__ == "__main__":
    main()
