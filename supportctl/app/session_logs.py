"""Where the audit logs and recordings of sessions lie, and how one is begun."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supportctl.remote.audit import create

if TYPE_CHECKING:
    from pathlib import Path

    from supportctl.core.clock import Clock
    from supportctl.remote.audit import AuditLog, Who


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
