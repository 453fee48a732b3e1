"""TensorFlow, without its notices on standard error. Import it from here, and only where it is used."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what C++ writes to standard error; show it where the block fails."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        kept = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(kept, 2)
            held.seek(0)
            os.write(2, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what fails is raised; its optimiser gives up more often
with _quiet():
    import tensorflow as tf

    tf.config.list_physical_devices()  # looks for devices, and says what it did not find, once
    tf.get_logger().setLevel("ERROR")  # a model is traced anew for each set of layers; that is meant

__all__ = ["tf"]
