"""RDMs for heat maps: condensed values in two bytes, one group for each set of conditions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from isocortex.data.rdms import RDMs
from isocortex.report.encoding import Bits, encoded_size, quantise
from isocortex.report.parts import Block, Context, loaded

CAP = 6_000_000
"""Characters that the RDMs of one block may take."""


def show_rdms(block: Block, context: Context) -> None:
    """Put heat maps on the page; RDMs over one set of conditions share a drawing, aligned by label."""
    groups: dict[frozenset[str], dict[str, Any]] = {}
    left_out = 0
    room = min(CAP, context.budget.left)
    parts = [(item.label, rdms) for item, rdms in loaded(block, RDMs) if rdms.n_conditions > 1]
    n_bytes = sum(encoded_size(2 * rdms.values.size) for _, rdms in parts)
    bits: Bits = 16 if n_bytes <= room else 8
    for label, rdms in parts:
        conditions = frozenset(rdms.conditions)
        if conditions not in groups:
            order = order_of(rdms.conditions, context, block.behind)
            groups[conditions] = {"conditions": list(rdms.conditions), "order": order, "rdms": []}
        group = groups[conditions]
        aligned = rdms.align_to(group["conditions"])
        for name, values in zip(aligned.names, aligned.values, strict=True):
            size = encoded_size(values.size * bits // 8)
            if size > room or not context.budget.take(size):
                left_out += 1
                continue
            room -= size
            full = f"{label}: {name}" if label else name
            about = {"name": full, "metric": rdms.metric}
            group["rdms"].append({**about, **quantise(values, bits).plain()})
    block.shape, block.content = "rdms", []
    if left_out:
        block.notes.append(f"There was no room for {left_out} RDMs; the files have them all.")
    if bits == 8:
        block.notes.append("Values are rounded to 255 levels here, so that the page stays small.")
    for number, group in enumerate(group for group in groups.values() if group["rdms"]):
        key = f"{block.id}-rdms-{number}"
        context.payloads[key] = group
        block.content.append({"key": key})


def order_of(conditions: Sequence[str], context: Context, first: str = "") -> dict[str, Any] | None:
    """An order of these conditions that somebody chose: a list with all of them in the settings of a step.

    The step ``first`` is asked before the others. Gives its name, and the conditions' places in that order.
    """
    wanted = sorted(conditions)
    places = {name: place for place, name in enumerate(conditions)}
    for step in sorted(context.plan.document.steps, key=lambda name: name != first):
        for instance in context.plan.of_step(step)[:1]:
            for value in instance.resolved.values.values():
                if isinstance(value, (list, tuple)) and sorted(map(str, value)) == wanted:
                    return {"name": step, "places": [places[str(name)] for name in value]}
    return None
