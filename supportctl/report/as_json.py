"""`supportctl.report/1`: exactly one JSON document (docs/contract.md)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from supportctl.catalog import Catalog
    from supportctl.core.report import Report, ReportedFinding


def render_json(report: Report, _catalog: Catalog) -> str:
    """Return the document, indented for people."""
    return json.dumps(document(report), ensure_ascii=False, indent=2) + "\n"


def render_json_line(report: Report, _catalog: Catalog) -> str:
    """Return the document on one line: for streams of documents (`check --watch`)."""
    return json.dumps(document(report), ensure_ascii=False, separators=(",", ":")) + "\n"


def document(report: Report) -> dict[str, Any]:
    """Return the report as JSON values; commands with more to say (scan-check) add their keys."""
    fields = _fields(report)
    fields["findings"] = [finding_document(finding) for finding in report.findings]
    return fields


def finding_document(finding: ReportedFinding) -> dict[str, Any]:
    """Return one finding as JSON values."""
    fields = _fields(finding)
    fields["evidence"] = [_fields(item) for item in finding.evidence]
    fields["remedies"] = [_fields(remedy) for remedy in finding.remedies]
    return fields


def _fields(record: object) -> dict[str, Any]:
    # dataclasses.asdict copies deeply; a report of a hundred targets has thousands of these
    return {name: getattr(record, name) for name in type(record).__slots__}  # type: ignore[attr-defined]
