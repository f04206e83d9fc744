"""What the supporter sees of a session that is kept open."""

from __future__ import annotations

import sys
import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from supportctl.app.session_logs import supporter_log
from supportctl.cli.output import echo_wrapped
from supportctl.cli.playbook_keys import GONE, keys, latin
from supportctl.cli.recorded import recorded
from supportctl.core.errors import EXIT_FAILED, EXIT_OK

if TYPE_CHECKING:
    from pathlib import Path

    from supportctl.catalog import Catalog
    from supportctl.cli.playbook_keys import Keys
    from supportctl.core.clock import Clock
    from supportctl.remote.frames import Hello
    from supportctl.remote.reverse.session import ReverseSession

_LOOK_S = 0.1
_RIGHTS = ("observe", "probe", "fix", "bridge")


def stay(session: ReverseSession, place: str, catalog: Catalog, clock: Clock) -> int:
    """Open the session and keep it until either side ends it. Return the exit code.

    Both sides' logs have each other's head from the beginning on: who ends it there asks nobody here.

    Raises:
        SupportctlError: it could not be opened, or cannot be brought back; `audit.unwritable`.
    """
    try:
        hello = session.open()
        with supporter_log(session.client, hello.session, place, clock) as audited:
            audited.exchange()
            code = _watched(session, hello, audited.path, catalog, clock)
        words = {"path": audited.path, "entries": audited.head.entries, "hash": audited.head.hash}
        echo_wrapped(catalog.phrase("audit.kept", **words), 2)
    except KeyboardInterrupt:
        click.echo(catalog.phrase("share.ended-here"))
        return EXIT_OK
    finally:
        session.close()
    return code


def _watched(session: ReverseSession, hello: Hello, log: Path | None, catalog: Catalog, clock: Clock) -> int:
    """Show the session, and record what is shown."""
    assert log is not None
    with recorded(log, hello.session, catalog, clock):
        _show(catalog, hello)
        pressed_in = keys() if sys.stdin.isatty() and sys.stdout.isatty() else nullcontext(None)
        try:
            with pressed_in as pressed:
                return _kept(session, catalog, clock, pressed)
        except KeyboardInterrupt:
            click.echo(catalog.phrase("share.ended-here"))
            return EXIT_OK


def _kept(session: ReverseSession, catalog: Catalog, clock: Clock, pressed: Keys | None) -> int:
    pause = threading.Event()
    while True:
        if pressed is None:
            pause.wait(_LOOK_S)
        elif any(key == GONE or latin(key) == "q" for key in pressed.read(_LOOK_S)):
            click.echo(catalog.phrase("share.ended-here"))
            return EXIT_OK
        if session.client.connected:  # the line has a heartbeat of its own
            continue
        if session.said_goodbye:
            click.echo(catalog.phrase("share.ended-there"))
            return EXIT_OK
        click.echo(f"{clock.now():%H:%M}  {catalog.phrase('share.lost')}")
        if not session.back():
            click.echo(catalog.phrase("share.ended-there"))
            return EXIT_FAILED
        click.echo(f"{clock.now():%H:%M}  {catalog.phrase('share.back')}")


def _show(catalog: Catalog, hello: Hello) -> None:
    words = catalog.phrase("share.connected", ticket=hello.session, version=hello.tool_version)
    echo_wrapped(words, bold=True)
    for right in hello.capabilities:
        if right in _RIGHTS:
            echo_wrapped(f"  {catalog.phrase(f'share.right-{right}')}", 4)
    echo_wrapped(catalog.phrase("share.how-to-leave"))
