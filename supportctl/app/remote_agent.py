"""The agent of a machine that has supportctl: what its key's line allows, and nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from supportctl.app.remote_handlers import remote_handlers
from supportctl.core.errors import UsageError
from supportctl.remote.agent import LIFETIME_S, FixedGate, greeting, serve_stdio
from supportctl.remote.capability import NEEDS_CONSENT, Capability

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ALLOWED = "observe,probe"


def capabilities(text: str) -> frozenset[Capability]:
    """Return what a list such as "observe,probe" allows; fix and bridge cannot be given by an option.

    Raises:
        UsageError: another word.
    """
    usual = [each for each in Capability if each not in NEEDS_CONSENT]
    words = [word.strip() for word in text.split(",") if word.strip()]
    found = [Capability.of(word) for word in words]
    wanted = frozenset(each for each in found if each in usual)
    if not words or None in found or len(wanted) != len(set(words)):
        expected = ", ".join(each.word for each in usual)
        raise UsageError("remote.bad-option", option="allow", found=text, expected=expected)
    return wanted


def serve_agent(
    allow: str = ALLOWED,
    *,
    config: Path | None = None,
    hosts: Sequence[str] = (),
    lifetime_s: float = LIFETIME_S,
) -> NoReturn:
    """Serve one session on standard input and output, then end the process. Raises: UsageError."""
    allowed = capabilities(allow)
    handlers = remote_handlers(config, hosts=hosts)
    serve_stdio(handlers, FixedGate(allowed), greeting(allowed), lifetime_s=lifetime_s)
