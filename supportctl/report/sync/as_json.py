"""`supportctl.gaps/1`: exactly one JSON document (docs/contract.md, "Gaps"); `resend add` reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from supportctl.report.as_json import finding_document
from supportctl.report.sync.model import SCHEMA, verdict

if TYPE_CHECKING:
    from integrations.sync.model import Gap
    from supportctl.catalog import Catalog
    from supportctl.report.sync.model import SyncReport

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def render_json(report: SyncReport, catalog: Catalog) -> str:
    """Return the document, indented for people."""
    return json.dumps(document(report, catalog), ensure_ascii=False, indent=2) + "\n"


def document(report: SyncReport, catalog: Catalog) -> dict[str, Any]:
    """Return the comparison as JSON values. `Any`: JSON."""
    result = report.result
    return {
        "schema": SCHEMA,
        "tool_version": report.tool_version,
        "site": report.site,
        "source": {"name": report.source.name, "kind": report.source.kind},
        "crm": {"name": report.crm.name, "kind": report.crm.kind},
        "started_at": report.started_at.isoformat(timespec="seconds"),
        "duration_s": round(report.duration_s, 3),
        "window": {"since": result.window.since.isoformat(), "until": result.window.until.isoformat()},
        "verdict": verdict(report, catalog).value,
        "complete": report.complete and not report.interrupted,
        "verified_recordings": report.verified,
        "calls": result.calls,
        "records": result.records,
        "matched": result.matched,
        "counts": result.counts(),
        "excluded": dict(result.excluded),
        "clock_offset_s": result.clock_offset_s,
        "unjudged": result.unjudged,
        "unmapped": dict(result.unmapped),
        "rejected": [
            {"line": line.line, **catalog.error(line.reason, line.args)} for line in result.rejected
        ],
        "problems": [finding_document(problem) for problem in report.problems],
        "gaps": [_gap(gap, complete=report.complete) for gap in result.gaps],
    }


def _gap(gap: Gap, *, complete: bool) -> dict[str, Any]:
    shown = gap.document()
    # What may only be hidden from us must not be sent again: it would be there twice.
    shown["resendable"] = shown["resendable"] and (complete or gap.code != "sync.call-missing")
    return shown


def schema_text() -> str:
    """Return the JSON Schema of the document; further keys are allowed."""
    return json.dumps(schema(), ensure_ascii=False, indent=2)


def schema() -> dict[str, Any]:
    """Return the JSON Schema. `Any`: JSON."""
    text, number, moment = {"type": "string"}, {"type": "integer"}, {"type": "string", "format": "date-time"}
    maybe_text, flag = {"type": ["string", "null"]}, {"type": "boolean"}
    maybe_number = {"type": ["integer", "null"]}
    account = _record({"name": text, "kind": text})
    call = _record({
        "call_id": text, "source": text, "direction": {"enum": ["in", "out"]}, "started_at": moment,
        "duration_s": number, "wait_s": maybe_number, "contact_phone": text, "line": text, "employee": text,
        "answered": flag, "recording_url": maybe_text, "tags": {"type": "array", "items": text},
    })  # fmt: skip
    crm = _record({
        "record_id": text, "started_at": moment, "phone": text, "direction": {"enum": ["in", "out", ""]},
        "external_id": text, "duration_s": maybe_number, "line": text, "employee": text, "contact": text,
        "recording": {"type": ["boolean", "null"]}, "recording_url": maybe_text,
        "created_at": maybe_text, "link": maybe_text,
    })  # fmt: skip
    gap = _record({
        "code": {"type": "string", "pattern": r"^sync\.[a-z-]+$"},
        "call": {"anyOf": [call, {"type": "null"}]},
        "crm": {"anyOf": [crm, {"type": "null"}]},
        "details": {"type": "object", "additionalProperties": {"type": ["string", "number"]}},
        "resendable": flag,
    })  # fmt: skip
    counts = {"type": "object", "additionalProperties": number}
    whole = _record({
        "schema": {"const": SCHEMA}, "tool_version": text, "site": maybe_text,
        "source": account, "crm": account, "started_at": moment, "duration_s": {"type": "number"},
        "window": _record({"since": moment, "until": moment}),
        "verdict": {"enum": ["ok", "warning", "fault", "unknown"]}, "complete": flag,
        "verified_recordings": flag, "calls": number, "records": number, "matched": number,
        "counts": counts, "excluded": counts, "clock_offset_s": number,
        "unjudged": number, "unmapped": counts,
        "rejected": {"type": "array", "items": _record({"line": number, "message": text})},
        "problems": {"type": "array", "items": {"type": "object"}},
        "gaps": {"type": "array", "items": gap},
    })  # fmt: skip
    return {"$schema": _DIALECT, "$id": f"urn:{SCHEMA.replace('/', ':')}", **whole}


def _record(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}
