"""supportctl bridge."""

from __future__ import annotations

import click

from supportctl.cli.options import common_options, settings
from supportctl.core.errors import EXIT_FAILED, EXIT_OK, UsageError

_GOOD = {"ended", "customer", "time", "idle"}


@click.command()
@click.argument("target")
@click.option("--on", "on", required=True, metavar="REMOTE",
              help="The machine beside the device: ssh://USER@HOST or code:…")  # fmt: skip
@click.option("--listen", default="127.0.0.1:0", metavar="127.0.0.1:PORT",
              help="Where a program of this computer finds it (default: any free port).")  # fmt: skip
@click.option("--grant", default="", metavar="CODE",
              help="The code that `supportctl grant --bridge TARGET` gave, where nobody sits.")  # fmt: skip
@click.option("--ticket", default="", metavar="T", help="The ticket that this is about.")
@common_options
@click.pass_context
def bridge(context: click.Context, target: str, on: str, listen: str, grant: str, ticket: str) -> int:
    """Carry raw bytes between a program here and TARGET there, if the customer says yes.

    TARGET is a serial port of the other machine (serial:///dev/ttyUSB0?baud=115200), an address of its
    network (tcp://192.168.1.50:9100), or a name of its configuration. The customer is asked each time. One
    program at a time connects to the address that is shown. Ctrl-C ends it; so do the customer, half an
    hour, five minutes of silence and a line that breaks. Speeds and control lines are not passed on.

    Exit codes: 0 it was ended, 1 it was refused, could not be opened, or broke, 2 wrong usage.
    """
    from supportctl.app.remote_bridge import bridge_on
    from supportctl.cli.remote_terminal import remote_session
    from supportctl.core.text import clean
    from supportctl.remote.bridge_desk import bound

    if on.startswith("ssh://") and not ticket.strip():  # who shares has told theirs already
        raise UsageError("signing.no-ticket", found=target)
    chosen = settings(context)
    phrase = chosen.catalog.phrase

    def opened(host: str, port: int) -> None:
        place = f"[{host}]" if ":" in host else host
        click.echo(phrase("remote.bridge-open", url=f"tcp://{place}:{port}", target=target))
        click.echo(phrase("remote.bridge-how"))

    listener = bound(listen)
    with listener, remote_session(on, chosen.catalog, chosen.config, ticket=clean(ticket, 80)) as remote:
        click.echo(phrase("remote.bridge-asks"), err=True)
        result = bridge_on(remote, target, listener, opened, grant=grant)
    reason = str(result.get("reason"))
    known = {*_GOOD, "full", "unheard", "line"}
    why = phrase(f"remote.bridge-{reason}") if reason in known else phrase("remote.bridge-wire", code=reason)
    click.echo(phrase("remote.bridge-over", sent=result["sent"], received=result["received"], why=why))
    return EXIT_OK if reason in _GOOD else EXIT_FAILED
