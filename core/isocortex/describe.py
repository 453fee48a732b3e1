"""What a component does, takes and gives, for ``isocortex show`` and the reference."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any

from isocortex import components
from isocortex.pipeline.step import StepSchema
from isocortex.plugins.manager import PluginManager
from isocortex.plugins.registry import Entry
from isocortex.signatures import Signature


@dataclass(frozen=True)
class Description:
    """A component described."""

    entry: Entry
    text: str
    inputs: dict[str, str] = field(default_factory=dict)
    settings: list[dict[str, Any]] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain form."""
        head = {"kind": self.entry.kind, "name": self.entry.name, "plugin": self.entry.plugin.name}
        body = {"inputs": self.inputs, "settings": self.settings, "outputs": self.outputs}
        return {**head, "source": self.entry.plugin.source, "description": self.text, **body}

    def as_text(self) -> str:
        """Text for a terminal."""
        lines = [
            f"{self.entry.kind} {self.entry.name}  [{self.entry.plugin.name}: {self.entry.plugin.source}]"
        ]
        lines += ["", self.text or self.entry.summary]
        for title, rows in (("Inputs", self.inputs), ("Outputs", self.outputs)):
            if rows:
                lines += ["", f"{title}:", *(f"  {name}: {what}" for name, what in rows.items())]
        if self.settings:
            lines += ["", "Settings:"]
            for setting in self.settings:
                tail = " (required)" if setting["required"] else f" [default: {setting['default']}]"
                lines.append(f"  {setting['name']}: {setting['type']}{tail}")
        return "\n".join(lines)


def describe(manager: PluginManager, kind: str, name: str) -> Description:
    """Describe a component; raises ``UnknownComponent`` or ``PluginError``."""
    entry = manager.find(kind, name)
    if kind == "step":
        return _step(entry, manager.step(name))
    if kind == "pipeline":
        from isocortex.pipeline.document import read_document, resource

        path = resource(str(entry.target), f"the pipeline {name!r}")
        return Description(entry, read_document(path).file + "\n\n" + path.read_text(encoding="utf-8"))
    target = entry.load()
    return Description(entry, inspect.getdoc(target) or "", settings=_settings(components.settings_of(entry)))


def _step(entry: Entry, schema: StepSchema) -> Description:
    return Description(
        entry,
        inspect.getdoc(schema.function) or "",
        {
            name: item.describe() + ("" if item.required else ", optional")
            for name, item in schema.inputs.items()
        },
        _settings(schema.signature),
        {name: kind.__name__ for name, kind in schema.outputs.items()},
    )


def _settings(signature: Signature) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for name, setting in signature.settings.items():
        default = None if setting.required else _plain(setting.default)
        rows.append(
            {"name": name, "type": setting.describe(), "required": setting.required, "default": default}
        )
    if signature.free is not None:
        from isocortex.signatures import type_text

        rows.append(
            {"name": "(any name)", "type": type_text(signature.free), "required": False, "default": None}
        )
    return rows


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bool, list, dict, type(None))) else repr(value)
