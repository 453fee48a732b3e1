"""The pipeline as a picture: steps in layers from left to right, drawn as SVG.

Layers by the longest way from a source; the order within a layer by the mean place of the neighbours
(Sugiyama, Tagawa & Toda 1981); an edge over several layers bends through places of its own.
"""

from __future__ import annotations

import graphlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from isocortex.pipeline.plan import Plan
from isocortex.pipeline.progress import clock
from isocortex.pipeline.store import Result

WIDTH, HEIGHT, GAP_X, GAP_Y = 168, 50, 34, 16
BEND = 4
"""Height of a bend: edges that pass by take less room than steps."""


@dataclass
class Node:
    """A step, or a bend of an edge (then without ``step``)."""

    layer: int
    step: Mapping[str, Any] | None = None
    name: str = ""
    place: float = 0.0
    x: float = 0.0
    y: float = 0.0
    height: float = HEIGHT
    before: list[Node] = field(default_factory=list)
    after: list[Node] = field(default_factory=list)

    @property
    def middle(self) -> float:
        """Height at which edges meet it."""
        return self.y + self.height / 2


@dataclass(frozen=True)
class Graph:
    """What the template draws."""

    width: float
    height: float
    nodes: list[Node]
    edges: list[str]
    node_width: int = WIDTH
    node_height: int = HEIGHT


def steps_of(
    plan: Plan, results: Mapping[str, Result | None], failed: Mapping[str, str]
) -> list[dict[str, Any]]:
    """What there is to say about each step: counts, time, status."""
    rows = []
    for name, part in plan.document.steps.items():
        instances = plan.of_step(name)
        found = [results[instance.id] for instance in instances]
        seconds = [time for result in found if result is not None and (time := result.seconds()) is not None]
        done = sum(result is not None for result in found)
        bad = any(instance.id in failed for instance in instances)
        status = "failed" if bad else "done" if done == len(found) else "partly" if done else "not run"
        rows.append(
            {
                "name": name,
                "use": part.use,
                "summary": instances[0].schema.summary() if instances else "",
                "over": ", ".join(part.over),
                "done": done,
                "all": len(found),
                "seconds": sum(seconds),
                "time": clock(sum(seconds)) if seconds else "",
                "status": status,
            }
        )
    return rows


def graph_of(plan: Plan, steps: list[dict[str, Any]]) -> Graph:
    """Lay the steps out."""
    needs: dict[str, list[str]] = {
        name: sorted({producer for instance in plan.of_step(name) for producer in _producers(instance)})
        for name in plan.document.steps
    }
    layers = _layers({step["name"]: step for step in steps}, needs)
    _order(layers)
    heights = [sum(node.height + GAP_Y for node in layer) - GAP_Y for layer in layers]
    height = max(heights) + 2 * GAP_Y
    for number, layer in enumerate(layers):
        top = (height - heights[number]) / 2
        for node in layer:
            node.x, node.y = GAP_Y + number * (WIDTH + GAP_X), top
            top += node.height + GAP_Y
    nodes = [node for layer in layers for node in layer]
    edges = [path for node in nodes if node.step is not None for path in _paths(node)]
    width = len(layers) * (WIDTH + GAP_X) - GAP_X + 2 * GAP_Y
    return Graph(width, height, [node for node in nodes if node.step is not None], edges)


def _producers(instance: Any) -> set[str]:
    return {feed.producer for _, feeds in instance.feeds.values() for feed in feeds}


def _layers(steps: Mapping[str, Mapping[str, Any]], needs: Mapping[str, list[str]]) -> list[list[Node]]:
    nodes: dict[str, Node] = {}
    for name in graphlib.TopologicalSorter(needs).static_order():
        layer = max((nodes[other].layer + 1 for other in needs[name]), default=0)
        nodes[name] = Node(layer, steps[name], name)
    layers: list[list[Node]] = [[] for _ in range(max(node.layer for node in nodes.values()) + 1)]
    for name in steps:
        layers[nodes[name].layer].append(nodes[name])
    for name in steps:
        for other in needs[name]:
            _connect(nodes[other], nodes[name], layers)
    return layers


def _connect(start: Node, end: Node, layers: list[list[Node]]) -> None:
    for layer in range(start.layer + 1, end.layer):
        bend = Node(layer, height=BEND)
        layers[layer].append(bend)
        start.after.append(bend)
        bend.before.append(start)
        start = bend
    start.after.append(end)
    end.before.append(start)


def _order(layers: list[list[Node]], sweeps: int = 8) -> None:
    """Sort each layer by the mean place of the neighbours, forwards and backwards in turn."""
    for layer in layers:
        _number(layer)
    for sweep in range(sweeps):
        forwards = sweep % 2 == 0
        for layer in layers if forwards else reversed(layers):
            layer.sort(key=lambda node: _middle(node.before if forwards else node.after, node.place))
            _number(layer)


def _number(layer: list[Node]) -> None:
    for place, node in enumerate(layer):
        node.place = place - len(layer) / 2


def _middle(neighbours: list[Node], otherwise: float) -> float:
    return sum(node.place for node in neighbours) / len(neighbours) if neighbours else otherwise


def _paths(start: Node) -> list[str]:
    """SVG paths of the edges from a step on, through their bends."""
    paths = []
    for first in start.after:
        node, path = first, f"M{start.x + WIDTH:g} {start.middle:g}"
        x, y = start.x + WIDTH, start.middle
        while True:
            path += _curve(x, y, node.x, node.middle)
            if node.step is not None:
                break
            path += f"H{node.x + WIDTH:g}"
            x, y, node = node.x + WIDTH, node.middle, node.after[0]
        paths.append(path)
    return paths


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    middle = (x + to_x) / 2
    return f"C{middle:g} {y:g} {middle:g} {to_y:g} {to_x:g} {to_y:g}"
