"""What the supporter sees of a session that is kept open."""

from __future__ import annotations

import secrets
import sys
import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from supportctl.cli.playbook_keys import GONE, keys, latin
from supportctl.core.errors import EXIT_FAILED, EXIT_OK, SupportctlError
from supportctl.remote.client import Client
from supportctl.remote.reconnect import Reconnect

if TYPE_CHECKING:
    from supportctl.app.share_plan import Desk
    from supportctl.catalog import Catalog
    from supportctl.core.clock import Clock
    from supportctl.remote.frames import Hello

_LOOK_S = 0.1
_PING_S = 5.0
_GIVE_UP_S = 60.0  # the customer's side ends the session after the same time


def stay(way: Desk, catalog: Catalog, clock: Clock) -> int:
    """Open the session and keep it until either side ends it. Return the exit code.

    Raises:
        SupportctlError: it could not be opened.
    """
    client = Client(clock, "connect")
    link = way.open()
    hello = client.attach(link)
    _show(catalog, hello)
    lines = [link]

    def attach(_number: int) -> None:
        lines.append(way.open())
        client.attach(lines[-1])

    back = Reconnect(attach, lambda: client.connected, clock, secrets.SystemRandom().random, _GIVE_UP_S)
    pressed_in = keys() if sys.stdin.isatty() and sys.stdout.isatty() else nullcontext(None)
    over = threading.Event()
    try:
        with pressed_in as pressed:
            asked = clock.monotonic()
            while True:
                if pressed is None:
                    over.wait(_LOOK_S)
                elif any(key == GONE or latin(key) == "q" for key in pressed.read(_LOOK_S)):
                    break
                if client.connected and clock.monotonic() - asked < _PING_S:
                    continue
                if not client.connected and lines[-1].said_goodbye:
                    click.echo(catalog.phrase("share.ended-there"))
                    return EXIT_OK
                asked = clock.monotonic()
                if not client.connected:
                    click.echo(catalog.phrase("share.lost"))
                    if not back():
                        click.echo(catalog.phrase("share.ended-there"))
                        return EXIT_FAILED
                    click.echo(catalog.phrase("share.back"))
                client.call("ping", back=back)
    except KeyboardInterrupt:
        pass
    except SupportctlError as error:
        click.echo(catalog.error(error.key, error.args_by_name)["message"], err=True)
        return EXIT_FAILED
    finally:
        client.close()
    click.echo(catalog.phrase("share.ended-here"))
    return EXIT_OK


def _show(catalog: Catalog, hello: Hello) -> None:
    click.secho(
        catalog.phrase("share.connected", ticket=hello.session, version=hello.tool_version), bold=True
    )
    for right in hello.capabilities:
        if right in {"observe", "probe", "fix", "bridge"}:
            click.echo(f"  {catalog.phrase(f'share.right-{right}')}")
    click.echo(catalog.phrase("share.how-to-leave"))
