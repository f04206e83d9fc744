"""Where the audit logs and recordings of sessions lie, and how one is begun."""

from __future__ import annotations

import os
import platform
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

from supportctl.core.text import clean
from supportctl.remote.audit import CUSTOMER, NO_TICKET, SUPPORTER, Who, create
from supportctl.remote.audited import AuditedClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from supportctl.core.clock import Clock
    from supportctl.remote.audit import AuditLog
    from supportctl.remote.client import Client


def logs_folder() -> Path:
    """Return the folder of the audit logs of this user."""
    import platformdirs

    return platformdirs.user_state_path("supportctl", appauthor=False) / "sessions"


def begin_log(who: Who, clock: Clock, folder: Path | None = None) -> tuple[AuditLog, Path]:
    """Begin the audit log of a session; return it and its file.

    Raises:
        UsageError: `audit.no-ticket`.
        SupportctlError: `audit.unwritable`.
    """
    words = "".join(letter for letter in who.session if letter.isascii() and letter.isalnum())[:16]
    name = f"{clock.now():%y%m%d-%H%M%S}-{words or 'session'}-{who.side}.jsonl"
    path = (folder or logs_folder()) / name
    return create(path, who, clock), path


def customer_log(ticket: str, clock: Clock) -> tuple[AuditLog, Path]:
    """Begin the log of a sharing, on the customer's computer. Raises as `begin_log`."""
    who = Who(secrets.token_hex(8), ticket, CUSTOMER, here(), "-")  # who comes is in the lines of signing in
    return begin_log(who, clock)


def agent_log(ticket: str, who: str, clock: Clock) -> AuditLog:
    """Begin the log of a machine where nobody sits; ticket and `who` are what the asking side says of itself.

    Raises as `begin_log`.
    """
    came = os.environ.get("SSH_CONNECTION", "-").partition(" ")[0]  # the SSH server knows this one
    asks = f"{clean(who, 100) or '-'} ({clean(came, 60)})"
    log, _ = begin_log(
        Who(secrets.token_hex(8), clean(ticket, 80) or NO_TICKET, CUSTOMER, here(), asks), clock
    )
    return log


@contextmanager
def supporter_log(client: Client, ticket: str, place: str, clock: Clock) -> Iterator[AuditedClient]:
    """Give the asking side with its log; both logs get each other's head before the session ends.

    Raises as `begin_log`.
    """
    about = clean(ticket, 80).strip() or NO_TICKET
    who = Who(secrets.token_hex(8), about, SUPPORTER, place, here())
    log, path = begin_log(who, clock)
    brought_along = client.hello is not None and bool(client.hello.digest)
    audited = AuditedClient(client, log, path=path, peer_logs=not brought_along)
    try:
        yield audited
    finally:
        audited.close()


def here() -> str:
    """Return the name of this computer and its user."""
    import getpass

    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # no such user in this computer's list
        user = "-"
    return clean(f"{user}@{platform.node()}", 100)
