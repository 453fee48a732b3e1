"""The key of a result: a digest of all that can change it, and of nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isocortex.pipeline.digests import FileDigests, digest_json
from isocortex.pipeline.fingerprint import Fingerprint, fingerprint
from isocortex.pipeline.plan import Instance
from isocortex.pipeline.store import FORMAT, Output
from isocortex.plugins.registry import Entry

Outputs = Mapping[str, Mapping[str, Output]]
"""Instance id -> output name -> finished output."""


class KeyMaker:
    """Computes keys; code and files are read once a run."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.files = FileDigests()
        self._fingerprints: dict[int, Fingerprint | None] = {}

    def record(self, instance: Instance, finished: Outputs) -> dict[str, Any]:
        """All that a result depends on, as it is written into ``step.json``; ``key`` is None where a
        component cannot be named, so that the result is never reused.
        """
        schema = instance.schema
        code = [self._fingerprint(schema.entry)]
        parts = {}
        for name, part in instance.resolved.components.items():
            code.append(self._fingerprint(part.entry))
            parts[name] = {
                "kind": part.kind,
                "use": part.name,
                "code": code[-1].as_json() if code[-1] else None,
                "settings": part.resolved.canonical(self.files.of),
            }
        content = {
            "format": FORMAT,
            "use": instance.schema.name,
            "code": code[0].as_json() if code[0] else None,
            "settings": instance.resolved.canonical(self.files.of),
            "components": parts,
            "files": [self.files.of(file) for file in instance.files],
            "inputs": {
                name: [[list(feed.key), finished[feed.instance][feed.output].digest] for feed in feeds]
                for name, (_, feeds) in sorted(instance.feeds.items())
            },
            "axes": dict(instance.axes) if schema.axes else None,
            "seed": list(seed_of(self.seed, instance)) if schema.rng else None,
        }
        return {"key": digest_json(content) if all(code) else None, **content}

    def _fingerprint(self, entry: Entry) -> Fingerprint | None:
        if id(entry) not in self._fingerprints:
            self._fingerprints[id(entry)] = fingerprint(entry)
        return self._fingerprints[id(entry)]


def seed_of(seed: int, instance: Instance) -> tuple[int, ...]:
    """Entropy of one step instance: the pipeline's seed, and the instance by name, never by order."""
    name = digest_json([instance.step, dict(instance.axes)])
    return (seed, *(int(name[start : start + 8], 16) for start in range(0, 32, 8)))
