"""JSON Schema of the report, made from the classes that the report is made of."""

from __future__ import annotations

import json
from typing import Any

from supportctl.core.report import SCHEMA, Report

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def report_schema() -> dict[str, Any]:
    """Return the schema; further keys are allowed: a newer report stays valid for an older reader."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(Report).json_schema(mode="serialization")
    schema["properties"]["schema"]["const"] = SCHEMA
    schema["properties"]["started_at"]["format"] = "date-time"
    schema["$defs"]["EvidenceItem"]["properties"]["at"]["format"] = "date-time"
    return {"$schema": _DIALECT, "$id": f"urn:{SCHEMA.replace('/', ':')}", **schema}


def report_schema_text() -> str:
    """Return the schema as a JSON document."""
    return json.dumps(report_schema(), ensure_ascii=False, indent=2)
