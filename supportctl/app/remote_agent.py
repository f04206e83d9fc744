"""The agent of a machine that has supportctl: what its key's line allows, and nothing more."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NoReturn

from supportctl.app.remote_bridge import late_bridges
from supportctl.app.remote_handlers import remote_handlers
from supportctl.app.session_logs import agent_log
from supportctl.core.clock import SystemClock
from supportctl.core.errors import UsageError
from supportctl.remote.agent import LIFETIME_S, greeting, serve_stdio
from supportctl.remote.audited import AuditedGate, LateLog, with_log
from supportctl.remote.capability import NEEDS_CONSENT, Capability
from supportctl.remote.grants import GrantGate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from supportctl.app.remote_playbook import RemotePlaybooks
    from supportctl.core.clock import Clock
    from supportctl.remote.capability import Wanted
    from supportctl.remote.server import Call
    from supportctl.remote.work import Handler

ALLOWED = "observe,probe"
_PLAYBOOKS = ("playbook.run", "playbook.guide", "playbook.answer", "playbook.news")


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
    """Serve one session on standard input and output, then end the process.

    What is asked and done stands in a log of this machine. A signed playbook that changes something runs, and
    a bridge opens, if this machine's user has given a grant for it.

    Raises:
        UsageError: `allow` is wrong.
    """
    from supportctl.app.grants import grants_folder

    allowed, clock = capabilities(allow), SystemClock()
    playbooks = LatePlaybooks(config, clock, hosts)
    bridges = late_bridges(config, clock, hosts)
    looks = remote_handlers(config, hosts=hosts, probes=Capability.PROBE in allowed)
    handlers = {**looks, **playbooks.handlers(), **bridges.handlers()}

    log = LateLog(lambda ticket, who: agent_log(ticket, who, clock))

    def look(wanted: Wanted, params: Mapping[str, Any]) -> object:
        if not (log.ticket or str(params.get("ticket", "")).strip()):
            raise UsageError("signing.no-ticket", found=params.get("name") or wanted.target)
        if wanted.capability is Capability.BRIDGE:
            return bridges.looked(wanted.target)
        return playbooks.describe(wanted, params)

    gate = AuditedGate(GrantGate(allowed, grants_folder(), clock.now, look), log)
    serve_stdio(with_log(handlers, log), gate, greeting(allowed), lifetime_s=lifetime_s, at_end=log.close)


class LatePlaybooks:
    """The methods `playbook.*`, whose engine is loaded when one is asked for: most sessions ask for none."""

    def __init__(self, config: Path | None, clock: Clock, hosts: Sequence[str]) -> None:
        self._lock = threading.Lock()
        self._given = (config, clock, hosts)
        self._made: RemotePlaybooks | None = None

    def handlers(self) -> dict[str, Handler]:
        """Return the methods by name."""
        return {name: self._late(name) for name in _PLAYBOOKS}

    def describe(self, wanted: Wanted, params: Mapping[str, Any]) -> object:
        """See whether a playbook is good for anything. Raises: SupportctlError."""
        return self._playbooks().describe(wanted, params)

    def _late(self, name: str) -> Handler:
        def handler(params: Mapping[str, Any], call: Call) -> Mapping[str, Any]:
            return self._playbooks().handlers()[name](params, call)

        return handler

    def _playbooks(self) -> RemotePlaybooks:
        with self._lock:
            if self._made is None:
                from supportctl.app.remote_consent import Granted
                from supportctl.app.remote_playbook import RemotePlaybooks, Settings

                config, clock, hosts = self._given
                self._made = RemotePlaybooks(Settings(config, clock, Granted(), hosts=hosts))
            return self._made
