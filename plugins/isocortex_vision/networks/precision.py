"""With how many digits a network computes."""

from __future__ import annotations

from typing import Any, Literal

Precision = Literal["float32", "bfloat16", "float64"]
"""float32 unless asked otherwise; bfloat16 has 8 bits of mantissa, and is fast on processors that have it
(AMX, AVX512-BF16); float64 is for tests of gradients."""


def dtype_of(precision: Precision) -> Any:
    """TensorFlow's type."""
    from isocortex_vision._tensorflow import tf

    return {"float32": tf.float32, "bfloat16": tf.bfloat16, "float64": tf.float64}[precision]
