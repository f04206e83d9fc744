"""supportctl audit verify."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from supportctl.cli.options import common_options, settings

if TYPE_CHECKING:
    from supportctl.catalog import Catalog
    from supportctl.remote.audit import Head
    from supportctl.remote.audit_check import Log, Problem, Verdict

SCHEMA = "supportctl.audit-check/1"


@click.group()
@common_options
def audit() -> None:
    """The audit logs of remote sessions: has anybody changed one."""


@audit.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--peer",
    type=click.Path(path_type=Path),
    help="The other side's log of the same session: finds a cut end, too.",
)
@click.option("--head", help="The end of the log as it was noted (ENTRIES:HASH): finds a cut end, too.")
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", help="Form of the answer."
)
@common_options
@click.pass_context
def verify(context: click.Context, file: Path, peer: Path | None, head: str | None, format_: str) -> int:
    """Say whether an audit log is as it was written, and which line was changed.

    Exit codes: 0 it is, 3 it was changed or cut, 4 it was never closed, 5 the other log knows nothing of it.
    """
    from supportctl.core.errors import EXIT_FAULT, EXIT_OK, EXIT_UNKNOWN, EXIT_WARNING
    from supportctl.remote.audit_check import check

    catalog = settings(context).catalog
    verdict = check(file, peer, _head(head) if head else None)
    if format_ == "json":
        click.echo(json.dumps(_document(verdict, catalog), ensure_ascii=False, indent=2))
    else:
        click.echo("\n".join(_lines(verdict, catalog)))
    codes = {"ok": EXIT_OK, "warning": EXIT_WARNING, "unknown": EXIT_UNKNOWN, "fault": EXIT_FAULT}
    return codes[verdict.status]


def _head(text: str) -> Head:
    from supportctl.core.errors import UsageError
    from supportctl.remote.audit import Head

    count, _, told = text.strip().partition(":")
    if not (count.isascii() and count.isdigit() and 0 < len(count) < 10) or len(told) != 64:
        raise UsageError("audit.bad-head", found=text)
    return Head("", int(count), told.lower())


def _of(log: Log, name: str) -> str:
    from supportctl.core.text import clean

    return clean(log.header.get(name, ""))


def _lines(verdict: Verdict, catalog: Catalog) -> list[str]:
    log = verdict.log
    told = {name: _of(log, name) for name in ("ticket", "customer", "supporter", "session")}
    side = catalog.phrase(
        "audit.side-supporter" if _of(log, "side") == "supporter" else "audit.side-customer"
    )
    lines = [f"{log.path}: {catalog.phrase(f'audit.verdict-{verdict.status}')}"]
    lines.append(catalog.phrase("audit.about", side=side, **told))
    lines.append(catalog.phrase("audit.head", entries=log.head.entries, hash=log.head.hash))
    if verdict.witnessed:
        lines.append(catalog.phrase("audit.witnessed", entries=verdict.witnessed))
    for path, problems in (
        (log.path, verdict.problems),
        (verdict.peer and verdict.peer.path, verdict.peer_problems),
    ):
        lines += [_told(path, problem, catalog) for problem in problems]
    return lines


def _told(path: Path | None, problem: Problem, catalog: Catalog) -> str:
    place = f"{path}:{problem.line}" if problem.line else str(path)
    return f"{place}: {catalog.phrase(problem.code, **problem.args)}"


def _document(verdict: Verdict, catalog: Catalog) -> dict[str, object]:
    log = verdict.log
    problems = [
        {
            "file": str(path),
            "line": problem.line or None,
            "code": problem.code,
            "status": "fault" if problem.fault else "warning",
            "text": catalog.phrase(problem.code, **problem.args),
        }
        for path, found in (
            (log.path, verdict.problems),
            (verdict.peer and verdict.peer.path, verdict.peer_problems),
        )
        for problem in found
    ]
    return {
        "schema": SCHEMA,
        "file": str(log.path),
        **{name: _of(log, name) for name in ("session", "ticket", "side", "customer", "supporter")},
        "entries": log.head.entries,
        "head": log.head.hash,
        "closed": log.closed,
        "witnessed": verdict.witnessed,
        "verdict": verdict.status,
        "problems": problems,
    }
