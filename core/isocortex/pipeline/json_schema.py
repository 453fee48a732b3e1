"""The JSON Schema of pipelines: the document's form, with the settings of every installed step.

It is for editors, and says less than ``isocortex check``: a parameter (``$name``) may stand everywhere, and
nothing is known of what the plugin files of a pipeline provide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isocortex.errors import IsocortexError
from isocortex.pipeline.document import NAME, VARIABLE, Document
from isocortex.pipeline.step import StepSchema
from isocortex.plugins.manager import PluginManager
from isocortex.signatures import Setting

Schema = dict[str, Any]
_PARAMETER: Schema = {"type": "string", "pattern": r"\$"}
_NULL: Schema = {"type": "null"}


def pipeline_schema(manager: PluginManager) -> Schema:
    """Give the schema; a step that cannot be imported is left unspecified."""
    schema: Schema = Document.model_json_schema(by_alias=True)
    parts = schema["$defs"]
    for part in (schema, *parts.values()):
        _loosen(part)
    step = parts.pop("StepPart")
    step["properties"]["over"]["anyOf"].append({"type": "string"})
    parts["StepPart"] = _step_part(step, manager, closed=True)
    parts["OpenStepPart"] = _step_part(step, manager, closed=False)
    properties = schema["properties"]
    properties["name"] = {"type": "string", "pattern": NAME, "maxLength": 80}
    properties["steps"] = {"type": "object", "minProperties": 1, "propertyNames": {"pattern": NAME}}
    for section, pattern in (("axes", NAME), ("presets", NAME), ("parameters", VARIABLE)):
        properties[section]["anyOf"][0]["propertyNames"] = {"pattern": pattern}
    schema["if"] = {"properties": {"plugins": {"maxItems": 0}}}
    schema["then"] = {"properties": {"steps": {"additionalProperties": {"$ref": "#/$defs/StepPart"}}}}
    schema["else"] = {"properties": {"steps": {"additionalProperties": {"$ref": "#/$defs/OpenStepPart"}}}}
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "isocortex pipeline"
    return schema


def _loosen(part: Schema) -> None:
    """Let a parameter stand for every value of an object schema, and nothing for every optional one."""
    required = part.get("required", [])
    part["properties"] = {
        name: _or(_inside(item), _PARAMETER, *([] if name in required else [_NULL]))
        for name, item in part["properties"].items()
    }


def _inside(schema: Mapping[str, Any]) -> Schema:
    """Let a parameter stand for every part of a value."""
    out = {key: item for key, item in schema.items() if key not in ("title", "default")}
    for key in ("items", "additionalProperties"):
        if isinstance(out.get(key), dict):
            out[key] = _or(_inside(out[key]), _PARAMETER)
    for key in ("properties", "patternProperties"):
        if key in out:
            out[key] = {name: _or(_inside(item), _PARAMETER) for name, item in out[key].items()}
    if "prefixItems" in out:
        out["prefixItems"] = [_or(_inside(item), _PARAMETER) for item in out["prefixItems"]]
    if "anyOf" in out:
        out["anyOf"] = [_inside(item) for item in out["anyOf"]]
    return out


def _or(first: Schema, *others: Schema) -> Schema:
    """Any of several schemas, with the description of the first where editors look for it."""
    description = {key: first[key] for key in ("description",) if key in first}
    return {**description, "anyOf": [first, *others]}


def _step_part(part: Schema, manager: PluginManager, closed: bool) -> Schema:
    """Schema of a step; ``closed`` where nothing but the installed components can be meant."""
    names = manager.names("step")
    use = _or(_names(names, closed), _PARAMETER)
    cases = [_case(name, manager, closed) for name in names]
    return {**part, "properties": {**part["properties"], "use": use}, "allOf": cases}


def _names(names: list[str], closed: bool) -> Schema:
    return {"enum": names} if closed else {"anyOf": [{"enum": names}, {"type": "string"}]}


def _case(name: str, manager: PluginManager, closed: bool) -> Schema:
    try:
        then = _step(manager.step(name), manager, closed)
    except IsocortexError:
        then = {}
    return {"if": {"properties": {"use": {"const": name}}, "required": ["use"]}, "then": then}


def _step(schema: StepSchema, manager: PluginManager, closed: bool) -> Schema:
    settings = {name: _setting(setting, manager, closed) for name, setting in schema.settings.items()}
    open_ended = schema.signature.free is not None or schema.source_setting is not None
    inputs = {name: {"description": item.describe()} for name, item in schema.inputs.items()}
    wires: list[Schema] = [{"type": "object", "properties": inputs, "additionalProperties": False}]
    wires += [{"type": "string"}] if len(inputs) == 1 else []
    given = {"type": "object", "properties": settings, "additionalProperties": open_ended}
    return {
        "description": schema.summary(),
        "properties": {"with": _or(given, _PARAMETER, _NULL), "from": _or(wires[0], *wires[1:], _NULL)},
    }


def _setting(setting: Setting, manager: PluginManager, closed: bool) -> Schema:
    """Schema of one setting: its own type, or a parameter, or null for the default."""
    if setting.component_kind is not None:
        names = _names(manager.names(setting.component_kind), closed)
        part = {
            "type": "object",
            "properties": {"use": _or(names, _PARAMETER), "with": {"type": ["object", "null"]}},
            "required": ["use"],
            "additionalProperties": False,
        }
        return _or(names, part, _PARAMETER, _NULL)
    try:
        own = setting.adapter.json_schema()
    except (IsocortexError, ValueError, TypeError):
        own = {}
    if "$defs" in own:  # references would point to the wrong place once it is nested
        own = {}
    return _or(_inside(own), _PARAMETER, _NULL)
