"""The JSON Schema of pipelines: the document's form, with the settings of every installed step."""

from __future__ import annotations

from typing import Any

from isocortex.errors import IsocortexError
from isocortex.pipeline.document import Document
from isocortex.pipeline.step import StepSchema
from isocortex.plugins.manager import PluginManager
from isocortex.signatures import Setting

_PARAMETER = {"type": "string", "pattern": r"\$"}


def pipeline_schema(manager: PluginManager) -> dict[str, Any]:
    """Give the schema; a step that cannot be imported is left unspecified."""
    schema = Document.model_json_schema(by_alias=True)
    step = schema["$defs"]["StepPart"]
    step["properties"]["use"]["enum"] = manager.names("step")
    step["properties"]["over"] = {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
    }
    step["allOf"] = [_case(name, manager) for name in manager.names("step")]
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "isocortex pipeline"
    return schema


def _case(name: str, manager: PluginManager) -> dict[str, Any]:
    try:
        then = _step(manager.step(name), manager)
    except IsocortexError:
        then = {}
    return {"if": {"properties": {"use": {"const": name}}}, "then": then}


def _step(schema: StepSchema, manager: PluginManager) -> dict[str, Any]:
    settings = {name: _setting(setting, manager) for name, setting in schema.settings.items()}
    open_ended = schema.signature.free is not None or schema.source_setting is not None
    inputs = {name: {"description": item.describe()} for name, item in schema.inputs.items()}
    wires: list[dict[str, Any]] = [{"type": "object", "properties": inputs, "additionalProperties": False}]
    wires += [{"type": "string"}] if len(inputs) == 1 else []
    return {
        "description": schema.summary(),
        "properties": {
            "with": {"type": "object", "properties": settings, "additionalProperties": open_ended},
            "from": {"anyOf": wires},
        },
    }


def _setting(setting: Setting, manager: PluginManager) -> dict[str, Any]:
    """Schema of one setting: its own type, or a parameter, or null for the default."""
    if setting.component_kind is not None:
        names = {"enum": manager.names(setting.component_kind)}
        part = {
            "type": "object",
            "properties": {"use": names, "with": {"type": "object"}},
            "required": ["use"],
        }
        return {"anyOf": [names, part, _PARAMETER, {"type": "null"}]}
    try:
        own = setting.adapter.json_schema()
    except (IsocortexError, ValueError, TypeError):
        own = {}
    if "$defs" in own:  # references would point to the wrong place once it is nested
        own = {}
    return {"anyOf": [own, _PARAMETER, {"type": "null"}]}
