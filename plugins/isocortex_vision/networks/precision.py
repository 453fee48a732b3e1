"""With how many digits a network computes."""

from __future__ import annotations

import copy
from typing import Any, Literal, TypeVar, get_args

from isocortex.errors import DataError

Precision = Literal["float32", "bfloat16", "float64"]
"""float32 unless asked otherwise; bfloat16 has 8 bits of mantissa, and is fast on processors that have it
(AMX, AVX512-BF16); float64 is for tests of gradients."""


Component = TypeVar("Component")


def in_precision(component: Component, precision: Precision) -> Component:
    """A model or generator that has the same weights and computes with another number of digits."""
    if precision not in get_args(Precision):
        raise DataError(f"no precision {precision!r}; there are {', '.join(get_args(Precision))}")
    twin = copy.copy(component)
    for made in ("_forward", "_functions"):  # what has been traced so far
        twin.__dict__.pop(made, None)
    twin.precision = precision  # type: ignore[attr-defined]
    return twin


def dtype_of(precision: Precision) -> Any:
    """TensorFlow's type."""
    from isocortex_vision._tensorflow import tf

    return {"float32": tf.float32, "bfloat16": tf.bfloat16, "float64": tf.float64}[precision]
