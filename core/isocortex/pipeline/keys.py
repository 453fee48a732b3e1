"""The key of a result: a digest of all that can change it, and of nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from isocortex.pipeline import fingerprint
from isocortex.pipeline.digests import FileDigests, Stamp, digest_json, stamp
from isocortex.pipeline.fingerprint import Fingerprint, source_of
from isocortex.pipeline.plan import Feed, Instance
from isocortex.pipeline.resolve import Component, Resolved
from isocortex.pipeline.store import FORMAT, Output
from isocortex.plugins.registry import Entry

Outputs = Mapping[str, Mapping[str, Output]]
"""Instance id -> output name -> finished output."""


class KeyMaker:
    """Computes keys. Code is read once, when the maker is made: what is edited later is not what runs."""

    def __init__(self, seed: int, instances: Iterable[Instance] = ()) -> None:
        self.seed = seed
        self.files = FileDigests()
        self._fingerprints: dict[int, Fingerprint | None] = {}
        fingerprint.forget()
        for instance in instances:
            for entry in _entries(instance):
                self._fingerprint(entry)

    def record(self, instance: Instance, finished: Outputs) -> dict[str, Any]:
        """All that a result depends on, as it is written into ``step.json``; ``key`` is None where a
        component cannot be named, so that the result is never reused.
        """
        return self.watched(instance, finished)[0]

    def watched(self, instance: Instance, finished: Outputs) -> tuple[dict[str, Any], dict[Path, Stamp]]:
        """Give the record, and the files that it was made from as they are now."""
        stamps: dict[Path, Stamp] = {}
        given = _Given()

        def read(path: Path, name: Any = None) -> str:
            """Digest of a file, which is remembered as it is now."""
            stamps[path] = stamp(path)
            if name is None:
                given.beside.append(path.parent)
            return self.files.of(path, name)

        schema = instance.schema
        found = [self._fingerprint(entry) for entry in _entries(instance)]
        for code in found:
            stamps |= code.files if code is not None else {}
        content = {
            "format": FORMAT,
            "use": schema.name,
            "code": self._code(schema.entry),
            "settings": instance.resolved.canonical(read),
            "components": self._components(instance.resolved.components, read, given.folder),
            "files": sorted(read(file, name) for file, name in given.names(instance.files)),
            "inputs": {
                name: _input(axes, feeds, finished) for name, (axes, feeds) in sorted(instance.feeds.items())
            },
            "axes": dict(instance.axes) if schema.axes else None,
            "seed": list(seed_of(self.seed, instance)) if schema.rng else None,
        }
        content = json.loads(json.dumps(content))  # as it is read back: the keys of a mapping become text
        order = _order(instance.resolved, content)
        content |= {"order": order} if order else {}
        return {"key": digest_json(content) if all(found) else None, **content}, stamps

    def _components(self, parts: Mapping[str, Component], read: Any, folder: Any) -> dict[str, Any]:
        """Components as they enter a key; ``folder`` takes the folders of sources, which list their files."""
        found = {}
        for name, part in parts.items():
            own = folder if part.kind == "data_source" else None
            found[name] = {
                "kind": part.kind,
                "use": part.name,
                "code": self._code(part.entry),
                "settings": part.resolved.canonical(read, own),
                "components": self._components(part.resolved.components, read, own),
            }
        return found

    def _code(self, entry: Entry) -> dict[str, Any] | None:
        code = self._fingerprint(entry)
        return code.as_json() if code is not None else None

    def _fingerprint(self, entry: Entry) -> Fingerprint | None:
        if id(entry) not in self._fingerprints:
            self._fingerprints[id(entry)] = fingerprint.fingerprint(entry)
        return self._fingerprints[id(entry)]


def _order(resolved: Resolved, record: Mapping[str, Any]) -> list[list[str]]:
    """Keys of all mappings among the settings as they are written: a step may go through them in order.

    Settings of free name are a mapping too; those that have names of their own have no order.
    """
    named = resolved.signature.settings
    settings = record["settings"]
    free = {name: value for name, value in settings.items() if name not in named}
    found = _keys_of([free, [settings[name] for name in named if name in settings]])
    for name, part in resolved.components.items():
        found += _order(part.resolved, record["components"][name])
    return found


def _keys_of(value: Any) -> list[list[str]]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    own = [list(value)] if isinstance(value, dict) and len(value) > 1 else []
    return own + [keys for item in inner for keys in _keys_of(item)]


class _Given:
    """Folders among the settings, from which the files that a data source lists are named.

    A source may make labels of the folders below its own; where that one lies changes nothing.
    """

    def __init__(self) -> None:
        self.folders: list[Path] = []
        self.beside: list[Path] = []

    def folder(self, path: Path) -> str:
        """Note the folder of a data source; gives what stands for it among the settings."""
        self.folders.append(path)
        return "folder"

    def names(self, files: Iterable[Path]) -> Iterator[tuple[Path, tuple[int, str]]]:
        """Name each file once: which folder, and where in it; by its full path where it lies in none."""
        outermost = sorted(enumerate(self.folders), key=lambda item: len(item[1].parts))
        bases = [*outermost, *enumerate(self.beside, len(self.folders))]
        for file in set(files):
            inside = ((number, base) for number, base in bases if file.is_relative_to(base))
            number, base = next(inside, (-1, Path()))
            yield file, (number, (file if number < 0 else file.relative_to(base)).as_posix())


def _input(axes: tuple[str, ...] | None, feeds: tuple[Feed, ...], finished: Outputs) -> dict[str, Any]:
    """One input: axes, places and contents, and the source of its types, which decides how it is read."""
    sources = {feed.type.__qualname__: source_of(feed.type.__module__) for feed in feeds}
    return {
        "along": axes,
        "types": {name: source.digest if source is not None else None for name, source in sources.items()},
        "items": [
            [list(feed.key), finished[feed.instance][feed.output].digest, feed.type.__qualname__]
            for feed in feeds
        ],
    }


def _entries(instance: Instance) -> list[Entry]:
    return [instance.schema.entry, *(part.entry for part in all_components(instance.resolved.components))]


def all_components(parts: Mapping[str, Component]) -> list[Component]:
    """Components with those among their own settings."""
    found = []
    for part in parts.values():
        found += [part, *all_components(part.resolved.components)]
    return found


def seed_of(seed: int, instance: Instance) -> tuple[int, ...]:
    """Entropy of one step instance: the pipeline's seed, and the instance by name, never by order."""
    name = digest_json([instance.step, dict(instance.axes)])
    return (seed, *(int(name[start : start + 8], 16) for start in range(0, 32, 8)))
