"""The list of runs, for people and for scripts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from supportctl.cli.errors import error_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from supportctl.app.playbook_runs import Listed
    from supportctl.catalog import Catalog

SCHEMA = "supportctl.runs/1"


def runs_text(found: Sequence[Listed], catalog: Catalog) -> str:
    """Return one line a run: id, when, playbook, how it ended, ticket."""
    if not found:
        return catalog.phrase("run.no-runs")
    rows = []
    for each in found:
        if each.header is None:
            assert each.error is not None, "what has no header has an error"
            texts = error_texts(catalog, each.error.key, each.error.args_by_name)
            rows.append((each.run, "", "", texts["message"], ""))
            continue
        at = each.header.started_at.strftime("%d.%m.%Y %H:%M" if catalog.lang == "ru" else "%Y-%m-%d %H:%M")
        outcome = catalog.phrase(f"run.outcome-{each.ended.outcome if each.ended else 'broken'}")
        rows.append((each.run, at, each.header.playbook, outcome, each.header.ticket))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]).rstrip()
        for row in rows
    )


def runs_document(found: Sequence[Listed], catalog: Catalog) -> str:
    """Return the list as JSON."""
    runs = []
    for each in found:
        error = None
        if each.error is not None:
            texts = error_texts(catalog, each.error.key, each.error.args_by_name)
            error = {"code": each.error.key, **texts}
        header = each.header
        runs.append(
            {
                "run": each.run,
                "playbook": header.playbook if header else None,
                "version": header.version if header else None,
                "started_at": header.started_at.isoformat(timespec="seconds") if header else None,
                "duration_s": round(each.at_s, 1),
                "outcome": each.ended.outcome if each.ended else None,
                "ticket": (header.ticket or None) if header else None,
                "site": (header.site or None) if header else None,
                "operator": (header.operator or None) if header else None,
                "dry_run": header.dry_run if header else None,
                "error": error,
            }
        )
    return json.dumps({"schema": SCHEMA, "runs": runs}, ensure_ascii=False, indent=2)
