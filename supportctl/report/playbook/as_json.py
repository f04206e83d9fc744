"""`supportctl.run-report/1` and `supportctl.handover/1`: one JSON document each, and their JSON Schemas."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from supportctl.core.run_report import HANDOVER_SCHEMA, SCHEMA, Handover, RunReport

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def render_json(document: RunReport | Handover) -> str:
    """Return the document, indented for people."""
    return json.dumps(asdict(document), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def run_report_schema() -> dict[str, Any]:
    """Return the JSON Schema of a report; further keys are allowed: a newer one stays valid."""
    return _schema(RunReport, SCHEMA)


def handover_schema() -> dict[str, Any]:
    """Return the JSON Schema of a packet."""
    return _schema(Handover, HANDOVER_SCHEMA)


def _schema(of: type[RunReport | Handover], name: str) -> dict[str, Any]:
    from pydantic import TypeAdapter

    schema = TypeAdapter(of).json_schema(mode="serialization")
    schema["properties"]["schema"]["const"] = name
    for fields in _objects(schema):
        for moment in ("started_at", "made_at", "at"):
            if moment in fields:
                fields[moment]["format"] = "date-time"
    return {"$schema": _DIALECT, "$id": f"urn:{name.replace('/', ':')}", **schema}


def _objects(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema["properties"]
    for inner in schema.get("$defs", {}).values():
        if "properties" in inner:
            yield inner["properties"]
