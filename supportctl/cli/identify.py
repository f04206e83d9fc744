"""supportctl identify."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from supportctl.cli.options import Seconds, common_options, settings

if TYPE_CHECKING:
    from probes.discovery.identity import Identity, Try
    from supportctl.catalog import Catalog
    from supportctl.core.report import ReportedFinding

SCHEMA = "supportctl.identity/1"
_DETAILS = ("maker", "model", "serial", "firmware")
_WIDTH = 14


@click.command()
@click.argument("target")
@click.option("--deadline", type=Seconds(0.5, 600), default=30.0, metavar="SECONDS",
              help="Give up by then (default: 30).")  # fmt: skip
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", help="Form of the answer."
)
@click.option("--on", "on", metavar="REMOTE",
              help="Ask it from another machine, beside the device: ssh://USER@HOST or code:…")  # fmt: skip
@click.option("--ticket", default="", metavar="T", help="With --on: the ticket that this is about.")
@common_options
@click.pass_context
def identify(
    context: click.Context, target: str, deadline: float, format_: str, on: str | None, ticket: str
) -> int:
    """Say which device answers at TARGET: protocol, speed, maker, model, serial number, firmware.

    TARGET is a URL or a name of the configuration: serial:///dev/ttyUSB0 (every speed is tried),
    tcp://192.168.1.50:7778 (asked what belongs to this port). It only asks, and only what is harmless
    to any device. Registers and scales on a serial port have to be named: shtrih+serial:///dev/ttyUSB0.

    Exit codes: 0 identified, 5 could not tell, 3 the connection is broken.
    """
    from supportctl.app.discover import run_identify

    chosen = settings(context)
    if on is not None:
        from supportctl.app.remote import identify_on
        from supportctl.cli.remote_terminal import remote_session
        from supportctl.core.text import clean

        with remote_session(on, chosen.catalog, chosen.config, ticket=clean(ticket, 80)) as remote:
            identity = identify_on(remote, target, deadline)
    else:
        identity = run_identify(target, config=chosen.config, deadline_s=deadline)
    if format_ == "json":
        click.echo(json.dumps(document(identity, chosen.catalog), ensure_ascii=False, indent=2))
    else:
        _tell(identity, chosen.catalog)
    return exit_code(identity)


def exit_code(identity: Identity) -> int:
    """Return 0 for an identified device, 3 for a broken connection, 5 where it could not be told."""
    from supportctl.core.errors import EXIT_FAULT, EXIT_OK, EXIT_UNKNOWN
    from supportctl.core.finding import Status

    if identity.found is not None:
        return EXIT_OK
    broken = identity.why == "link" and identity.problem and identity.problem.status is Status.FAULT
    return EXIT_FAULT if broken else EXIT_UNKNOWN


def document(identity: Identity, catalog: Catalog) -> dict[str, object]:
    """Return the identity for scripts."""
    found = identity.found
    problem = _problem(identity, catalog)
    return {
        "schema": SCHEMA,
        "target": identity.target.url,
        "identified": found is not None,
        "url": found.url if found else None,
        "protocol": found.protocol if found else None,
        "settings": identity.settings or None,
        **{name: identity.details.get(name) for name in _DETAILS},
        "why_not": identity.why or None,
        "evidence": [_item(item) for item in identity.evidence],
        "tried": [_item(item) for item in identity.tried],
        "finding": _finding(problem) if problem else None,
    }


def _item(item: Try) -> dict[str, object]:
    fields = {"asked": item.asked, "settings": item.settings or None, "outcome": item.outcome}
    return {**fields, "sent": item.sent or None, "got": item.got or None, "ms": item.ms}


def _finding(problem: ReportedFinding) -> dict[str, object]:
    return {
        "code": problem.code,
        "status": problem.status.value,
        "title": problem.title,
        "explanation": problem.explanation,
        "evidence": [{"asked": e.asked, "got": e.got, "meaning": e.meaning} for e in problem.evidence],
        "remedies": [{"text": remedy.text, "who": remedy.who} for remedy in problem.remedies],
    }


def _problem(identity: Identity, catalog: Catalog) -> ReportedFinding | None:
    from supportctl.catalog.compose import describe

    return describe(identity.problem, catalog) if identity.problem else None


def _tell(identity: Identity, catalog: Catalog) -> None:
    found = identity.found
    if found is not None:
        click.secho(catalog.phrase("discover.identified", url=found.url), fg="green")
        rows = {
            "protocol": catalog.phrase(f"discover.speaks-{found.protocol}"),
            "settings": identity.settings,
        }
        rows.update({name: identity.details.get(name, "") for name in _DETAILS})
        for name, value in rows.items():
            if value:
                click.echo(f"  {catalog.phrase(f'discover.{name}'):<{_WIDTH}} {value}")
        for item in identity.evidence:
            text = catalog.phrase("discover.evidence", asked=item.asked, got=item.got, ms=item.ms)
            click.echo(f"  {catalog.phrase('discover.how'):<{_WIDTH}} {text}")
        return
    problem = _problem(identity, catalog)
    if problem is None:
        click.secho(catalog.phrase(f"discover.why-{identity.why}", url=identity.target.url), fg="yellow")
    else:
        click.secho(
            f"{identity.target.url}: {problem.title}", fg="red" if exit_code(identity) == 3 else "yellow"
        )
        for evidence in problem.evidence:
            if evidence.meaning:
                click.echo(f"  {evidence.meaning}")
        for number, remedy in enumerate(problem.remedies, 1):
            click.echo(f"  {number}. {remedy.text}")
    _tell_tried(identity, catalog)


def _tell_tried(identity: Identity, catalog: Catalog) -> None:
    if identity.tried:
        settings_ = ", ".join(dict.fromkeys(item.settings for item in identity.tried if item.settings)) or "-"
        asked = ", ".join(dict.fromkeys(item.asked for item in identity.tried))
        click.echo(f"  {catalog.phrase('discover.tried', asked=asked, settings=settings_)}")
