"""The JSON Schema of playbooks, for editors: made from the model, so that the two cannot differ."""

from __future__ import annotations

from typing import Any

from playbooks.engine.model import Playbook
from playbooks.engine.texts import LANGUAGES, MAX_TEXT
from supportctl.core.fields import duration_text

ID = "urn:supportctl:schema:playbook:1"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TEXT_BEGINS = "The text in each language"
_TEXT = {
    "type": "object",
    "description": "The text in each language. {printer}, {answers.STEP}, {params.NAME} are filled in.",
    "properties": {lang: {"type": "string", "minLength": 1, "maxLength": MAX_TEXT} for lang in LANGUAGES},
    "required": list(LANGUAGES),
    "additionalProperties": False,
}


def document() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a playbook."""
    schema = _tidy(Playbook.model_json_schema())
    schema["$defs"]["Text"] = _TEXT
    schema["$defs"]["ActionCall"]["properties"]["params"] = _any_scalars(
        schema["$defs"]["ActionCall"]["properties"]["params"]
    )
    schema["properties"]["requires"]["type"] = ["string", "number"]
    schema["$defs"]["Parameter"]["properties"]["default"]["type"] = ["string", "number", "boolean"]
    for part in schema["$defs"].values():  # a default in seconds is written as a duration
        for value in part.get("properties", {}).values():
            if isinstance(value.get("default"), float) and value.get("type") == "string":
                value["default"] = duration_text(value["default"])
    head = {"$schema": _DIALECT, "$id": ID, "title": "supportctl playbook"}
    return {**head, **{key: value for key, value in schema.items() if key not in head}}


def _any_scalars(params: dict[str, Any]) -> dict[str, Any]:
    """Let an editor take `port: 9100` for the text that the loader makes of it."""
    inner = {name: {"type": ["string", "number", "boolean"]} for name in params.get("patternProperties", {})}
    return {**params, "patternProperties": inner} if inner else params


def _tidy(value: Any) -> Any:  # noqa: ANN401  any part of a JSON document
    if isinstance(value, list):
        return [_tidy(item) for item in value]
    if not isinstance(value, dict):
        return value
    if str(value.get("description", "")).startswith(_TEXT_BEGINS):
        return {"$ref": "#/$defs/Text"}
    named = isinstance(value.get("title"), str)  # else `title` is a property of that name
    tidy = {key: _tidy(inner) for key, inner in value.items() if not (named and key == "title")}
    ways = tidy.get("anyOf", ())
    if len(ways) == 2 and ways[1] == {"type": "null"}:  # an absent key, which nobody writes as null
        del tidy["anyOf"]
        tidy = {**ways[0], **{key: inner for key, inner in tidy.items() if inner is not None}}
    return tidy
