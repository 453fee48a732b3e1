"""Which tensor of a PyTorch state dict is which layer.

Either the layers' own names (``conv1_1.weight``, ``defc7.weight`` as bdpy's generator has them), or those of
torchvision's VGG, which number modules: ``features.N`` counts a convolution and its ReLU as two and a
pooling as one, ``classifier.N`` counts fully connected, ReLU and dropout as three.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from isocortex.errors import DataError
from isocortex_vision.weights.layers import slots
from isocortex_vision.weights.stored import Slot

_PREFIXES = ("", "module.", "model.", "net.", "encoder.")
_MODULE = re.compile(r"(features|classifier)\.([0-9]{1,4})\.weight")

Names = tuple[str, str | None]


def torch_names(keys: Collection[str], order: Sequence[Slot], where: str) -> dict[str, Names]:
    """Give the names of kernel and bias (None if absent) of each layer of the network that is there."""
    known = set(keys)
    if any(key.endswith("running_mean") for key in keys):
        raise DataError(
            f"{where}: a network with batch normalisation (running_mean), which this one does not have; take "
            "the weights of the variant without it"
        )
    for prefix in _PREFIXES:
        named = {name: f"{prefix}{name}" for name in slots(order) if f"{prefix}{name}.weight" in known}
        if not named:
            named = _torchvision(
                [key.removeprefix(prefix) for key in keys if key.startswith(prefix)], order, where
            )
            named = {name: prefix + module for name, module in named.items()}
        if named:
            return {
                n: (f"{m}.weight", f"{m}.bias" if f"{m}.bias" in known else None) for n, m in named.items()
            }
    return {}


def _torchvision(keys: Sequence[str], order: Sequence[Slot], where: str) -> dict[str, str]:
    """Count through the network as torchvision does; numbers that do not fit are those of another network."""
    matches = [match for match in map(_MODULE.fullmatch, keys) if match]
    found = {f"{match[1]}.{match[2]}" for match in matches}
    expected = _modules(order)
    unknown = sorted(found - set(expected.values()), key=lambda module: int(module.split(".")[1]))
    if unknown:
        raise DataError(
            f"{where}: {unknown[0]!r} is no layer of this network as torchvision numbers them "
            f"({', '.join(list(expected.values())[:6])}, ...); the weights are those of another one"
        )
    return {name: module for name, module in expected.items() if module in found}


def _modules(order: Sequence[Slot]) -> dict[str, str]:
    """Number the layers as torchvision's VGG does."""
    modules: dict[str, str] = {}
    features = classifier = 0
    for slot in order:
        if slot.kind == "dense":
            modules[slot.name] = f"classifier.{classifier}"
            classifier += 3
        elif slot.kind == "pool":
            features += 1
        else:
            modules[slot.name] = f"features.{features}"
            features += 2
    return modules
