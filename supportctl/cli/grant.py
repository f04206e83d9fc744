"""supportctl grant."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from supportctl.cli.options import common_options, settings
from supportctl.core.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from datetime import datetime

SCHEMA = "supportctl.granted/1"


@click.command()
@click.option("--playbook", metavar="NAME|FILE", help="This playbook with its includes, as they are here.")
@click.option("--any-signed", is_flag=True, help="Any signed playbook.")
@click.option(
    "--bridge", metavar="TARGET", help="A raw bridge to this port or address, written the same way."
)
@click.option("--target", "targets", multiple=True, metavar="TARGET",
              help="For a target that the supporter names (default: the configured ones).")  # fmt: skip
@click.option(
    "--set", "set_", multiple=True, metavar="K=V", help="With this value of a parameter, and no other."
)
@click.option("--for", "for_", default="15m", metavar="TIME", help="How long (default: 15m; at most 24h).")
@click.option("--uses", type=click.IntRange(1, 10), default=1, metavar="N", help="How often (default: 1).")
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", help="Form of the answer."
)
@common_options
@click.pass_context
def grant(
    context: click.Context,
    playbook: str | None,
    targets: tuple[str, ...],
    set_: tuple[str, ...],
    for_: str,
    uses: int,
    format_: str,
    *,
    any_signed: bool,
    bridge: str | None,
) -> int:
    """Allow a supporter to run a signed playbook here that changes something, or to open a raw bridge.

    For machines with an SSH server, where nobody sits who could say yes. It shows a one-time code; only its
    hash is kept.
    """
    from supportctl.app.config_file import load_config
    from supportctl.app.grants import grant as given

    chosen = settings(context)
    code, until = given(
        playbook,
        load_config(chosen.config),
        any_signed=any_signed,
        targets=targets,
        lasts_s=_seconds(for_),
        uses=uses,
        settings=set_,
        bridge=bridge,
    )
    if format_ == "json":
        document = {
            "schema": SCHEMA,
            "code": code,
            "expires_at": until.isoformat(timespec="seconds"),
            "uses": uses,
        }
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return EXIT_OK
    what = playbook or bridge or chosen.catalog.phrase("signing.any-signed")
    click.echo(chosen.catalog.phrase("signing.granted", code=code))
    click.echo(chosen.catalog.phrase("signing.granted-for", until=_told(until), uses=uses, what=what))
    return EXIT_OK


def _told(until: datetime) -> str:
    return f"{until.astimezone():%H:%M}"


def _seconds(text: str) -> float:
    from pydantic import TypeAdapter, ValidationError

    from supportctl.core.fields import Duration
    from supportctl.remote.grants import MAX_S

    try:
        seconds = float(TypeAdapter(Duration).validate_python(text))
    except ValidationError:
        seconds = 0.0
    if not 0 < seconds <= MAX_S:
        raise UsageError("usage.bad-value", option="--for", found=text, command="grant")
    return seconds
